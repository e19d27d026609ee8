"""The engine that is a PowerShell: fragments are relayed untouched to ``pwsh -s``, one process a pool.

Its transport is one XML element a line on stdin and stdout (MS-PSRP's out-of-process transport; psrp-endpoint 1):
``Data`` holds in base64 the very fragments that WSMan carries, ``Command``, ``Signal`` and ``Close`` stand for the
operations of those names, each is acknowledged, and the identifier of zeros means the pool.
"""

import base64
import binascii
import contextlib
import logging
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4
from xml.etree import ElementTree

from psrpcore import (
    ClientPowerShell,
    ClientRunspacePool,
    PipelineStateEvent,
    PSRPPayload,
    RunspacePoolStateEvent,
    StreamType,
)
from psrpcore.types import PSInvocationState, RunspacePoolState

from .engine import Outbox, Pool, PoolClosed, Received, Signal, Target, UnknownTarget
from .traffic import FragmentError, MessageReader

_LOG = logging.getLogger(__name__)
_POOL = UUID(int=0)
#: PIPELINE_STATE, and the states after which a pipeline sends nothing more (MS-PSRP 2.2.2.21, 2.2.3.5).
_PIPELINE_STATE = 0x00041006
_ENDED = re.compile(rb'<I32 N="PipelineState">[345]</I32>')
#: Where a message has the identifier of its pool: behind the fragment's header, destination and type.
_POOL_ID = slice(21 + 8, 21 + 24)

_START_WAIT_S = 120.0
_ACK_WAIT_S = 30.0
_CLOSE_WAIT_S = 5.0
_EXIT_WAIT_S = 2.0


class EngineFailed(Exception):
    """The PowerShell ended by itself, did not answer in time, or refused what it has to run first."""


class PowerShellEngine:
    """An :class:`~mimc.lab.engine.Engine` that starts *pwsh* for each pool.

    Args:
        pwsh: the program.
        environment: all of its environment variables.
        startup: PowerShell text that each pool runs in its own scope before it takes its client's first pipeline;
            constant text, "" for none. The client sees nothing of it.
    """

    def __init__(self, pwsh: Path, environment: Mapping[str, str], startup: str = "") -> None:
        self._pwsh, self._environment, self._startup = pwsh, dict(environment), startup

    def open(self, shell_id: UUID, creation: bytes) -> Pool:
        """Open a pool; see :meth:`mimc.lab.engine.Engine.open`. Returns when the startup text has run."""
        process = subprocess.Popen(
            [self._pwsh, "-NoProfile", "-NoLogo", "-s"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            start_new_session=True,  # a Ctrl-C is ours; the pool is closed in order
        )
        try:
            return PowerShellPool(process, creation, self._startup)
        except EngineFailed as error:
            # The client learns only that something failed. No value of its is known here yet.
            _LOG.error("%s: %s", self._pwsh, error)
            raise


@dataclass(frozen=True, slots=True)
class _Element:
    """One line of the transport; ``data`` is for ``Data`` only."""

    name: str
    target: Target
    data: bytes = b""


class PowerShellPool:
    """One runspace pool: one process, whose whole session it is."""

    def __init__(self, process: "subprocess.Popen[bytes]", creation: bytes, startup: str) -> None:
        self._process = process
        self._outbox = Outbox()
        self._readers: dict[Target, MessageReader] = {}
        #: Every pipeline that there was, and those that have not ended.
        self._pipelines: set[UUID] = set()
        self._running: set[UUID] = set()
        #: One request at a time: the next is written when the last is acknowledged.
        self._sending = threading.Lock()
        self._writing = threading.Lock()
        self._changed = threading.Condition()
        self._awaited: tuple[str, Target] | None = None
        self._ended = self._closing = False
        self._elements = self._read()
        try:
            with self._limited(_START_WAIT_S):
                self._write("Data", None, creation)
                if startup:
                    self._run_first(creation, startup)
        except BaseException:
            self._end()
            self._hang_up()
            raise
        self._reader = threading.Thread(target=self._relay, name=f"mimc-lab-pwsh-{process.pid}", daemon=True)
        self._reader.start()

    def command(self, pipeline_id: UUID, fragments: bytes) -> None:
        """Make a pipeline; see :meth:`mimc.lab.engine.Pool.command`."""
        with self._changed:
            if pipeline_id in self._pipelines:
                raise ValueError("there is a pipeline with this identifier")
            self._pipelines.add(pipeline_id)
            self._running.add(pipeline_id)
        self._outbox.add(pipeline_id)
        self._tell("Command", pipeline_id)
        self._tell("Data", pipeline_id, fragments)

    def send(self, target: Target, fragments: bytes) -> None:
        """Take fragments; see :meth:`mimc.lab.engine.Pool.send`."""
        if target is not None and target not in self._running:
            raise UnknownTarget
        self._tell("Data", target, fragments)

    def receive(self, target: Target, timeout_s: float) -> Received:
        """Wait for fragments; see :meth:`mimc.lab.engine.Pool.receive`."""
        return self._outbox.take(target, timeout_s)

    def signal(self, pipeline_id: UUID, signal: Signal) -> None:
        """Stop a pipeline, or forget it; see :meth:`mimc.lab.engine.Pool.signal`."""
        with self._changed:
            running = pipeline_id in self._running
            if signal is Signal.TERMINATE:
                self._running.discard(pipeline_id)
        if signal is Signal.TERMINATE:
            self._outbox.remove(pipeline_id)
        if running:
            self._tell("Signal" if signal is Signal.CTRL_C else "Close", pipeline_id)

    def close(self) -> None:
        """End the pool and its process; see :meth:`mimc.lab.engine.Pool.close`."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
        self._outbox.close()
        with contextlib.suppress(EngineFailed, PoolClosed):
            self._tell("Close", None, wait_s=_CLOSE_WAIT_S)
        self._end()
        self._reader.join(_CLOSE_WAIT_S)

    # ---- what is written

    def _tell(self, name: str, target: Target, data: bytes = b"", wait_s: float = _ACK_WAIT_S) -> None:
        """Write an element and wait until it is acknowledged."""
        if not self._sending.acquire(timeout=wait_s):
            raise EngineFailed("the PowerShell is still busy with what was sent before")
        try:
            with self._changed:
                self._awaited = (f"{name}Ack", target)
            self._write(name, target, data)
            with self._changed:
                if not self._changed.wait_for(lambda: self._ended or self._awaited is None, wait_s):
                    raise EngineFailed(f"the PowerShell did not acknowledge {name}")
                if self._awaited is not None:
                    raise PoolClosed
        finally:
            self._sending.release()

    def _write(self, name: str, target: Target, data: bytes = b"") -> None:
        pipe = self._process.stdin
        assert pipe is not None
        identifier = target or _POOL
        line = f"<{name} PSGuid='{identifier}' />\n"
        if name == "Data":
            text = base64.b64encode(data).decode("ascii")
            line = f"<Data Stream='Default' PSGuid='{identifier}'>{text}</Data>\n"
        try:
            with self._writing:
                pipe.write(line.encode("ascii"))
                pipe.flush()
        except (OSError, ValueError):  # ValueError: closed by close()
            raise PoolClosed from None

    # ---- what is read

    def _read(self) -> Iterator[_Element]:
        """Yield what the process says until it ends."""
        pipe = self._process.stdout
        assert pipe is not None
        for line in pipe:
            element = _parsed(line)
            if element is not None:
                yield element

    def _relay(self) -> None:
        try:
            for element in self._elements:
                if element.name == "Data":
                    self._deliver(element)
                else:
                    self._acknowledged(element)
        except (FragmentError, OSError, ValueError):
            pass  # not what a PowerShell says: as good as dead
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._outbox.close()
        self._end()
        self._hang_up()

    def _deliver(self, element: _Element) -> None:
        reader = self._readers.setdefault(element.target, MessageReader())
        ended = False
        for kind, data in reader.feed(element.data):
            ended = ended or (kind == _PIPELINE_STATE and _ENDED.search(data) is not None)
        self._outbox.put(element.target, [element.data], done=ended)
        if ended and element.target is not None:
            del self._readers[element.target]
            with self._changed:
                unclosed = element.target in self._running
                self._running.discard(element.target)
            # One that was stopped and not closed would hold up the end of the pool.
            if unclosed:
                with contextlib.suppress(PoolClosed):
                    self._write("Close", element.target)

    def _acknowledged(self, element: _Element) -> None:
        with self._changed:
            if self._awaited == (element.name, element.target):
                self._awaited = None
                self._changed.notify_all()

    # ---- before the client's first pipeline

    def _run_first(self, creation: bytes, startup: str) -> None:
        """Run *startup* as a pipeline of our own, and keep what the pool says meanwhile for its client.

        psrpcore listens along as a second client of the same pool, so that our pipeline has the right form.
        """
        core = ClientRunspacePool(runspace_pool_id=UUID(bytes_le=creation[_POOL_ID]))
        core.open()
        while core.data_to_send() is not None:
            pass  # the client has said the same in its own words
        pipeline = ClientPowerShell(core, pipeline_id=uuid4())
        pipeline.add_script(startup)
        for element in self._elements:
            if element.name == "CommandAck":
                # Not before: a pipeline's Data that overtakes its Command is lost.
                while (payload := core.data_to_send()) is not None:
                    self._write("Data", pipeline.pipeline_id, payload.data)
            if element.name != "Data":
                continue
            if element.target is None:
                self._deliver(element)
            core.receive_data(PSRPPayload(element.data, StreamType.default, element.target))
            if self._first_ended(core, pipeline):
                self._write("Close", pipeline.pipeline_id)
                return
        raise EngineFailed("the PowerShell ended before it was ready")

    def _first_ended(self, core: ClientRunspacePool, pipeline: ClientPowerShell) -> bool:
        """Begin *pipeline* when the pool is open; return whether it has ended well."""
        while (event := core.next_event()) is not None:
            if isinstance(event, RunspacePoolStateEvent) and event.state is RunspacePoolState.Opened:
                pipeline.start()
                self._write("Command", pipeline.pipeline_id)
            if isinstance(event, PipelineStateEvent):
                if event.state is not PSInvocationState.Completed:
                    raise EngineFailed(f"the lab's own commands did not load: {event.reason}")
                return True
        return False

    # ---- the process

    @contextlib.contextmanager
    def _limited(self, seconds: float) -> Iterator[None]:
        """End the process when the block takes longer; what reads from it then sees its end."""
        timer = threading.Timer(seconds, self._kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end(self) -> None:
        """Wait for the process, which ends when its input does (with code 160), and make sure that it is gone."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(_EXIT_WAIT_S)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()

    def _hang_up(self) -> None:
        """Close the pipe that only one thread reads: whoever calls this is it."""
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _kill(self) -> None:
        # Its own session: whatever it has started goes with it.
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _parsed(line: bytes) -> _Element | None:
    """Return the element in *line*; None for a line that is none, which a profile or a warning may have written."""
    try:
        element = ElementTree.fromstring(line)
        identifier = UUID(element.get("PSGuid", ""))
        data = base64.b64decode(element.text or "", validate=True)
    except (ElementTree.ParseError, ValueError, binascii.Error):
        return None
    return _Element(element.tag, None if identifier == _POOL else identifier, data)
