"""What stands behind the endpoint: an engine that takes and gives PSRP fragments, and nothing else.

The endpoint (``service``) speaks WSMan and knows no PSRP; an engine speaks PSRP and knows no WSMan. Fragments cross
as bytes, so an engine may as well relay them to a ``pwsh -s``: ``command`` is its ``Command`` and first ``Data``,
``send`` is ``Data``, ``signal`` is ``Signal`` or ``Close`` of a pipeline, ``close`` is ``Close`` of the pool.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

#: Whom fragments are for: a pipeline, or the pool itself.
Target = UUID | None

#: Bytes of the largest fragment sent to a client: what Windows sends (psrp-endpoint, recorded).
FRAGMENT_BYTES = 32768

#: Fragments in one Receive. Three of them in base64 stay below 153600 bytes, the smallest usual envelope.
RECEIVE_FRAGMENTS = 3


class ScriptFailed(Exception):
    """A script ended with a terminating error: its FullyQualifiedErrorId and its message."""

    def __init__(self, error_id: str, message: str) -> None:
        self.error_id, self.message = error_id, message
        super().__init__(error_id, message)


class UnknownScript(Exception):
    """The engine has no answer to a script with this text."""


class UnknownTarget(Exception):
    """There is no such pipeline, or its last fragment has been delivered."""


class PoolClosed(Exception):
    """The pool was closed, perhaps while a Receive waited for it."""


class Signal(StrEnum):
    """What a client can tell a pipeline: stop what you do, or go away."""

    CTRL_C = "ctrl_c"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Received:
    """Fragments for a client; none at all means that the time passed. ``done``: nothing will follow them."""

    chunks: tuple[bytes, ...] = ()
    done: bool = False


class Pool(Protocol):
    """One runspace pool. Every method may be called from any thread.

    ``fragments`` are whole PSRP fragments, one or more. A method that cannot do what it is asked raises; the
    endpoint turns that into a fault.
    """

    def command(self, pipeline_id: UUID, fragments: bytes) -> None:
        """Make a pipeline; *fragments* begin (often are) its CREATE_PIPELINE message."""

    def send(self, target: Target, fragments: bytes) -> None:
        """Take more of a message, or input, for a pipeline or for the pool."""

    def receive(self, target: Target, timeout_s: float) -> Received:
        """Wait for fragments for *target*, at most *timeout_s* seconds.

        Raises :class:`UnknownTarget`, and :class:`PoolClosed` also when the pool is closed meanwhile.
        A second call for the same target ends the first one, which then returns nothing.
        """

    def signal(self, pipeline_id: UUID, signal: Signal) -> None:
        """Stop a pipeline, or stop and forget it. An unknown pipeline is no error."""

    def close(self) -> None:
        """End everything the pool runs. Calling it again does nothing."""


class Engine(Protocol):
    """Makes pools."""

    def open(self, shell_id: UUID, creation: bytes) -> Pool:
        """Open a pool; *creation* holds SESSION_CAPABILITY and INIT_RUNSPACEPOOL."""


class Outbox:
    """The fragments that wait for a client, one queue a target. Locks itself.

    The queue of the pool exists from the start, that of a pipeline from :meth:`add` to :meth:`remove`, or until
    its last fragment is taken.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queues: dict[Target, deque[Received]] = {None: deque()}
        self._waiters: dict[Target, object] = {}
        self._closed = False

    def add(self, target: Target) -> None:
        """Make an empty queue for *target*."""
        with self._changed:
            self._queues[target] = deque()

    def remove(self, target: Target) -> None:
        """Forget *target* and all that waits for it."""
        with self._changed:
            self._queues.pop(target, None)
            self._waiters.pop(target, None)
            self._changed.notify_all()

    def put(self, target: Target, chunks: Iterable[bytes], *, done: bool = False) -> None:
        """Queue *chunks*, cut into what one Receive takes; for a target that is gone they are dropped."""
        rest = tuple(chunks)
        with self._changed:
            queue = self._queues.get(target)
            if queue is None:
                return
            while rest or done:
                head, rest = rest[:RECEIVE_FRAGMENTS], rest[RECEIVE_FRAGMENTS:]
                queue.append(Received(head, done and not rest))
                done = done and bool(rest)
            self._changed.notify_all()

    def take(self, target: Target, timeout_s: float) -> Received:
        """Wait for the next of *target*; the rules are those of :meth:`Pool.receive`."""
        deadline, waiter = time.monotonic() + timeout_s, object()
        with self._changed:
            self._waiters[target] = waiter
            self._changed.notify_all()
            while True:
                if self._closed:
                    raise PoolClosed
                if target not in self._queues:
                    raise UnknownTarget
                if self._waiters.get(target) is not waiter:
                    return Received()
                if self._queues[target]:
                    break
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return Received()
                self._changed.wait(left_s)
            received = self._queues[target].popleft()
            if received.done:
                del self._queues[target]
            return received

    def close(self) -> None:
        """End every wait and take nothing more."""
        with self._changed:
            self._closed = True
            self._queues.clear()
            self._changed.notify_all()
