"""The WSMan service behind the endpoint: operations on shells, long polls, faults on demand. No HTTP, no PSRP."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from uuid import UUID, uuid4

from . import soap
from .engine import Engine, Pool, PoolClosed, Signal, Target, UnknownTarget
from .soap import Fault, Operation, Request
from .traffic import CREATE_PIPELINE, Exchange, FragmentError, MessageReader, Recorder, script_sha256

#: MaxShellsPerUser of Windows Server 2012 and later.
MAX_SHELLS = 30

_RESOURCE_URI = f"{soap.POWERSHELL}/Microsoft.PowerShell"

# Where the fragments stand in a request's body.
_FRAGMENTS = {Operation.COMMAND: "rsp:Arguments", Operation.SEND: "rsp:Stream"}

# Codes from recordings and from the constants of the Windows SDK (wsmerror.h).
TIMED_OUT = Fault(2150858793, "w:TimedOut", "The operation did not complete within its time. Ask again.")
NO_SHELL = Fault(2150858843, "w:InvalidSelectors", "There is no such shell, or no such command in it.")
NO_RESOURCE = Fault(2150858811, "a:DestinationUnreachable", "There is no such configuration.")
TOO_MANY_SHELLS = Fault(2150859173, "w:QuotaLimit", "The user has as many shells as are allowed.")
ABORTED = Fault(995, "w:InternalError", "The shell was closed while the operation waited.")


class FaultKind(Enum):
    """What goes wrong on purpose; every kind first waits the rule's ``delay_s``."""

    DELAY = auto()  # nothing else
    DROP = auto()  # the connection is closed, nothing was done
    DROP_AFTER = auto()  # done, then the connection is closed: the client cannot know
    FAULT = auto()  # the WSMan fault ``code``, nothing was done
    STATUS = auto()  # the bare HTTP status ``code``, nothing was done


@dataclass(frozen=True, slots=True)
class FaultRule:
    """Makes the requests *skip* + 1 to *skip* + *times* of *operation* go wrong, counted from the rule's start."""

    operation: Operation
    kind: FaultKind
    skip: int = 0
    times: int = 1
    code: int = 0
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What to send: an HTTP status and a body; ``dropped``: nothing, the connection is to be closed."""

    status: int
    body: bytes = b""
    dropped: bool = False


_DROPPED = Reply(0, dropped=True)


class _Faulted(Exception):
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault)


@dataclass(slots=True)
class _Polled:
    """A Receive; ``body`` is what a repetition with the same MessageID gets, None until it succeeded."""

    message_id: str
    ended: threading.Event = field(default_factory=threading.Event)
    body: bytes | None = None


@dataclass(slots=True)
class _Shell:
    owner: str
    pool: Pool
    reader: MessageReader
    polled: dict[Target, _Polled] = field(default_factory=dict)


@dataclass(slots=True)
class _Armed:
    rule: FaultRule
    seen: int = 0


class Service:
    """Answers WSMan requests out of the pools of *engine*. Every method may be called from any thread.

    A user may have *max_shells* shells; the lab has one user.
    """

    def __init__(self, engine: Engine, *, max_shells: int = MAX_SHELLS) -> None:
        self.recorder = Recorder()
        self._engine = engine
        self._max_shells = max_shells
        self._lock = threading.Lock()
        self._shells: dict[UUID, _Shell] = {}
        self._opening: set[UUID] = set()
        self._armed: list[_Armed] = []
        self._closing = threading.Event()

    def inject(self, rule: FaultRule) -> None:
        """Let *rule* count from now on."""
        with self._lock:
            self._armed.append(_Armed(rule))

    def handle(self, data: bytes, user: str) -> Reply:
        """Answer the request *data* of *user*; blocks as long as a Receive waits. Never raises."""
        try:
            request = soap.parse(data)
        except soap.Malformed:
            return Reply(400)
        script = None
        try:
            script = self._script(request)
            reply = self._reply(request, user, self._due(request.operation))
        except (soap.Malformed, FragmentError) as wrong:
            reply = _fault(request, Fault(87, "w:InternalError", f"{str(wrong).capitalize()}."))
        self.recorder.add(Exchange(request.word, script, len(data), len(reply.body)))
        return reply

    def drop_shells(self) -> None:
        """Close all shells, as a restart of the service would: later requests for them are faults."""
        with self._lock:
            shells, self._shells = list(self._shells.values()), {}
        # Side by side: a pool may take a while to end what it runs.
        with ThreadPoolExecutor(max_workers=8, thread_name_prefix="mimc-lab-close") as executor:
            list(executor.map(lambda shell: shell.pool.close(), shells))

    def close(self) -> None:
        """End every wait and every shell; new shells are refused."""
        self._closing.set()
        self.drop_shells()

    def _script(self, request: Request) -> str | None:
        """Return the hash of the script that *request* completes, if it does."""
        path = _FRAGMENTS.get(request.operation) if request.operation else None
        shell = self._shells.get(request.shell_id) if path else None
        if path is None or shell is None:
            return None
        fragments = request.fragments(path)
        with self._lock:
            messages = [*shell.reader.feed(fragments)]
        scripts = [script_sha256(data) for kind, data in messages if kind == CREATE_PIPELINE]
        if len(scripts) > 1:
            raise FragmentError("a request makes more than one pipeline")
        return scripts[0] if scripts else None

    def _due(self, operation: Operation | None) -> FaultRule | None:
        due = None
        with self._lock:
            for armed in self._armed:
                if armed.rule.operation is operation:
                    armed.seen += 1
                    if 0 < armed.seen - armed.rule.skip <= armed.rule.times:
                        due = due or armed.rule
        return due

    def _reply(self, request: Request, user: str, rule: FaultRule | None) -> Reply:
        if rule is not None:
            self._closing.wait(rule.delay_s)
            match rule.kind:
                case FaultKind.DROP:
                    return _DROPPED
                case FaultKind.STATUS:
                    return Reply(rule.code)
                case FaultKind.FAULT:
                    return _fault(request, Fault(rule.code, "w:InternalError", "The lab was told to fail."))
        reply = self._answer(request, user)
        return _DROPPED if rule is not None and rule.kind is FaultKind.DROP_AFTER else reply

    def _answer(self, request: Request, user: str) -> Reply:
        try:
            return Reply(200, self._operate(request, user))
        except _Faulted as faulted:
            return _fault(request, faulted.fault)
        except UnknownTarget:
            return _fault(request, NO_SHELL)
        except PoolClosed:
            return _fault(request, ABORTED)
        except (soap.Malformed, FragmentError):
            raise
        except Exception as error:  # noqa: BLE001  # any bug is a fault; its text may hold a value
            reason = f"The lab failed: {type(error).__name__}."
            return _fault(request, Fault(1359, "w:InternalError", reason))

    def _operate(self, request: Request, user: str) -> bytes:
        if request.operation is Operation.CREATE:
            return self._create(request, user)
        shell = self._shells.get(request.shell_id)
        if shell is None:
            raise _Faulted(NO_SHELL)
        match request.operation:
            case Operation.COMMAND:
                command_id = request.attribute_id("CommandId") or uuid4()
                shell.pool.command(command_id, request.fragments("rsp:Arguments"))
                return soap.command_made(request, command_id)
            case Operation.SEND:
                target = request.attribute_id("CommandId", "rsp:Stream")
                shell.pool.send(target, request.fragments("rsp:Stream"))
                return soap.reply(request, "<rsp:SendResponse/>")
            case Operation.RECEIVE:
                return self._receive(request, shell)
            case Operation.SIGNAL:
                return self._signal(request, shell)
            case Operation.DELETE:
                with self._lock:
                    self._shells.pop(request.shell_id, None)
                shell.pool.close()
                return soap.reply(request, "")
            case Operation.GET:
                return soap.shell_described(request, request.shell_id, shell.owner)
        raise _Faulted(Fault(50, "a:ActionNotSupported", "The lab does not know this action."))

    def _create(self, request: Request, user: str) -> bytes:
        if request.resource_uri != _RESOURCE_URI:
            raise _Faulted(NO_RESOURCE)
        shell_id = request.attribute_id("ShellId") or uuid4()
        creation, reader = request.fragments("p:creationXml"), MessageReader()
        if any(kind == CREATE_PIPELINE for kind, _ in reader.feed(creation)):
            raise FragmentError("a shell is not created with a pipeline in it")
        with self._lock:
            if shell_id in self._shells or shell_id in self._opening:
                raise soap.Malformed("there is a shell with this identifier")
            if len(self._shells) + len(self._opening) >= self._max_shells:
                raise _Faulted(TOO_MANY_SHELLS)
            self._opening.add(shell_id)
        try:
            shell = _Shell(user, self._engine.open(shell_id, creation), reader)
            with self._lock:
                self._shells[shell_id] = shell
        finally:
            with self._lock:
                self._opening.discard(shell_id)
        if self._closing.is_set():
            self.drop_shells()
        return soap.shell_created(request, shell_id, user)

    def _receive(self, request: Request, shell: _Shell) -> bytes:
        target = request.attribute_id("CommandId", "rsp:DesiredStream")
        with self._lock:
            polled = shell.polled.get(target)
            repeated = polled is not None and polled.message_id == request.message_id
            if polled is None or not repeated:
                polled = shell.polled[target] = _Polled(request.message_id)
        if repeated:
            polled.ended.wait()
            if polled.body is not None:
                return polled.body
        try:
            received = shell.pool.receive(target, request.operation_timeout_s)
            if not received.chunks and not received.done:
                raise _Faulted(TIMED_OUT)
            polled.body = soap.received(request, target, received.chunks, received.done)
            return polled.body
        finally:
            polled.ended.set()

    def _signal(self, request: Request, shell: _Shell) -> bytes:
        command_id = request.attribute_id("CommandId")
        try:
            signal = Signal(request.text("rsp:Code").rpartition("/")[2].lower())
        except ValueError:
            raise soap.Malformed("there is no such signal") from None
        if command_id is None:
            raise soap.Malformed("the signal names no command")
        shell.pool.signal(command_id, signal)
        if signal is Signal.TERMINATE:
            with self._lock:
                shell.polled.pop(command_id, None)
        return soap.reply(request, "<rsp:SignalResponse/>")


def _fault(request: Request, fault: Fault) -> Reply:
    return Reply(500, soap.fault(request.message_id, fault))
