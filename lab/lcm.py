"""The simulated Local Configuration Manager: it enacts the bytes that arrived, and knows no spec.

Rules as in reference dsc-mof.md 1.7 (what a document must be), 3.4 (when a password is decrypted) and 5.2 (states).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mimc.compiler.mof_reader import DOCUMENT_CLASS, Mof, MofError, MofInstance, read_mof
from mimc.compiler.mof_rules import check_rules
from mimc.resources import SYNC_SERVICE

from .document import DocumentReader, configuration_name, in_order, needs
from .engine import ScriptFailed
from .folder import write_file
from .node import UNMANAGED, NodeFile, Tree, default_lcm, value_at
from .server import Reader, read_product
from .staging import Refused
from .sync_setup import is_in_desired_state, set_desired
from .wanted import ResourceFailed

#: Meta settings by their name in a document, with their key in the state and the values they can have.
_SETTINGS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ConfigurationMode": ("configurationMode", ("ApplyOnly", "ApplyAndMonitor", "ApplyAndAutoCorrect")),
    "RefreshMode": ("refreshMode", ("Push", "Pull", "Disabled")),
    "RebootNodeIfNeeded": ("rebootNodeIfNeeded", ()),
    "ActionAfterReboot": ("actionAfterReboot", ("ContinueConfiguration", "StopConfiguration")),
    "ConfigurationModeFrequencyMins": ("configurationModeFrequencyMins", ()),
    "RefreshFrequencyMins": ("refreshFrequencyMins", ()),
    "AllowModuleOverwrite": ("allowModuleOverwrite", ()),
    "DebugMode": ("debugMode", ()),
    "StatusRetentionTimeInDays": ("statusRetentionTimeInDays", ()),
    "MaximumDownloadSizeMB": ("maximumDownloadSizeMB", ()),
    "SignatureValidationPolicy": ("signatureValidationPolicy", ()),
    "ConfigurationID": ("configurationId", ()),
}

#: Jobs whose end the LCM remembers.
_JOBS_KEPT = 8


@dataclass(frozen=True, slots=True)
class Lcm:
    """The LCM of one node: its files, and the state that it works on (changed in place, saved by the caller)."""

    node: NodeFile
    state: Tree

    def view(self) -> Tree:
        """Return ``lcm`` of docs/contract.md."""
        lcm = self.state["lcm"]
        details = {"Busy": "applying a new configuration", "PendingReboot": "a restart is required"}
        return {
            "state": lcm["state"],
            "detail": details.get(lcm["state"], ""),
            "certificateId": lcm["certificateId"],
            "settings": {name: lcm[key] for name, (key, _) in _SETTINGS.items() if lcm[key] not in ("", [])},
            "managers": [] if lcm["managedBy"] == UNMANAGED else [lcm["managedBy"]],
        }

    def documents(self) -> Tree:
        """Return ``documents`` of docs/contract.md."""
        return {"current": self.state["document"] or None, "pending": self.state["pendingDocument"] or None}

    def configure(self, data: bytes) -> None:
        """Apply the meta MOF *data*; what it does not set gets its default.

        Raises:
            Refused: ``LcmBusy``.
            ScriptFailed: not a meta MOF that an LCM takes.
        """
        self._refuse_busy()
        try:
            mof = read_mof(data)
        except MofError as error:
            raise _cim_failure(str(error)) from error
        faults = check_rules(mof, meta=True)
        if faults:
            raise _cim_failure("; ".join(faults))
        meta = next(item for item in mof.top_level if not item.is_a(DOCUMENT_CLASS))
        lcm = {**default_lcm(), "state": self.state["lcm"]["state"]}
        lcm["certificateId"] = str(meta.get("CertificateID") or "")
        for name, (key, values) in _SETTINGS.items():
            given = meta.get(name)
            if given is None:
                continue
            value = list(given) if isinstance(given, tuple) else given
            if type(value) is not type(lcm[key]) or (values and value not in values):
                raise _cim_failure(f"{name} of the meta configuration cannot be {value!r}")
            lcm[key] = value
        self.state["lcm"] = lcm

    def start(self, data: bytes, job_id: str, now: datetime) -> None:
        """Take the node MOF *data* as pending document and begin to enact it, as the job *job_id*.

        Raises:
            Refused: ``LcmBusy`` or ``PendingReboot``.
        """
        self._refuse_busy()
        if self.state["lcm"]["state"] == "PendingReboot":
            raise Refused("PendingReboot", "the node has to be restarted before it takes a new configuration")
        self._document("pending").parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self._document("pending"), data)
        self.state["pendingDocument"] = configuration_name(data)
        # force: a node that pulls becomes one that is pushed to (dsc-mof.md 5.1).
        self.state["lcm"].update(refreshMode="Push", state="Busy")
        if self.state["job"]:
            # The LCM keeps the records of earlier jobs, so that whoever began one still learns how it ended.
            self.state["earlierJobs"] = [*self.state["earlierJobs"], self.state["job"]][-_JOBS_KEPT:]
        self.state["job"] = {"id": job_id, "left": self.state["slow"], "result": None}
        if not self.state["slow"]:
            self._finish(now)

    def look(self, now: datetime) -> None:
        """Let a running enactment go on by one look."""
        job = self.state["job"]
        if not job or job["result"]:
            return
        if job["left"] > 0:
            job["left"] -= 1
            self.state["lcm"]["state"] = "Busy"
        else:
            self._finish(now)

    def withdraw(self) -> None:
        """Remove the current, the pending and the previous document."""
        if self.state["lcm"]["state"] == "Busy":
            raise ScriptFailed(
                "MI RESULT 1", "The LCM is busy: one method is in progress and must return first."
            )
        for stage in ("current", "pending", "previous"):
            self._document(stage).unlink(missing_ok=True)
        self.state.update(document="", pendingDocument="")
        if self.state["lcm"]["state"] == "PendingConfiguration":
            self.state["lcm"]["state"] = "Idle"

    def audit(self, data: bytes, thumbprint: str, module_version: str) -> Tree:
        """Return the state that GetConfiguration gives for the document *data*, under its own account.

        Raises:
            Refused: ``NoCertificateId``, ``NoModule``, ``LcmBusy``, ``AuditFailed``.
        """
        self._refuse_busy()
        if not thumbprint or self.state["lcm"]["certificateId"].casefold() != thumbprint.casefold():
            raise Refused(
                "NoCertificateId",
                "the LCM has no CertificateID, or another one: it cannot decrypt the account",
            )
        if f"{SYNC_SERVICE.module_name}/{module_version}" not in self.state["modules"]:
            raise Refused(
                "NoModule", f"the module {SYNC_SERVICE.module_name} {module_version} is not on the node"
            )
        try:
            mof = read_mof(data)
            resource = next((item for item in in_order(mof) if item.is_a(SYNC_SERVICE.class_name)), None)
            if resource is None:
                raise ResourceFailed(f"the LCM gave no state of a {SYNC_SERVICE.friendly_name}")
            wanted, run_as = self._reading(mof).resource(resource)
        except (MofError, ResourceFailed) as error:
            raise Refused("AuditFailed", str(error)) from error
        reader = self._reader(run_as, may_select=value_at(self.state, "auditAs.select") == "yes")
        return read_product(self.state, wanted.accounts(), wanted.text("KeyBackupPath"), reader)

    def _finish(self, now: datetime) -> None:
        errors: dict[str, str] = {}
        before = self.state["rebootRequired"]
        try:
            mof = read_mof(self._document("pending").read_bytes())
            for resource in in_order(mof):
                self._enact(mof, resource, errors, now)
        except (MofError, ResourceFailed, OSError) as error:
            errors[""] = str(error)
        reboot = self.state["rebootRequired"] == "yes" and before != "yes"
        self.state["job"]["result"] = {
            "status": "Failure" if errors else "Success",
            "rebootRequested": reboot,
            "error": "\n".join(dict.fromkeys(errors.values())),
        }
        if errors or reboot:
            self.state["lcm"]["state"] = "PendingReboot" if reboot else "PendingConfiguration"
            return
        self.state["lcm"]["state"] = "Idle"
        self.state["document"], self.state["pendingDocument"] = self.state["pendingDocument"], ""
        if self._document("current").exists():
            self._document("current").replace(self._document("previous"))
        self._document("pending").replace(self._document("current"))

    def _enact(self, mof: Mof, resource: MofInstance, errors: dict[str, str], now: datetime) -> None:
        """Test, then Set *resource*; what fails goes into *errors*, and nothing that depends on it runs."""
        name = str(resource.get("ResourceID"))
        failed = [need for need in needs(resource) if need in {item.casefold() for item in errors}]
        if failed:
            errors[name] = f"not run: {failed[0]} failed, which it depends on"
            return
        try:
            wanted, run_as = self._reading(mof).resource(resource)
            reader = self._reader(run_as)
            if not is_in_desired_state(self.state, wanted, reader):
                set_desired(self.state, wanted, reader, now)
        except ResourceFailed as error:
            errors[name] = str(error)

    def _reading(self, mof: Mof) -> DocumentReader:
        return DocumentReader(self.node, self.state, mof)

    def _reader(self, run_as: str, *, may_select: bool = True) -> Reader:
        # SYSTEM is the machine's account on the network, which SQL Server has no reason to let in.
        name = run_as or f"{self.state['computerName']}$"
        return Reader(name, may_log_on=bool(run_as), may_select=may_select)

    def _refuse_busy(self) -> None:
        if self.state["lcm"]["state"] == "Busy":
            raise Refused("LcmBusy", "the LCM is busy: " + self.view()["detail"])

    def _document(self, stage: str) -> Path:
        return self.node.files / "documents" / f"{stage}.mof"


def _cim_failure(message: str) -> ScriptFailed:
    return ScriptFailed("MI RESULT 1", f"The SendMetaConfigurationApply function did not succeed: {message}")
