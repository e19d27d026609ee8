"""A node as the resource sees it: read it, enact the document that was prepared for it, leave nothing behind.

Whatever breaks, the rule is DESIGN 5's: a new connection, read back what is there, then decide.
"""

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from mimc.bundle import ModuleArchive, NodeDocuments
from mimc.errors import NodeRefused
from mimc.state import Observed, State, StateError, parse_state

from .connection import ATTEMPTS, FIRST_PAUSE_S, Connection
from .lcm import Job, Lcm, Preflight, fits, parse_job, parse_lcm, parse_preflight, refused, refused_for_owner
from .neutral import neutral
from .outcome import Evidence
from .session import ScriptFailed, Session, SessionLost
from .staging import stage
from .target import Target

_Parsed = TypeVar("_Parsed")

#: How the reason begins when a session has no identity beyond the node (docs/contract.md).
NO_SECOND_HOP = "no second hop:"
#: Refusals of the audit that an apply puts right.
_APPLY_HELPS = frozenset({"NoCertificateId", "NoModule"})
#: Looks at an LCM that does nothing and has no status of the job before the job counts as lost: about a minute.
_IDLE_LOOKS = 15
#: Seconds that an enactment may take beyond setup's own time limit: copying media, verifying, other resources.
_ENACTMENT_MARGIN_S = 900.0
#: Seconds for reading back and clearing up, whatever is left of the time limit.
_GRACE_S = 60.0


class EnactmentFailed(NodeRefused):
    """The LCM ended the enactment with a failure, or lost it; what it did has to be read back."""

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(
            target, "EnactmentFailed", reason, f"see the LCM's event log and the setup log on {target}"
        )


class Node:
    """One node of one run, for one thread; implements ``resources.base.Host``.

    Args:
        target: where the node is.
        documents: what the compiler made for it.
        module: the PowerShell module that the documents need.
        open_session: makes a new session; called when the first script is sent, and after a lost connection.
        meta_document: makes a meta MOF from LCM settings.
        clock, sleep: monotonic seconds. ``now`` is the aware time of day, for the certificate.
        new_id: makes the GUID of an LCM job.
        progress: told what is being done, one sentence a call.
    """

    def __init__(
        self,
        target: Target,
        documents: NodeDocuments,
        module: ModuleArchive,
        open_session: Callable[[], Session],
        meta_document: Callable[[Mapping[str, object]], bytes],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        progress: Callable[[str], None],
    ) -> None:
        self.target, self.documents, self.module = target, documents, module
        #: What was read last, and how the enactment ended.
        self.state: State | None = None
        self.job: Job | None = None
        #: Whether the audit was refused for want of something that an apply brings.
        self.needs_apply = False
        self.connection = Connection(target, open_session, clock=clock, sleep=sleep, progress=progress)
        self._meta_document, self._now, self._new_id, self._progress = meta_document, now, new_id, progress
        self._staged: list[str] = []
        #: The LCM before a meta document of ours, and after it: None before, or as long as nobody knows.
        self._lcm_before: Lcm | None = None
        self._lcm_after: Lcm | None = None
        #: Whether our document may have reached the LCM.
        self._sent = False

    def evidence(self) -> Evidence:
        """Return what a report is made of: the nouns, the state read last, the traffic so far."""
        return Evidence(self.target, self.documents, self.state, self.connection.traffic)

    def close(self) -> None:
        """End the session, if there is one."""
        self.connection.close()

    def read(self, accounts: tuple[str, ...], key_backup_path: str) -> State:
        """Return what the node says of itself; only scripts that read are sent.

        What a session without a second hop cannot see is taken from the LCM's GetConfiguration under the audit
        account, when the spec names one.
        """
        self._progress(f"{self.target.name}: reading the state")
        answer = self.connection.run("read", {"Account": list(accounts), "KeyBackupPath": key_backup_path})
        state = self._parsed(parse_state, answer.get("state"))
        hidden = {
            name: seen
            for name, seen in state.properties.items()
            if seen.not_checked.startswith(NO_SECOND_HOP)
        }
        self.needs_apply = False
        if hidden:
            state = replace(state, properties={**state.properties, **self._audited(hidden)})
        self.state = state
        return state

    def _audited(self, hidden: Mapping[str, Observed]) -> dict[str, Observed]:
        """Return the *hidden* properties as the audit account sees them, or with the reason why it does not."""
        if self.documents.audit_mof is None:
            hint = "; name an account in auditAs that may read that table"
            return {name: Observed(not_checked=seen.not_checked + hint) for name, seen in hidden.items()}
        self._progress(f"{self.target.name}: reading the groups as the audit account")
        parameters = {
            "Document": gzip.compress(self.documents.audit_mof, mtime=0),
            "Thumbprint": self.documents.thumbprint,
            "ModuleVersion": self.module.version,
        }
        try:
            audited = self._parsed(
                parse_state, self.connection.run("audit", parameters).get("state")
            ).properties
        except NodeRefused as error:
            self.needs_apply = error.code in _APPLY_HELPS
            # auditAs is there and was tried: unknown, not unchecked.
            why = f"{error.reason}; {error.step}"
            return {
                name: Observed(unknown=f"{seen.not_checked}; audit: {why}") for name, seen in hidden.items()
            }
        return {name: audited.get(name, Observed(unknown="the audit did not tell of it")) for name in hidden}

    def check(self, *, changes: bool) -> bool:
        """Look whose node it is; return whether a document of ours was left there that should have been removed.

        *changes* says that it is going to be changed: then everything else that speaks against it counts too.

        Raises:
            NodeRefused: the node may not be worked on; it is untouched.
        """
        found = self._preflight()
        error = (
            refused(self.target.name, self.documents, found, self._now())
            if changes
            else refused_for_owner(self.target.name, self.documents, found)
        )
        if error:
            raise error
        is_left = found.current is not None or found.pending is not None
        return is_left and found.lcm.state != "Busy" and not self.documents.keep_document

    def remove_leftover(self) -> None:
        """Remove the document that an earlier run left on the node."""
        self._progress(f"{self.target.name}: removing the document that an earlier run left")
        self._withdraw([], document=True, configuration="")

    def enact(self) -> None:
        """Let the node's LCM enact the document (DESIGN 5), and wait until it has.

        The time limit starts anew: the time that a person took to agree is not the node's.

        Raises:
            NodeRefused: the node may not be worked on; it is untouched.
            EnactmentFailed: the LCM failed.
            DeadlinePassed: the time limit passed; a started enactment goes on without us.
        """
        self.connection.begin()
        before = self._idle_preflight()
        error = refused(self.target.name, self.documents, before, self._now())
        if error:
            raise error
        self._bring_module(before)
        self._progress(f"{self.target.name}: staging the documents")
        # Of this run alone: two runs at once do not write over each other's documents.
        job_id = self._new_id()
        mof, meta_mof = f"{job_id}.mof", f"{job_id}.meta.mof"
        meta_sha256 = self._stage(meta_mof, self.documents.meta_mof)
        mof_sha256 = self._stage(mof, self.documents.mof)
        if not fits(before.lcm, self.documents.meta_mof):
            self._progress(f"{self.target.name}: configuring the LCM")
            self._lcm_before = before.lcm
            self._lcm_after = self._configure_lcm(meta_mof, meta_sha256)
            self._verify_certificate_id(self._lcm_after)
        self._progress(f"{self.target.name}: the LCM enacts {self.documents.configuration}, job {job_id}")
        if self.documents.setup_timeout_s:
            self.connection.allow(self.documents.setup_timeout_s + _ENACTMENT_MARGIN_S)
        self._start({"Name": mof, "Sha256": mof_sha256, "JobId": job_id}, before.lcm.state)
        self.job = self._follow(job_id)
        self.connection.enacting = False
        self.connection.allow(_GRACE_S)
        if not self.job.succeeded:
            raise EnactmentFailed(
                self.target.name, self.job.error or "the LCM reports a failure, and no reason"
            )

    def withdraw(self) -> None:
        """Put back the LCM settings that were changed, remove the document if it was sent, and the staged files.

        Does nothing when nothing was brought, or while the LCM still enacts. A spec that keeps the document keeps
        the settings with it, and the node remembers whose document it is.
        """
        if self.connection.enacting or not self._staged:
            return
        self.connection.allow(_GRACE_S)
        keep = self._sent and self.documents.keep_document
        self._progress(f"{self.target.name}: removing the {'staged files' if keep else 'documents'}")
        try:
            if not keep:
                self._restore_settings()
        finally:
            self._withdraw(
                self._staged,
                document=self._sent and not keep,
                configuration=self.documents.configuration if keep else "",
            )

    def _withdraw(self, staged: Sequence[str], *, document: bool, configuration: str) -> None:
        parameters = {"Name": list(staged), "Document": document, "Configuration": configuration}
        left = self.connection.run("withdraw", parameters).get("documents") or {}
        remaining = sorted(kind for kind, name in left.items() if name is not None)
        if document and remaining:
            raise NodeRefused(
                self.target.name,
                "DocumentsRemain",
                f"the LCM still holds its {' and '.join(remaining)} document",
                "remove it on the node with Remove-DscConfigurationDocument",
            )

    def _restore_settings(self) -> None:
        before, after = self._lcm_before, self._lcm_after
        if before is None:
            return
        # A CertificateID where there was none stays: without it the LCM could not decrypt the audit's document,
        # and every later drift would be blind.
        certificate_id = before.certificate_id or (
            after.certificate_id if after else self.documents.thumbprint
        )
        if after and before.settings == after.settings and certificate_id == after.certificate_id:
            return
        # A meta document states everything: what it leaves out falls back to the LCM's defaults.
        settings = {**before.settings, "CertificateID": certificate_id or None}
        name = f"{self._new_id()}.meta.mof"
        self._configure_lcm(name, self._stage(name, self._meta_document(settings)))

    def _bring_module(self, before: Preflight) -> None:
        module = self.module
        if before.module_sha256 == module.sha256.lower():
            return
        self._progress(f"{self.target.name}: installing the module {module.name} {module.version}")
        name = f"{module.name}.{module.version}.zip"
        parameters = {
            "Name": name,
            "Sha256": self._stage(name, module.archive),
            "ModuleName": module.name,
            "ModuleVersion": module.version,
            "ModuleSha256": module.sha256,
        }
        installed = str(self.connection.run("install-module", parameters).get("sha256") or "")
        if installed.lower() != module.sha256.lower():
            raise NodeRefused(
                self.target.name,
                "ModuleHash",
                f"the module {module.name} on the node is not the one that was sent",
                f"see who changes {module.name} {module.version} under Program Files on the node",
            )

    def _stage(self, name: str, data: bytes) -> str:
        if name not in self._staged:
            self._staged.append(name)
        return stage(self.connection.run, name, data)

    def _configure_lcm(self, name: str, sha256: str) -> Lcm:
        # The same settings twice do no harm, but the LCM may still be at it when the connection is back.
        answer = self.connection.run(
            "configure-lcm", {"Name": name, "Sha256": sha256}, before_again=self._idle_preflight
        )
        return self._parsed(parse_lcm, answer.get("lcm"))

    def _verify_certificate_id(self, lcm: Lcm) -> None:
        thumbprint = self.documents.thumbprint
        if thumbprint and lcm.certificate_id.casefold() != thumbprint.casefold():
            raise NodeRefused(
                self.target.name,
                "CertificateId",
                f"the LCM did not take the certificate {thumbprint}, so it could not decrypt the document",
                "see the LCM's event log on the node; the document was not enacted",
            )

    def _idle_preflight(self) -> Preflight:
        pause_s = FIRST_PAUSE_S
        while True:
            preflight = self._preflight()
            if preflight.lcm.state != "Busy":
                return preflight
            self._progress(f"{self.target.name}: the LCM is busy ({preflight.lcm.detail}), waiting")
            pause_s = self.connection.pause(pause_s, "the LCM was busy with something else")

    def _preflight(self) -> Preflight:
        self._progress(f"{self.target.name}: preflight")
        parameters = {
            "Thumbprint": self.documents.thumbprint,
            "ModuleName": self.module.name,
            "ModuleVersion": self.module.version,
        }
        return self._parsed(parse_preflight, self.connection.run("preflight", parameters))

    def _start(self, parameters: Mapping[str, object], state_before: str) -> None:
        """Send enact.ps1; after a lost connection look first, and never start what may be running."""
        for attempt in range(ATTEMPTS):
            try:
                waited_for = "the enactment was about to start"
                self.connection.send("enact", parameters, waited_for, self._leaves)
                return
            except SessionLost:
                self.connection.drop()
                if attempt + 1 == ATTEMPTS:
                    raise
                if self._was_started(str(parameters["JobId"]), state_before):
                    return
                self.connection.enacting = False
            except NodeRefused as error:
                if attempt and error.code in ("LcmBusy", "PendingReboot"):
                    return  # with what the lost session started
                self.connection.enacting = False
                # A script that failed may have failed after it gave the document to the LCM.
                self._sent = attempt > 0 or isinstance(error, ScriptFailed)
                raise

    def _leaves(self) -> None:
        self.connection.enacting = self._sent = True

    def _was_started(self, job_id: str, state_before: str) -> bool:
        pause_s = FIRST_PAUSE_S
        for _ in range(ATTEMPTS):
            lcm, job = self._look(job_id)
            # After a failure the LCM is PendingConfiguration, whether it has a record or not.
            if job is not None or lcm.state not in ("Idle", state_before):
                return True
            # The script may have arrived and not yet have called the LCM.
            pause_s = self.connection.pause(pause_s, "the connection broke while the enactment started")
        return False

    def _follow(self, job_id: str) -> Job:
        pause_s, idle_looks = FIRST_PAUSE_S, 0
        while True:
            lcm, job = self._look(job_id)
            if job is not None:
                return job
            if lcm.state == "PendingReboot":
                return Job(succeeded=True, reboot_requested=True, error="")
            idle_looks = idle_looks + 1 if lcm.state != "Busy" else 0
            if idle_looks == _IDLE_LOOKS:
                self.connection.enacting = False
                reason = f"the LCM is {neutral(lcm.state)} and knows nothing of job {job_id}"
                raise EnactmentFailed(self.target.name, reason)
            pause_s = self.connection.pause(pause_s, f"job {job_id} was under way")

    def _look(self, job_id: str) -> tuple[Lcm, Job | None]:
        """Return LCM and job; a node that is away (a restart, perhaps) is tried until the time limit."""
        answer = self.connection.insist("follow", {"JobId": job_id}, f"job {job_id} was under way")
        return self._parsed(parse_lcm, answer.get("lcm")), self._parsed(parse_job, answer.get("job"))

    def _parsed(self, parse: Callable[[Any], _Parsed], value: Any) -> _Parsed:
        try:
            return parse(value)
        except StateError as error:
            step = "the endpoint may be another than Windows PowerShell's, or run other scripts than ours"
            raise StateError(f"{self.target.name}: {neutral(error)}\n  {step}") from None
