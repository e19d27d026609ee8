"""What the pusher needs of a session with a node, and the ways in which one ends badly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mimc.errors import NodeRefused, Unreachable

from .neutral import neutral


@dataclass(frozen=True, slots=True)
class Traffic:
    """What went over the wire: HTTP requests, and the bytes of their bodies, log-in included."""

    requests: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(
            self.requests + other.requests,
            self.bytes_sent + other.bytes_sent,
            self.bytes_received + other.bytes_received,
        )


class Session(Protocol):
    """An open session with one node; used by one thread."""

    @property
    def traffic(self) -> Traffic:
        """What the session has cost so far."""

    def run(self, script: str, parameters: Mapping[str, object], timeout_s: float) -> dict[str, Any]:
        """Send the constant script of that name and return its decoded answer.

        Raises:
            NodeRefused: the script answered with a refusal.
            ScriptFailed: the script ended with an error.
            SessionLost: the connection broke; the script may have run.
            DeadlinePassed: no answer within *timeout_s* seconds; the script was told to stop.
        """

    def close(self) -> None:
        """End the session; a second call, or a session that is lost, is no error."""


class SessionLost(Unreachable):
    """The connection broke after the session was open: what was under way may have happened or not."""


class ScriptFailed(NodeRefused):
    """A script on the node ended with an error; ``fq_error`` is its FullyQualifiedErrorId."""

    def __init__(self, target: str, script: str, fq_error: str, message: str) -> None:
        self.fq_error, self.message = fq_error, message
        super().__init__(
            target,
            "ScriptFailed",
            f"{script}.ps1 failed on the node: {neutral(message)} ({neutral(fq_error)})",
            f"see Windows PowerShell's event log on {target}; nothing more was sent",
        )


#: What to do about a refusal, by its code (docs/contract.md).
_STEPS = {
    "NotAdministrator": "connect with an account of the node's group Administrators",
    "LcmBusy": "wait until the LCM is idle (Get-DscLocalConfigurationManager on the node), then try again",
    "PendingReboot": "restart {target}, then try again",
    "NoCertificateId": "run mimc apply: it sets the certificate that the LCM decrypts with",
    "NoModule": "run mimc apply: it brings the module to the node",
    "AuditFailed": "check auditAs: it needs SELECT on mms_server_configuration, and a right to log on",
    "StageOwner": "on the node, look who made %ProgramData%\\mimc\\stage, and remove the folder",
    "StageOffset": "another run may be staging on {target}: let it end, then try again",
    "StageHash": "try again; if it comes back, something on the way changes what is sent",
    "StageMissing": "try again; if it comes back, something on {target} removes staged files",
    "ModuleHash": "try again; if it comes back, something on {target} changes files as they are written",
}


def refusal(target: str, refused: Mapping[str, Any]) -> NodeRefused:
    """Return the error for the ``refused`` object of a script's answer, with the next step for its code."""
    code = neutral(refused.get("code", ""))
    step = _STEPS.get(code, "see docs/contract.md for what the script checks").format(target=target)
    return NodeRefused(target, code, neutral(refused.get("message", "")) or f"refused: {code}", step)
