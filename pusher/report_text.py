"""A report for people: one row a property, reasons below, one sentence at the end. No colour.

Every value passes :func:`~mimc.pusher.neutral.neutral`, whoever gave it.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from .neutral import neutral
from .outcome import DIFFERING, NEUTRAL, NodeReport, Plain, PropertyResult, Report, Word

_LAB = "a rehearsal, nothing here says how a real server behaves"
#: Characters of the columns property and desired; longer texts push the rest of their row.
_WIDEST = 48
_INDENT = "  "


def render(report: Report) -> str:
    """Return *report* as text with a final newline."""
    lines: list[str] = []
    for node in report.nodes:
        lines += [_heading(node, report.engine), *_body(report.command, node), ""]
    lines += [f"{message.level}: {neutral(message.text)}" for message in report.messages]
    lines += [_summary(report.command, node) for node in report.nodes if node.properties]
    lines.append(f"exit {report.exit_code} ({report.exit_word})")
    if report.engine:
        notice = f"{neutral(report.engine)}: {_LAB}"
        lines = [notice, *lines, notice]
    return "\n".join(lines) + "\n"


def changes(properties: Iterable[PropertyResult]) -> str:
    """Return the rows of the properties that an apply would change or cannot: what the user is asked about."""
    return "\n".join(_table([item for item in properties if item.status in DIFFERING]))


def _heading(node: NodeReport, engine: str) -> str:
    where = f"{neutral(node.target)} ({neutral(node.address)})"
    return f"{where} - {neutral(engine)}" if engine else where


def _body(command: str, node: NodeReport) -> list[str]:
    if command == "test":
        return [_verdict(node)]
    lines = _table([item for item in node.properties if item.status is not Word.NOT_COMPARED])
    unseen: dict[str, list[str]] = {}
    for item in node.properties:
        if item.status is Word.NOT_COMPARED:
            unseen.setdefault(item.reason, []).append(neutral(item.path))
    for reason, paths in unseen.items():
        lines.append(f"{_INDENT}not compared ({neutral(reason)}): {', '.join(paths)}")
    return lines


def _verdict(node: NodeReport) -> str:
    word = {True: "True", False: "False", None: "Unknown"}[node.in_desired_state]
    which = [
        f"{neutral(item.path)} ({item.status})"
        for item in node.properties
        if item.status in DIFFERING or item.status is Word.UNKNOWN
    ]
    line = f"{_INDENT}{word:<8} {neutral(node.resource)}"
    return f"{line}: {', '.join(which)}" if which else line


def _table(properties: Sequence[PropertyResult]) -> list[str]:
    rows = [(item, neutral(item.path), *_values(item)) for item in properties]
    status_width = max((len(_word(item)) for item in properties), default=0)
    path_width = min(max((len(path) for _, path, _, _ in rows), default=0), _WIDEST)
    value_width = min(max((len(first) for _, _, first, _ in rows), default=0), _WIDEST)
    lines = []
    # Neighbours with the same reason (five groups and one SQL Server) tell it once, below the last of them.
    for (_, reason), group in groupby(rows, key=lambda row: (row[0].status, row[0].reason)):
        for item, path, first, second in group:
            row = f"{_word(item):<{status_width}}  {path:<{path_width}}  {first:<{value_width}}  {second}"
            lines.append(_INDENT + row.rstrip())
        if reason:
            lines.append(f"{_INDENT}{'':<{status_width}}  {neutral(reason)}")
    return lines


def _word(item: PropertyResult) -> str:
    """Return the status as people read it: what apply changed is fine now, and its row says what was there."""
    return Word.OK if item.status is Word.CHANGED else item.status


def _values(item: PropertyResult) -> tuple[str, str]:
    """Return the desired value, and what to say of the actual one where it is not the same."""
    if item.status is Word.READ:
        return show(item.actual), ""
    if item.status in DIFFERING:
        return show(item.desired), f"actual: {show(item.actual)}"
    if item.status is Word.CHANGED:
        return show(item.desired), f"was: {show(item.before)}"
    return show(item.desired), ""


def show(value: Plain) -> str:
    """Return a value as people read it: the words of the spec for booleans, a word for nothing."""
    if value is None or value == "":
        return "(nothing)"
    if isinstance(value, bool):
        return "true" if value else "false"
    return neutral(value)


def _summary(command: str, node: NodeReport) -> str:
    compared = [item for item in node.properties if item.status not in NEUTRAL]
    if command == "get":
        return f"{_count(len(compared))} read, nothing judged."
    parts = [
        _share(node, {Word.DRIFT}, len(compared), "drifted"),
        _share(node, {Word.FAILED}, len(compared), "not as desired after the enactment"),
        _share(node, {Word.STILL_RUNNING}, len(compared), "still being set up on the node"),
        _share(node, {Word.CANNOT_SET}, len(compared), "cannot be set"),
        _share(node, {Word.UNKNOWN}, len(compared), "could not be read"),
    ]
    said = [part for part in parts if part]
    changed = _share(node, {Word.CHANGED}, len(compared), "changed")
    if not said:
        end = f"; {changed}" if changed else ", nothing to change" if command == "apply" else ""
        said = [f"{_count(len(compared))} in the desired state{end}"]
    elif changed:
        said.append(changed)
    unchecked = sum(item.status is Word.NOT_CHECKED for item in node.properties)
    if unchecked:
        said.append(f"{unchecked} not checked")
    return "; ".join(said) + "."


def _share(node: NodeReport, words: set[Word], of: int, what: str) -> str:
    paths = [neutral(item.path) for item in node.properties if item.status in words]
    if not paths:
        return ""
    which = f": {', '.join(paths)}" if len(paths) < of or of == 1 else ""
    return f"{len(paths)} of {_count(of)} {what}{which}"


def _count(number: int) -> str:
    return "1 property" if number == 1 else f"{number} properties"
