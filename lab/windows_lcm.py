"""The Local Configuration Manager behind the CIM methods that the scripts call, over the node's state.

It takes documents as :class:`~mimc.lab.lcm.Lcm` does; but Test, Set and Get of a resource are those of the module
that was installed, called in a PowerShell of its own. Under which account that would be is handed on and recorded:
the process is the lab's own user, nobody is impersonated.
"""

import base64
import contextlib
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mimc.compiler.mof_reader import Mof, MofError, MofInstance, read_mof
from mimc.resources import SYNC_SERVICE

from .bridge import Caller
from .document import DocumentReader, configuration_name, in_order, needs
from .drives import Drives
from .engine import ScriptFailed
from .folder import write_file
from .lcm import Lcm
from .node import UNMANAGED, NodeFile, Tree, value_at
from .server import Reader
from .staging import Refused
from .wanted import ResourceFailed

#: Stages of RemoveConfiguration, with the key of the state that has the name.
_STAGES: Mapping[int, tuple[str, str]] = {
    1: ("current", "document"),
    2: ("pending", "pendingDocument"),
    4: ("previous", ""),
}
_JOBS_KEPT = 8
_BUSY = "The LCM is busy: one method is in progress and must return first."
#: When records without a time of their own began.
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

#: A context of the state: loaded, given, and saved when it changed.
Transaction = Callable[[], AbstractContextManager[Tree]]
#: Calls a resource: the task and the caller; returns error, set, reboot, properties.
RunResource = Callable[[Mapping[str, object], Caller], Tree]


class CimError(Exception):
    """A method of the LCM failed; the text is what a client gets."""


@dataclass(frozen=True, slots=True)
class WindowsLcm:
    """One node's LCM. ``run`` calls a resource; ``now`` is the clock. Methods may be called from any thread."""

    node: NodeFile
    drives: Drives
    transaction: Transaction
    run: RunResource
    now: Callable[[], datetime]
    _threads: list[threading.Thread] = field(default_factory=list)

    def call(self, method: str, arguments: Mapping[str, Any]) -> object:
        """Return what the CIM method gives.

        Raises:
            CimError: it fails.
        """
        methods: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
            "GetMetaConfiguration": self._meta,
            "SendMetaConfigurationApply": self._configure,
            "SendConfigurationApplyAsync": self._start,
            "GetConfigurationStatus": self._status,
            "GetConfiguration": self._get,
            "RemoveConfiguration": self._remove,
        }
        if method not in methods:
            raise CimError(f"the lab's LCM has no method {method}")
        try:
            return methods[method](arguments)
        except ScriptFailed as failed:
            raise CimError(failed.message) from failed
        except Refused:
            raise CimError(_BUSY) from None
        except (MofError, ResourceFailed) as failed:
            raise CimError(str(failed)) from failed

    def recover(self) -> None:
        """End a job whose process is gone: a lab that was killed has left it behind."""
        with self.transaction() as state:
            job = state["job"]
            if job and not job["result"] and not _is_alive(job.get("process")):
                _end(state, {"": "the lab was closed while its LCM enacted"}, reboot=False)

    def wait(self) -> None:
        """Wait for enactments under way."""
        for thread in self._threads:
            thread.join()

    # ---- the methods

    def _meta(self, arguments: Mapping[str, Any]) -> Tree:
        with self.transaction() as state:
            self._look(state)
            lcm = Lcm(self.node, state)
            view = lcm.view()
            managed = state["lcm"]["managedBy"]
            meta = {
                "LCMState": view["state"],
                "LCMStateDetail": view["detail"],
                "CertificateID": view["certificateId"] or None,
                **view["settings"],
            }
            if managed != UNMANAGED:
                meta[managed] = [{"ResourceId": f"[{managed}]Lab"}]
            return {"MetaConfiguration": meta}

    def _configure(self, arguments: Mapping[str, Any]) -> None:
        with self.transaction() as state:
            Lcm(self.node, state).configure(_document(arguments))

    def _start(self, arguments: Mapping[str, Any]) -> None:
        data, job_id = _document(arguments), str(uuid.UUID(str(arguments["jobid"])))
        with self.transaction() as state:
            if state["lcm"]["state"] in ("Busy", "PendingReboot"):
                raise CimError(_BUSY)
            pending = self.node.files / "documents" / "pending.mof"
            pending.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(pending, data)
            name = configuration_name(data)
            state["pendingDocument"] = name
            state["lcm"].update(refreshMode="Push", state="Busy")
            if state["job"]:
                state["earlierJobs"] = [*state["earlierJobs"], state["job"]][-_JOBS_KEPT:]
            state["job"] = {
                "id": job_id,
                "left": state["slow"],
                "result": None,
                "configuration": name,
                "process": None,
                "runAs": {},
            }
            if not state["slow"]:
                self._begin(state)

    def _look(self, state: Tree) -> None:
        job = state["job"]
        if job and not job["result"] and job["left"] > 0:
            job["left"] -= 1
            if not job["left"]:
                self._begin(state)

    def _begin(self, state: Tree) -> None:
        state["job"]["process"] = os.getpid()
        thread = threading.Thread(target=self._enact, name="mimc-lab-enactment", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _status(self, arguments: Mapping[str, Any]) -> Tree:
        with self.transaction() as state:
            records = _records(state)
        if not records:
            raise CimError("there is no status of a configuration yet")
        return {"ConfigurationStatus": records if arguments.get("all") else records[-1:]}

    def _get(self, arguments: Mapping[str, Any]) -> Tree:
        mof = read_mof(_document(arguments))
        found = []
        for resource in in_order(mof):
            with self.transaction() as state:
                if state["lcm"]["state"] == "Busy":
                    raise CimError(_BUSY)
                may_select = value_at(state, "auditAs.select") == "yes"
                task, caller = self._task(state, mof, resource, "Get", may_select=may_select)
            result = self.run(task, caller)
            if result["error"]:
                raise CimError(result["error"])
            found.append({"CimSystemProperties": {"ClassName": resource.class_name}, **result["properties"]})
        return {"configurations": found}

    def _remove(self, arguments: Mapping[str, Any]) -> None:
        stage, key = _STAGES[int(arguments["stage"])]
        with self.transaction() as state:
            if state["lcm"]["state"] == "Busy":
                raise CimError(_BUSY)
            (self.node.files / "documents" / f"{stage}.mof").unlink(missing_ok=True)
            if key:
                state[key] = ""
            if stage == "pending" and state["lcm"]["state"] == "PendingConfiguration":
                state["lcm"]["state"] = "Idle"

    # ---- an enactment

    def _enact(self) -> None:
        errors: dict[str, str] = {}
        reboot = False
        try:
            mof = read_mof((self.node.files / "documents" / "pending.mof").read_bytes())
            for resource in in_order(mof):
                reboot = self._apply(mof, resource, errors) or reboot
        except (MofError, ResourceFailed, OSError) as error:
            errors[""] = str(error)
        with self.transaction() as state:
            _end(state, errors, reboot=reboot)
            if not state["pendingDocument"]:
                documents = self.node.files / "documents"
                with contextlib.suppress(FileNotFoundError):
                    (documents / "current.mof").replace(documents / "previous.mof")
                (documents / "pending.mof").replace(documents / "current.mof")

    def _apply(self, mof: Mof, resource: MofInstance, errors: dict[str, str]) -> bool:
        """Test, then Set *resource*; return whether it wants a restart."""
        name = str(resource.get("ResourceID"))
        failed = [need for need in needs(resource) if need in {item.casefold() for item in errors}]
        if failed:
            errors[name] = f"not run: {failed[0]} failed, which it depends on"
            return False
        try:
            with self.transaction() as state:
                task, caller = self._task(state, mof, resource, "Set")
                # Recorded, and no more: see above.
                state["job"].setdefault("runAs", {})[name] = f"{caller.reader.name} (named only)"
            result = self.run(task, caller)
        except ResourceFailed as error:
            result = {"error": str(error), "reboot": False}
        if result["error"]:
            errors[name] = result["error"]
        return bool(result["reboot"])

    def _task(
        self, state: Tree, mof: Mof, resource: MofInstance, method: str, *, may_select: bool = True
    ) -> tuple[Tree, Caller]:
        """Return the call of *resource* with its passwords in clear, and as whom it is to be.

        Raises:
            ResourceFailed: as the LCM would refuse it.
        """
        state["modules"] = self.drives.modules()
        reader = DocumentReader(self.node, state, mof)
        wanted, run_as = reader.resource(resource)
        credentials = {
            name: {"user": wanted.text(name), "password": reader.password(name, value).reveal()}
            for name, value in ((name, resource.get(name)) for name in wanted.values)
            if isinstance(value, MofInstance)
        }
        self.drives.put_media(state, wanted)
        name = run_as or f"{state['computerName']}$"
        return {
            "method": method,
            "module": self.drives.resource_module(
                SYNC_SERVICE.module_name, str(resource.get("ModuleVersion")), SYNC_SERVICE.class_name
            ),
            "values": {key: value for key, value in wanted.values.items() if key not in credentials},
            "credentials": credentials,
        }, Caller(Reader(name, may_log_on=bool(run_as), may_select=may_select))


def _is_alive(process: object) -> bool:
    """Whether *process* may still end its job; None is a job that waits to be looked at, which anybody goes on with."""
    if not isinstance(process, int):
        return True
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody's, so there is one
    return True


def _document(arguments: Mapping[str, Any]) -> bytes:
    """Return the document in the form of dsc-mof.md 5.5: its length and four, little endian, before it."""
    data = base64.b64decode(arguments["configurationdata"])
    if len(data) < 4 or int.from_bytes(data[:4], "little") != len(data):
        raise CimError("the configuration data do not begin with their length")
    return data[4:]


def _end(state: Tree, errors: Mapping[str, str], *, reboot: bool) -> None:
    state["job"]["result"] = {
        "status": "Failure" if errors else "Success",
        "rebootRequested": reboot,
        "error": "\n".join(dict.fromkeys(errors.values())),
    }
    if errors or reboot:
        state["lcm"]["state"] = "PendingReboot" if reboot else "PendingConfiguration"
        return
    state["lcm"]["state"] = "Idle"
    state["document"], state["pendingDocument"] = state["pendingDocument"], ""


def _records(state: Tree) -> list[Tree]:
    """Return the status records, the oldest first: of the jobs, and of a document that no job of ours has left."""
    jobs = [job for job in (*state["earlierJobs"], state["job"]) if job and job["result"]]
    if state["lcm"]["state"] == "Busy":
        jobs = [job for job in jobs if job is not state["job"]]
    records = [_record(job, job.get("configuration", ""), job["result"]) for job in jobs]
    last = jobs[-1] if jobs else None
    name = state["document"]
    if name and (last is None or last.get("configuration") != name):
        good = {"status": "Success", "rebootRequested": False, "error": ""}
        record = _record({"id": str(uuid.UUID(int=0))}, name, good)
        # A document that is pending is younger than the current one.
        records.insert(len(records) - bool(records and state["pendingDocument"]), record)
    for number, record in enumerate(records):
        record["StartDate"] = (_LONG_AGO + timedelta(minutes=number)).isoformat()
    return records


def _record(job: Tree, configuration: str, result: Tree) -> Tree:
    failed = {
        "ResourceId": "[MimSyncService]Sync",
        "ConfigurationName": configuration,
        "Error": result["error"],
    }
    return {
        "JobID": "{" + job["id"].upper() + "}",
        "Type": "Initial",
        "Status": result["status"],
        "RebootRequested": result["rebootRequested"],
        "Error": result["error"],
        "MetaData": f"Author: mimc; Name: {configuration}; Version: 2.0.0;",
        "ResourcesNotInDesiredState": [failed] if result["error"] else [],
    }
