"""A node in memory that answers the constant scripts, and what a test needs round it: a clock, a resource, a spec."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mimc.bundle import ModuleArchive, NodeDocuments, Origin, sha256
from mimc.errors import NodeRefused, Position
from mimc.pusher.node import Node
from mimc.pusher.session import Session, SessionLost, Traffic, refusal
from mimc.pusher.target import Target
from mimc.resources import SyncService

THUMBPRINT = "94D28E919E865A4DFFE70837213DB19FDF23429E"
JOB = "6f1f4c0e-0f0a-4d52-9d5e-3f2f5f6c7a10"
NO_HOP = "no second hop: the session has no identity on corpsql.contoso.com"
DESIRED: dict[str, object] = {
    "IsSingleInstance": "Yes",
    "Ensure": "Present",
    "SourcePath": "\\\\corpfs\\media",
    "SqlServer": "corpsql.contoso.com",
    "ServiceAccount": "contoso\\MIMSync",
    "AdministratorsGroup": "contoso\\MIMSyncAdmins",
    "EnableRpcFirewallRules": True,
}
SIDS = {"contoso\\MIMSync": "S-1-5-21-1-2-3-1105", "contoso\\MIMSyncAdmins": "S-1-5-21-1-2-3-1106"}
INSTALLED: dict[str, Any] = {
    "Ensure": {"value": "Present"},
    "SqlServer": {"value": "corpsql"},
    "ServiceAccount": {"value": SIDS["contoso\\MIMSync"], "display": "CONTOSO\\MIMSync"},
    "AdministratorsGroup": {"value": SIDS["contoso\\MIMSyncAdmins"], "display": "CONTOSO\\MIMSyncAdmins"},
    "EnableRpcFirewallRules": {"value": True},
}
SETTINGS: dict[str, Any] = {
    "ConfigurationMode": "ApplyAndMonitor",
    "RefreshMode": "Push",
    "RebootNodeIfNeeded": False,
    "RefreshFrequencyMins": 45,
    "DebugMode": ["ForceModuleImport"],
    "ConfigurationID": "5a7cb0a3-7aa2-4f40-8899-02b83694085f",
}
#: What an LCM has when a meta document does not say.
LCM_DEFAULTS: dict[str, Any] = {
    "ConfigurationMode": "ApplyAndMonitor",
    "RefreshMode": "Push",
    "RebootNodeIfNeeded": False,
    "RefreshFrequencyMins": 30,
    "DebugMode": ["NONE"],
}
ABSENT: dict[str, Any] = {"Ensure": {"value": "Absent"}}


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.seconds += seconds


@dataclass
class FakeNode:
    """Answers scripts as docs/contract.md says; tests change its fields before, or by a hook on the way."""

    properties: dict[str, Any] = field(default_factory=lambda: dict(ABSENT))
    enacted: dict[str, Any] = field(default_factory=lambda: dict(INSTALLED))
    audited: dict[str, Any] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    administrator: bool = True
    managers: list[str] = field(default_factory=list)
    certificate: dict[str, Any] = field(
        default_factory=lambda: {
            "present": True,
            "privateKey": True,
            "expires": "2027-11-24T00:00:00.0000000Z",
        }
    )
    certificate_id: str = ""
    takes_certificate: bool = True
    settings: dict[str, Any] = field(default_factory=lambda: dict(SETTINGS))
    current: str | None = None
    pending: str | None = None
    kept: str = ""  # the configuration that withdraw was told to remember
    state: str = "Idle"  # of the LCM, when it does nothing
    records: bool = True  # whether the LCM keeps a status of what failed
    module: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, bytes] = field(default_factory=dict)
    looks: int = 2  # how often follow finds the LCM busy
    busy: int = 0  # how often preflight finds the LCM busy with something else
    failure: str = ""
    reboot: bool = False
    stuck: str = ""  # a document that withdraw leaves
    job: str = ""
    starts: int = 0
    sent: list[str] = field(default_factory=list)
    sessions: int = 0
    closed: int = 0
    hooks: dict[tuple[str, int], Callable[[Callable[[], dict[str, Any]]], dict[str, Any]]] = field(
        default_factory=dict
    )

    def open(self) -> Session:
        self.sessions += 1
        return FakeSession(self)

    def answer(self, script: str, given: Mapping[str, Any]) -> dict[str, Any]:
        self.sent.append(script)
        hook = self.hooks.get((script, self.sent.count(script)))

        def run() -> dict[str, Any]:
            answer: dict[str, Any] = getattr(self, "_" + script.replace("-", "_"))(given)
            return answer

        answer = hook(run) if hook else run()
        if "refused" in answer:
            raise refusal("corpsync", answer["refused"])
        return {"version": 1, **answer}

    def _state(self, properties: dict[str, Any], sids: dict[str, Any]) -> dict[str, Any]:
        node = {"computerName": "CORPSYNC", "fqdn": "corpsync.contoso.com", "sqlAliases": {}}
        state = {"version": 1, "node": node, "sids": sids, "properties": properties, "facts": self.facts}
        return {"state": state}

    def _read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return self._state(self.properties, {name: SIDS.get(name) for name in given["Account"]})

    def _audit(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if self.audited is None:
            return {"refused": {"code": "AuditFailed", "message": "the account may not log on"}}
        return self._state(self.audited, {})

    def _preflight(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if not self.administrator:
            return {"refused": {"code": "NotAdministrator", "message": "no administrator"}}
        state = "Busy" if self.busy else self.state
        self.busy = max(0, self.busy - 1)
        return {
            "node": {"computerName": "CORPSYNC"},
            "certificate": self.certificate,
            "lcm": self._lcm(state),
            "documents": self._documents(),
            "module": {"sha256": self.module},
        }

    def _lcm(self, state: str) -> dict[str, Any]:
        return {
            "state": state,
            "detail": "",
            "certificateId": self.certificate_id,
            "settings": dict(self.settings),
            "managers": self.managers,
        }

    def _documents(self) -> dict[str, Any]:
        return {"current": self.current, "pending": self.pending}

    def _stage(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name, digest, part = given["Name"], given["Sha256"], given["Name"] + given["Sha256"]
        have = self.parts.get(part, b"")
        if given["Data"]:
            if given["Offset"] != len(have):
                return {"refused": {"code": "StageOffset", "message": f"{len(have)} bytes are there"}}
            have = self.parts[part] = have + given["Data"]
            if len(have) == given["Length"]:
                assert sha256(have) == digest
                self.files[name] = self.parts.pop(part)
        present = name in self.files and sha256(self.files[name]) == digest
        return {"present": present, "length": len(self.parts.get(part, b""))}

    def _install_module(self, given: Mapping[str, Any]) -> dict[str, Any]:
        assert sha256(self.files[given["Name"]]) == given["Sha256"]
        self.module = given["ModuleSha256"]
        return {"sha256": self.module}

    def _configure_lcm(self, given: Mapping[str, Any]) -> dict[str, Any]:
        settings = json.loads(self.files[given["Name"]])
        certificate_id = settings.pop("CertificateID", None)
        self.certificate_id = (certificate_id or "") if self.takes_certificate else ""
        self.settings, self.managers = {**LCM_DEFAULTS, **settings}, []
        return {"lcm": self._lcm(self.state)}

    def _enact(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if self.job and self.looks:
            return {"refused": {"code": "LcmBusy", "message": "the LCM is busy"}}
        assert sha256(self.files[given["Name"]]) == given["Sha256"]
        self.starts += 1
        self.job, self.pending = given["JobId"], "ContosoSync"
        return {"started": True}

    def _follow(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if given["JobId"] != self.job:
            return {"lcm": self._lcm(self.state), "job": None}
        if self.looks:
            self.looks -= 1
            return {"lcm": self._lcm("Busy"), "job": None}
        self.properties = dict(self.enacted)
        job: dict[str, Any] = {
            "status": "Failure" if self.failure else "Success",
            "rebootRequested": self.reboot,
            "error": self.failure,
        }
        if self.failure:
            state = "PendingConfiguration"
        else:
            state, self.current, self.pending = "Idle", "ContosoSync", None
        known = self.records or not self.failure
        return {"lcm": self._lcm("PendingReboot" if self.reboot else state), "job": job if known else None}

    def _withdraw(self, given: Mapping[str, Any]) -> dict[str, Any]:
        for name in given["Name"]:
            self.files.pop(name, None)
        self.kept = given["Configuration"]
        if given["Document"]:
            self.current, self.pending = self.stuck or None, None
        return {"documents": self._documents()}


class FakeSession:
    """A session with a FakeNode; a lost one refuses to be used again."""

    def __init__(self, node: FakeNode) -> None:
        self._node, self._lost = node, False
        self.traffic = Traffic()

    def run(self, script: str, parameters: Mapping[str, object], timeout_s: float) -> dict[str, Any]:
        assert not self._lost, "a lost session was used again"
        assert timeout_s > 0
        self.traffic += Traffic(2, 1000, 500)
        try:
            return self._node.answer(script, parameters)
        except SessionLost:
            self._lost = True
            raise

    def close(self) -> None:
        self._node.closed += 1


def lose_before(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Break the connection before the script runs."""
    raise SessionLost("corpsync", "the session was lost: the connection broke", "try again")


def lose_after(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Let the script run, and break the connection before its answer arrives."""
    run()
    return lose_before(run)


def refuse(code: str) -> Callable[[Callable[[], dict[str, Any]]], dict[str, Any]]:
    """Return a hook that refuses with *code*."""
    return lambda run: {"refused": {"code": code, "message": f"refused with {code}"}}


def meta_document(settings: Mapping[str, object]) -> bytes:
    """Return LCM settings as bytes that a FakeNode reads."""
    return json.dumps(settings).encode()


TARGET = Target("corpsync", "127.0.0.1", 5986, "basic", "lab", None, None, 600.0, "lab (simulated)")
REAL = Target("corpsync", "corpsync.contoso.com", 5986, "kerberos", "", None, None, 600.0)
MODULE = ModuleArchive("MimSyncDsc", "0.1.0", b"zip" * 1000, sha256(b"files"))
DOCUMENTS = NodeDocuments(
    configuration="ContosoSync",
    node="corpsync",
    resource_id="[MimSyncService]Sync",
    spec_hash="c0ffee",
    thumbprint=THUMBPRINT,
    mof=b"mof" * 200_000,
    meta_mof=meta_document(
        {"ConfigurationMode": "ApplyOnly", "RefreshMode": "Push", "CertificateID": THUMBPRINT}
    ),
    audit_mof=None,
    keep_document=False,
    setup_timeout_s=3600,
    desired=DESIRED,
    origins={
        "Ensure": Origin("ensure", Position("spec.yaml", 8, 1)),
        "SourcePath": Origin("source", Position("spec.yaml", 9, 11)),
        "SqlServer": Origin("database.server", Position("spec.yaml", 13, 24)),
        "ServiceAccount": Origin("serviceAccount", Position("spec.yaml", 14, 19)),
        "AdministratorsGroup": Origin("groups.administrators", Position("spec.yaml", 16, 21)),
        "EnableRpcFirewallRules": Origin("firewall", Position("spec.yaml", 21, 13)),
    },
)
SERVICE = SyncService(DESIRED)


def connect(
    fake: FakeNode,
    *,
    target: Target = TARGET,
    documents: NodeDocuments = DOCUMENTS,
    clock: Clock | None = None,
    open_session: Callable[[], Session] | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Node:
    """Return a pusher's node whose other end is *fake*."""
    clock = clock or Clock()
    return Node(
        target,
        documents,
        MODULE,
        open_session or fake.open,
        meta_document,
        clock=clock,
        sleep=clock.sleep,
        now=lambda: datetime(2026, 11, 24, tzinfo=UTC),
        new_id=lambda: JOB,
        progress=progress,
    )


def refusal_of(action: Callable[[], object]) -> NodeRefused:
    """Return the refusal that *action* ends in."""
    try:
        action()
    except NodeRefused as error:
        return error
    raise AssertionError("it was not refused")
