"""Desired against actual: the Python twin of the module's ``Compare-MimSyncState``.

Pure. Driven by the declaration of a resource type (the module has the same table, generated); both answer
the cases of tests/conformance/ alike. Case is ignored as Windows does it: ``lower``, not ``casefold``, for which
a sharp s is a double s.
"""

from collections.abc import Callable, Mapping

from mimc.state import Observed, State, Status, Verdict

from .base import Property, ResourceType, Rule

#: Names by which SQL clients mean the machine they run on (facts, section 0, row 6).
LOCAL_NAMES = frozenset({"", ".", "localhost", "(local)", "127.0.0.1", "::1"})
_UNWANTED = "the product is to be absent"
#: Names of the default instance.
DEFAULT_INSTANCES = frozenset({"", "default", "mssqlserver"})


def compare(resource: ResourceType, desired: Mapping[str, object], state: State) -> tuple[Verdict, ...]:
    """Return a verdict for each property in *desired*, in the order of the declaration.

    A property that the spec does not state has no verdict. On a node without the product every compared
    property is drift, with nothing as actual value. Of a product that is to be absent nothing else is compared.
    """
    is_unwanted = str(desired.get("Ensure", "")).lower() == "absent"
    return tuple(
        Verdict(item.name, Status.NOT_COMPARED, desired[item.name], reason=_UNWANTED)
        if is_unwanted and item.name != "Ensure"
        else _verdict(item, desired, state)
        for item in resource.properties
        if item.name in desired and not (item.rule is Rule.NONE and item.fixed is not None)
    )


def _verdict(item: Property, wanted: Mapping[str, object], state: State) -> Verdict:
    desired = wanted[item.name]
    if item.rule is Rule.NONE:
        return Verdict(item.name, Status.NOT_COMPARED, desired, reason="serves setup, cannot be read back")
    observed = state.properties.get(item.name, Observed())
    actual = observed.display or observed.value
    if not state.installed and item.name != "Ensure":
        return Verdict(item.name, Status.DRIFT, desired, None, "not installed")
    if observed.unknown:
        return Verdict(item.name, Status.UNKNOWN, desired, None, observed.unknown)
    if observed.not_checked:
        return Verdict(item.name, Status.NOT_CHECKED, desired, None, observed.not_checked)
    if item.rule is Rule.ACCOUNT and state.sids.get(str(desired).lower()) is None:
        reason = f"the node cannot resolve the name {desired}"
        return Verdict(item.name, Status.UNKNOWN, desired, actual, reason)
    if _SAME[item.rule](desired, observed.value, state):
        # Installed, and something that Set has begun is still open.
        if item.name == "Ensure" and (unfinished := state.facts.get("Unfinished")):
            reason = f"what was begun is not finished: {unfinished}"
            return Verdict(item.name, Status.DRIFT, desired, actual, reason)
        return Verdict(item.name, Status.OK, desired, actual)
    # Refuse is what a policy says by itself.
    if item.repairable or str(wanted.get(item.repaired_by) or "Refuse").lower() != "refuse":
        return Verdict(item.name, Status.DRIFT, desired, actual)
    return Verdict(item.name, Status.CANNOT_SET, desired, actual, item.cannot_set)


def _same_text(desired: object, actual: object, state: State) -> bool:
    return actual is not None and str(desired).lower() == str(actual).lower()


def _same_boolean(desired: object, actual: object, state: State) -> bool:
    return desired is actual


def _same_account(desired: object, actual: object, state: State) -> bool:
    return str(state.sids[str(desired).lower()]).lower() == str(actual).lower()


def _same_path(desired: object, actual: object, state: State) -> bool:
    return actual is not None and str(desired).rstrip("\\").lower() == str(actual).rstrip("\\").lower()


def _same_version(desired: object, actual: object, state: State) -> bool:
    return actual is not None and version_parts(str(actual)) >= version_parts(str(desired))


def version_parts(version: str) -> tuple[int, ...]:
    """Return a dotted version as four numbers, missing ones as 0; text that is none sorts before all."""
    parts = version.split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return ()
    return tuple((*map(int, parts), 0, 0, 0)[:4])


def _same_instance(desired: object, actual: object, state: State) -> bool:
    return _instance(desired) == _instance(actual)


def _instance(name: object) -> str:
    text = str(name or "").lower()
    return "" if text in DEFAULT_INSTANCES else text


def _same_server(desired: object, actual: object, state: State) -> bool:
    ours, theirs = _server(str(desired), state), _server(str(actual or ""), state)
    if "." in ours and "." in theirs:
        return ours == theirs
    return ours.partition(".")[0] == theirs.partition(".")[0]


def _server(name: str, state: State) -> str:
    """Return the name that stands for a server: an alias followed once, the local machine by its own name."""
    text = name.lower()
    if text in state.sql_aliases:
        text = _alias_host(state.sql_aliases[text])
    if text in LOCAL_NAMES or text == state.computer_name.lower():
        return state.fqdn.lower() or state.computer_name.lower()
    return text


def _alias_host(target: str) -> str:
    """Return the host in an alias value such as ``DBMSSOCN,host\\instance,1433`` (facts 1.3)."""
    parts = target.lower().split(",")
    return (parts[1] if len(parts) > 1 else parts[0]).partition("\\")[0].strip().removeprefix("tcp:").strip()


_SAME: Mapping[Rule, Callable[[object, object, State], bool]] = {
    Rule.TEXT: _same_text,
    Rule.BOOLEAN: _same_boolean,
    Rule.ACCOUNT: _same_account,
    Rule.SERVER: _same_server,
    Rule.INSTANCE: _same_instance,
    Rule.PATH: _same_path,
    Rule.VERSION: _same_version,
}
