"""The reader against real documents: 25 from public repositories, and all that the real compiler gave or refused.

``mof/index.md`` and ``oracle/index.md`` say where they come from. ``expected*.jsonl`` is what Microsoft's MOF
codec found in a document; it shows an embedded instance as "(set)" and a datetime in UTC.
"""

import json
import re
import struct
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mimc.compiler.mof_literals import Char16
from mimc.compiler.mof_reader import Mof, MofError, MofInstance, MofValue, read_mof

TESTS = Path(__file__).parent
SAMPLES = sorted((TESTS / "mof").glob("*.mof"))
JUDGED = sorted((TESTS / "oracle").glob("*/expected*.jsonl"))
REJECTED = sorted((TESTS / "oracle").glob("*/rejected*.mof"))

# The reason that the reader gives where the text itself is no MOF.
REFUSED = {
    "refuse-array-nested": "line 12, column 5: an array cannot stand inside an array",
    "refuse-char-backslash": "line 10, column 9: a char16 is one character between single quotes",
    "refuse-char-two-letters": "line 15, column 10: a char16 is one character between single quotes",
    "refuse-lcm-settings-empty": "line 12, column 1: an instance needs at least one property",
    "refuse-nul-character": "line 14, column 11: a NUL character ends the document",
    "refuse-real-exponent": "line 13, column 9: 1E+21.0 is not a MOF number",
    "refuse-real-not-a-number": "line 10, column 8: expected a value, found a name",
}
# Well-formed documents that the codec refuses for a type, which only the schema of the class can tell.
REFUSED_FOR_A_TYPE = {
    "refuse-array-for-scalar": "an array for a string property",
    "refuse-credential-string": "a string for a property of embedded instances",
    "refuse-embedded-hashtable": "one key and value pair for a property of another class",
    "refuse-embedded-wrong-class": "an instance of another class",
    "refuse-integer-too-large": "256 for an uint8",
    "refuse-string-equal-to-alias": "an alias for a string property",
}


def shape(instance: MofInstance) -> tuple[Any, ...]:
    """An instance as something that compares: class, alias, line, and the values with inner instances inside."""

    def inner(value: MofValue) -> Any:
        if isinstance(value, tuple):
            return tuple(map(inner, value))
        return shape(value) if isinstance(value, MofInstance) else (type(value), value)

    values = tuple((name, inner(value)) for name, value in instance.properties.items())
    return instance.class_name, instance.alias, instance.line, values


def shapes(mof: Mof) -> list[tuple[Any, ...]]:
    return [shape(instance) for instance in mof.instances]


# ---- the 25 documents


def test_there_are_25_documents() -> None:
    assert len(SAMPLES) == 25


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_real_document_is_read_whole(path: Path) -> None:
    text = path.read_bytes().decode()
    mof = read_mof(text)
    heads = list(re.finditer(r"^instance of (\w+)(?: as \$(\w+))?", text, re.MULTILINE))
    assert [(i.class_name, i.alias, i.line) for i in mof.instances] == [
        (head[1], head[2] or "", text.count("\n", 0, head.start()) + 1) for head in heads
    ]
    # The compiler starts a line with each property, and escapes the line breaks of strings.
    names = [name for instance in mof.instances for name in instance.properties]
    assert names == re.findall(r"^[ \t]*(\w+) *=", text, re.MULTILINE)
    assert mof.document is mof.instances[-1]
    assert mof.document.get("Version") in ("1.0.0", "2.0.0")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_real_document_reads_the_same_in_every_encoding(path: Path) -> None:
    data = path.read_bytes()
    text = data.decode()
    once = shapes(read_mof(data))
    assert shapes(read_mof(text)) == once
    assert shapes(read_mof(b"\xff\xfe" + text.encode("utf-16-le"))) == once
    assert shapes(read_mof(b"\xfe\xff" + text.encode("utf-16-be"))) == once
    assert shapes(read_mof(b"\xef\xbb\xbf" + data)) == once


def test_values_of_a_real_document_are_as_written() -> None:
    mof = read_mof((TESTS / "mof" / "cnorthe-Seelive-Channel-testlabcl01.meta.mof").read_bytes())
    meta, document = mof.top_level
    assert meta.class_name == "MSFT_DSCMetaConfiguration"
    assert meta.get("ConfigurationModeFrequencyMins") == 15
    assert meta.get("RebootNodeIfNeeded") is True
    assert meta.get("ConfigurationDownloadManagers") == ()
    assert meta.get("CertificateID", "absent") is None
    assert document.get("minimumcompatibleversion") == "2.0.0"


# ---- the pairs of the compiler


def fits(kind: str, judged: Any, value: MofValue) -> bool:
    """Say whether *value* is what the codec showed as *judged*, of the CIM type *kind*."""
    if kind == "Instance":
        return judged == "(set)" and isinstance(value, MofInstance)
    if kind == "InstanceArray":
        return isinstance(value, tuple) and [judged_shape(line) for line in judged] == [
            found_shape(item, line) for item, line in zip(value, judged, strict=True)
        ]
    if kind.endswith("Array"):
        items = [] if judged == "(set)" else judged
        if not isinstance(value, tuple) or len(value) != len(items):
            return False
        return all(fits(kind.removesuffix("Array"), *pair) for pair in zip(items, value, strict=True))
    return fits_scalar(kind, judged, value)


def fits_scalar(kind: str, judged: Any, value: MofValue) -> bool:
    if kind == "String":
        return type(value) is str and value == judged
    if kind == "Boolean":
        return value is judged
    if kind == "Char16":
        return isinstance(value, Char16) and ord(value) == judged
    if kind == "DateTime":
        return isinstance(value, str) and in_utc(value) == judged
    if kind.startswith("Real"):
        code = {"Real32": "f", "Real64": "d"}[kind]
        return isinstance(value, float) and struct.pack(code, value) == struct.pack(code, float(judged))
    assert re.fullmatch("[US]Int(8|16|32|64)", kind)
    return type(value) is int and value == judged


def in_utc(text: str) -> str:
    moment = datetime.strptime(text[:21], "%Y%m%d%H%M%S.%f") - timedelta(minutes=int(text[21:]))
    return f"{moment.isoformat(timespec='microseconds')}0Z"


def judged_shape(line: dict[str, Any]) -> tuple[str, dict[str, bool]]:
    return line["class"].lower(), {name.lower(): True for name in line if name != "class"}


def found_shape(instance: MofValue, line: dict[str, Any]) -> tuple[str, dict[str, bool]]:
    """Class and properties of *instance*, each with whether its value is that of *line*.

    The codec shows no NULL and no empty array of embedded instances.
    """
    assert isinstance(instance, MofInstance)
    judged = {name.lower(): value for name, value in line.items()}
    names = {}
    for name, value in instance.properties.items():
        if name.lower() in judged:
            names[name.lower()] = fits(judged[name.lower()]["type"], judged[name.lower()]["value"], value)
        elif value not in (None, ()):
            names[name.lower()] = False
    return instance.class_name.lower(), names


def test_there_is_a_document_for_every_judgement() -> None:
    documents = {path.with_suffix("") for path in (TESTS / "oracle").glob("*/expected*.mof")}
    assert {path.with_suffix("") for path in JUDGED} == documents
    assert len(JUDGED) == 87


@pytest.mark.parametrize("path", JUDGED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_reader_finds_what_the_codec_found(path: Path) -> None:
    lines = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    mof = read_mof(path.with_suffix(".mof").read_bytes())
    found = [found_shape(instance, line) for instance, line in zip(mof.top_level, lines, strict=True)]
    assert found == [judged_shape(line) for line in lines]


def test_every_rejected_document_has_its_reason() -> None:
    assert {path.parent.name for path in REJECTED} == REFUSED.keys() | REFUSED_FOR_A_TYPE.keys()
    assert not REFUSED.keys() & REFUSED_FOR_A_TYPE.keys()


@pytest.mark.parametrize("path", REJECTED, ids=lambda path: path.parent.name)
def test_a_rejected_document_is_refused_unless_only_a_type_is_wrong(path: Path) -> None:
    if path.parent.name in REFUSED_FOR_A_TYPE:
        assert read_mof(path.read_bytes()).document is not None
        return
    with pytest.raises(MofError) as caught:
        read_mof(path.read_bytes())
    assert str(caught.value).startswith(REFUSED[path.parent.name])
