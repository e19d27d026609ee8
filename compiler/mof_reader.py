"""Read instance MOF, the documents that DSC compiles and the LCM takes: bytes -> text -> ``Mof``.

As strict as the MOF codec of the LCM (public source: microsoft/omi, Unix/codec/mof/parser), because a document
that only a lenient reader takes is refused on the node. Stricter than that codec in four points, none of which
DSC ever writes: a NUL anywhere, ``#pragma include``, qualifiers on a property, and half of a surrogate pair
are refused. Types are not checked: that needs the schema of the class. What the LCM checks after reading is in
``mof_rules``.

Messages never show the text of a string: it may be a password.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from .mof_literals import read_char16, read_number
from .mof_tokens import MofError, Tokens, decode

__all__ = ["DOCUMENT_CLASS", "Mof", "MofError", "MofInstance", "MofValue", "decode", "read_mof"]

DOCUMENT_CLASS = "OMI_ConfigurationDocument"


@dataclass(frozen=True, slots=True, eq=False)
class MofInstance:
    """One ``instance of``: equal only to itself, so that two uses of one alias stay one instance.

    ``alias`` is without its ``$``, and empty when there is none. ``properties`` keeps the names as written, in
    document order. ``line`` is that of the word ``instance``, from 1.
    """

    class_name: str
    alias: str
    properties: Mapping[str, "MofValue"]
    line: int

    def get(self, name: str, default: "MofValue" = None) -> "MofValue":
        """Return the value of the property *name*, case ignored, or *default* when it is not written."""
        if name in self.properties:
            return self.properties[name]
        wanted = name.lower()
        return next((value for key, value in self.properties.items() if key.lower() == wanted), default)

    def is_a(self, class_name: str) -> bool:
        """Say whether this is an instance of exactly *class_name*, case ignored."""
        return self.class_name.lower() == class_name.lower()

    def embedded(self) -> Iterator["MofInstance"]:
        """Yield the instances that this one names, in document order, as often as it names them."""
        for value in self.properties.values():
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, MofInstance):
                    yield item


#: NULL is None, an array is a tuple, an alias is the instance it stands for, a datetime stays text.
MofValue: TypeAlias = "str | bool | int | float | MofInstance | tuple[MofValue, ...] | None"


@dataclass(frozen=True, slots=True)
class Mof:
    """A document that was read: all its instances, in document order."""

    instances: tuple[MofInstance, ...]

    @property
    def top_level(self) -> tuple[MofInstance, ...]:
        """The instances that no other instance names: resources (or the meta instance) and the document."""
        inner = {part for instance in self.instances for part in instance.embedded()}
        return tuple(instance for instance in self.instances if instance not in inner)

    @property
    def document(self) -> MofInstance | None:
        """The first ``OMI_ConfigurationDocument``, None when there is none."""
        return next((instance for instance in self.instances if instance.is_a(DOCUMENT_CLASS)), None)


def read_mof(data: bytes | str) -> Mof:
    """Read a whole document; MofError names the first fault. Bytes are decoded with ``decode`` first."""
    text = data if isinstance(data, str) else decode(data)
    return _Reader(text).document()


_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_BARE_WORD = "expected a value, found a name; a string takes double quotes"
_INLINE = "an instance cannot stand inside another; define it before, with an alias, and name the alias"


class _Reader(Tokens):
    """The grammar of instance MOF. Arrays do not nest, so nothing here recurses."""

    def __init__(self, text: str) -> None:
        self.aliases: dict[str, MofInstance] = {}
        self.line, self.counted = 1, 0
        super().__init__(text)

    def document(self) -> Mof:
        instances: list[MofInstance] = []
        if self.kind == "end":
            self.fail("the document is empty")
        while self.kind != "end":
            if self.is_word("instance"):
                instances.append(self.instance())
            elif self.kind == "pragma":
                self.pragma()
            elif self.token == "[":
                self.fail("an instance takes no qualifiers; remove the square brackets")
            elif self.is_word("class") or self.is_word("qualifier"):
                self.fail(f"a {self.token.lower()} declaration belongs in a schema file, not in a document")
            else:
                self.fail(f"expected 'instance of', found {self.found()}")
        return Mof(tuple(instances))

    def instance(self) -> MofInstance:
        self.line += self.text.count("\n", self.counted, self.start)
        self.counted, line = self.start, self.line
        self.advance()
        if not self.is_word("of"):
            self.fail(f"expected 'of', found {self.found()}")
        self.advance()
        class_name, alias = self.name("a class"), ""
        if self.is_word("as"):
            self.advance()
            if self.kind != "alias":
                self.fail(f"expected an alias such as $Name, found {self.found()}")
            alias = self.token[1:]
            if alias.lower() in self.aliases:
                self.fail(f"the alias ${alias} is already defined in line {self.aliases[alias.lower()].line}")
            self.advance()
        instance = MofInstance(class_name, alias, MappingProxyType(self.properties()), line)
        if alias:
            self.aliases[alias.lower()] = instance
        return instance

    def properties(self) -> dict[str, MofValue]:
        self.take("{")
        found: dict[str, MofValue] = {}
        seen: set[str] = set()
        if self.token == "}":
            self.fail("an instance needs at least one property; write one with NULL if need be")
        while self.token != "}":
            if self.token == "[":
                self.fail("a property of an instance takes no qualifiers; remove the square brackets")
            if (key := self.token.lower()) in seen:
                self.fail(f"the property '{self.token}' is given twice; names are compared without case")
            seen.add(key)
            name = self.name("a property")
            self.take("=")
            found[name] = self.array() if self.token == "{" else self.value()
            self.take(";")
        self.advance()
        self.take(";")
        return found

    def array(self) -> tuple[MofValue, ...]:
        self.advance()
        items: list[MofValue] = []
        while self.token != "}":
            start = self.start
            item = self.value()
            if item is None:
                self.fail("NULL cannot stand inside an array", start)
            if items and type(item) is not type(items[0]):
                self.fail("all values of an array must be of one type", start)
            items.append(item)
            if self.token != "}":
                self.take(",")
                if self.token == "}":
                    self.fail("an array does not end with a comma; remove it")
        self.advance()
        return tuple(items)

    def value(self) -> MofValue:
        if self.kind == "string":
            return self.string()
        if self.kind == "name":
            word = self.token.lower()
            if word not in _CONSTANTS:
                self.fail(_INLINE if word == "instance" else _BARE_WORD)
            value: MofValue = _CONSTANTS[word]
        elif self.kind == "number":
            value = self.literal(read_number)
        elif self.kind == "alias":
            if self.token[1:].lower() not in self.aliases:
                self.fail(f"the alias {self.token} is not defined before this place")
            value = self.aliases[self.token[1:].lower()]
        elif self.kind == "char":
            value = self.literal(read_char16)
        elif self.token == "{":
            self.fail("an array cannot stand inside an array")
        else:
            self.fail(f"expected a value, found {self.found()}")
        self.advance()
        return value
