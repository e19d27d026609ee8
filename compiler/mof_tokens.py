"""The text of MOF as tokens: what instance documents (``mof_reader``) and class schemas (``schema_mof``) share.

As the MOF codec of the LCM has it (public source: microsoft/omi, Unix/codec/mof/parser). Messages never show the
text of a string: it may be a password.
"""

import re
from collections.abc import Callable
from typing import NoReturn, TypeVar

from mimc.errors import MimcError

from .mof_literals import BadLiteral, join_strings, read_string

_Literal = TypeVar("_Literal", str, int | float)


class MofError(MimcError):
    """The text is not a MOF document: ``reason``, at ``line`` and ``column`` (both from 1, in characters)."""

    exit_code = 3
    exit_word = "invalid"

    def __init__(self, line: int, column: int, reason: str) -> None:
        self.line, self.column, self.reason = line, column, reason
        super().__init__(f"line {line}, column {column}: {reason}")


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
        raise MofError(*place(before, len(before)), reason) from None


def place(text: str, offset: int) -> tuple[int, int]:
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


class Tokens:
    """A text, one token ahead: ``kind`` and ``token`` are the next one, ``start`` and ``stop`` its offsets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.kind, self.token, self.start, self.stop = "", "", 0, 0
        if (nul := text.find("\0")) >= 0:
            self.fail("a NUL character ends the document for the LCM; remove it", nul)
        self.advance()

    def advance(self) -> None:
        """Go on to the next token; what is none is refused."""
        match = _TOKEN.match(self.text, self.stop)
        assert match is not None and match.lastgroup is not None  # the last branches take anything
        self.kind, self.stop = match.lastgroup, match.end()
        self.start = match.start(self.kind)
        self.token = match[self.kind]
        if self.kind == "fault":
            self.fail(self.lexical_fault())

    def fail(self, reason: str, offset: int | None = None) -> NoReturn:
        """Refuse the text because of *reason*, at *offset* or at the token."""
        raise MofError(*place(self.text, self.start if offset is None else offset), reason)

    def lexical_fault(self) -> str:
        """Say why no token begins here."""
        if self.text.startswith("/*", self.start):
            return "this comment is never closed; end it with */"
        return {
            '"': "this string is never closed; end it with a double quote",
            "'": "a char16 is one character between single quotes (a quote is '\\x27'); a string takes double quotes",
            "$": "an alias is $ and a name of ASCII letters, digits and underscores",
        }.get(self.token, f"the character U+{ord(self.token):04X} has no meaning here")

    def found(self) -> str:
        """Say what the token is, without the text of a string."""
        return _KINDS.get(self.kind) or f"'{self.token}'"

    def is_word(self, word: str) -> bool:
        """Say whether the token is the word *word* (lower case), case ignored."""
        return self.kind == "name" and self.token.lower() == word

    def take(self, mark: str) -> None:
        """Go over *mark*, which has to come."""
        if self.kind != "mark" or self.token != mark:
            self.fail(f"expected '{mark}', found {self.found()}")
        self.advance()

    def name(self, what: str) -> str:
        """Go over a name, the name of *what*, and return it."""
        name = self.token
        if self.kind != "name":
            self.fail(f"expected the name of {what}, found {self.found()}")
        if _RESERVED.fullmatch(name):
            self.fail(f"'{name}' is a MOF keyword and cannot be the name of {what}")
        self.advance()
        return name

    def pragma(self) -> None:
        """Go over a directive; all but ``#pragma include`` mean nothing here."""
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

    def string(self) -> str:
        """Go over string literals that stand side by side and return their value."""
        start, parts = self.start, []
        while self.kind == "string":
            parts.append(self.literal(read_string))
            self.advance()
        try:
            return join_strings(parts)
        except BadLiteral as fault:
            self.fail(fault.reason, start)

    def literal(self, read: Callable[[str], _Literal]) -> _Literal:
        """Return what *read* makes of the token, without going over it."""
        try:
            return read(self.token)
        except BadLiteral as fault:
            self.fail(fault.reason, self.start + fault.offset)
