"""Plain data against the spec's JSON Schema: all problems at once, each with its place and a hint.

The only home of ``jsonschema``. Its messages quote values; ours do not quote what may hold a secret.
"""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from mimc.errors import Problem

from .load import Loaded, Path

_TYPE_NAMES = {
    "object": "a block of keys",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "nothing",
}
_SECRET_HINT = "a secret is never written down here: write {secret: {env: NAME}}"


@dataclass(frozen=True, slots=True)
class _Fault:
    """A ValidationError in plain words: the rule that broke, what it wanted, and the value it looked at."""

    path: Path
    rule: str
    wanted: Any
    schema: dict[str, Any]
    value: Any


def validate(loaded: Loaded, schema: dict[str, Any]) -> list[Problem]:
    """Return what in *loaded* does not fit *schema*, sorted by place."""
    faults = map(_fault, Draft202012Validator(schema).iter_errors(loaded.data))
    return sorted({problem for fault in faults for problem in _problems(loaded, fault)})


def _fault(error: ValidationError) -> _Fault:
    schema = error.schema if isinstance(error.schema, dict) else {}
    return _Fault(
        tuple(error.absolute_path), str(error.validator), error.validator_value, schema, error.instance
    )


def _problems(loaded: Loaded, fault: _Fault) -> Iterator[Problem]:
    if fault.rule == "additionalProperties":
        yield from _unknown_keys(loaded, fault)
    elif fault.rule == "required":
        yield from _missing_keys(loaded, fault)
    elif fault.schema.get("x-secret"):
        yield Problem(loaded.position(fault.path), f"{_name(fault.path)}: {_SECRET_HINT}")
    else:
        yield Problem(loaded.position(fault.path), f"{_name(fault.path)}: {_expectation(fault)}")


def _unknown_keys(loaded: Loaded, fault: _Fault) -> Iterator[Problem]:
    known = list(fault.schema.get("properties", {}))
    where = f" in {_name(fault.path)}" if fault.path else ""
    for key in fault.value:
        if key not in known:
            position = loaded.position((*fault.path, key), key=True)
            yield Problem(position, f"unknown key {key}{where}{did_you_mean(key, known)}")


def _missing_keys(loaded: Loaded, fault: _Fault) -> Iterator[Problem]:
    for key in fault.wanted:
        if key not in fault.value:
            about = fault.schema.get("properties", {}).get(key, {}).get("description", "")
            hint = f": {about[:1].lower()}{about[1:]}" if about else ""
            yield Problem(loaded.position(fault.path), f"{_name(fault.path)} lacks the key {key}{hint}")


def _expectation(fault: _Fault) -> str:
    expected = fault.schema.get("x-expected")
    match fault.rule:
        case "type":
            text = f"expected {expected or _TYPE_NAMES[fault.wanted]}, got {_kind(fault.value, fault.wanted)}"
            return text + _quoting_hint(fault.wanted, fault.value)
        case "enum" | "const":
            choices = fault.wanted if fault.rule == "enum" else [fault.wanted]
            near = did_you_mean(fault.value, choices)
            return f"expected {_choices(choices)}, got {_shown(fault.value)}{near}"
        case "minimum" | "maximum":
            low, high = fault.schema["minimum"], fault.schema["maximum"]
            return f"expected a number from {low} to {high}, got {fault.value}"
        case "minProperties":
            return "expected at least one entry"
        case "minLength":
            return "expected some text"
        case _:
            return f"expected {expected}, got {_shown(fault.value)}"


def _quoting_hint(wanted: str, value: object) -> str:
    if wanted == "boolean" and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off"):
        return f" (write {'true' if value.lower() in ('yes', 'on') else 'false'})"
    if wanted == "string" and not isinstance(value, dict | list | None):
        return " (put it in quotes)"
    return ""


def _kind(value: object, wanted: str) -> str:
    if isinstance(value, dict):
        return "a block of keys"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    # Text in the place of a block may be anything, a password too: it is not repeated.
    return "text" if wanted == "object" and isinstance(value, str) else _shown(value)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value) if len(str(value)) <= 60 else f"{str(value)[:57]}..."
    return f"'{text}'" if text.isprintable() else repr(text)


def _choices(values: Iterable[object]) -> str:
    return " or ".join(str(value) for value in values)


def _name(path: Path) -> str:
    return ".".join(str(step) for step in path) or "the spec"


def did_you_mean(word: object, known: Iterable[object]) -> str:
    """Return a hint at the word of *known* that *word* is nearest to, or an empty text."""
    names = {str(name).casefold(): str(name) for name in known}
    near = difflib.get_close_matches(str(word).casefold(), names, n=1, cutoff=0.6)
    return f"; did you mean {names[near[0]]}?" if near else ""
