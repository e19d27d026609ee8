"""What documents mean: what counts as different, what does not, what people may see of it."""

from pathlib import Path

import pytest

from mimc.compiler.literals import mof as literal
from mimc.compiler.literals import mof_array
from mimc.compiler.mof_meaning import (
    NOTHING,
    SEALED,
    Difference,
    NestingError,
    check_nesting,
    differences,
    visible,
)
from mimc.compiler.mof_reader import Mof, MofInstance, MofValue, read_mof
from mimc.compiler.mof_writer import MofWriter
from mimc.secret import MASK

TESTS = Path(__file__).parent
SAMPLES = sorted((TESTS / "mof").glob("*.mof"))
# PowerShell wrote the largest double with 15 digits, which are more than it: no number that can be written again.
PAIRS = [
    path
    for path in sorted((TESTS / "oracle").glob("*/expected*.mof"))
    if path.parent.name != "convert-to-real"
]


def rewritten(document: Mof) -> bytes:
    """*document* by our writer: its instances with new aliases, everything else as it was."""
    writer = MofWriter()
    aliases: dict[MofInstance, str] = {}

    def text(value: MofValue) -> str:
        if isinstance(value, tuple):
            return mof_array([text(item) for item in value])
        return aliases[value] if isinstance(value, MofInstance) else literal(value)

    for instance in document.instances:
        properties = {name: text(value) for name, value in instance.properties.items()}
        aliases[instance] = writer.instance(instance.class_name, properties, aliased=bool(instance.alias))
    return writer.file("node")


@pytest.mark.parametrize("path", [*SAMPLES, *PAIRS], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_document_read_and_written_again_keeps_all_that_it_says(path: Path) -> None:
    document = read_mof(path.read_bytes())
    again = read_mof(rewritten(document))
    assert differences(document, again) == []
    found = differences(document, again, everything=True)
    assert {each.property.rpartition(".")[2] for each in found} <= {"the alias"}


def one(properties: str, before: str = "") -> Mof:
    return read_mof(f'{before} instance of T as $T1 {{ ResourceID = "[T]x"; {properties} }};')


def found(left: Mof, right: Mof) -> list[tuple[str, str, str]]:
    return [(each.property, each.left, each.right) for each in differences(left, right)]


PART = "instance of P as $P{at} {{ {text} }};"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("A = 1; B = 2;", "b = 2; a = 1;"),
        ('SourceInfo = "a::1::1::T";', 'SourceInfo = "b::9::9::T";'),
        ('DependsOn = {"[A]b", "[C]d"};', 'DependsOn = {"[c]D", "[A]b"};'),
        ('ModuleName = "PSDesiredStateConfiguration";', 'ModuleName = "PsDesiredStateConfiguration";'),
        ("R = 0.30000000000000004;", "R = 0.3;"),
        ("R = 1.7976931348623157E+308;", "R = 1.79769313486232E+308;"),
        ("H = 0x10;", "H = 16;"),
        ('S = "a\\x0041";', 'S = "aA";'),
    ],
)
def test_what_means_nothing_to_the_lcm_is_no_difference(left: str, right: str) -> None:
    assert found(one(left), one(right)) == []
    assert differences(one(left), one(right), everything=True) or left[0] in "HS"


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("A = 1;", "A = 2;", ("A", "1", "2")),
        ("A = 1;", "A = True;", ("A", "1", "True")),
        ("A = 1;", "A = 1.0;", ("A", "1", "1.0")),
        ("A = 'c';", 'A = "c";', ("A", "'c' (char16)", '"c"')),
        ("A = NULL;", "", ("A", "NULL", NOTHING)),
        ("", "A = {};", ("A", NOTHING, "{}")),
        ('A = {"x"};', 'A = "x";', ("A", '{"x"}', '"x"')),
        ('A = {"x", "y"};', 'A = {"x", "z"};', ("A.1", '"y"', '"z"')),
        ('A = {"x"};', 'A = {"x", "z"};', ("A", '{"x"}', '{"x", "z"}')),
        ('A = "x";', 'A = "X";', ("A", '"x"', '"X"')),
        (
            'DependsOn = {"[A]b"};',
            'DependsOn = {"[A]b", "[A]b"};',
            ("DependsOn", '{"[A]b"}', '{"[A]b", "[A]b"}'),
        ),
        ("R = 0.3;", "R = 0.300000000000001;", ("R", "0.3", "0.300000000000001")),
        ('A = "a\\nb";', 'A = "a\\r\\nb";', ("A", '"a\\nb"', '"a\\r\\nb"')),
    ],
)
def test_what_means_something_is_a_difference(left: str, right: str, expected: tuple[str, str, str]) -> None:
    assert found(one(left), one(right)) == [expected]
    assert found(one(right), one(left)) == [(expected[0], expected[2], expected[1])]


def test_of_long_texts_the_place_is_shown_where_they_differ() -> None:
    ((_, left, right),) = found(one(f'A = "{"x" * 500}y";'), one(f'A = "{"x" * 500}z";'))
    assert left == f'..."{"x" * 20}y"'
    assert right == f'..."{"x" * 20}z"'


def test_embedded_instances_are_compared_in_their_places() -> None:
    left = one(
        "One = $P1; Many = {$P1, $P2};", PART.format(at=1, text="V = 1;") + PART.format(at=2, text="V = 2;")
    )
    right = one("One = $P2; Many = {$P2, $P2};", PART.format(at=2, text="V = 2;"))
    assert found(left, right) == [("One.V", "1", "2"), ("Many.0.V", "1", "2")]


def test_entries_of_a_hashtable_have_no_order_and_are_told_by_their_key() -> None:
    def table(**entries: str) -> Mof:
        pairs = (
            f'instance of MSFT_KeyValuePair as $K{at} {{ Key = "{key}"; Value = "{value}"; }};'
            for at, (key, value) in enumerate(entries.items())
        )
        return one(f"H = {{{', '.join(f'$K{at}' for at in range(len(entries)))}}};", " ".join(pairs))

    assert found(table(a="1", b="2"), table(b="2", a="1")) == []
    assert found(table(a="1", b="2"), table(c="3", a="9")) == [
        ("H.a.Value", '"1"', '"9"'),
        ("H.b", '"2"', NOTHING),
        ("H.c", NOTHING, '"3"'),
    ]


def resources(*ids: str) -> Mof:
    return read_mof(" ".join(f'instance of T {{ ResourceID = "[T]{name}"; }};' for name in ids))


def test_instances_belong_together_by_their_resource_id() -> None:
    assert differences(resources("a", "b"), resources("A", "b")) == []
    assert differences(resources("a"), resources("b")) == [
        Difference("[T]a", "", "T", NOTHING),
        Difference("[T]b", "", NOTHING, "T"),
    ]
    assert differences(resources("a", "a"), resources("a")) == [Difference("[T]a (2)", "", "T", NOTHING)]


def test_the_order_of_resources_counts_and_that_of_other_instances_does_not() -> None:
    assert differences(resources("a", "b", "c"), resources("c", "a", "b")) == [
        Difference("the document", "the order of its instances", "[T]a", "[T]c")
    ]
    assert differences(resources("a", "x", "b"), resources("a", "b"))[1:] == []
    document = 'instance of OMI_ConfigurationDocument { Version = "2.0.0"; };'
    resource = 'instance of T { ResourceID = "[T]a"; };'
    assert differences(read_mof(document + resource), read_mof(resource + document)) == []


def test_of_the_document_instance_counts_what_an_lcm_acts_on() -> None:
    def document(**values: str) -> Mof:
        texts = " ".join(f'{name} = "{value}";' for name, value in values.items())
        return read_mof(f'instance of OMI_ConfigurationDocument {{ Version = "2.0.0"; {texts} }};')

    left = document(Author="a", GenerationDate="1", GenerationHost="x", Name="n")
    assert differences(left, document(Name="n")) == []
    assert found(left, document(Name="m", ContentType="PasswordEncrypted")) == [
        ("Name", '"n"', '"m"'),
        ("ContentType", NOTHING, '"PasswordEncrypted"'),
    ]


def credential(password: str) -> Mof:
    before = f'instance of MSFT_Credential as $C {{ UserName = "u"; Password = "{password}"; }};'
    return one("Login = $C;", before)


def test_passwords_are_compared_and_never_shown() -> None:
    sealed = "-----BEGIN CMS-----\\nMII{}\\n-----END CMS-----"
    assert found(credential("CANARY"), credential("CANARY")) == []
    assert found(credential("CANARY"), credential("canary")) == [("Login.Password", f'"{MASK}"', f'"{MASK}"')]
    assert found(credential("CANARY"), credential(sealed)) == [("Login.Password", f'"{MASK}"', f'"{SEALED}"')]
    left, right = credential(sealed.format("A")), credential(sealed.format("B"))
    assert found(left, right) == []
    assert differences(left, right, everything=True) == [
        Difference("[T]x", "Login.Password", f'"{SEALED}"', f'"{SEALED}"')
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('instance of C { Password = "CANARY"; };', "Password"),
        ('instance of C { registrationkey = "CANARY"; };', "RegistrationKey"),
        ('instance of C { Password = {"CANARY"}; };', "Password"),
        ('instance of MSFT_KeyValuePair { Key = "RegistrationKey"; Value = "CANARY"; };', "Value"),
    ],
)
def test_a_secret_is_not_visible(text: str, name: str) -> None:
    assert visible(read_mof(text).instances[0], name) in (MASK, (MASK,))


@pytest.mark.parametrize(
    "text", ["PasswordNeverExpires = True;", 'PasswordResetGroup = "G";', "Password = NULL;"]
)
def test_what_is_no_secret_is_visible(text: str) -> None:
    instance = read_mof(f"instance of C {{ {text} }};").instances[0]
    ((name, value),) = instance.properties.items()
    assert visible(instance, name) == value


def chain(uses: int, length: int) -> Mof:
    first = "instance of P as $P0 { V = 1; };"
    rest = (
        f"instance of P as $P{at} {{ {' '.join(f'V{use} = $P{at - 1};' for use in range(uses))} }};"
        for at in range(1, length)
    )
    return read_mof(first + "".join(rest))


@pytest.mark.parametrize(("uses", "length"), [(1, 60), (2, 40)])
def test_a_document_whose_aliases_make_it_endless_is_refused(uses: int, length: int) -> None:
    with pytest.raises(NestingError, match="line 1: "):
        check_nesting(chain(uses, length))
    check_nesting(chain(uses, 10))
