"""The constant scripts, recognised by the SHA-256 of their text and answered by Python; nothing is evaluated.

Forms of the answers: docs/contract.md.
"""

import gzip
import hashlib
import json
import re
import threading
import uuid
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from mimc.certificates import read_encryption_certificate
from mimc.errors import MimcError
from mimc.pusher import scripts

from .engine import ScriptFailed, UnknownScript
from .folder import locked
from .lcm import Lcm
from .node import NodeFile, Tree
from .server import Reader, read_product
from .staging import Refused, Stage, module_sha256

#: What the simulated Windows Server calls its PowerShell.
_POWERSHELL = "5.1.20348.1"

_Type = TypeVar("_Type")


def utc_now() -> datetime:
    """Return the time of day."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one call, found without case, each asked for with its type."""

    given: Mapping[str, object]

    def text(self, name: str) -> str:
        """Return a string, "" when it was not given."""
        return self._value(name, str, "")

    def number(self, name: str) -> int:
        """Return a whole number, 0 when it was not given."""
        return self._value(name, int, 0)

    def data(self, name: str) -> bytes:
        """Return bytes, none when they were not given."""
        return self._value(name, bytes, b"")

    def flag(self, name: str) -> bool:
        """Return a boolean, false when it was not given."""
        return self._value(name, bool, False)

    def texts(self, name: str) -> list[str]:
        """Return strings, none when they were not given."""
        return [str(item) for item in self._value(name, list, [])]

    def _value(self, name: str, kind: type[_Type], default: _Type) -> _Type:
        value = next((item for key, item in self.given.items() if key.casefold() == name.casefold()), None)
        if value is None:
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ScriptFailed(
                "ParameterArgumentTransformationError", f"{name} is not of the type {kind.__name__}"
            )
        return value


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers the scripts for one node; an instance is the ``answer`` of a simulated engine.

    The state is read for each answer and written only when it changed. ``now`` is the clock.
    """

    node: NodeFile
    now: Callable[[], datetime] = utc_now
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, text: str, parameters: Mapping[str, object]) -> str:
        """Return what the script *text* writes.

        Raises:
            UnknownScript: it is none of the constant scripts.
            ScriptFailed: it ends with a terminating error.
        """
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        name = next((name for name in _SCRIPTS if scripts.sha256(name) == digest), "")
        if not name:
            raise UnknownScript
        return self.call(name, parameters)

    def call(self, name: str, parameters: Mapping[str, object]) -> str:
        """Return what the constant script *name* writes; raises as ``__call__`` does."""
        script = _SCRIPTS[name]
        unknown = [key for key in parameters if key.casefold() not in script.parameters]
        if unknown:
            raise ScriptFailed("NamedParameterNotFound", f"{name}.ps1 has no parameter {unknown[0]}")
        with self._lock, locked(self.node.folder):
            try:
                answer = self._answer(script, Parameters(parameters))
            except (MimcError, OSError) as error:
                raise ScriptFailed("LabNode", f"the lab's node cannot go on: {error}") from error
            except ValueError as error:
                raise ScriptFailed("ParameterArgumentValidationError", str(error)) from error
        return json.dumps({"version": 1, **answer}, ensure_ascii=False)

    def _answer(self, script: "_Script", parameters: Parameters) -> Tree:
        state = self.node.load()
        before = json.dumps(state)
        lcm = Lcm(self.node, state)
        try:
            return script.answer(_Call(lcm, Stage(self.node.files / "stage"), parameters, self.now()))
        except Refused as refused:
            return {"refused": {"code": refused.code, "message": refused.message}}
        finally:
            if json.dumps(state) != before:
                self.node.save(state)


@dataclass(frozen=True, slots=True)
class _Call:
    lcm: Lcm
    stage: Stage
    parameters: Parameters
    now: datetime

    def module(self) -> str:
        name, version = self.parameters.text("ModuleName"), self.parameters.text("ModuleVersion")
        if not re.fullmatch("[A-Za-z0-9]+", name) or not re.fullmatch("[0-9.]+", version):
            raise ValueError("not the name and version of a module")
        return f"{name}/{version}"

    def staged(self) -> bytes:
        return self.stage.read(self.parameters.text("Name"), self.parameters.text("Sha256"))


@dataclass(frozen=True, slots=True)
class _Script:
    answer: Callable[[_Call], Tree]
    parameters: frozenset[str]


def _read(call: _Call) -> Tree:
    state = call.lcm.state
    reader = Reader(f"{state['computerName']}\\lab", has_network_identity=state["secondHop"] == "on")
    accounts, path = call.parameters.texts("Account"), call.parameters.text("KeyBackupPath")
    return {"state": read_product(state, accounts, path, reader)}


def _audit(call: _Call) -> Tree:
    try:
        document = gzip.decompress(call.parameters.data("Document"))
    except (OSError, EOFError, zlib.error) as error:
        raise Refused("AuditFailed", "the document is not gzip data") from error
    thumbprint, version = call.parameters.text("Thumbprint"), call.parameters.text("ModuleVersion")
    return {"state": call.lcm.audit(document, thumbprint, version)}


def _preflight(call: _Call) -> Tree:
    call.lcm.look(call.now)
    state = call.lcm.state
    module = call.module()
    return {
        "node": {"computerName": state["computerName"], "powershell": _POWERSHELL},
        "certificate": _certificate(call.lcm, call.parameters.text("Thumbprint")),
        "lcm": call.lcm.view(),
        "documents": call.lcm.documents(),
        "module": {"sha256": state["modules"].get(module, "")},
    }


def _certificate(lcm: Lcm, thumbprint: str) -> Tree:
    own = read_encryption_certificate(lcm.node.certificate.read_bytes(), lcm.node.certificate)
    status = lcm.state["certificate"]
    if status == "missing" or own.thumbprint != thumbprint.upper():
        return {"present": False, "privateKey": False, "expires": ""}
    expires = own.certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
    return {"present": True, "privateKey": status == "present", "expires": expires}


def _stage(call: _Call) -> Tree:
    name, sha256 = call.parameters.text("Name"), call.parameters.text("Sha256")
    data, offset = call.parameters.data("Data"), call.parameters.number("Offset")
    if data or offset:
        present, length = call.stage.append(name, sha256, call.parameters.number("Length"), offset, data)
    else:
        present, length = call.stage.look(name, sha256)
    return {"present": present, "length": length}


def _install_module(call: _Call) -> Tree:
    module = call.module()
    found, wanted = module_sha256(call.staged()), call.parameters.text("ModuleSha256")
    if found != wanted:
        raise Refused("ModuleHash", f"the module's files have the hash {found}, not {wanted}")
    call.lcm.state["modules"][module] = found
    return {"sha256": found}


def _configure_lcm(call: _Call) -> Tree:
    call.lcm.configure(call.staged())
    return {"lcm": call.lcm.view()}


def _enact(call: _Call) -> Tree:
    call.lcm.start(call.staged(), str(uuid.UUID(call.parameters.text("JobId"))), call.now)
    return {"started": True}


def _follow(call: _Call) -> Tree:
    asked = uuid.UUID(call.parameters.text("JobId"))
    call.lcm.look(call.now)
    view = call.lcm.view()
    jobs = [job for job in (call.lcm.state["job"], *reversed(call.lcm.state["earlierJobs"])) if job]
    result = next((job["result"] for job in jobs if uuid.UUID(job["id"]) == asked), None)
    return {"lcm": view, "job": result if view["state"] != "Busy" else None}


def _withdraw(call: _Call) -> Tree:
    # Which documents are to be remembered as ours: the simulated LCM knows their names for good.
    if call.parameters.flag("Document"):
        call.lcm.withdraw()
    call.stage.remove(call.parameters.texts("Name"))
    return {"documents": call.lcm.documents()}


def _script(answer: Callable[[_Call], Tree], *parameters: str) -> _Script:
    return _Script(answer, frozenset(name.casefold() for name in parameters))


_SCRIPTS: Mapping[str, _Script] = {
    "read": _script(_read, "Account", "KeyBackupPath"),
    "audit": _script(_audit, "Document", "Thumbprint", "ModuleVersion"),
    "preflight": _script(_preflight, "Thumbprint", "ModuleName", "ModuleVersion"),
    "stage": _script(_stage, "Name", "Sha256", "Length", "Offset", "Data"),
    "install-module": _script(
        _install_module, "Name", "Sha256", "ModuleName", "ModuleVersion", "ModuleSha256"
    ),
    "configure-lcm": _script(_configure_lcm, "Name", "Sha256"),
    "enact": _script(_enact, "Name", "Sha256", "JobId"),
    "follow": _script(_follow, "JobId"),
    "withdraw": _script(_withdraw, "Name", "Document", "Configuration"),
}
