"""Changing the simulated server by hand: ``PATH=VALUE``, checked as a whole before anything is written."""

import difflib
import re
from collections.abc import Iterator, Sequence

from mimc.errors import UsageError

from .folder import locked
from .node import SETTINGS, Form, NodeFile, Setting, Tree, put, value_at

_ACCOUNT = re.compile(r'[^\\/"\[\]:;|=,+*?<>@]+\\[^\\/"\[\]:;|=,+*?<>@]+')
_VERSION = re.compile(r"\d{1,9}(\.\d{1,9}){1,3}")
_NUMBER = re.compile(r"\d{1,6}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def tamper(node: NodeFile, changes: Sequence[str]) -> Tree:
    """Apply *changes*, each ``PATH=VALUE``, to the state of *node* and return it; all of them or none.

    Raises:
        UsageError: an unknown path, a value that is not allowed, or a product that is not installed.
    """
    with locked(node.folder):
        state = node.load()
        parsed = [_parse(change, state) for change in changes]
        for setting, value in parsed:
            put(state, setting.path, value)
            if (
                setting.path == "rebootRequired"
                and value == "no"
                and value_at(state, "lcm.state") == "PendingReboot"
            ):
                state["lcm"]["state"] = "Idle"
        node.save(state)
        return state


def listing(state: Tree) -> Iterator[tuple[str, str, str]]:
    """Yield path, present value and what is allowed, for each value that can be tampered with now."""
    for setting in SETTINGS:
        if state["installed"] or not setting.of_product:
            allowed = " | ".join(setting.choices) or setting.form.value
            yield setting.path, shown(value_at(state, setting.path)), f"{setting.help}: {allowed}"


def shown(value: object) -> str:
    """Return *value* of a setting as ``PATH=VALUE`` takes it."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _parse(change: str, state: Tree) -> tuple[Setting, object]:
    path, equals, text = change.partition("=")
    known = {setting.path.casefold(): setting for setting in SETTINGS}
    setting = known.get(path.casefold())
    if setting is None:
        near = difflib.get_close_matches(path.casefold(), known, n=1)
        hint = (
            f"did you mean {known[near[0]].path}?"
            if near
            else "without any value, tamper lists what there is"
        )
        raise UsageError(f"{path!r} is nothing of the simulated server; {hint}")
    if not equals:
        raise UsageError(f"{change!r}: write it as {setting.path}=VALUE")
    if setting.of_product and not state["installed"]:
        raise UsageError(
            f"{setting.path}: the product is not installed on {state['target']}\n"
            f"  install it first: mimc apply --target {state['target']} --lab"
        )
    return setting, _value(setting, text)


def _value(setting: Setting, text: str) -> object:
    if setting.choices:
        value = next((choice for choice in setting.choices if choice.casefold() == text.casefold()), None)
        if value is None:
            near = difflib.get_close_matches(text, setting.choices, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(
                f"{setting.path} cannot be {text!r}; allowed are {', '.join(setting.choices)}{hint}"
            )
        return int(value) if setting.form is Form.NUMBER else value
    accounts = [item.strip() for item in text.split(",") if item.strip()]
    fits = {
        Form.ACCOUNT: bool(_ACCOUNT.fullmatch(text)),
        Form.ACCOUNTS: all(_ACCOUNT.fullmatch(item) for item in accounts),
        Form.VERSION: bool(_VERSION.fullmatch(text)),
        Form.NUMBER: bool(_NUMBER.fullmatch(text)),
    }.get(setting.form, True)
    if not fits or _CONTROL.search(text):
        raise UsageError(f"{setting.path} cannot be {text!r}; it takes {setting.form.value}")
    if setting.form is Form.ACCOUNTS:
        return accounts
    return int(text) if setting.form is Form.NUMBER else text
