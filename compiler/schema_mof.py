"""Read class MOF, the ``*.schema.mof`` that declares a DSC resource: bytes -> text -> classes.

The grammar is that of the MOF codec of the LCM (public source: microsoft/omi, Unix/codec/mof/parser), without what
no DSC resource may have: methods, references, instances (PowerShell docs, "Authoring a DSC resource with MOF").
Values of qualifiers that say nothing about a configuration are read over.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mimc.errors import MimcError, Position

from .class_schema import CimType, Qualifier, SchemaProperty
from .mof_literals import read_char16, read_number
from .mof_tokens import MofError, Tokens, decode

_TYPES = {kind.value: kind for kind in CimType if kind is not CimType.INSTANCE}
_FLAVORS = re.compile("(en|dis)ableoverride|restricted|tosubclass|toinstance|translatable", re.IGNORECASE)
_INTEGERS = frozenset(kind for kind in _TYPES.values() if "int" in kind.value)
_CONSTANTS = {"true": True, "false": False, "null": None}

_Scalar = str | bool | int | float | None
#: The value of a qualifier: ``Key`` alone is True.
_Constant = _Scalar | tuple[_Scalar, ...]


class SchemaError(MimcError):
    """A schema file is not valid: ``reason``, at ``line`` and ``column`` of ``file`` (both from 1)."""

    exit_code = 3
    exit_word = "invalid"

    def __init__(self, file: str, line: int, column: int, reason: str) -> None:
        self.file, self.line, self.column, self.reason = file, line, column, reason
        super().__init__(f"{file}:{line}:{column}: {reason}")


@dataclass(frozen=True, slots=True)
class DeclaredClass:
    """One class as its file declares it: its own properties only.

    ``base`` and ``friendly_name`` are "" when there is none; ``position`` is that of its name.
    """

    name: str
    base: str
    friendly_name: str
    version: str
    properties: tuple[SchemaProperty, ...]
    position: Position


def read_schema(data: bytes | str, file: str) -> tuple[DeclaredClass, ...]:
    """Return the classes that *data*, the content of *file*, declares, in their order.

    Raises:
        SchemaError: the first fault.
    """
    text = data if isinstance(data, str) else decode_schema(data, file)
    try:
        return _Reader(text, file).classes()
    except MofError as error:
        raise SchemaError(file, error.line, error.column, error.reason) from None


def decode_schema(data: bytes, file: str) -> str:
    """Return the text of a schema file.

    It is decoded as ``mof_tokens.decode`` does; 8-bit text that is not UTF-8 is taken for Windows-1252, as Windows
    does: outside of descriptions schemas are ASCII.

    Raises:
        SchemaError: the bytes do not fit.
    """
    try:
        return decode(data)
    except MofError as error:
        eight_bit = (
            0 not in data[:4] and data[:2] not in (b"\xff\xfe", b"\xfe\xff") and data[:3] != b"\xef\xbb\xbf"
        )
        if len(data) >= 4 and eight_bit:
            return data.decode("windows-1252", "replace")
        raise SchemaError(file, error.line, error.column, error.reason) from None


class _Reader(Tokens):
    """The grammar of class MOF. Nothing in it nests, so nothing here recurses."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.line, self.counted = 1, 0
        super().__init__(text)

    def classes(self) -> tuple[DeclaredClass, ...]:
        found: dict[str, DeclaredClass] = {}
        while self.kind != "end":
            if self.kind == "pragma":
                self.pragma()
            elif self.is_word("qualifier"):
                self.qualifier_declaration()
            elif self.token == "[" or self.is_word("class"):
                declared = self.declaration()
                if earlier := found.get(declared.name.lower()):
                    at = declared.position
                    reason = f"the class {earlier.name} is declared already, in line {earlier.position.line}"
                    raise MofError(at.line, at.column, reason)
                found[declared.name.lower()] = declared
            elif self.is_word("instance"):
                self.fail("an instance belongs in a document; a schema file declares classes")
            else:
                self.fail(f"expected a class, found {self.found()}")
        return tuple(found.values())

    def qualifier_declaration(self) -> None:
        """``Qualifier Key : boolean = false, Scope(property), Flavor(DisableOverride);``: says nothing to DSC."""
        while self.token != ";":
            if self.kind == "end":
                self.fail("this qualifier declaration is never closed; end it with ;")
            self.advance()
        self.advance()

    def position(self) -> Position:
        self.line += self.text.count("\n", self.counted, self.start)
        self.counted = self.start
        return Position(self.file, self.line, self.start - self.text.rfind("\n", 0, self.start))

    def declaration(self) -> DeclaredClass:
        qualifiers = self.qualifiers() if self.token == "[" else {}
        if not self.is_word("class"):
            wanted = "an instance takes no qualifiers" if self.is_word("instance") else "expected 'class'"
            self.fail(f"{wanted}, found {self.found()}")
        self.advance()
        position = self.position()
        name, base = self.name("a class"), ""
        if self.is_word("as"):
            self.fail("a class of DSC has no alias")
        if self.token == ":":
            self.advance()
            base = self.name("a base class")
        properties = self.properties()
        return DeclaredClass(
            name,
            base,
            _word(qualifiers.get("friendlyname")),
            _word(qualifiers.get("classversion")),
            properties,
            position,
        )

    def properties(self) -> tuple[SchemaProperty, ...]:
        self.take("{")
        found: dict[str, SchemaProperty] = {}
        while self.token != "}":
            start = self.start
            item = self.property()
            if item.name.lower() in found:
                self.fail(
                    f"the property {item.name} is declared twice; names are compared without case", start
                )
            found[item.name.lower()] = item
        self.advance()
        self.take(";")
        return tuple(found.values())

    def property(self) -> SchemaProperty:
        qualifiers = self.qualifiers() if self.token == "[" else {}
        start = self.start
        kind = self.type()
        name = self.name("a property")
        if self.token == "(":
            self.fail(f"{name} is a method; a resource of DSC has none")
        is_array = self.array_mark()
        if self.token == "=":
            self.advance()
            self.constants() if self.token == "{" else self.constant()
        self.take(";")
        return self.made(SchemaProperty(name, kind, _qualifier(qualifiers), is_array), qualifiers, start)

    def type(self) -> CimType:
        kind = _TYPES.get(self.token.lower()) if self.kind == "name" else None
        if kind is None and self.kind == "name" and not self.is_word("void"):
            self.fail(
                f"'{self.token}' is no type of a property; a class inside another one is EmbeddedInstance"
            )
        if kind is None:
            self.fail(f"expected the type of a property, found {self.found()}")
        self.advance()
        if self.is_word("ref"):
            self.fail("a resource of DSC has no references")
        return kind

    def array_mark(self) -> bool:
        if self.token != "[":
            return False
        self.advance()
        if self.kind == "number":
            self.literal(read_number)
            self.advance()
        self.take("]")
        return True

    def made(self, item: SchemaProperty, qualifiers: Mapping[str, _Constant], start: int) -> SchemaProperty:
        """Return *item* with what *qualifiers* say of its values; *start* is the place of a fault."""
        item = replace(item, description=_word(qualifiers.get("description")))
        if "embeddedobject" in qualifiers:
            self.fail(f"{item.name} is an EmbeddedObject, of no class; DSC needs EmbeddedInstance", start)
        if embedded := _word(qualifiers.get("embeddedinstance")):
            if item.type is not CimType.STRING:
                self.fail(f"{item.name} is an EmbeddedInstance: its type has to be string", start)
            return replace(item, type=CimType.INSTANCE, embedded=embedded)
        value_map, values = _texts(qualifiers.get("valuemap")), _texts(qualifiers.get("values"))
        number = item.type in _INTEGERS
        if not value_map:
            value_map = tuple(map(str, range(len(values)))) if number else values
        if number and values and len(values) != len(value_map):
            self.fail(f"ValueMap and Values of {item.name} have different lengths", start)
        differ = len(values) == len(value_map) and values != value_map
        return replace(item, value_map=value_map, values=values if differ else ())

    def qualifiers(self) -> dict[str, _Constant]:
        """Read ``[Key, Description("..."): ToInstance, ValueMap{..}]``; names in lower case."""
        self.advance()
        found: dict[str, _Constant] = {}
        while True:
            start, name = self.start, self.token
            if self.kind != "name":
                self.fail(f"expected the name of a qualifier, found {self.found()}")
            if name.lower() in found:
                self.fail(f"the qualifier {name} is given twice", start)
            self.advance()
            found[name.lower()] = self.qualifier_value()
            self.flavors()
            if self.token != ",":
                break
            self.advance()
        self.take("]")
        return found

    def qualifier_value(self) -> _Constant:
        if self.token == "{":
            return self.constants()
        if self.token != "(":
            return True
        self.advance()
        value = self.constants() if self.token == "{" else self.constant()
        self.take(")")
        return value

    def flavors(self) -> None:
        if self.token != ":":
            return
        self.advance()
        if not _FLAVORS.fullmatch(self.token):
            self.fail(f"expected a flavor such as ToSubclass, found {self.found()}")
        while _FLAVORS.fullmatch(self.token):
            self.advance()

    def constants(self) -> tuple[_Scalar, ...]:
        self.take("{")
        items: list[_Scalar] = []
        while self.token != "}":
            items.append(self.constant())
            if self.token != "}":
                self.take(",")
                if self.token == "}":
                    self.fail("a list of values does not end with a comma; remove it")
        self.advance()
        return tuple(items)

    def constant(self) -> _Scalar:
        if self.kind == "string":
            return self.string()
        value: _Scalar
        if self.kind == "number":
            value = self.literal(read_number)
        elif self.kind == "char":
            value = self.literal(read_char16)
        elif self.kind == "name" and self.token.lower() in _CONSTANTS:
            value = _CONSTANTS[self.token.lower()]
        else:
            self.fail(f"expected a value, found {self.found()}")
        self.advance()
        return value


def _qualifier(qualifiers: Mapping[str, _Constant]) -> Qualifier:
    """Key is stronger than Required, and so on; nothing at all means that it may be set."""
    for kind in (Qualifier.KEY, Qualifier.REQUIRED, Qualifier.WRITE, Qualifier.READ):
        if qualifiers.get(kind.value.lower(), False) not in (False, None):
            return kind
    return Qualifier.WRITE


def _word(value: _Constant) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: _Constant) -> tuple[str, ...]:
    """The texts of a qualifier; one text alone counts as one, as ``Values("a")`` is written at times."""
    items: Sequence[object] = value if isinstance(value, tuple) else (value,)
    return tuple(str(item) for item in items if isinstance(item, str | int) and not isinstance(item, bool))
