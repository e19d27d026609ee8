"""Where a node is and who asks: one frozen noun, made by the commands from spec, options and secrets."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mimc.secret import Secret


class Auth(StrEnum):
    """How a session logs in; all of them over TLS."""

    KERBEROS = "kerberos"
    NEGOTIATE = "negotiate"
    NTLM = "ntlm"
    BASIC = "basic"


@dataclass(frozen=True, slots=True)
class Target:
    """A node as the pusher reaches it.

    ``name`` is its name in the spec. ``user`` "" and ``password`` None mean the caller's own Kerberos ticket.
    ``ca_file`` holds the authorities (PEM) that may have signed the node's TLS certificate, None those of the
    system. ``time_limit_s`` is for a whole run. ``engine`` is "" for a real node, else what stands in its place
    ("lab (simulated)").
    """

    name: str
    host: str
    port: int
    auth: str
    user: str
    password: Secret | None
    ca_file: Path | None
    time_limit_s: float
    engine: str = ""

    @property
    def address(self) -> str:
        """Host and port as one text; what stands in a node's place has a port of the moment, which says nothing."""
        if self.engine:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
