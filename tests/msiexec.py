"""The property string of a Windows Installer command line: a strict reader of it, and the one way we write it.

The rules are those of Microsoft's "Command-Line Options" and "Setting Public Property Values on the Command Line":
NAME=value or NAME="value", a quote in quotes is doubled, NAME="" clears, names are folded to upper case, a backslash
is a letter like any other. What the documents leave open, the 35 strings of VECTORS decide; what neither decides is
refused here, because Windows might refuse it too. Wine forgives more, and so proves less.
"""

import re
from collections.abc import Mapping

SUCCESS, LAUNCH_CONDITION, BAD_COMMAND_LINE = 0, 1603, 1639

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_.]*")
_BLANKS = re.compile(" *")
#: In quotes: anything but a quote, or two of them.
_QUOTED = re.compile('"((?:[^"]|"")*+)"')
_PLAIN = re.compile('[^ "]*')

#: String, and what MsiInstallProduct answers for a package that refuses to start when P is "one": 1603 when P is, 0
#: when it is not, 1639 when it does not understand. Wine's own tests hold these to be Windows' answers.
VECTORS: tuple[tuple[str, int], ...] = (
    ("=", 1639),
    ("==", 1639),
    ("one", 1639),
    ("=one", 1639),
    ('P="', 1639),
    ('P="""', 1639),
    ('P=" ', 1639),
    ('P= "', 1639),
    ('P="one', 1639),
    ('P="one""', 1639),
    ('P=""one"', 1639),
    ('P=""one""', 1639),
    (" ", 0),
    ("P=", 0),
    ("  P=", 0),
    ("P=  ", 0),
    ('P=""', 0),
    ('P=""""', 0),
    ('P= "" ', 0),
    ('P="  "', 0),
    ('P=one"', 0),
    ('P="one two"', 0),
    ('P="one=two"', 0),
    ('P="""one"" two"', 0),
    ('P="""one"" two" Q=three', 0),
    ('P="""one"" two" Q="three"', 0),
    ('P="" Q="two"', 0),
    ('P="""one""" Q="two"', 0),
    ('P="one ""two""" Q="three"', 0),
    ("P=one", 1603),
    ("P= one", 1603),
    ('P="one"', 1603),
    ('P= "one" ', 1603),
    ('P="one" Q="two"', 1603),
    ('Q="" P="one"', 1603),
)
#: Those of them that Wine 8.0 answers otherwise, as its tests say themselves.
WINE_DIFFERS = {'P=""one""': 0, 'P=one"': 1639}


class Refused(Exception):
    """Windows Installer would not understand this, or might not: error 1639."""


def read(text: str) -> tuple[tuple[str, str], ...]:
    """Return the properties of a property string, in order, names in upper case.

    Raises:
        Refused: it does not follow the grammar.
    """
    found, at = [], _past_blanks(text, 0)
    while at < len(text):
        name = _NAME.match(text, at)
        if not name or not text.startswith("=", name.end()):
            raise Refused(f"no NAME= at {at}")
        at = _past_blanks(text, name.end() + 1)
        value, at = _quoted(text, at) if text.startswith('"', at) else _plain(text, at)
        found.append((name[0].upper(), value))
        at = _past_blanks(text, at)
    return tuple(found)


def _past_blanks(text: str, at: int) -> int:
    blanks = _BLANKS.match(text, at)
    assert blanks
    return blanks.end()


def _quoted(text: str, at: int) -> tuple[str, int]:
    quoted = _QUOTED.match(text, at)
    if not quoted:
        raise Refused(f"the quote at {at} is never closed")
    if text[quoted.end() : quoted.end() + 1] not in ("", " "):
        raise Refused(f"something clings to the closing quote at {quoted.end()}")
    return quoted[1].replace('""', '"'), quoted.end()


def _plain(text: str, at: int) -> tuple[str, int]:
    plain = _PLAIN.match(text, at)
    assert plain
    if text[plain.end() :] == '"':
        # The only place without quotes around it where a vector allows a quote: the very end.
        return f'{plain[0]}"', plain.end() + 1
    if text.startswith('"', plain.end()):
        raise Refused(f"a quote within a value without quotes at {plain.end()}")
    return plain[0], plain.end()


def answer(text: str) -> int:
    """Return what the package of VECTORS would answer to *text*."""
    try:
        value = dict(read(text)).get("P", "")
    except Refused:
        return BAD_COMMAND_LINE
    return LAUNCH_CONDITION if value == "one" else SUCCESS


def write(properties: Mapping[str, str]) -> str:
    """Return the property string as Send-Order of the module writes it: always quoted, one blank between."""
    return " ".join(f'{name}="{value.replace(chr(34), chr(34) * 2)}"' for name, value in properties.items())
