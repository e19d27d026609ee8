"""What a node says is data: one function makes it harmless in a terminal, a log and a CI job."""

import re
import unicodedata

#: Categories that move a cursor, reorder or hide text, or are no characters at all.
UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def is_unsafe(character: str) -> bool:
    """Return whether *character* is a control, a format character, a lone surrogate or a line separator."""
    return unicodedata.category(character) in UNSAFE_CATEGORIES


def neutral(value: object) -> str:
    r"""Return *value* as text on one line: unsafe characters as ``\x1b`` and the like.

    Workflow commands are broken by a space: GitHub reads a line that begins with ``::`` after blanks, both GitHub
    and Azure Pipelines read ``##[`` and ``##vso[`` anywhere in a line.
    """
    text = "".join(_escaped(character) if is_unsafe(character) else character for character in str(value))
    if text.lstrip().startswith("::"):
        text = text.replace("::", ": :", 1)
    return re.sub("#(?=#)", "# ", text)


def _escaped(character: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    code = ord(character)
    if short:
        return short
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
