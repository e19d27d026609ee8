"""Windows Installer packages (.msi) on any machine: their own tables, read and never run.

A package is an OLE compound file. Each table is one stream of it, all values of a column after one another;
text stands once in a pool of strings, and cells hold its number. Microsoft documents the tables and not their
bytes; the bytes are as ``msiinfo`` of msitools reads them, and the tests hold the two side by side.
"""

import codecs
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from mimc.errors import InputError

#: A row of a table: column to text, number, or None for an empty cell.
Row = Mapping[str, str | int | None]

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
_TABLE_MARK = "\u4840"
_PAIRS, _SINGLES = 0x3800, 0x4800
_KINDS = {
    "000C1084-0000-0000-C000-000000000046": "package",
    "000C1086-0000-0000-C000-000000000046": "a patch (.msp)",
    "000C1082-0000-0000-C000-000000000046": "a transform (.mst)",
}
# The bits of a column's type.
_SIZE, _STRING, _BINARY, _NULLABLE, _KEY = 0x00FF, 0x0800, 0x0900, 0x1000, 0x2000
_LONG_REFERENCES = 1 << 31
_SUMMARY = "\x05SummaryInformation"
#: Numbers of properties of the summary information.
_CODE_PAGE, _SUBJECT, _AUTHOR, _TEMPLATE, _REVISION, _INSTALLER = 1, 3, 4, 7, 9, 14
#: How its values are stored: a number of 16 bits (the code page) or 32, a text that ends with NUL.
_NUMBERS, _TEXT = {2: "<H", 3: "<i"}, 30
#: The two tables that describe all tables, themselves included; they are not described by themselves.
_CATALOGUE = {
    "_Tables": (("Name", _STRING),),
    "_Columns": (("Table", _STRING), ("Number", 2), ("Name", _STRING), ("Type", 2)),
}

#: What the library or we stumble over in bytes that do not hang together.
_STUMBLES = (
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    TypeError,
    AttributeError,
    RecursionError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Summary:
    """What the file says of itself: ``template`` is its platform and languages, such as ``x64;1033``."""

    subject: str
    author: str
    template: str
    package_code: str
    installer_version: int


@dataclass(frozen=True, slots=True)
class Package:
    """A package: every table by its name, and what the file says of itself."""

    tables: Mapping[str, tuple[Row, ...]]
    summary: Summary

    def rows(self, table: str) -> tuple[Row, ...]:
        """Return the rows of *table*, none when the package has no such table."""
        return self.tables.get(table, ())

    def texts(self) -> set[str]:
        """Return the text of every cell."""
        cells = (cell for rows in self.tables.values() for row in rows for cell in row.values())
        return {cell for cell in cells if isinstance(cell, str)}

    def properties(self) -> dict[str, str]:
        """Return the Property table: each property's value before anything was said on a command line."""
        return {str(row.get("Property")): str(row.get("Value") or "") for row in self.rows("Property")}


def read_package(file: BinaryIO, name: str) -> Package:
    """Read the package in *file*, which must be seekable; *name* is for messages.

    Raises:
        InputError: it is no package, another kind of file of Windows Installer, or damaged.
    """
    import olefile  # late: no other verb needs it

    if not olefile.isOleFile(file):
        raise InputError(f"{name}: not a Windows Installer package (.msi)")
    try:
        with olefile.OleFileIO(file) as compound:
            root = compound.root
            kind = _KINDS.get(root.clsid.upper() if root else "", "another compound file")
            if kind != "package":
                raise InputError(f"{name}: this is {kind}, not a Windows Installer package (.msi)")
            return _read(
                {stream[0] for stream in compound.listdir() if len(stream) == 1},
                lambda stream: bytes(compound.openstream([stream]).read()),
            )
    except _STUMBLES as fault:
        raise InputError(f"{name}: the package is damaged and cannot be read: {fault}") from None


def _read(streams: set[str], read: Callable[[str], bytes]) -> Package:
    strings, wide = read_strings(read(_stream("_StringPool")), read(_stream("_StringData")))

    def table(name: str, columns: Sequence[tuple[str, int]]) -> tuple[Row, ...]:
        # A table without rows has no stream.
        stream = _stream(name)
        return read_rows(read(stream), columns, strings, wide) if stream in streams else ()

    described: dict[str, list[tuple[int, str, int]]] = {}
    for row in table("_Columns", _CATALOGUE["_Columns"]):
        column = (_number(row["Number"]), str(row["Name"]), _number(row["Type"]))
        described.setdefault(str(row["Table"]), []).append(column)
    names = [str(row["Name"]) for row in table("_Tables", _CATALOGUE["_Tables"])]
    tables = {
        name: table(name, [(column, kind) for _, column, kind in sorted(described[name])]) for name in names
    }
    summary = read(_SUMMARY) if _SUMMARY in streams else b""
    return Package(tables, _summary(summary))


def _stream(table: str) -> str:
    """Return the name of a table's stream: two letters of its name in one character, after a mark."""
    codes = [_ALPHABET.index(letter) for letter in table]
    pairs = [chr(_PAIRS + low + (high << 6)) for low, high in zip(codes[::2], codes[1::2], strict=False)]
    last = [chr(_SINGLES + codes[-1])] if len(codes) % 2 else []
    return "".join((_TABLE_MARK, *pairs, *last))


def read_strings(pool: bytes, data: bytes) -> tuple[list[str], bool]:
    """Return the strings by their number (0 is none), and whether cells hold numbers of three bytes.

    The pool has four bytes for the code page and a flag, then length and use count for each string, two bytes each.
    A string longer than two bytes can say has length 0, and its length follows in four.

    Raises:
        ValueError: the pool does not hang together.
    """
    if len(pool) < 4 or len(pool) % 4:
        raise ValueError("the pool of strings is cut off")
    (header,) = struct.unpack_from("<I", pool)
    codec = _codec(header & ~_LONG_REFERENCES)
    strings, at, offset = [""], 4, 0
    while at < len(pool):
        length, uses = struct.unpack_from("<HH", pool, at)
        at += 4
        if uses and not length:
            (length,) = struct.unpack_from("<I", pool, at)
            at += 4
        if offset + length > len(data):
            raise ValueError("the strings are cut off")
        strings.append(data[offset : offset + length].decode(codec, "replace"))
        offset += length
    return strings, bool(header & _LONG_REFERENCES)


def _codec(code_page: int) -> str:
    """Return Python's name of a code page; a package that names none is in ASCII, as far as anybody can tell."""
    with suppress(LookupError):
        return codecs.lookup({0: "cp1252", 65001: "utf-8"}.get(code_page, f"cp{code_page}")).name
    return "latin-1"


def read_rows(
    data: bytes, columns: Sequence[tuple[str, int]], strings: Sequence[str], wide: bool
) -> tuple[Row, ...]:
    """Return the rows of a table in *data*, whose *columns* have a name and a type each.

    Raises:
        ValueError: the bytes are no whole number of rows.
        IndexError: a cell holds the number of a string that is not there.
    """
    widths = [_width(kind, wide) for _, kind in columns]
    count, rest = divmod(len(data), sum(widths))
    if rest:
        raise ValueError("a table is cut off")
    cells, at = [], 0
    for (_, kind), width in zip(columns, widths, strict=True):
        raw = (int.from_bytes(data[i : i + width], "little") for i in range(at, at + count * width, width))
        cells.append([_cell(number, kind, width, strings) for number in raw])
        at += count * width
    names = [name for name, _ in columns]
    return tuple(dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True))


def _is_binary(kind: int) -> bool:
    return kind & ~(_NULLABLE | _KEY) == _BINARY


def _width(kind: int, wide: bool) -> int:
    if kind & _STRING and not _is_binary(kind):
        return 3 if wide else 2
    return 4 if kind & _SIZE == 4 else 2


def _cell(number: int, kind: int, width: int, strings: Sequence[str]) -> str | int | None:
    if not number:
        return None
    if _is_binary(kind):
        return number  # says only that there is a stream for this row
    return strings[number] if kind & _STRING else number - (1 << (8 * width - 1))


def _number(cell: str | int | None) -> int:
    if not isinstance(cell, int):
        raise TypeError("a column has no number")
    return cell


def _summary(data: bytes) -> Summary:
    found = dict(_summary_values(data))
    page = found.get(_CODE_PAGE)
    codec = _codec(page if isinstance(page, int) else 0)

    def text(number: int) -> str:
        value = found.get(number)
        return value.decode(codec, "replace") if isinstance(value, bytes) else ""

    installer = found.get(_INSTALLER)
    return Summary(
        text(_SUBJECT),
        text(_AUTHOR),
        text(_TEMPLATE),
        text(_REVISION),
        installer if isinstance(installer, int) else 0,
    )


def _summary_values(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the numbers and texts of a property set (MS-OLEPS), each with the number of its property.

    Not with the library's reader: a few wrong bytes let that one build a list of four thousand million values.
    """
    if not data:
        return
    (section,) = struct.unpack_from("<I", data, 44)
    (count,) = struct.unpack_from("<I", data, section + 4)
    for at in range(section + 8, min(section + 8 + 8 * count, len(data)), 8):
        number, offset = struct.unpack_from("<II", data, at)
        (kind,) = struct.unpack_from("<I", data, section + offset)
        if kind in _NUMBERS:
            yield number, struct.unpack_from(_NUMBERS[kind], data, section + offset + 4)[0]
        elif kind == _TEXT:
            (length,) = struct.unpack_from("<I", data, section + offset + 4)
            start = section + offset + 8
            yield number, data[start : start + length].rstrip(b"\0")
