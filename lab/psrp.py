"""The engine that needs no PowerShell: scripts are answered by a Python function, nothing is evaluated.

psrpcore keeps the state of the protocol; it has no locks and one send buffer, so a pool has one lock, and what
psrpcore wants to send is sorted into an :class:`~mimc.lab.engine.Outbox` at once.
"""

import hashlib
import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any
from uuid import UUID

from psrpcore import (
    CreatePipelineEvent,
    GetAvailableRunspacesEvent,
    GetCommandMetadataEvent,
    PowerShell,
    PSRPEvent,
    PSRPPayload,
    ResetRunspaceStateEvent,
    ServerPipeline,
    ServerRunspacePool,
    StreamType,
)
from psrpcore.types import (
    ErrorCategory,
    ErrorCategoryInfo,
    ErrorRecord,
    NETException,
    PSByteArray,
    PSDict,
    PSInt,
    PSInt64,
    PSInvocationState,
    PSList,
    PSString,
)

from .engine import (
    FRAGMENT_BYTES,
    Outbox,
    Pool,
    PoolClosed,
    Received,
    ScriptFailed,
    Signal,
    Target,
    UnknownScript,
)

#: Given a script's text and its parameters in plain Python, returns the one string that the script writes.
Answer = Callable[[str, Mapping[str, object]], str]

#: How long :meth:`SimulatedPool.close` waits for answers that are still being made.
_CLOSE_WAIT_S = 2.0


class SimulatedEngine:
    """An :class:`~mimc.lab.engine.Engine` whose pipelines are answered by *answer*.

    *answer* is called on a thread of the pipeline's own. It may raise ``ScriptFailed`` or ``UnknownScript``;
    whatever else it raises becomes an error record with its type and place, without its text.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def open(self, shell_id: UUID, creation: bytes) -> Pool:
        """Open a pool; see :meth:`mimc.lab.engine.Engine.open`."""
        return SimulatedPool(self._answer, creation)


class SimulatedPool:
    """One runspace pool. Its pipelines run side by side, whatever size the client asked for."""

    def __init__(self, answer: Answer, creation: bytes) -> None:
        # At DEBUG psrpcore logs whole messages, parameters included.
        logging.getLogger("psrpcore").setLevel(logging.WARNING)
        self._answer = answer
        self._lock = threading.RLock()
        self._core = ServerRunspacePool()
        self._outbox = Outbox()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self.send(None, creation)

    def command(self, pipeline_id: UUID, fragments: bytes) -> None:
        """Make a pipeline; see :meth:`mimc.lab.engine.Pool.command`."""
        with self._lock:
            if pipeline_id in self._core.pipeline_table:
                raise ValueError("there is a pipeline with this identifier")
            # psrpcore wants the pipeline before its first message. Its start() would send a state that
            # Windows does not send.
            ServerPipeline(self._core, pipeline_id)._change_state(PSInvocationState.Running, emit=False)
            self._outbox.add(pipeline_id)
            self.send(pipeline_id, fragments)

    def send(self, target: Target, fragments: bytes) -> None:
        """Take fragments; see :meth:`mimc.lab.engine.Pool.send`. A pipeline that sends nonsense is forgotten."""
        with self._lock:
            if self._closed:
                raise PoolClosed
            try:
                self._core.receive_data(PSRPPayload(fragments, StreamType.default, target))
                # One drain an event: the client gets the opening in two steps, as from Windows.
                while (event := self._core.next_event()) is not None:
                    self._handle(event)
                    self._drain()
            except Exception:
                if target is not None:
                    self._forget(target)
                raise

    def receive(self, target: Target, timeout_s: float) -> Received:
        """Wait for fragments; see :meth:`mimc.lab.engine.Pool.receive`."""
        return self._outbox.take(target, timeout_s)

    def signal(self, pipeline_id: UUID, signal: Signal) -> None:
        """Stop a pipeline; see :meth:`mimc.lab.engine.Pool.signal`. What its answer still brings is dropped."""
        with self._lock:
            pipeline = self._running(pipeline_id)
            if pipeline is not None:
                pipeline.stop()
                self._drain(done=True)
            if signal is Signal.TERMINATE:
                self._forget(pipeline_id)

    def close(self) -> None:
        """End the pool; see :meth:`mimc.lab.engine.Pool.close`. Waits a little for answers being made."""
        with self._lock:
            self._closed = True
            self._core.pipeline_table.clear()
            threads, self._threads = self._threads, []
        self._outbox.close()
        for thread in threads:
            thread.join(_CLOSE_WAIT_S)

    def _handle(self, event: PSRPEvent[Any, Any]) -> None:
        match event:
            case CreatePipelineEvent():
                name = f"mimc-lab-pipeline-{event.pipeline_id}"
                arguments = (event.pipeline_id, event.pipeline)
                thread = threading.Thread(target=self._run, args=arguments, name=name, daemon=True)
                self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
                thread.start()
            case GetCommandMetadataEvent():
                self._end(event.pipeline_id, _refusal("the lab has no commands to describe"))
            case ResetRunspaceStateEvent() | GetAvailableRunspacesEvent():
                raise ValueError("the lab does not manage runspaces")
            case _:
                pass  # psrpcore has answered it, or it is input, which no script of ours reads

    def _run(self, pipeline_id: UUID, command: PowerShell) -> None:
        self._end(pipeline_id, self._outcome(command))

    def _outcome(self, command: PowerShell) -> str | ErrorRecord:
        try:
            answer: object = self._answer(*_one_script(command))
            if isinstance(answer, str):
                answer.encode()  # half a surrogate pair would pass here and break the client
                return answer
        except _Refused as refused:
            return _refusal(str(refused))
        except ScriptFailed as failed:
            return _error(failed.error_id, failed.message)
        except UnknownScript:
            return _unknown(command)
        except Exception as error:  # noqa: BLE001  # any bug is a record, not a dead pipeline
            return _error("LabError", _place(error))
        return _error("LabError", "The lab failed: the answer is no string.")

    def _end(self, pipeline_id: UUID, outcome: str | ErrorRecord) -> None:
        with self._lock:
            pipeline = self._running(pipeline_id)
            if pipeline is None:
                return
            if isinstance(outcome, ErrorRecord):
                pipeline._change_state(PSInvocationState.Failed, error=outcome)
            else:
                pipeline.write_output(outcome)
                pipeline.complete()
            self._drain(done=True)

    def _running(self, pipeline_id: UUID) -> ServerPipeline | None:
        pipeline = self._core.pipeline_table.get(pipeline_id)
        return pipeline if pipeline is not None and pipeline.state is PSInvocationState.Running else None

    def _drain(self, *, done: bool = False) -> None:
        """Sort what psrpcore wants to send; with *done* the target's last fragment is among it."""
        payloads = []
        while (payload := self._core.data_to_send(FRAGMENT_BYTES)) is not None:
            payloads.append(payload)
        for target in dict.fromkeys(payload.pipeline_id for payload in payloads):
            chunks = [payload.data for payload in payloads if payload.pipeline_id == target]
            self._outbox.put(target, chunks, done=done)

    def _forget(self, pipeline_id: UUID) -> None:
        self._core.pipeline_table.pop(pipeline_id, None)
        self._outbox.remove(pipeline_id)


class _Refused(Exception):
    """A pipeline that the lab does not run; the text says why."""


def _one_script(command: PowerShell) -> tuple[str, dict[str, object]]:
    """Return text and parameters of a pipeline that is one script without input; raises _Refused."""
    if len(command.commands) != 1 or not command.commands[0].is_script:
        raise _Refused("The lab runs one script a pipeline: no cmdlets, no second command.")
    if not command.no_input:
        raise _Refused("The lab gives a script no pipeline input.")
    [script] = command.commands
    parameters: dict[str, object] = {}
    names: set[str] = set()
    for name, value in script.parameters:
        if name is None:
            raise _Refused("The lab binds parameters by name only.")
        if name.casefold() in names:
            raise _Refused(f"The parameter {name} is given twice.")
        names.add(name.casefold())
        parameters[str(name)] = _plain(value)
    return str(script.command_text), parameters


def _plain(value: object) -> object:
    """Return *value* of psrpcore as plain Python; raises _Refused for a type that no script of ours takes."""
    # By exact type: a ScriptBlock is a str to Python too, and must not pass for one.
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind in (PSInt, PSInt64) and isinstance(value, int):
        return int(value)
    if kind is PSString:
        return str(value)
    if kind is PSByteArray and isinstance(value, bytes):
        return bytes(value)
    if kind is PSList and isinstance(value, list):
        return [_plain(item) for item in value]
    if kind is PSDict and isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    raise _Refused(f"The lab takes no parameter of type {kind.__name__}.")


def _unknown(command: PowerShell) -> ErrorRecord:
    text = str(command.commands[0].command_text)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return _error(
        "CommandNotFoundException",
        f"The lab knows no script with SHA-256 {digest}.",
        reason="CommandNotFoundException",
        category=ErrorCategory.ObjectNotFound,
    )


def _refusal(message: str) -> ErrorRecord:
    return _error("LabRefused", message, category=ErrorCategory.PermissionDenied)


def _error(
    error_id: str,
    message: str,
    *,
    reason: str = "RuntimeException",
    category: ErrorCategory = ErrorCategory.NotSpecified,
) -> ErrorRecord:
    exception = NETException(Message=message, HResult=-2146233087)
    exception.PSObject.type_names = [
        f"System.Management.Automation.{reason}",
        "System.Exception",
        "System.Object",
    ]
    return ErrorRecord(
        Exception=exception,
        CategoryInfo=ErrorCategoryInfo(Category=category, Reason=reason),
        FullyQualifiedErrorId=error_id,
    )


def _place(error: Exception) -> str:
    """Say what was raised and where, without its text, which may hold a value."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"The lab failed: {type(error).__name__} at {PurePath(frame.filename).name}:{frame.lineno}."
