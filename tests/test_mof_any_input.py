"""What holds for any input: text reads back equal, and nothing but MofError is ever raised."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mimc.compiler.mof_reader import MofError, MofInstance, read_mof

BOMS = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff", "utf-8": b"\xef\xbb\xbf"}
TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        st.sampled_from("\"\\\r\n\t'{};,/*$xn\x01\x7f\x85\u2028\ufeff\U0001f600"),
    )
)
SAMPLE = r"""/* head */ #pragma locale("en")
instance of T_Leaf as $Leaf1 { Name = "a\"b\\c\x0041" "d"; Size = -0x1F; };
instance of T_Nest as $Nest1
{
ResourceID = "[Nest]A"; // note
 PChar = '\n'; Flag = True; Ratio = 1.5E+10; Octal = 017; Bits = 101b; None1 = NULL;
 One = $Leaf1; Many = {$leaf1, $LEAF1}; Lines = {
    "x",
    "y"
}; Empty = {};
};
instance of OMI_ConfigurationDocument { Version="2.0.0"; };
"""
PIECES = [
    *"{}=;,\"'\\#[]()$/* \n0",
    "instance",
    "of",
    "as",
    "T",
    "$Leaf1",
    '"s"',
    "1.5",
    "NULL",
    "true",
    "/*",
    "*/",
    "{}",
]


def written(text: str, escape_line_break: bool = True) -> str:
    """A string as PowerShell writes it, but for CRLF, which stays; or with its line breaks raw."""
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'.replace("\n", "\\n" if escape_line_break else "\n")


def read_or_refuse(data: bytes | str) -> None:
    """Reading ends in a document or in a MofError with a place, whatever the input."""
    try:
        mof = read_mof(data)
    except MofError as fault:
        assert fault.line >= 1
        assert fault.column >= 1
    else:
        assert all(isinstance(instance, MofInstance) for instance in mof.instances)


@settings(max_examples=300, deadline=None)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=4), encoding=st.sampled_from(sorted(BOMS)), mark=st.booleans()
)
def test_any_text_without_nul_reads_back_equal(texts: list[str], encoding: str, mark: bool) -> None:
    raw = written(texts[0], escape_line_break=False)
    array, joined = ", ".join(map(written, texts)), " ".join(map(written, texts))
    text = f"instance of T {{ Raw = {raw}; All = {{{array}}}; Joined = {joined}; }};"
    (instance,) = read_mof((BOMS[encoding] if mark else b"") + text.encode(encoding)).instances
    assert dict(instance.properties) == {"Raw": texts[0], "All": tuple(texts), "Joined": "".join(texts)}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_document_or_a_mof_error(data: bytes) -> None:
    read_or_refuse(data)
    read_or_refuse(b"instance of A { X = " + data)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_run_of_tokens_ends_in_a_document_or_a_mof_error(pieces: list[str]) -> None:
    read_or_refuse(" ".join(pieces))
    read_or_refuse("".join(pieces))


@settings(max_examples=500, deadline=None)
@given(
    st.integers(0, len(SAMPLE)),
    st.integers(0, 12),
    st.one_of(st.sampled_from(PIECES), TEXTS, st.text(st.characters(categories=["Cs"]), max_size=2)),
)
def test_a_damaged_document_ends_in_a_document_or_a_mof_error(start: int, length: int, new: str) -> None:
    read_or_refuse(SAMPLE[:start] + new + SAMPLE[start + length :])


def test_the_sample_to_be_damaged_is_read() -> None:
    assert [instance.alias for instance in read_mof(SAMPLE).instances] == ["Leaf1", "Nest1", ""]


def test_a_large_document_is_read() -> None:
    body = 'ab\\\\\\"\n' * 300_000
    text = f'instance of A {{ X = "{body}"; Y = {{{", ".join(["1"] * 20_000)}}}; }};'
    (instance,) = read_mof(text).instances
    assert instance.properties["X"] == 'ab\\"\n' * 300_000
    assert instance.properties["Y"] == (1,) * 20_000
