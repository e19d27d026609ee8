"""Read a module manifest (``*.psd1``) as far as DSC needs it, without running anything.

A manifest is one PowerShell hashtable of constants. Its entries are told apart by a small tokenizer that knows
comments, the five kinds of strings and brackets; only plain texts and numbers count as values.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mimc.errors import InputError

_TOKEN = re.compile(
    r"""(?P<blank>[\ \t\r\ufeff]+ | `\r?\n | \#[^\n]* | <\#.*?\#>)
      | (?P<line>\n)
      | (?P<here>@'\r?\n(?P<raw>.*?)\r?\n'@ | @"\r?\n.*?\r?\n"@)
      | (?P<single>'(?:[^']|'')*+')
      | (?P<double>"(?:[^"`]|`.|"")*+")
      | (?P<open>@\{ | @\( | \{ | \( | \[)
      | (?P<close>[})\]])
      | (?P<number>\d+(?:\.\d+)*)
      | (?P<word>[A-Za-z_][\w.]*)
      | (?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says: its ModuleVersion, the files with its code, the resources it exports (``*``: all)."""

    version: str
    root_module: str
    nested_modules: tuple[str, ...]
    resources: tuple[str, ...]


def read_manifest(data: bytes, file: str) -> Manifest:
    """Return the manifest in *data*, the content of *file*.

    Raises:
        InputError: it is no hashtable, or has no ModuleVersion in plain words.
    """
    entries = dict(_entries(_decoded(data)))
    version = entries.get("moduleversion", ())
    if len(version) != 1 or not re.fullmatch(r"\d+(\.\d+){0,3}", version[0].strip()):
        raise InputError(f"{file}: no ModuleVersion in plain words; it has to say ModuleVersion = '1.0.0'")
    root = entries.get("rootmodule") or entries.get("moduletoprocess") or ("",)
    return Manifest(
        version[0].strip(), root[0], entries.get("nestedmodules", ()), entries.get("dscresourcestoexport", ())
    )


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("windows-1252", "replace")


def _entries(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the entries of the outermost hashtable: key in lower case, plain values at any depth."""
    depth, key, values, waiting = 0, "", list[str](), False
    last = ""
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind == "blank":
            continue
        ends = depth == 1 and (
            match[0] == ";" or (kind == "line" and last not in ("=", ",")) or match[0] == "}"
        )
        if ends:
            if waiting:
                yield key, tuple(values)
            key, values, waiting = "", [], False
        if kind == "line":
            continue
        depth += (kind == "open") - (kind == "close")
        last = match[0]
        if waiting:
            values += _plain(kind, match)
        elif depth == 1 and kind in ("word", "single", "double"):
            key = "".join(_plain(kind, match)).lower()
        elif depth == 1 and last == "=" and key:
            waiting = True


def _plain(kind: str, match: re.Match[str]) -> Iterator[str]:
    """Yield the value of a constant; a text with variables in it is none."""
    text = match[0]
    if kind in ("number", "word"):
        yield text
    elif kind == "single":
        yield text[1:-1].replace("''", "'")
    elif kind == "here" and match["raw"] is not None:
        yield match["raw"]
    elif kind == "double" and not re.search(r"(?<!`)\$", text):
        unescaped = re.sub(r"`(.)", lambda m: _ESCAPED.get(m[1], m[1]), text[1:-1], flags=re.DOTALL)
        yield unescaped.replace('""', '"')
