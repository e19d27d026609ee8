"""Plain data against the spec's JSON Schema: all problems at once, each with its place and a hint.

The only home of ``jsonschema``. Its messages quote values; ours do not quote what may hold a secret.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError

from mimc import schemas
from mimc.errors import Problem
from mimc.resources.spec_schema import without_required

from .load import Loaded, Path, is_reference
from .wording import SECRET_HINT, kind, shown, word

_TYPE_NAMES = {
    "object": "a block of keys",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "nothing",
}


@dataclass(frozen=True, slots=True)
class _Fault:
    """A ValidationError in plain words: the rule that broke, what it wanted, and the value it looked at."""

    path: Path
    rule: str
    wanted: Any
    schema: dict[str, Any]
    value: Any


def validate(loaded: Loaded, name: str) -> list[Problem]:
    """Return what in *loaded* does not fit the schema *name*, sorted by place."""
    return _all(loaded, _validator(name, "", required=True))


def validate_layer(loaded: Loaded, name: str) -> list[Problem]:
    """Return what in *loaded*, one layer of several, does not fit the schema *name*; any key may be missing."""
    return _all(loaded, _validator(name, "", required=False), is_layer=True)


def validate_part(loaded: Loaded, path: Path, definition: str) -> list[Problem]:
    """Return what in the value at *path* of an effective spec does not fit *definition* of the spec's schema."""
    part = loaded.at(path)
    faults = (
        replace(f, path=(*path, *f.path))
        for f in _faults(part, _validator("spec", definition, required=True))
    )
    kept = (fault for fault in faults if not _is_typed_elsewhere(fault.path))
    return sorted({problem for fault in kept for problem in _problems(loaded, fault)})


def _is_typed_elsewhere(path: Path) -> bool:
    """Whether ``lcm`` says more of the value at *path* than the schema, which is stricter there for editors."""
    return any(
        step == "localConfigurationManager"
        and path[at + 1 : at + 2]
        and path[at + 1] in ("settings", "managers")
        for at, step in enumerate(path)
    )


def _pattern(validator: Any, pattern: str, value: object, schema: object) -> Iterator[ValidationError]:
    # In JSON Schema $ is the end of the text; in Python it is also before a last line feed.
    if isinstance(value, str) and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), value):
        yield ValidationError(f"does not match {pattern}")


_Validator: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"pattern": _pattern},
    # 7200.0 is a whole number to JSON Schema, and a fraction to everybody who uses it afterwards.
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
)


@cache
def _validator(name: str, definition: str, *, required: bool) -> Any:
    schema = schemas.load(name)
    if definition:
        schema = {"$ref": f"#/$defs/{definition}", "$defs": schema["$defs"]}
    if not required:
        # For a layer of a spec no key has to be there, whatever else the file has.
        schema = {key: value for key, value in without_required(schema).items() if key not in ("if", "then")}
    return _Validator(schema)


def _all(loaded: Loaded, validator: Any, *, is_layer: bool = False) -> list[Problem]:
    faults = _faults(loaded, validator, is_layer=is_layer)
    return sorted({problem for fault in faults for problem in _problems(loaded, fault)})


def _faults(loaded: Loaded, validator: Any, *, is_layer: bool = False) -> Iterator[_Fault]:
    for error in validator.iter_errors(loaded.data):
        path = tuple(error.absolute_path)
        # What a variable stands for is checked in a node's effective spec, where it is known.
        if is_reference(error.instance):
            continue
        # In a layer nothing takes a key away; in a spec the layers are the sections of groups and targets.
        if error.instance is None and (is_layer or (len(path) > 2 and path[0] in ("groups", "targets"))):
            continue
        if _is_typed_elsewhere(path):
            continue
        yield _fault(error)


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
        hint = fault.schema.get("x-hint", SECRET_HINT)
        yield Problem(loaded.position(fault.path), f"{_name(fault.path)}: {hint}")
    else:
        yield Problem(loaded.position(fault.path), f"{_name(fault.path)}: {_expectation(fault)}")


def _unknown_keys(loaded: Loaded, fault: _Fault) -> Iterator[Problem]:
    known = list(fault.schema.get("properties", {}))
    where = f" in {_name(fault.path)}" if fault.path else ""
    for key in fault.value:
        if key not in known:
            position = loaded.position((*fault.path, key), key=True)
            hint = did_you_mean(key, known)
            if fault.schema.get("x-secret"):
                # A password may stand in the place of a key too: it is not repeated.
                yield Problem(position, f"unknown key{where}{hint or f'; it can have {_choices(known)}'}")
            else:
                yield Problem(position, f"unknown key {word(key)}{where}{hint}")


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
            names = [fault.wanted] if isinstance(fault.wanted, str) else fault.wanted
            wanted = expected or _choices(_TYPE_NAMES[name] for name in names)
            text = f"expected {wanted}, got {_got(fault.value, fault.wanted)}"
            return text + _quoting_hint(fault.wanted, fault.value)
        case "enum" | "const":
            choices = fault.wanted if fault.rule == "enum" else [fault.wanted]
            near = did_you_mean(fault.value, choices)
            return f"expected {_choices(choices)}, got {shown(fault.value)}{near}"
        case "minimum" | "maximum":
            low, high = fault.schema["minimum"], fault.schema["maximum"]
            return f"expected a number from {low} to {high}, got {fault.value}"
        case "minProperties":
            return "expected at least one entry"
        case "minLength":
            return "expected some text"
        case _:
            # A URL with a password in it is a host to some: what may hold one is not repeated.
            got = "" if fault.schema.get("x-unrepeated") else f", got {shown(fault.value)}"
            return f"expected {expected}{got}"


def _quoting_hint(wanted: str, value: object) -> str:
    if wanted == "boolean" and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off"):
        return f" (write {'true' if value.lower() in ('yes', 'on') else 'false'})"
    if wanted == "string" and not isinstance(value, dict | list | None):
        return " (put it in quotes)"
    return ""


def _got(value: object, wanted: str) -> str:
    # Text in the place of a block may be anything, a password too: it is not repeated.
    return kind(value) if wanted == "object" else shown(value)


def _choices(values: Iterable[object]) -> str:
    return " or ".join(str(value) for value in values)


def _name(path: Path) -> str:
    return ".".join(word(str(step)) for step in path) or "the spec"


def did_you_mean(word: object, known: Iterable[object]) -> str:
    """Return a hint at the word of *known* that *word* is nearest to, or an empty text."""
    names = {str(name).casefold(): str(name) for name in known}
    near = difflib.get_close_matches(str(word).casefold(), names, n=1, cutoff=0.6)
    return f"; did you mean {names[near[0]]}?" if near else ""
