"""What ``preflight.ps1`` and ``follow.ps1`` answer, and why a node may not be worked on (docs/contract.md).

Pure. The rules are those of DESIGN 5: a node belongs to somebody, and what would fail late is refused early.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mimc.bundle import NodeDocuments
from mimc.errors import NodeRefused
from mimc.state import StateError

from .neutral import neutral

#: A setting in a meta MOF whose value is text without escapes, a boolean, NULL, or a whole number.
_SETTING = re.compile(r'(\w+) *= *("[^"\\]*"|[Tt]rue|[Ff]alse|NULL|\d+);')


@dataclass(frozen=True, slots=True)
class Lcm:
    """The Local Configuration Manager: ``state`` as in the contract, ``certificate_id`` "" when unset.

    ``settings`` has text, booleans, whole numbers and tuples of text, and nothing for what the LCM has no value of.
    ``managers`` names those lists of its meta configuration that are not empty.
    """

    state: str
    detail: str
    certificate_id: str
    settings: Mapping[str, object]
    managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """How an enactment ended."""

    succeeded: bool
    reboot_requested: bool
    error: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """A node before anything is done to it. ``current`` and ``pending`` name its documents, None without one."""

    certificate_present: bool
    private_key: bool
    expires: datetime | None
    lcm: Lcm
    current: str | None
    pending: str | None
    module_sha256: str


def parse_lcm(value: Any) -> Lcm:
    """Return the ``lcm`` object of an answer; raise StateError when it has another shape."""
    try:
        return Lcm(
            state=str(value["state"]),
            detail=neutral(value.get("detail") or ""),
            certificate_id=str(value.get("certificateId") or ""),
            settings={
                str(name): tuple(map(str, item)) if isinstance(item, list) else item
                for name, item in (value.get("settings") or {}).items()
            },
            managers=tuple(neutral(name) for name in value.get("managers") or ()),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StateError(f"the node's account of its LCM is not as expected: {error!r}") from error


def parse_preflight(answer: Mapping[str, Any]) -> Preflight:
    """Return the answer of ``preflight.ps1``; raise StateError when it has another shape."""
    try:
        certificate, documents = answer["certificate"] or {}, answer["documents"]
        return Preflight(
            certificate_present=certificate.get("present") is True,
            private_key=certificate.get("privateKey") is True,
            expires=_instant(certificate.get("expires")),
            lcm=parse_lcm(answer["lcm"]),
            current=_name(documents["current"]),
            pending=_name(documents["pending"]),
            module_sha256=str(answer["module"]["sha256"] or "").lower(),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StateError(f"the node's preflight answer is not as expected: {error!r}") from error


def parse_job(value: Any) -> Job | None:
    """Return the ``job`` object of ``follow.ps1``, None while the LCM has no status of the job."""
    # Windows PowerShell writes nothing as {}, once a script takes it for null.
    if not value:
        return None
    try:
        return Job(
            succeeded=value["status"] == "Success",
            reboot_requested=value.get("rebootRequested") is True,
            error=neutral(value.get("error") or ""),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise StateError(f"the node's account of the job is not as expected: {error!r}") from error


def refused(target: str, documents: NodeDocuments, preflight: Preflight, now: datetime) -> NodeRefused | None:
    """Return why the node may not be worked on, None when it may; *now* is aware.

    A busy LCM is no reason here: it is waited for.
    """
    return (
        _refused_for_state(target, preflight)
        or refused_for_owner(target, documents, preflight)
        or _refused_for_certificate(target, documents.thumbprint, preflight, now)
    )


def fits(lcm: Lcm, meta_mof: bytes) -> bool:
    """Return whether *lcm* has every setting that the document *meta_mof* states.

    A document of another form than the compiler's plain one never fits: it is sent.
    """
    stated = _stated(meta_mof)
    actual = {**lcm.settings, "CertificateID": lcm.certificate_id or None}
    return bool(stated) and all(_same(actual.get(name), value) for name, value in stated.items())


def _stated(meta_mof: bytes) -> dict[str, object]:
    """Return the settings in *meta_mof*; none when it says more than text, booleans and whole numbers."""
    try:
        text = meta_mof.decode("utf-16").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return {}
    classes = re.findall(r"^instance of (\w+)", text, re.MULTILINE)
    block = re.search(r"^\{\n(.*?)^\};", text, re.MULTILINE | re.DOTALL)
    if classes != ["MSFT_DSCMetaConfiguration", "OMI_ConfigurationDocument"] or not block:
        return {}
    found = [_SETTING.fullmatch(line.strip()) for line in block[1].split("\n") if line.strip()]
    if not all(found):
        return {}
    return {match[1]: _plain(match[2]) for match in found if match}


def _plain(literal: str) -> object:
    words: Mapping[str, object] = {"true": True, "false": False, "null": None}
    if literal.startswith('"'):
        return literal[1:-1]
    return words[literal.lower()] if literal.lower() in words else int(literal)


def _same(one: object, other: object) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return one == other and type(one) is type(other)


def _refused_for_state(target: str, preflight: Preflight) -> NodeRefused | None:
    if preflight.lcm.state == "PendingReboot":
        return NodeRefused(
            target,
            "PendingReboot",
            "the LCM waits for a restart of the node",
            f"restart {target}, then try again",
        )
    return None


def refused_for_owner(target: str, documents: NodeDocuments, preflight: Preflight) -> NodeRefused | None:
    """Return why the node is somebody else's, None when it is not."""
    if str(preflight.lcm.settings.get("RefreshMode", "")).casefold() == "pull":
        return NodeRefused(
            target,
            "PullNode",
            "the node pulls its configuration from a server (RefreshMode Pull)",
            "put the configuration on the pull server, or set RefreshMode to Push if the node is yours",
        )
    if preflight.lcm.managers:
        # Neither can be read back whole (passwords, keys), so what a meta document of ours drops stays lost.
        return NodeRefused(
            target,
            "ManagedNode",
            f"the node's LCM has {' and '.join(preflight.lcm.managers)}: somebody manages it, and setting up the "
            "LCM for us would lose them",
            "ask who manages it; an LCM without them can be worked on",
        )
    for name in (preflight.current, preflight.pending):
        if name is not None and name.casefold() != documents.configuration.casefold():
            whose = f"the configuration {neutral(name)}" if name else "a configuration that tells no name"
            return NodeRefused(
                target,
                "ForeignDocument",
                f"the node holds {whose}, not {documents.configuration}; nothing was changed",
                "ask who owns it; Remove-DscConfigurationDocument on the node removes one that nobody needs",
            )
    return None


def _refused_for_certificate(
    target: str, thumbprint: str, preflight: Preflight, now: datetime
) -> NodeRefused | None:
    if not thumbprint:
        return None
    if not preflight.certificate_present:
        reason = f"the document-encryption certificate {thumbprint} is not in the node's LocalMachine\\My"
    elif not preflight.private_key:
        reason = f"the certificate {thumbprint} is there without its private key, so nothing can be decrypted"
    elif preflight.expires is not None and preflight.expires <= now:
        reason = f"the certificate {thumbprint} expired on {preflight.expires:%Y-%m-%d}"
    else:
        return None
    return NodeRefused(
        target,
        "Certificate",
        reason,
        "make a new one on the node, export its public half for the spec, and compile again",
    )


def _name(value: object) -> str | None:
    return None if value is None else str(value)


def _instant(value: object) -> datetime | None:
    if not value:
        return None
    # .NET's round-trip format has seven digits of a second.
    instant = datetime.fromisoformat(str(value))
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
