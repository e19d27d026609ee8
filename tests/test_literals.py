"""The one table of literals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimc.compiler.literals import UnwritableValue, mof, powershell
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


@given(TEXT)
def test_any_text_survives_a_mof_literal(text: str) -> None:
    document = f"instance of X {{ T = {mof(text)}; }};"
    assert read_mof(document).instances[0].get("T") == text
