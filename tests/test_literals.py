"""The one table of literals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimc.compiler.document import DateTime, NamedNumber
from mimc.compiler.literals import UnwritableValue, mof, powershell
from mimc.compiler.mof_literals import Char16
from mimc.compiler.mof_reader import read_mof

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("", '""'),
        ("plain", '"plain"'),
        ("C:\\Program Files\\", '"C:\\\\Program Files\\\\"'),
        ('say "x"', '"say \\"x\\""'),
        ("a\nb", '"a\\nb"'),
        ("a\r\nb", '"a\r\\nb"'),
        ("a\tb\u2019", '"a\tb\u2019"'),
        (True, "True"),
        (False, "False"),
        (7200, "7200"),
        (("a", "b"), '{\n    "a",\n    "b"\n}'),
        ((), "{\n}"),
        ((1, 2), "{\n    1,\n    2\n}"),
        (None, "NULL"),
        (18446744073709551615, "18446744073709551615"),
        (-9223372036854775808, "-9223372036854775808"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (5.0, "5.0"),
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e15, "1000000000000000.0"),
        (1e21, "1.0E+21"),
        (1e-7, "1.0E-07"),
        (1.25e-7, "1.25E-07"),
        (5e-324, "5.0E-324"),
        (1.7976931348623157e308, "1.7976931348623157E+308"),
        (Char16("c"), "'c'"),
        (Char16('"'), "'\"'"),
        (Char16("'"), "'\\x27'"),
        (Char16("\\"), "'\\x5C'"),
        (Char16("\n"), "'\\xA'"),
        (Char16("\r"), "'\\xD'"),
        (DateTime("20260102030405.000000+060"), '"20260102030405.000000+060"'),
        (NamedNumber.of(2, "Two"), "2"),
        ((Char16("a"), Char16("b")), "{\n    'a',\n    'b'\n}"),
    ],
)
def test_a_value_has_the_mof_literal_that_powershell_writes(value: object, literal: str) -> None:
    assert mof(value) == literal


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("", "''"),
        ("it's $(x) `n", "'it''s $(x) `n'"),
        ("\u2018a\u2019\u201a\u201b", "'\u2018\u2018a\u2019\u2019\u201a\u201a\u201b\u201b'"),
        ("\u201cdouble\u201d", "'\u201cdouble\u201d'"),
        ("a\r\nb", "('a' + [char]0x000D + [char]0x000A + 'b')"),
        ("\t", "('' + [char]0x0009)"),
        (True, "$true"),
        (("a", 1), "@('a', 1)"),
        ((), "@()"),
        (1.5, "1.5"),
        (1e21, "1.0E+21"),
        (Char16("'"), "[char]0x0027"),
        (
            DateTime("20260102030405.000001+060"),
            "([System.DateTimeOffset]'2026-01-02T03:04:05.000001+01:00').UtcDateTime",
        ),
        (
            DateTime("20260102030405.000000-210"),
            "([System.DateTimeOffset]'2026-01-02T03:04:05.000000-03:30').UtcDateTime",
        ),
        (DateTime("00000005010203.000004:000"), "([System.TimeSpan]'5.01:02:03.000004')"),
        (NamedNumber.of(2, "it's"), "'it''s'"),
        ("\n" * 60, "(-join @('', " + ", ".join(["[char]0x000A"] * 60) + "))"),
    ],
)
def test_a_value_has_one_powershell_literal(value: object, literal: str) -> None:
    assert powershell(value) == literal


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
@pytest.mark.parametrize("write", [mof, powershell])
def test_text_that_no_document_can_carry_is_refused(text: str, write: object) -> None:
    assert callable(write)
    with pytest.raises(UnwritableValue, match=r"U\+(0000|D800)"):
        write(text)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize("write", [mof, powershell])
def test_a_real_that_no_document_can_carry_is_refused(value: float, write: object) -> None:
    assert callable(write)
    with pytest.raises(UnwritableValue, match="no number that a document can carry"):
        write(value)


NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
CHARACTERS = st.characters(max_codepoint=0xFFFF, exclude_characters="\0", exclude_categories=["Cs"])


@given(st.none() | st.booleans() | NUMBERS | CHARACTERS.map(Char16) | st.lists(TEXT, max_size=5).map(tuple))
def test_any_value_survives_a_mof_literal_with_its_type(value: object) -> None:
    read = read_mof(f"instance of X {{ V = {mof(value)}; }};").instances[0].get("V")
    assert read == value
    assert type(read) is type(value)
    assert str(read) == str(value), "the sign of zero, too"


@given(TEXT)
def test_any_text_survives_a_mof_literal(text: str) -> None:
    document = f"instance of X {{ T = {mof(text)}; }};"
    assert read_mof(document).instances[0].get("T") == text
