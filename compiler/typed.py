"""YAML values to the types that a class declares: a table by CIM type, and the reason for each refusal.

What PowerShell converts silently (text to numbers, numbers to booleans) is refused here with a hint: in YAML the
author can say what is meant. Messages show values, but nothing of what stands in the place of an instance or of a
credential: that may be a password.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mimc.errors import SpecError
from mimc.secret import Credential, SecretReference

from .class_schema import CREDENTIAL_CLASS, PAIR_CLASS, CimType, ClassSchema, Qualifier, SchemaProperty
from .document import DateTime, Embedded, NamedNumber, Scalar, Value
from .literals import UNWRITABLE, mof
from .load import Path
from .mof_literals import Char16
from .moments import DATETIME, BadMoment, cim_datetime
from .pairs import PAIR_TEXT, pair_text
from .validate import did_you_mean
from .wording import SECRET_HINT, kind, shown

_CREDENTIAL = "{user: NAME, password: {secret: ...}}"
_RANGES = {
    CimType[f"{sign}INT{bits}"]: (0, 2**bits - 1)
    if sign == "U"
    else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for sign in "US"
    for bits in (8, 16, 32, 64)
}
LARGEST_REAL32 = 3.4028234663852886e38
_DIGITS = re.compile(r"[-+]?[0-9]{1,30}|[-+]?0[xX][0-9A-Fa-f]{1,20}")

#: Reads ``{secret: ...}`` at a path below the body; raises SpecError when that is not a reference.
ReadReference = Callable[[Any, Path], SecretReference]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong below a body: the path there, whether it is about the key, and the whole sentence."""

    path: Path
    text: str
    at_key: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the typing of one body leans on; ``label`` is how messages call it, ``faults`` collects.

    ``embedded`` finds a class by its name, ``said_otherwise`` maps names in lower case that people take for properties
    to what they are to write instead.
    """

    label: str
    embedded: Callable[[str], ClassSchema | None]
    reference: ReadReference
    faults: list[Fault | SpecError]
    said_otherwise: Mapping[str, str]

    def name(self, path: Path) -> str:
        """Return how messages call the place *path*."""
        return ".".join((self.label, *map(str, path)))

    def fault(self, path: Path, text: str) -> None:
        """Note that the value at *path* is not what it should be."""
        self.faults.append(Fault(path, f"{self.name(path)}: {text}"))


class _Mistyped(ValueError):
    """A value is not what its type wants; the text is the sentence after the place."""


def type_properties(
    body: Mapping[str, Any], schema: ClassSchema, path: Path, around: Surroundings, skip: frozenset[str]
) -> dict[str, Value]:
    """Return the properties of *body* by their names in *schema*, in reading order, without the faulty ones.

    Keys match without case. *skip* are the keys of *body* that are no properties.
    """
    values: dict[str, Value] = {}
    seen: dict[str, str] = {}
    declared, faults = schema.properties, around.faults
    for key, raw in body.items():
        if key in skip:
            continue
        item = declared.get(key) or schema.find(key)
        if item is None or item.qualifier is Qualifier.READ:
            faults.append(Fault((*path, key), _refusal(key, item, schema, path, around), at_key=True))
        elif item.name in seen:
            text = f"the property {item.name} stands twice, as {seen[item.name]} and as {key}"
            faults.append(Fault((*path, key), f"{around.name(path)}: {text}", at_key=True))
        else:
            seen[item.name] = key
            before = len(faults)
            value = type_value(raw, item, (*path, key), around)
            if len(faults) == before:
                values[item.name] = value
    _note_missing(schema, seen, path, around, skip)
    return values


def type_value(raw: Any, item: SchemaProperty, path: Path, around: Surroundings) -> Value:
    """Return *raw* as *item* wants it; what is wrong goes to the faults of *around*, and the value is then void."""
    if raw is None:
        _check_nothing(item, path, around)
        return None
    if not item.is_array:
        return _scalar(raw, item, path, around)
    if (
        item.type is CimType.INSTANCE
        and isinstance(raw, dict)
        and item.embedded.lower() == PAIR_CLASS.lower()
    ):
        return _pairs(raw, path, around)
    if isinstance(raw, list):
        return tuple([_scalar(each, item, (*path, at), around) for at, each in enumerate(raw)])
    return (_scalar(raw, item, path, around),)


def type_credential(raw: Any, path: Path, around: Surroundings) -> Credential | None:
    """Return the credential *raw*; None when it is none, which is then among the faults of *around*."""
    if not isinstance(raw, dict):
        around.fault(path, f"expected {_CREDENTIAL}, got {kind(raw)}")
        return None
    before = len(around.faults)
    for key in raw:
        if key not in ("user", "password"):
            # What is near to no key may be a password: it is not repeated.
            hint = did_you_mean(key, ("user", "password")) or "; it has user and password"
            around.faults.append(
                Fault((*path, key), f"unknown key in {around.name(path)}{hint}", at_key=True)
            )
    for key in ("user", "password"):
        if key not in raw:
            around.faults.append(Fault(path, f"{around.name(path)} lacks the key {key}", at_key=True))
    user = raw.get("user", "-")
    if not isinstance(user, str) or not user or UNWRITABLE.search(user):
        quotes = " (put it in quotes)" if isinstance(user, int | float) else ""
        around.fault(
            (*path, "user"), f"expected the name of a user, got {kind(user) if user else 'nothing'}{quotes}"
        )
    password = _reference(raw["password"], (*path, "password"), around) if "password" in raw else None
    if password is None or len(around.faults) > before:
        return None
    return Credential(user, password)


def _reference(raw: Any, path: Path, around: Surroundings) -> SecretReference | None:
    if not isinstance(raw, dict) or raw.keys() != {"secret"}:
        around.fault(path, SECRET_HINT)
        return None
    try:
        return around.reference(raw, path)
    except SpecError as error:
        around.faults.append(error)
        return None


def _refusal(
    key: str, item: SchemaProperty | None, schema: ClassSchema, path: Path, around: Surroundings
) -> str:
    where = around.name(path)
    if item is not None:
        return f"{where}: {item.name} can only be read; take it out"
    if instead := around.said_otherwise.get(key.lower()):
        return f"{where}: {key} is no property here: {instead}"
    names = [each.name for each in schema.properties.values() if each.qualifier is not Qualifier.READ]
    hint = did_you_mean(key, names) or f"; it has {', '.join(names)}"
    return f"{where}: {schema.friendly_name or schema.class_name} has no property {key}{hint}"


def _note_missing(
    schema: ClassSchema, seen: Mapping[str, str], path: Path, around: Surroundings, skip: frozenset[str]
) -> None:
    for name, item in schema.properties.items():
        qualifier = item.qualifier
        if (qualifier is Qualifier.KEY or qualifier is Qualifier.REQUIRED) and name not in seen:
            what = "key" if qualifier is Qualifier.KEY else "required"
            text = f"{around.name(path)} lacks the {what} property {name} ({_wanted(item)})"
            if taken := next((key for key in skip if key.lower() == name.lower()), ""):
                text += f"; {taken} means something else here, write {name} as well"
            around.faults.append(Fault(path, text, at_key=True))


def _check_nothing(item: SchemaProperty, path: Path, around: Surroundings) -> None:
    """NULL, where that can be: PowerShell has no date that is NULL, and the LCM no key."""
    if item.type is CimType.DATETIME or item.qualifier in (Qualifier.KEY, Qualifier.REQUIRED):
        hint = "; leave the key out" if item.qualifier is Qualifier.WRITE else ""
        around.fault(path, f"expected {_wanted(item)}, got nothing{hint}")


def _scalar(raw: Any, item: SchemaProperty, path: Path, around: Surroundings) -> Scalar:
    if item.type is CimType.INSTANCE:
        return _instance(raw, item, path, around)
    try:
        return (_choice if item.value_map else _READ[item.type])(raw, item)
    except _Mistyped as error:
        around.fault(path, str(error))
        return None


def _instance(raw: Any, item: SchemaProperty, path: Path, around: Surroundings) -> Scalar:
    name = item.embedded.lower()
    if name == CREDENTIAL_CLASS.lower():
        return type_credential(raw, path, around)
    schema = around.embedded(item.embedded)
    if schema is None:
        around.fault(
            path, f"the class {item.embedded} is not in the module's schema files, nor in those beside it"
        )
        return None
    if not isinstance(raw, dict):
        around.fault(path, f"expected {expected(item)}, got {kind(raw)}")
        return None
    inner = Surroundings(around.label, around.embedded, around.reference, around.faults, {})
    values = type_properties(raw, schema, path, inner, frozenset())
    # A body without a property is a syntax error to the LCM's reader: one with NULL says the same.
    return Embedded(schema.class_name, values or dict.fromkeys(list(schema.properties)[:1]))


def _pairs(raw: Mapping[str, Any], path: Path, around: Surroundings) -> tuple[Embedded, ...]:
    """A block for an array of pairs is a hashtable: each key with its value as text."""
    pairs: list[Embedded] = []
    seen: dict[str, str] = {}
    for key, value in raw.items():
        text = pair_text(value)
        if text is None or UNWRITABLE.search(text) or UNWRITABLE.search(key):
            around.fault((*path, key), f"expected {PAIR_TEXT}, got {shown(value)}")
        elif (first := seen.setdefault(key.lower(), key)) != key:
            around.faults.append(
                Fault(
                    (*path, key),
                    f"{around.name(path)}: the key {key} stands twice, first as {first}",
                    at_key=True,
                )
            )
        else:
            pairs.append(Embedded(PAIR_CLASS, {"Key": key, "Value": text}))
    return tuple(pairs)


def expected(item: SchemaProperty) -> str:
    """Return what one value of *item* has to be, in words."""
    if item.value_map and item.type is not CimType.INSTANCE:
        return _one_of(item.values or item.value_map)
    if limits := _RANGES.get(item.type):
        return f"a whole number from {limits[0]} to {limits[1]}"
    if item.type is CimType.INSTANCE:
        known = {CREDENTIAL_CLASS.lower(): _CREDENTIAL, PAIR_CLASS.lower(): "a block of keys"}
        return known.get(item.embedded.lower(), f"a block of keys for {item.embedded}")
    return _EXPECTED[item.type]


def _wanted(item: SchemaProperty) -> str:
    return f"a list of {expected(item)}" if item.is_array else expected(item)


def _one_of(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _mistyped(raw: Any, item: SchemaProperty, hint: str = "") -> _Mistyped:
    return _Mistyped(f"expected {expected(item)}, got {shown(raw)}{hint}")


def _boolean(raw: Any, item: SchemaProperty) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).lower()
    hint = ""
    if word in ("true", "yes", "on", "1"):
        hint = " (write true)"
    elif word in ("false", "no", "off", "0"):
        hint = " (write false)"
    raise _mistyped(raw, item, hint)


def _whole(raw: Any, item: SchemaProperty) -> int:
    low, high = _RANGES[item.type]
    if type(raw) is int and low <= raw <= high:
        return raw
    raise _mistyped(raw, item, _number_hint(raw, whole=True))


def _real(raw: Any, item: SchemaProperty) -> float:
    if type(raw) is int or type(raw) is float:
        value = float(raw)
        if item.type is CimType.REAL32 and abs(value) > LARGEST_REAL32:
            raise _mistyped(raw, item, f" (real32 ends at {LARGEST_REAL32:.8g})")
        if math.isfinite(value):
            return value
        raise _mistyped(raw, item, " (too large for 64 bit)")
    raise _mistyped(raw, item, _number_hint(raw, whole=False))


def _number_hint(raw: Any, *, whole: bool) -> str:
    """Text that looks like a number gets the number to write."""
    if not isinstance(raw, str):
        return ""
    if _DIGITS.fullmatch(raw.strip()):
        text = raw.strip()
        return f" (write {int(text, 16 if 'x' in text.lower() else 10)}, without quotes)"
    try:
        value = float(raw)
    except ValueError:
        return ""
    return "" if whole or not math.isfinite(value) else f" (write {mof(value)}, without quotes)"


def _char(raw: Any, item: SchemaProperty) -> Char16:
    if isinstance(raw, str) and len(raw) == 1 and raw <= "\uffff" and not UNWRITABLE.search(raw):
        return Char16(raw)
    raise _mistyped(raw, item, _text_hint(raw))


def _text(raw: Any, item: SchemaProperty) -> str:
    if isinstance(raw, str):
        if UNWRITABLE.search(raw):
            raise _Mistyped("the text holds a NUL or half of a character, which no document can carry")
        return raw
    raise _mistyped(raw, item, _text_hint(raw))


def _text_hint(raw: Any) -> str:
    if isinstance(raw, bool | int | float):
        return " (put it in quotes)"
    if isinstance(raw, dict) and "secret" in raw:
        return "; a secret can stand in a credential only: {user: ..., password: {secret: ...}}"
    return ""


def _datetime(raw: Any, item: SchemaProperty) -> DateTime:
    if not isinstance(raw, str):
        raise _mistyped(raw, item)
    try:
        return DateTime(cim_datetime(raw))
    except BadMoment as error:
        raise _Mistyped(f"expected {expected(item)}, got {shown(raw)}{error}") from None


def _choice(raw: Any, item: SchemaProperty) -> Scalar:
    """One of the values of a ValueMap, by itself or by its name in Values, spelled as the class does."""
    if item.type is not CimType.STRING:
        return _numbered_choice(raw, item)
    if not isinstance(raw, str):
        raise _mistyped(raw, item, _text_hint(raw))
    if raw in item.value_map:
        return raw
    for names in (item.value_map, item.values):
        if (at := _index(raw, names)) is not None and at < len(item.value_map):
            return item.value_map[at]
    raise _mistyped(raw, item, did_you_mean(raw, (*item.value_map, *item.values)))


def _numbered_choice(raw: Any, item: SchemaProperty) -> Scalar:
    """A number by its name, or, which PowerShell refuses, by itself."""
    at: int | None = None
    if isinstance(raw, str):
        at = _index(raw, item.values)
    elif type(raw) is int:
        at = _index(str(raw), item.value_map)
    if at is None or at >= len(item.value_map):
        raise _mistyped(raw, item, did_you_mean(raw, item.values) if isinstance(raw, str) else "")
    number = int(item.value_map[at])
    return NamedNumber.of(number, item.values[at]) if at < len(item.values) else number


def _index(raw: str, names: tuple[str, ...]) -> int | None:
    folded = raw.lower()
    return next((at for at, name in enumerate(names) if name.lower() == folded), None)


_EXPECTED = {
    CimType.BOOLEAN: "true or false",
    CimType.REAL32: "a number",
    CimType.REAL64: "a number",
    CimType.CHAR16: "one character",
    CimType.STRING: "text",
    CimType.DATETIME: DATETIME,
}
_READ: dict[CimType, Callable[[Any, SchemaProperty], Scalar]] = {
    **dict.fromkeys(_RANGES, _whole),
    CimType.BOOLEAN: _boolean,
    CimType.REAL32: _real,
    CimType.REAL64: _real,
    CimType.CHAR16: _char,
    CimType.STRING: _text,
    CimType.DATETIME: _datetime,
}
