"""A node as the resource sees it: read it, enact the document that was prepared for it, leave nothing behind.

Whatever breaks, the rule is DESIGN 5's: a new connection, read back what is there, then decide.
"""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from mimc.bundle import ModuleArchive, NodeDocuments
from mimc.errors import AuthenticationRefused, DeadlinePassed, NodeRefused, Unreachable
from mimc.state import Observed, State, StateError, parse_state

from .lcm import Job, Lcm, Preflight, parse_job, parse_lcm, parse_preflight, refused
from .neutral import neutral
from .outcome import Evidence
from .session import Session, SessionLost, Traffic
from .staging import stage
from .target import Target

_Parsed = TypeVar("_Parsed")

#: How the reason begins when a session has no identity beyond the node (docs/contract.md).
NO_SECOND_HOP = "no second hop:"
#: Refusals of the audit that an apply puts right.
_APPLY_HELPS = frozenset({"NoCertificateId", "NoModule"})
#: Names of the staged documents; constant, so that nothing of the spec becomes a file name.
_MOF, _META_MOF, _RESTORE_MOF = "configuration.mof", "configuration.meta.mof", "restore.meta.mof"
#: Sessions tried for one script, and for the start of an enactment.
_ATTEMPTS = 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _RECONNECT_PAUSE_S = 1.0, 5.0, 3.0
#: Looks at an idle LCM without a status of the job before the job counts as lost: about a minute.
_IDLE_LOOKS = 15
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
        self._open_session, self._meta_document = open_session, meta_document
        self._clock, self._sleep, self._now, self._new_id = clock, sleep, now, new_id
        self._progress = progress
        self._session: Session | None = None
        self._spent = Traffic()
        self._deadline = clock() + target.time_limit_s
        self._staged: list[str] = []
        self._lcm_before: Lcm | None = None
        self._lcm_after: Lcm | None = None
        self._running = False

    def evidence(self) -> Evidence:
        """Return what a report is made of: the nouns, the state read last, the traffic so far."""
        traffic = self._spent + (self._session.traffic if self._session else Traffic())
        return Evidence(self.target, self.documents, self.state, traffic)

    def close(self) -> None:
        """End the session, if there is one."""
        session, self._session = self._session, None
        if session:
            session.close()
            self._spent += session.traffic

    def read(self, accounts: tuple[str, ...], key_backup_path: str) -> State:
        """Return what the node says of itself; only scripts that read are sent.

        What a session without a second hop cannot see is taken from the LCM's GetConfiguration under the audit
        account, when the spec names one.
        """
        self._progress(f"{self.target.name}: reading the state")
        answer = self._run("read", {"Account": list(accounts), "KeyBackupPath": key_backup_path})
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
            audited = self._parsed(parse_state, self._run("audit", parameters).get("state")).properties
        except NodeRefused as error:
            self.needs_apply = error.code in _APPLY_HELPS
            # auditAs is there and was tried: unknown, not unchecked.
            why = f"{error.reason}; {error.step}"
            return {
                name: Observed(unknown=f"{seen.not_checked}; audit: {why}") for name, seen in hidden.items()
            }
        return {name: audited.get(name, Observed(unknown="the audit did not tell of it")) for name in hidden}

    def enact(self) -> None:
        """Let the node's LCM enact the document (DESIGN 5), and wait until it has.

        The time limit starts anew: the time that a person took to agree is not the node's.

        Raises:
            NodeRefused: the node may not be worked on; it is untouched.
            EnactmentFailed: the LCM failed.
            DeadlinePassed: the time limit passed; a started enactment goes on without us.
        """
        self._deadline = self._clock() + self.target.time_limit_s
        before = self._idle_preflight()
        error = refused(self.target.name, self.documents, before, self._now())
        if error:
            raise error
        self._bring_module(before)
        self._progress(f"{self.target.name}: staging the documents")
        meta_sha256 = self._stage(_META_MOF, self.documents.meta_mof)
        mof_sha256 = self._stage(_MOF, self.documents.mof)
        self._progress(f"{self.target.name}: configuring the LCM")
        self._lcm_before = self._lcm_after = before.lcm
        self._lcm_after = self._configure_lcm(_META_MOF, meta_sha256)
        self._verify_certificate_id(self._lcm_after)
        job_id = self._new_id()
        self._progress(f"{self.target.name}: the LCM enacts {self.documents.configuration}, job {job_id}")
        self._start({"Name": _MOF, "Sha256": mof_sha256, "JobId": job_id})
        self.job = self._follow(job_id)
        self._running = False
        self._deadline = max(self._deadline, self._clock() + _GRACE_S)
        if not self.job.succeeded:
            raise EnactmentFailed(
                self.target.name, self.job.error or "the LCM reports a failure, and no reason"
            )

    def withdraw(self) -> None:
        """Put back the LCM settings that were changed, remove the documents and the staged files.

        Does nothing when nothing was brought, when the spec keeps the document, or while the LCM still enacts.
        """
        if self._running or self.documents.keep_document or not self._staged:
            return
        self._deadline = max(self._deadline, self._clock() + _GRACE_S)
        self._progress(f"{self.target.name}: removing the documents")
        try:
            self._restore_settings()
        finally:
            left = self._run("withdraw", {"Name": list(self._staged)}).get("documents") or {}
        remaining = sorted(kind for kind, name in left.items() if name is not None)
        if remaining:
            raise NodeRefused(
                self.target.name,
                "DocumentsRemain",
                f"the LCM still holds its {' and '.join(remaining)} document",
                "remove it on the node with Remove-DscConfigurationDocument",
            )

    def _restore_settings(self) -> None:
        before, after = self._lcm_before, self._lcm_after
        if before is None or after is None:
            return
        # A CertificateID where there was none stays: without it the LCM could not decrypt the audit's document,
        # and every later drift would be blind.
        certificate_id = before.certificate_id or after.certificate_id
        if before.settings == after.settings and certificate_id == after.certificate_id:
            return
        # A meta document states everything: what it leaves out falls back to the LCM's defaults.
        document = self._meta_document({**before.settings, "CertificateID": certificate_id})
        self._configure_lcm(_RESTORE_MOF, self._stage(_RESTORE_MOF, document))

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
        installed = str(self._run("install-module", parameters).get("sha256") or "")
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
        return stage(self._run, name, data)

    def _configure_lcm(self, name: str, sha256: str) -> Lcm:
        # The same settings twice do no harm, but the LCM may still be at it when the connection is back.
        answer = self._run(
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
        pause_s = _FIRST_PAUSE_S
        while True:
            self._progress(f"{self.target.name}: preflight")
            parameters = {
                "Thumbprint": self.documents.thumbprint,
                "ModuleName": self.module.name,
                "ModuleVersion": self.module.version,
            }
            preflight = self._parsed(parse_preflight, self._run("preflight", parameters))
            if preflight.lcm.state != "Busy":
                return preflight
            self._progress(f"{self.target.name}: the LCM is busy ({preflight.lcm.detail}), waiting")
            pause_s = self._pause(pause_s, "the LCM was busy with something else")

    def _start(self, parameters: Mapping[str, object]) -> None:
        """Send enact.ps1; after a lost connection look first, and never start what may be running."""
        for attempt in range(_ATTEMPTS):
            try:
                self._open()
                self._running = True
                self._send("enact", parameters, "the enactment was about to start")
                return
            except SessionLost:
                self._drop()
                if attempt + 1 == _ATTEMPTS:
                    raise
                if self._was_started(str(parameters["JobId"])):
                    return
            except NodeRefused as error:
                if attempt and error.code == "LcmBusy":
                    return  # busy with what the lost session started
                self._running = False
                raise

    def _was_started(self, job_id: str) -> bool:
        pause_s = _FIRST_PAUSE_S
        for _ in range(_ATTEMPTS):
            lcm, job = self._look(job_id)
            if job is not None or lcm.state in ("Busy", "PendingReboot"):
                return True
            # The script may have arrived and not yet have called the LCM.
            pause_s = self._pause(pause_s, "the connection broke while the enactment started")
        return False

    def _follow(self, job_id: str) -> Job:
        pause_s, idle_looks = _FIRST_PAUSE_S, 0
        while True:
            lcm, job = self._look(job_id)
            if job is not None:
                return job
            if lcm.state == "PendingReboot":
                return Job(succeeded=True, reboot_requested=True, error="")
            idle_looks = idle_looks + 1 if lcm.state == "Idle" else 0
            if idle_looks == _IDLE_LOOKS:
                self._running = False
                raise EnactmentFailed(self.target.name, f"the LCM is idle and knows nothing of job {job_id}")
            pause_s = self._pause(pause_s, f"job {job_id} was under way")

    def _look(self, job_id: str) -> tuple[Lcm, Job | None]:
        """Return LCM and job; a node that is away (a restart, perhaps) is tried until the time limit."""
        waited_for = f"job {job_id} was under way"
        while True:
            try:
                answer = self._send("follow", {"JobId": job_id}, waited_for)
                return self._parsed(parse_lcm, answer.get("lcm")), self._parsed(parse_job, answer.get("job"))
            except AuthenticationRefused:
                raise
            except Unreachable as error:
                self._drop()
                self._progress(f"{self.target.name}: {error.reason}; looking again")
                self._pause(_RECONNECT_PAUSE_S, waited_for)

    def _run(
        self,
        script: str,
        parameters: Mapping[str, object],
        before_again: Callable[[], object] | None = None,
    ) -> dict[str, Any]:
        """Send a script that may be sent twice; after a lost connection again, in a new session."""
        attempts = 0
        while True:
            try:
                return self._send(script, parameters, f"{script}.ps1 was under way")
            except SessionLost as error:
                self._drop()
                attempts += 1
                if attempts == _ATTEMPTS:
                    raise
                self._progress(f"{self.target.name}: {error.reason}; connecting again")
                if before_again:
                    before_again()

    def _send(self, script: str, parameters: Mapping[str, object], waited_for: str) -> dict[str, Any]:
        session, left_s = self._open(), self._left_s(waited_for)
        try:
            return session.run(script, parameters, left_s)
        except DeadlinePassed:
            raise self._deadline_passed(waited_for) from None

    def _parsed(self, parse: Callable[[Any], _Parsed], value: Any) -> _Parsed:
        try:
            return parse(value)
        except StateError as error:
            step = "the endpoint may be another than Windows PowerShell's, or run other scripts than ours"
            raise StateError(f"{self.target.name}: {neutral(error)}\n  {step}") from None

    def _open(self) -> Session:
        if self._session is None:
            self._session = self._open_session()
        return self._session

    def _drop(self) -> None:
        """Forget a session that is lost; nothing is sent over it any more."""
        session, self._session = self._session, None
        if session:
            self._spent += session.traffic

    def _left_s(self, waited_for: str) -> float:
        left_s = self._deadline - self._clock()
        if left_s > 0:
            return left_s
        raise self._deadline_passed(waited_for)

    def _deadline_passed(self, waited_for: str) -> DeadlinePassed:
        name = self.target.name
        if self._running:
            goes_on = "the node goes on by itself, and its document stays there"
            step = f"look again with: mimc drift --target {name}; the next mimc apply tidies up"
        else:
            goes_on = "nothing was being enacted"
            step = "try again, or give the target more timeLimitSeconds in the spec"
        limit = f"the time limit of {self.target.time_limit_s:g} s passed while {waited_for}"
        return DeadlinePassed(name, f"{limit}; {goes_on}", step)

    def _pause(self, pause_s: float, waited_for: str) -> float:
        """Sleep, within the time limit, and return how long to sleep next time."""
        self._sleep(min(pause_s, self._left_s(waited_for)))
        self._left_s(waited_for)
        return min(pause_s * 1.5, _LONGEST_PAUSE_S)
