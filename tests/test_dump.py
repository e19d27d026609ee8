"""YAML that we write: our own loader reads it back exactly, and people like to read it."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mimc.compiler.load import dump, load

AWKWARD = (
    "", "true", "Null", "~", "Yes", "off", "1", "-0", "010", "0x1F", "1.5e10", "1.0E+21", ".inf", "1_000", "12:30",
    "2026-01-02", "- a", "? b", "a: b", "a #b", "a:", "---", "...", "'", '"', "it's", "!tag", "*a", "&a", "%x", "@",
    "`", "=", "<<", "[a", "{a", "a]", ", a", "|", "> x", "\t", "\tx\ny", "x\t\ny", "\r\n", "a\r\nb", "\n", "a\n",
    "a\n\n", "\na", " a\nb", "a \nb", "a\n ", "a\n\n  b", "\ufeff", "a\u2028b", "a\x85b", "\xa0", "\x7f", "\x01",
    "\U0010ffff", "\ud7ff\ufffe\uffff", "😀", "x" * 200, "x " * 200,
)  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(AWKWARD),
    st.text("ab \t\n\n :#-'\"\\", max_size=12),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
)
SCALAR = st.one_of(
    TEXT,
    st.booleans(),
    st.none(),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUE: st.SearchStrategy[Any] = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def typed(value: Any) -> Any:
    """The value with its types: to Python, True is 1 and 1 is 1.0."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    return [typed(item) for item in value] if isinstance(value, list) else (type(value), repr(value))


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(TEXT, VALUE, min_size=1, max_size=4))
def test_whatever_is_written_is_read_back(value: dict[str, Any]) -> None:
    text = dump(value, ["a comment", "with\na line break"])
    assert typed(load(text.encode(), "spec.yaml").data) == typed(value)


@pytest.mark.parametrize("text", AWKWARD, ids=ascii)
def test_an_awkward_text_stays_text_for_other_readers_of_yaml_too(text: str) -> None:
    written = dump({"a": {"b": {"c": text}}})
    assert yaml.safe_load(written) == {"a": {"b": {"c": text}}}


def test_short_blocks_stand_in_one_line_and_scripts_line_by_line() -> None:
    spec = {
        "name": "Contoso",
        "targets": {"corpsync": {"host": "corpsync"}},
        "resources": [
            {"Log": {"id": "Note", "Message": "done"}},
            {
                "Script": {
                    "id": "Run",
                    "SetScript": "\n    if ($x)\n    {\n\t'y'\n    }\n  ",
                    "Tags": ["a", "b"],
                }
            },
        ],
    }
    assert dump(spec, ["Made by hand."]) == (
        "# Made by hand.\n"
        "name: Contoso\n"
        "targets:\n"
        "  corpsync: {host: corpsync}\n"
        "resources:\n"
        "  - Log: {id: Note, Message: done}\n"
        "  - Script:\n"
        "      id: Run\n"
        "      SetScript: |2-\n"
        "\n"
        "            if ($x)\n"
        "            {\n"
        "        \t'y'\n"
        "            }\n"
        "          \n"
        "      Tags: [a, b]\n"
    )
