"""Values as literals: one table for MOF, one for PowerShell, and nothing else writes either.

MOF (reference/oracle/, cases string-*, scalar-all-types, array-all-types): backslash and double quote are
escaped, LF is ``\\n``, everything else stands raw, a lone CR too. NUL has no form and is refused. A real has a
point, and all the digits that it takes to survive (PowerShell writes 15, and what its reader refuses: ``1E+21.0``).

PowerShell: single-quoted, every character that PowerShell takes for a single quote doubled (the apostrophe and
U+2018 to U+201B, language specification 2.3.5.2); control characters by number, so that no editor, checkout or
mail gateway can change what the text means. NULL, instances and credentials have no literal here: ``ps1`` has them.
"""

import math
import re
from collections.abc import Callable

from .document import DateTime, NamedNumber
from .mof_literals import Char16
from .moments import dotnet_interval, dotnet_moment

#: What no document can carry: NUL and the halves of surrogate pairs.
UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_PS_SINGLE_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")
_PS_CONTROL = re.compile("([\\x01-\\x1f\\x7f-\\x9f\u2028\u2029\ufeff])")
#: A longer sum is a tree too deep for PowerShell's compiler (7.6 dies of some 9000 terms); a join stays flat.
_MAX_TERMS = 50
_MOF_CHARACTERS = {"'": "\\x27", "\\": "\\x5C", "\n": "\\xA", "\r": "\\xD"}


class UnwritableValue(ValueError):
    """A value has no literal; the text says why."""


def mof(value: object) -> str:
    """Return the MOF literal of a plain value (text, number, boolean, Char16, DateTime, None) or a tuple of them.

    Raises:
        UnwritableValue: NUL or a lone surrogate in text, a real that is not finite.
    """
    return _MOF[type(value)](value)


def mof_array(items: list[str]) -> str:
    """Return the MOF array of *items*, which are literals or aliases."""
    return "{\n" + ",\n".join(f"    {item}" for item in items) + "\n}" if items else "{\n}"


def powershell(value: object) -> str:
    """Return the PowerShell expression of a plain value but None, or a tuple of them; it evaluates to that very value.

    Raises:
        UnwritableValue: NUL or a lone surrogate in text, a real that is not finite.
    """
    return _POWERSHELL[type(value)](value)


def _text(value: object) -> str:
    text = str(value)
    # The most common case, told fastest; every other text is looked through.
    if text.isascii() and text.isprintable():
        return text
    if found := UNWRITABLE.search(text):
        raise UnwritableValue(f"text holds U+{ord(found[0]):04X}, which a document cannot carry")
    return text


def _mof_text(value: object) -> str:
    text = _text(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def _mof_char(value: object) -> str:
    character = _text(value)
    return f"'{_MOF_CHARACTERS.get(character, character)}'"


def _mof_tuple(value: object) -> str:
    assert isinstance(value, tuple)
    return mof_array([_MOF[type(item)](item) for item in value])


def _real(value: object) -> str:
    """The shortest text that means the same number, with a point: both languages want one."""
    assert isinstance(value, float)
    if not math.isfinite(value):
        raise UnwritableValue(f"{value} is no number that a document can carry")
    digits, _, exponent = repr(value).partition("e")
    point = "" if "." in digits else ".0"
    return f"{digits}{point}E{exponent}" if exponent else digits + point


def _ps_text(value: object) -> str:
    text = _text(value)
    if text.isascii() and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    text = _PS_SINGLE_QUOTES.sub(r"\1\1", text)
    if not _PS_CONTROL.search(text):
        return f"'{text}'"
    # Every second piece is a control character. Text comes first: [char] + [char] alone would be a number.
    first, *rest = _PS_CONTROL.split(text)
    terms = [f"'{first}'"]
    for at, piece in enumerate(rest):
        if at % 2 == 0:
            terms.append(f"[char]0x{ord(piece):04X}")
        elif piece:
            terms.append(f"'{piece}'")
    return f"({' + '.join(terms)})" if len(terms) <= _MAX_TERMS else f"(-join @({', '.join(terms)}))"


def _ps_datetime(value: object) -> str:
    """The moment in UTC, which PowerShell writes with the offset ``+000``; an interval has no form that it compiles."""
    assert isinstance(value, DateTime)
    if moment := dotnet_moment(value.text):
        return f"([System.DateTimeOffset]'{moment}').UtcDateTime"
    return f"([System.TimeSpan]'{dotnet_interval(value.text)}')"


def _ps_named(value: object) -> str:
    assert isinstance(value, NamedNumber)
    return _ps_text(value.name)


def _ps_tuple(value: object) -> str:
    assert isinstance(value, tuple)
    return f"@({', '.join([powershell(item) for item in value])})"


_MOF: dict[type, Callable[[object], str]] = {
    str: _mof_text,
    bool: str,
    int: str,
    NamedNumber: str,
    float: _real,
    Char16: _mof_char,
    DateTime: lambda value: f'"{value.text}"' if isinstance(value, DateTime) else "",
    type(None): lambda value: "NULL",
    tuple: _mof_tuple,
}
_POWERSHELL: dict[type, Callable[[object], str]] = {
    str: _ps_text,
    bool: lambda value: "$true" if value else "$false",
    int: str,
    NamedNumber: _ps_named,
    float: _real,
    Char16: lambda value: f"[char]0x{ord(_text(value)):04X}",
    DateTime: _ps_datetime,
    tuple: _ps_tuple,
}
