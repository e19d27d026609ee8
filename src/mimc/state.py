"""What a node says of itself, and what that means beside what the spec wants.

Plain nouns, shared by the resource (which judges) and the pusher (which fetches and reports). They know
neither a connection nor a spec.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mimc.errors import MimcError

STATE_VERSION = 1


class Status(StrEnum):
    """The verdict on one property (DESIGN 3). ``UNKNOWN`` is never drift and never in the desired state."""

    OK = "ok"
    DRIFT = "drift"
    UNKNOWN = "unknown"  # tried, could not be read
    NOT_CHECKED = "notChecked"  # needs something that the spec does not give
    NOT_COMPARED = "notCompared"  # nobody can read it
    CANNOT_SET = "cannotSet"  # differs, and Set may not or cannot change it


@dataclass(frozen=True, slots=True)
class Verdict:
    """One property of a resource: what is wanted, what is there, and what that means."""

    property: str
    status: Status
    desired: object = None
    actual: object = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """One property as read: a ``value``, or the reason why there is none.

    ``display`` is what to show a person where ``value`` is a SID. ``unknown`` and ``not_checked`` hold reasons.
    """

    value: object = None
    display: str = ""
    unknown: str = ""
    not_checked: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """The answer of ``read.ps1`` or ``audit.ps1`` (docs/contract.md), checked for its version and shape."""

    computer_name: str
    fqdn: str
    sql_aliases: Mapping[str, str]
    sids: Mapping[str, str | None]
    properties: Mapping[str, Observed]
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def installed(self) -> bool:
        """Whether the product is there (Uninstall key and service, never one alone)."""
        return self.properties["Ensure"].value == "Present"


class StateError(MimcError):
    """A node's answer is not what its script should give."""


def parse_state(value: Any) -> State:
    """Return the :class:`State` in *value*, the decoded ``state`` object of a script's answer.

    Raises:
        StateError: another version, or not the shape of docs/contract.md.
    """
    try:
        if value["version"] != STATE_VERSION:
            raise StateError(
                f"the node's state has version {value['version']!r}, this mimc reads {STATE_VERSION}"
            )
        state = State(
            computer_name=str(value["node"]["computerName"]),
            fqdn=str(value["node"]["fqdn"]),
            sql_aliases={str(k).lower(): str(v) for k, v in (value["node"].get("sqlAliases") or {}).items()},
            sids={str(name).lower(): _sid(name, sid) for name, sid in (value["sids"] or {}).items()},
            properties={name: _observed(entry) for name, entry in value["properties"].items()},
            facts=dict(value.get("facts") or {}),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise StateError(f"the node's state is not as expected: {type(error).__name__}: {error}") from error
    if "Ensure" not in state.properties:
        raise StateError("the node's state does not say whether the product is there (Ensure)")
    return state


def _sid(name: object, sid: object) -> str | None:
    # Windows PowerShell writes nothing as {}, once a script takes it for null: no SID, and no name without one.
    if sid is None or isinstance(sid, str):
        return sid
    raise StateError(f"the node's state has no SID for {name}, but {sid!r}")


def _observed(entry: Mapping[str, Any]) -> Observed:
    return Observed(
        value=entry.get("value"),
        display=str(entry.get("display") or ""),
        unknown=str(entry.get("unknown") or ""),
        not_checked=str(entry.get("notChecked") or ""),
    )


def decode(text: str) -> dict[str, Any]:
    """Return the JSON object in *text*, a script's whole answer.

    Raises:
        StateError: not JSON, not an object, or another version.
    """
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise StateError(f"a script on the node did not answer with JSON: {error}") from error
    if not isinstance(answer, dict) or answer.get("version") != STATE_VERSION:
        raise StateError(f"a script on the node answered in another form than version {STATE_VERSION}")
    return answer
