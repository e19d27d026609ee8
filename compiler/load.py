"""YAML text to plain data that knows file, line and column.

The C parser of PyYAML where it is present gives events; what they mean is decided here, because YAML 1.1 as
PyYAML resolves it turns ``off``, ``010`` and dates into other things than the author typed. Only ``true`` and
``false``, ``null``, decimal integers and decimal fractions are more than text (the YAML 1.2 core schema, less its
surprises). Repeated keys are errors, aliases may not grow the text beyond bounds.
"""

import hashlib
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from mimc.errors import Position, Problem, SpecError

from .wording import word

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH = 50
#: Values that aliases may add beyond what stands in the text: a bomb is refused, anchors in a spec are not.
_MAX_ALIASED_VALUES = 50_000
_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_REAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?")

Path = tuple[str | int, ...]
#: In the place of a value: the value of a variable, or texts put together. No template language: text stays text.
VAR, JOIN = "$var", "$join"


@dataclass(slots=True)
class Place:
    """Where a value begins, and the places of its children; ``keys`` are the places of the keys themselves.

    ``values`` counts the value and all below it.
    """

    file: str
    line: int
    column: int
    children: dict[str | int, "Place"] = field(default_factory=dict)
    keys: dict[str, "Place"] = field(default_factory=dict)
    values: int = 1

    @property
    def position(self) -> Position:
        """The place as people read it."""
        return Position(self.file, self.line, self.column)

    def copy(self) -> "Place":
        """Return the same place with mappings of its own."""
        return Place(self.file, self.line, self.column, dict(self.children), dict(self.keys), self.values)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Plain data from a YAML file; :meth:`position` tells where a part of it stands.

    ``sha256`` is that of the whole file, "" for a part or a layer put together.
    """

    file: str
    data: Any
    root: Place
    sha256: str = ""

    def position(self, path: Path, *, key: bool = False) -> Position:
        """Return the place of the value at *path*, or of its key; of the nearest parent when it is missing."""
        place = self.root
        for index, step in enumerate(path):
            if key and index == len(path) - 1 and step in place.keys:
                return place.keys[str(step)].position
            if step not in place.children:
                break
            place = place.children[step]
        return place.position

    def at(self, path: Path) -> "Loaded":
        """Return the value at *path*, which has to be there, with its places."""
        data, place = self.data, self.root
        for step in path:
            # What a variable brought has no places of its own, only that of its use.
            data, place = data[step], place.children.get(step, place)
        return Loaded(self.file, data, place)

    def only(self, keys: Collection[str]) -> "Loaded":
        """Return this block of keys without all others."""
        place = self.root.copy()
        place.children = {key: child for key, child in place.children.items() if key in keys}
        return Loaded(self.file, {key: self.data[key] for key in keys if key in self.data}, place)


def is_reference(value: object) -> bool:
    """Whether *value* stands for a variable or for texts put together."""
    return isinstance(value, dict) and len(value) == 1 and (VAR in value or JOIN in value)


def load(data: bytes, file: str, *, any_tag: bool = False) -> Loaded:
    """Return the one YAML document in *data*; *file* is its name in errors.

    *any_tag* is for files of others: a tag is passed over there, and an error in a spec.

    Raises:
        SpecError: not UTF-8 text, empty, not YAML, or one of the rules above is broken.
    """
    text = _decode(data, file)
    reader = _Reader(file, len(text), any_tag)
    try:
        value, root = reader.document(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        raise SpecError([*reader.problems, _syntax_problem(error, text, file)]) from None
    except yaml.reader.ReaderError as error:
        raise SpecError([Problem(Position(file, 1, 1), f"not a text file: {error.reason}")]) from None
    if reader.problems:
        raise SpecError(reader.problems)
    return Loaded(file, value, root, hashlib.sha256(data).hexdigest())


def _decode(data: bytes, file: str) -> str:
    start = Position(file, 1, 1)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise SpecError([Problem(start, "not a text file: a spec is YAML in UTF-8")]) from None
    if "\0" in text:
        raise SpecError([Problem(start, "not a text file: it holds NUL characters")])
    if not text.strip():
        raise SpecError([Problem(start, "the file is empty; examples/contoso/spec.yaml shows a whole spec")])
    return text


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Problem(Position(file, 1, 1), f"not YAML: {error.problem}")
    position = Position(file, mark.line + 1, mark.column + 1)
    line = (text.split("\n")[mark.line : mark.line + 1] or [""])[0]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return Problem(position, "a tab indents this line; YAML wants spaces")
    begins = f" that begins in line {error.context_mark.line + 1}" if error.context_mark else ""
    context = f" ({error.context}{begins})" if error.context else ""
    return Problem(position, f"not YAML: {error.problem}{context}")


class _Reader:
    """Builds data and places from events, one document, collecting problems on its way."""

    def __init__(self, file: str, text_length: int, any_tag: bool) -> None:
        self.file, self._any_tag = file, any_tag
        self.problems: list[Problem] = []
        self._budget = text_length + _MAX_ALIASED_VALUES
        self._anchors: dict[str, tuple[Any, Place]] = {}

    def document(self, events: Iterator[yaml.Event]) -> tuple[Any, Place]:
        value: Any = None
        root = Place(self.file, 1, 1)
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise SpecError(
                        [*self.problems, self._at(event, "a second document begins here; keep one a file")]
                    )
                value, root = self._value(next(events), events, 0)
        if not documents:
            raise SpecError([Problem(Position(self.file, 1, 1), "the file holds comments only, no spec")])
        return value, root

    def _value(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> tuple[Any, Place]:
        if depth > _MAX_DEPTH:
            raise SpecError([self._at(event, f"nested more than {_MAX_DEPTH} levels deep")])
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._check_tag(event)
        place = self._place(event)
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = _resolve(event)
            self._check_characters(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(events, place, depth)
        else:
            value = self._mapping(events, place, depth)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = value, place
        return value, place

    def _alias(self, event: yaml.AliasEvent) -> tuple[Any, Place]:
        if event.anchor not in self._anchors:
            raise SpecError(
                [
                    self._at(
                        event,
                        "there is no anchor before this alias; a text that begins with * goes in quotes",
                    )
                ]
            )
        value, place = self._anchors[event.anchor]
        self._budget -= place.values
        if self._budget < 0:
            raise SpecError([self._at(event, "the aliases of this file add up to too many values")])
        return value, place

    def _sequence(self, events: Iterator[yaml.Event], place: Place, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            value, child = self._value(event, events, depth + 1)
            place.children[len(items)] = child
            place.values += child.values
            items.append(value)
        return items

    def _mapping(self, events: Iterator[yaml.Event], place: Place, depth: int) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise SpecError([*self.problems, self._at(event, "a key must be a plain word")])
            key, key_place = event.value, self._place(event)
            value, child = self._value(next(events), events, depth + 1)
            if key in items:
                first = place.keys[key]
                self.problems.append(
                    self._at(event, f"the key {word(key)} stands twice, first in line {first.line}")
                )
                continue
            items[key], place.children[key], place.keys[key] = value, child, key_place
            place.values += child.values
        return items

    def _check_tag(self, event: yaml.Event) -> None:
        tag = getattr(event, "tag", None)
        if not self._any_tag and tag not in (None, "!", "tag:yaml.org,2002:str"):
            self.problems.append(
                self._at(event, "a tag (!name) means nothing here; write the value as it is")
            )

    def _check_characters(self, event: yaml.ScalarEvent) -> None:
        for character in event.value:
            if character == "\0" or "\ud800" <= character <= "\udfff":
                text = f"this text holds U+{ord(character):04X}, which no document can carry"
                self.problems.append(self._at(event, text))
                return

    def _place(self, event: yaml.Event) -> Place:
        assert event.start_mark
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _at(self, event: yaml.Event, text: str) -> Problem:
        return Problem(self._place(event).position, text)


def _resolve(event: yaml.ScalarEvent) -> Any:
    text: str = event.value
    return _plain(text) if event.implicit[0] else text


def _plain(text: str) -> Any:
    """What *text* means without quotes."""
    if text.lower() in _CONSTANTS and text in (text.lower(), text.capitalize(), text.upper()):
        return _CONSTANTS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 40 else text
    if _REAL.fullmatch(text):
        return float(text)
    return text


#: What fits in so many characters, and is not near the root, is written in one line.
_ONE_LINE = 90
_YAML_1_1: Any = yaml.resolver.Resolver()


def dump(value: object, comment: Sequence[str] = ()) -> str:
    """Return the YAML text that :func:`load` reads as *value*: texts, numbers, booleans, None, lists, blocks of keys.

    *comment* are lines to stand at the top. Reals are finite; texts hold no NUL and no half of a surrogate pair.
    """
    events = (
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        *_events(value, 0, flow=False),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    )
    text: str = yaml.emit(events, Dumper=_Dumper, width=sys.maxsize, allow_unicode=True)
    return (
        "".join(f"# {line if line.isprintable() else ascii(line)}".rstrip() + "\n" for line in comment) + text
    )


class _Dumper(yaml.SafeDumper):
    """Indents a list below its key, as the examples do, and shows scripts line by line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def analyze_scalar(self, scalar: str) -> Any:
        analysis = super().analyze_scalar(scalar)
        # PyYAML is shy of white space at the end, which a script block has, and of tabs: a block keeps both.
        analysis.allow_block = _is_block(scalar)
        return analysis


def _is_block(text: str) -> bool:
    """Whether *text* has lines that a block scalar gives back as they are."""
    lines = text.split("\n")
    return (
        len(lines) > 1
        # A tab there, and the indentation cannot be told.
        and not text.startswith("\t")
        and all(line.replace("\t", "").isprintable() for line in lines)
    )


def _events(value: object, depth: int, *, flow: bool, in_list: bool = False) -> Iterator[yaml.Event]:
    flow = flow or (depth > 1 and not in_list and len(text := repr(value)) <= _ONE_LINE and "\\n" not in text)
    if isinstance(value, list | tuple):
        yield yaml.SequenceStartEvent(None, None, True, flow_style=flow)
        for item in value:
            yield from _events(item, depth + 1, flow=flow, in_list=True)
        yield yaml.SequenceEndEvent()
    elif isinstance(value, dict):
        yield yaml.MappingStartEvent(None, None, True, flow_style=flow)
        for key, item in value.items():
            yield _text(key)
            yield from _events(item, depth + 1, flow=flow)
        yield yaml.MappingEndEvent()
    elif isinstance(value, str):
        yield _text(value)
    else:
        plain = "null" if value is None else str(value).lower() if isinstance(value, bool) else _number(value)
        yield yaml.ScalarEvent(None, None, (True, True), plain)


def _text(value: str) -> yaml.ScalarEvent:
    style = "|" if _is_block(value) else None if value.isprintable() else '"'
    # In quotes, too, what other readers of YAML take for more than text: Yes, 010, 2026-01-02.
    tag = _YAML_1_1.resolve(yaml.ScalarNode, value, (True, False))
    is_plain = _plain(value) == value and tag == _YAML_1_1.DEFAULT_SCALAR_TAG
    return yaml.ScalarEvent(None, None, (is_plain, True), str(value), style=style)


def _number(value: object) -> str:
    """A whole number, or a real with its point: the core schema takes nothing without one for a real."""
    digits, _, exponent = repr(value).partition("e")
    point = "" if "." in digits or isinstance(value, int) else ".0"
    return f"{digits}{point}e{exponent}" if exponent else digits + point
