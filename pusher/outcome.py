"""From verdicts to a report and its exit code: pure, the rules of DESIGN 7 and peers.md C.1.

In the verbs that read, what apply could not set is drift like any other; in apply it is told apart.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mimc.bundle import NodeDocuments
from mimc.errors import MimcError, Position
from mimc.state import State, Status, Verdict

from .neutral import neutral
from .session import Traffic
from .target import Target


class Word(StrEnum):
    """The status of a property or a node in a report."""

    OK = "ok"
    READ = "read"  # get: told, not judged
    DRIFT = "drift"
    CHANGED = "changed"
    FAILED = "failed"
    STILL_RUNNING = "stillRunning"
    CANNOT_SET = "cannotSet"
    UNKNOWN = "unknown"
    NOT_CHECKED = "notChecked"
    NOT_COMPARED = "notCompared"
    UNREACHABLE = "unreachable"


#: Words for a node as a whole, the worst first; the others say nothing about it.
_WORST_FIRST = (
    Word.FAILED,
    Word.STILL_RUNNING,
    Word.DRIFT,
    Word.CANNOT_SET,
    Word.UNKNOWN,
    Word.CHANGED,
    Word.READ,
)
#: Words of a property whose value is known and not the desired one.
DIFFERING = frozenset({Word.DRIFT, Word.CANNOT_SET, Word.FAILED, Word.STILL_RUNNING})
#: Words that nothing is counted by.
NEUTRAL = frozenset({Word.NOT_CHECKED, Word.NOT_COMPARED})
_EXIT_WORDS = {0: "ok", 1: "failed", 2: "drift", 7: "reboot"}
_NOT_COMPARED_YET = "mimc has no reader for this resource; apply lets the LCM enact it"
#: Part of the LCM's error text when setup's own time limit has passed (DESIGN 3).
_STILL_RUNNING = "stillrunning"

Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run has come to know of a node, whatever the verb."""

    target: Target
    documents: NodeDocuments
    state: State | None
    traffic: Traffic


@dataclass(frozen=True, slots=True)
class Applied:
    """An apply from start to end: verdicts before and after, the LCM's failure, and what went wrong tidying up."""

    before: tuple[Verdict, ...]
    after: tuple[Verdict, ...]
    failure: str = ""
    leftover: str = ""
    reboot_requested: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class PropertyResult:
    """One property in a report; ``path`` is its path in the spec, ``before`` its value before an apply."""

    property: str
    path: str
    status: Word
    desired: Plain = None
    actual: Plain = None
    before: Plain = None
    reason: str = ""
    source: Position | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence about the run; ``level`` is error, warning or info."""

    level: str
    text: str


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What became of one node. ``in_desired_state`` is None when nobody can tell."""

    target: str
    address: str
    resource: str
    status: Word
    in_desired_state: bool | None
    reboot_required: bool
    properties: tuple[PropertyResult, ...] = ()
    facts: Mapping[str, Plain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a run. ``engine`` is "" for real nodes."""

    command: str
    engine: str
    name: str
    spec_hash: str
    nodes: tuple[NodeReport, ...]
    messages: tuple[Message, ...]
    traffic: Traffic
    exit_code: int
    exit_word: str


def to_set(verdicts: Sequence[Verdict]) -> bool:
    """Return whether an apply would change something."""
    return any(verdict.status is Status.DRIFT for verdict in verdicts)


def only_cannot_set(verdicts: Sequence[Verdict]) -> bool:
    """Return whether something differs, and nothing of it can be set."""
    return not to_set(verdicts) and any(verdict.status is Status.CANNOT_SET for verdict in verdicts)


def observed(evidence: Evidence, state: State) -> Report:
    """Return the report of ``get``: values as they are, no judgement."""
    results = []
    for name, seen in state.properties.items():
        word = Word.UNKNOWN if seen.unknown else Word.NOT_CHECKED if seen.not_checked else Word.READ
        reason = seen.unknown or seen.not_checked
        # Of the two names of the logon account, and of all else, what the spec is about.
        if name in evidence.documents.desired:
            results.append(_result(evidence, name, word, actual=seen.display or seen.value, reason=reason))
    return _report("get", evidence, tuple(results), (), 0, reboot=False)


def judged(command: str, evidence: Evidence, verdicts: Sequence[Verdict]) -> Report:
    """Return the report of ``drift`` or ``test``: 2 when something differs, else 1 when something is unknown."""
    results = (*(_judged(evidence, verdict) for verdict in verdicts), *_others(evidence, _NOT_COMPARED_YET))
    words = {result.status for result in results}
    code = 2 if words & DIFFERING else 1 if Word.UNKNOWN in words else 0
    return _report(command, evidence, results, (), code, reboot=False)


def applied(evidence: Evidence, run: Applied) -> Report:
    """Return the report of ``apply``: 1 when anything is not as desired, else 7 when a restart is pending."""
    before = {verdict.property: verdict for verdict in run.before}
    results = (
        *(_settled(evidence, before.get(verdict.property), verdict, run.failure) for verdict in run.after),
        *_others(
            evidence,
            "the LCM reported a failure" if run.failure else "the LCM enacted it and reported success",
        ),
    )
    words = {result.status for result in results}
    messages = [Message("error", text) for text in (run.failure, run.leftover) if text]
    failed = bool(messages)
    messages += [Message("info", run.note)] if run.note else []
    code = 1 if failed or words & DIFFERING or Word.UNKNOWN in words else 0
    reboot = run.reboot_requested or _reboot_required(evidence)
    if reboot:
        messages.append(Message("warning", f"{evidence.target.name} has to be restarted"))
    return _report("apply", evidence, results, tuple(messages), code or (7 if reboot else 0), reboot=reboot)


def from_error(command: str, evidence: Evidence, error: MimcError) -> Report:
    """Return the report of a run that ended in *error*, for readers that want an object whatever happens."""
    word = Word.UNREACHABLE if error.exit_code in (4, 5) else Word.FAILED
    node = NodeReport(
        target=evidence.target.name,
        address=evidence.target.address,
        resource=evidence.documents.resource_id,
        status=word,
        in_desired_state=None,
        reboot_required=False,
    )
    documents = evidence.documents
    return Report(
        command,
        evidence.target.engine,
        documents.configuration,
        documents.spec_hash,
        (node,),
        (Message("error", " ".join(neutral(line.strip()) for line in str(error).splitlines())),),
        evidence.traffic,
        error.exit_code,
        error.exit_word,
    )


def _others(evidence: Evidence, reason: str) -> list[PropertyResult]:
    """Return a row for each resource that is enacted with the document and read back by nobody."""
    return [
        PropertyResult(name, name, Word.NOT_CHECKED, reason=reason, source=position)
        for name, position in evidence.documents.others.items()
    ]


def _judged(evidence: Evidence, verdict: Verdict) -> PropertyResult:
    word, reason = Word(verdict.status), verdict.reason
    if verdict.status is Status.CANNOT_SET:
        word, reason = Word.DRIFT, f"apply cannot set it: {reason}"
    return _result(evidence, verdict.property, word, verdict.desired, verdict.actual, reason=reason)


def _settled(evidence: Evidence, before: Verdict | None, after: Verdict, failure: str) -> PropertyResult:
    word, reason = Word(after.status), after.reason
    differed = before is not None and before.status in (Status.DRIFT, Status.CANNOT_SET)
    if after.status is Status.OK and differed:
        word = Word.CHANGED
    elif after.status is Status.DRIFT:
        word = Word.STILL_RUNNING if _STILL_RUNNING in failure.casefold() else Word.FAILED
        reason = reason or "still differs after the enactment"
    earlier = before.actual if before is not None and word is Word.CHANGED else None
    return _result(evidence, after.property, word, after.desired, after.actual, earlier, reason)


def _result(
    evidence: Evidence,
    name: str,
    word: Word,
    desired: object = None,
    actual: object = None,
    before: object = None,
    reason: str = "",
) -> PropertyResult:
    origin = evidence.documents.origins.get(name)
    path = origin.path if origin else name
    return PropertyResult(
        property=name,
        path=path,
        status=word,
        desired=_plain(desired),
        actual=_plain(actual),
        before=_plain(before),
        reason=reason,
        source=origin.position if origin else None,
    )


def _report(
    command: str,
    evidence: Evidence,
    results: tuple[PropertyResult, ...],
    messages: tuple[Message, ...],
    exit_code: int,
    *,
    reboot: bool,
) -> Report:
    words = {result.status for result in results}
    if any(message.level == "error" for message in messages) and Word.STILL_RUNNING not in words:
        words.add(Word.FAILED)
    status = next((word for word in _WORST_FIRST if word in words), Word.OK)
    node = NodeReport(
        target=evidence.target.name,
        address=evidence.target.address,
        resource=evidence.documents.resource_id,
        status=Word.READ if command == "get" else status,
        in_desired_state=None if command == "get" else _in_desired_state(words),
        reboot_required=reboot or _reboot_required(evidence),
        properties=results,
        facts={str(k): _plain(v) for k, v in evidence.state.facts.items()} if evidence.state else {},
    )
    documents = evidence.documents
    return Report(
        command,
        evidence.target.engine,
        documents.configuration,
        documents.spec_hash,
        (node,),
        messages,
        evidence.traffic,
        exit_code,
        _EXIT_WORDS[exit_code],
    )


def _in_desired_state(words: set[Word]) -> bool | None:
    if words & DIFFERING:
        return False
    return None if Word.UNKNOWN in words else True


def _reboot_required(evidence: Evidence) -> bool:
    return evidence.state is not None and evidence.state.facts.get("RebootRequired") is True


def _plain(value: object) -> Plain:
    """Return *value* as JSON has it; what a node should not send (a list, an object, NaN) becomes text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
