"""Read instance MOF, the documents that DSC compiles and the LCM takes: bytes -> text -> ``Mof``.

As strict as the MOF codec of the LCM (public source: microsoft/omi, Unix/codec/mof/parser), because a document
that only a lenient reader takes is refused on the node. Stricter than that codec in four points, none of which
DSC ever writes: a NUL anywhere, ``#pragma include``, qualifiers on a property, and half of a surrogate pair
are refused. Types are not checked: that needs the schema of the class. What the LCM checks after reading is in
``mof_rules``.

Messages never show the text of a string: it may be a password.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn, TypeAlias, TypeVar

from mimc.errors import MimcError

from .mof_literals import BadLiteral, join_strings, read_char16, read_number, read_string

DOCUMENT_CLASS = "OMI_ConfigurationDocument"

_Literal = TypeVar("_Literal", str, int | float)


class MofError(MimcError):
    """The text is not a MOF document: ``reason``, at ``line`` and ``column`` (both from 1, in characters)."""

    exit_code = 3
    exit_word = "invalid"

    def __init__(self, line: int, column: int, reason: str) -> None:
        self.line, self.column, self.reason = line, column, reason
        super().__init__(f"line {line}, column {column}: {reason}")


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


def decode(data: bytes) -> str:
    """Turn the bytes of a document into text, with the encoding that the LCM's codec would see.

    A byte order mark decides (UTF-16, UTF-8); without one a zero among the first two bytes means UTF-16, and
    everything else is UTF-8. UTF-32, less than 4 bytes, and bytes that do not fit the encoding raise MofError.
    """
    if len(data) < 4:
        raise MofError(1, 1, f"a document of {len(data)} bytes is too short to be MOF")
    if data[:2] == b"\0\0" or data[:4] == b"\xff\xfe\0\0":
        raise MofError(1, 1, "UTF-32 is not supported; write the document as UTF-16LE with a byte order mark")
    if data[:2] == b"\xff\xfe":
        encoding, start = "utf-16-le", 2
    elif data[:2] == b"\xfe\xff":
        encoding, start = "utf-16-be", 2
    elif data[:3] == b"\xef\xbb\xbf":
        encoding, start = "utf-8", 3
    else:
        encoding, start = {0: "utf-16-be"}.get(data[0], "utf-16-le" if data[1] == 0 else "utf-8"), 0
    try:
        return data[start:].decode(encoding)
    except UnicodeDecodeError as fault:
        before = data[start : start + fault.start].decode(encoding)
        reason = f"byte {start + fault.start} is not valid {encoding.upper()}"
        raise MofError(*_place(before, len(before)), reason) from None


def read_mof(data: bytes | str) -> Mof:
    """Read a whole document; MofError names the first fault. Bytes are decoded with ``decode`` first."""
    text = data if isinstance(data, str) else decode(data)
    if (nul := text.find("\0")) >= 0:
        raise MofError(*_place(text, nul), "a NUL character ends the document for the LCM; remove it")
    return _Reader(text).document()


def _place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of *offset*, from 1. Only LF ends a line, for the codec too."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


# Blanks as in C (isspace), then one token. Possessive, so that no input can make it backtrack.
_TOKEN = re.compile(
    r"""(?: [\ \t\n\v\f\r]++ | //[^\n]*+ | /\*(?:[^*]++|\*(?!/))*+\*/ )*+
    (?: (?P<name>[A-Za-z_][A-Za-z_0-9]*+)
      | (?P<mark>[={};,()\[\]:])
      | (?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")
      | (?P<alias>\$[A-Za-z_][A-Za-z_0-9]*+)
      | (?P<number>[-+.0-9][-+.0-9A-Fa-fxX]*+)
      | (?P<char>'(?:\\[^']++|[^'\\])')
      | (?P<pragma>\#[A-Za-z_0-9]*+)
      | (?P<end>\Z)
      | (?P<fault>.) )""",
    re.VERBOSE | re.DOTALL,
)
_KINDS = {"name": "a name", "string": "a string", "alias": "an alias", "number": "a number"}
_KINDS |= {"char": "a character", "pragma": "a directive", "end": "the end of the document"}

# The codec reads these as keywords everywhere, so no class and no property can bear such a name.
_RESERVED = re.compile(
    "true|false|null|boolean|[su]int(8|16|32|64)|real(32|64)|datetime|char16|string|ref|scope|class|qualifier|"
    "method|parameter|any|flavor|(en|dis)ableoverride|restricted|tosubclass|translatable|instance|of|as|toinstance",
    re.IGNORECASE,
)
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_BARE_WORD = "expected a value, found a name; a string takes double quotes"
_INLINE = "an instance cannot stand inside another; define it before, with an alias, and name the alias"


class _Reader:
    """The grammar of instance MOF, one token ahead. Arrays do not nest, so nothing here recurses."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.kind, self.token, self.start, self.stop = "", "", 0, 0
        self.aliases: dict[str, MofInstance] = {}
        self.line, self.counted = 1, 0
        self.advance()

    def advance(self) -> None:
        match = _TOKEN.match(self.text, self.stop)
        assert match is not None and match.lastgroup is not None  # the last branches take anything
        self.kind, self.stop = match.lastgroup, match.end()
        self.start = match.start(self.kind)
        self.token = match[self.kind]
        if self.kind == "fault":
            self.fail(self.lexical_fault())

    def fail(self, reason: str, offset: int | None = None) -> NoReturn:
        raise MofError(*_place(self.text, self.start if offset is None else offset), reason)

    def lexical_fault(self) -> str:
        if self.text.startswith("/*", self.start):
            return "this comment is never closed; end it with */"
        return {
            '"': "this string is never closed; end it with a double quote",
            "'": "a char16 is one character between single quotes (a quote is '\\x27'); a string takes double quotes",
            "$": "an alias is $ and a name of ASCII letters, digits and underscores",
        }.get(self.token, f"the character U+{ord(self.token):04X} has no meaning here")

    def found(self) -> str:
        return _KINDS.get(self.kind) or f"'{self.token}'"

    def is_word(self, word: str) -> bool:
        return self.kind == "name" and self.token.lower() == word

    def take(self, mark: str) -> None:
        if self.kind != "mark" or self.token != mark:
            self.fail(f"expected '{mark}', found {self.found()}")
        self.advance()

    def name(self, what: str) -> str:
        name = self.token
        if self.kind != "name":
            self.fail(f"expected the name of {what}, found {self.found()}")
        if _RESERVED.fullmatch(name):
            self.fail(f"'{name}' is a MOF keyword and cannot be the name of {what}")
        self.advance()
        return name

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

    def pragma(self) -> None:
        if self.token.lower() != "#pragma":
            self.fail("the only directive is #pragma")
        self.advance()
        if self.is_word("include"):
            self.fail("#pragma include is not supported; a document stands in one file")
        self.name("a #pragma")
        self.take("(")
        if self.kind != "string":
            self.fail(f"expected a string, found {self.found()}")
        self.string()
        self.take(")")

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

    def string(self) -> str:
        start, parts = self.start, []
        while self.kind == "string":
            parts.append(self.literal(read_string))
            self.advance()
        try:
            return join_strings(parts)
        except BadLiteral as fault:
            self.fail(fault.reason, start)

    def literal(self, read: Callable[[str], _Literal]) -> _Literal:
        try:
            return read(self.token)
        except BadLiteral as fault:
            self.fail(fault.reason, self.start + fault.offset)
