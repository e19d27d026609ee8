"""Values as literals: one table for MOF, one for PowerShell, and nothing else writes either.

MOF (reference/oracle/, cases string-*, scalar-all-types, array-all-types): backslash and double quote are
escaped, LF is ``\\n``, everything else stands raw, a lone CR too. NUL has no form and is refused.

PowerShell: single-quoted, every character that PowerShell takes for a single quote doubled (the apostrophe and
U+2018 to U+201B, language specification 2.3.5.2); control characters by number, so that no editor, checkout or
mail gateway can change what the text means.
"""

from collections.abc import Callable
from itertools import groupby

_PS_SINGLE_QUOTES = "'\u2018\u2019\u201a\u201b"
_PS_QUOTING = str.maketrans({quote: quote * 2 for quote in _PS_SINGLE_QUOTES})
_MOF_QUOTING = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class UnwritableValue(ValueError):
    """A value has no literal; the text says why."""


def mof(value: object) -> str:
    """Return the MOF literal of a str, bool, int or tuple of str.

    Raises:
        UnwritableValue: NUL or a lone surrogate in text.
    """
    return _MOF[type(value)](value)


def powershell(value: object) -> str:
    """Return the PowerShell expression of a str, bool, int or tuple of str; it evaluates to that very value.

    Raises:
        UnwritableValue: NUL or a lone surrogate in text.
    """
    return _POWERSHELL[type(value)](value)


def _text(value: object) -> str:
    text = str(value)
    for character in text:
        if character == "\0" or "\ud800" <= character <= "\udfff":
            raise UnwritableValue(f"text holds U+{ord(character):04X}, which a document cannot carry")
    return text


def _mof_text(value: object) -> str:
    return f'"{_text(value).translate(_MOF_QUOTING)}"'


def _mof_array(value: object) -> str:
    assert isinstance(value, tuple)
    return "{\n" + ",\n".join("    " + mof(item) for item in value) + "\n}"


def _ps_text(value: object) -> str:
    parts: list[str] = []
    for control, characters in groupby(_text(value), key=_is_control):
        if control:
            parts += [f"[char]0x{ord(character):04X}" for character in characters]
        else:
            parts.append("'" + "".join(characters).translate(_PS_QUOTING) + "'")
    if not parts or not parts[0].startswith("'"):
        # Text in front makes the sum one of text: [char] + [char] alone would be a number.
        parts.insert(0, "''")
    return parts[0] if len(parts) == 1 else "(" + " + ".join(parts) + ")"


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f" or character in "\u2028\u2029\ufeff"


def _ps_array(value: object) -> str:
    assert isinstance(value, tuple)
    return "@(" + ", ".join(powershell(item) for item in value) + ")"


_MOF: dict[type, Callable[[object], str]] = {
    str: _mof_text,
    bool: str,
    int: str,
    tuple: _mof_array,
}
_POWERSHELL: dict[type, Callable[[object], str]] = {
    str: _ps_text,
    bool: lambda value: "$true" if value else "$false",
    int: str,
    tuple: _ps_array,
}
