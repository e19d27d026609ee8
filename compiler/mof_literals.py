r"""The literals of MOF: numbers, strings, and char16, from their text to Python values.

Rules as in the MOF codec of the LCM (public source: microsoft/omi, Unix/codec/mof/parser/moflex.c). The text of a
string never goes into a message: it may be a password.
"""

import re
from collections.abc import Sequence

_REAL = re.compile(r"[-+]?[0-9]*\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_DECIMAL = re.compile(r"[-+]?(?:[1-9][0-9]*|0)")
_WITH_RADIX = re.compile(
    r"(?P<hex>[-+]?0[xX][0-9A-Fa-f]+) | (?P<octal>[-+]?0[0-7]+) | (?P<binary>[-+]?[01]+)[bB]", re.VERBOSE
)
_RADIX = {"hex": 16, "octal": 8, "binary": 2}

_ESCAPE = re.compile(r"\\(?:[xX]([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_CHAR_ESCAPE = re.compile(r"\\(?:[xX]([0-9A-Fa-f]{1,4})|([^xX]))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "'": "'", "\\": "\\"}
_SURROGATE = re.compile("[\ud800-\udfff]")


class Char16(str):
    """The value of a ``'c'`` literal: its one character, told apart from a string by its type."""

    __slots__ = ()


class BadLiteral(ValueError):
    """A literal that MOF does not have: ``reason``, at ``offset`` characters into its text."""

    def __init__(self, reason: str, offset: int = 0) -> None:
        self.reason, self.offset = reason, offset
        super().__init__(reason)


def read_number(text: str) -> int | float:
    """Return the value of an integer (decimal, ``0xFF``, ``0377``, ``101b``) or a real (with its point).

    As in the codec, decimals may use 64 bit with or without sign and all other integers 64 bit with sign; a real
    too large for 64 bit becomes infinity (PowerShell writes the largest double that way: 1.79769313486232E+308).
    """
    shown = text if len(text) <= 40 else f"{text[:40]}..."
    if _REAL.fullmatch(text):
        return float(text)
    most = 2**64 - 1
    if _DECIMAL.fullmatch(text):
        # int() refuses thousands of digits with an error of its own; 21 with the sign are enough to be too many.
        value = int(text[:22])
    elif match := _WITH_RADIX.fullmatch(text):
        radix = str(match.lastgroup)
        value, most = int(match[radix], _RADIX[radix]), 2**63 - 1
    else:
        raise BadLiteral(f"{shown} is not a MOF number; a real needs a point, a leading zero means octal")
    if not -(2**63) <= value <= most:
        raise BadLiteral(f"{shown} is out of the range of 64 bit")
    return value


def read_string(text: str) -> str:
    """Return the value of one literal, given with its quotes. Halves of surrogate pairs may be left in it."""
    inner = text[1:-1]
    return _ESCAPE.sub(_unescaped, inner) if "\\" in inner else inner


def join_strings(parts: Sequence[str]) -> str:
    """Return literals that stand side by side as one value; surrogate pairs become their character."""
    text = "".join(parts)
    if not _SURROGATE.search(text):
        return text
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise BadLiteral("this string has half of a surrogate pair") from None


def read_char16(text: str) -> Char16:
    """Return the value of a char16 literal, given with its quotes."""
    inner = text[1:-1]
    if inner in ("\r", "\n"):
        raise BadLiteral("a line break in a char16 must be written \\r or \\n")
    if inner.startswith("\\"):
        match = _CHAR_ESCAPE.fullmatch(inner)
        if match is None:
            raise BadLiteral("a char16 holds one character or one escape; \\x takes one to four hex digits")
        inner = _unescaped(match)
    if ord(inner) > 0xFFFF or _SURROGATE.match(inner):
        raise BadLiteral("a char16 is one UTF-16 unit; this character needs a string")
    return Char16(inner)


def _unescaped(match: re.Match[str]) -> str:
    """The character that an escape stands for; the match counts from behind the opening quote."""
    digits, letter = match.groups()
    offset = match.start() + 1
    if digits is not None:
        if int(digits, 16) == 0:
            raise BadLiteral("an escaped NUL cannot be part of a value", offset)
        return chr(int(digits, 16))
    if letter in ("x", "X"):
        raise BadLiteral("\\x in a string takes exactly four hex digits", offset)
    if letter not in _ESCAPED:
        raise BadLiteral("unknown escape; MOF has \\b \\t \\n \\f \\r \\\" \\' \\\\ and \\xHHHH", offset)
    return _ESCAPED[letter]
