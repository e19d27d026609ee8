"""Class MOF: the forms that schema files have, and what is refused with its place."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimc.compiler.class_bases import embedded_classes, is_resource, resolve
from mimc.compiler.class_schema import CimType, ClassSchema, Qualifier, SchemaProperty
from mimc.compiler.schema_mof import DeclaredClass, SchemaError, read_schema

MODULES = Path(__file__).parent / "oracle" / "modules"


def finder(*classes: DeclaredClass) -> Callable[[str], DeclaredClass | None]:
    by_name = {item.name.lower(): item for item in classes}
    return lambda name: by_name.get(name.lower())


def one(property_text: str) -> SchemaProperty:
    (declared,) = read_schema(f"class A {{ {property_text} }};", "a.schema.mof")
    (item,) = declared.properties
    return item


def resolved(text: str, name: str) -> ClassSchema:
    classes = read_schema(text, "a.schema.mof")
    find = finder(*classes)
    declared = find(name)
    assert declared
    return resolve(declared, find)


@pytest.mark.parametrize("file", sorted(MODULES.rglob("*.schema.mof")), ids=lambda path: path.stem)
def test_every_schema_of_the_oracle_is_read(file: Path) -> None:
    classes = read_schema(file.read_bytes(), file.name)
    find = finder(*classes)
    assert classes[-1].name == file.name.removesuffix(".schema.mof")
    assert is_resource(classes[-1], find)
    schema = resolve(classes[-1], find)
    embedded_classes(schema, classes[-1], find)


def test_a_class_has_its_names_version_base_and_place() -> None:
    text = '// first\n[ClassVersion("1.0.0"), FriendlyName("Thing")]\nclass My_Thing : OMI_BaseResource {\n};'
    (declared,) = read_schema(text, "x.schema.mof")
    assert (declared.name, declared.base, declared.friendly_name, declared.version) == (
        "My_Thing",
        "OMI_BaseResource",
        "Thing",
        "1.0.0",
    )
    assert str(declared.position) == "x.schema.mof:3:7"
    assert declared.properties == ()


@pytest.mark.parametrize(
    ("text", "qualifier"),
    [
        ("[Key] string P;", Qualifier.KEY),
        ("[key, Write] string P;", Qualifier.KEY),
        ("[Required, Write] string P;", Qualifier.REQUIRED),
        ("[Write] string P;", Qualifier.WRITE),
        ("[Write, Read] string P;", Qualifier.WRITE),
        ("[READ] string P;", Qualifier.READ),
        ("[Read(true)] string P;", Qualifier.READ),
        ("[Key(false)] string P;", Qualifier.WRITE),
        ('[Description("x")] string P;', Qualifier.WRITE),
        ("string P;", Qualifier.WRITE),
    ],
)
def test_the_qualifiers_say_what_may_be_done_with_a_property(text: str, qualifier: Qualifier) -> None:
    assert one(text).qualifier is qualifier


@pytest.mark.parametrize("kind", [kind for kind in CimType if kind is not CimType.INSTANCE])
def test_every_type_is_read_in_any_case(kind: CimType) -> None:
    assert one(f"[Write] {kind.value.upper()} P;").type is kind
    item = one(f"[Write] {kind.value.title()} P[];")
    assert (item.type, item.is_array) == (kind, True)


@pytest.mark.parametrize(
    "text",
    [
        "[Write] uint8 P[4];",
        "[Write] uint8 P [ ] ;",
        "[Write] uint8 P[] = {1, 2};",
        "[Write] uint8 P[] = NULL;",
        "[Write] uint8\n/* here */ P // there\n[];",
        '[Write , MaxLen(8),Override("P") : DisableOverride ToSubclass] uint8 P[];',
    ],
)
def test_arrays_defaults_comments_and_further_qualifiers(text: str) -> None:
    item = one(text)
    assert (item.name, item.type, item.is_array) == ("P", CimType.UINT8, True)


@pytest.mark.parametrize(
    "default",
    ["5", "-5", "0xFF", "101b", "1.5", "true", "FALSE", "null", '"a" "b"', "'c'", "{}", '{"a", "b"}'],
)
def test_a_default_value_is_read_over(default: str) -> None:
    assert one(f"[Write] string P = {default};").name == "P"


def test_a_description_of_several_literals_is_one_text() -> None:
    item = one(
        '[Write, Description("one " /* x */ "two \\"q\\" \\\\ \\n"\n"three") : Translatable] string P;'
    )
    assert item.description == 'one two "q" \\ \nthree'


def test_forms_that_published_modules_have() -> None:
    """Blanks before parentheses, no blank after a comma, curly quotes, and the embedded class after its user."""
    text = """\
/*
**Example** FriendlyName("Other") class Other : OMI_BaseResource { "
*/

[ClassVersion("2.0.0"),FriendlyName("Site")]\x20
class A_Site : OMI_BaseResource
{
    [Key,Description ("The site’s name")] String Name;
    [ValueMap {"On","Off"},Values {"On", "Off"}]
    string  State;
    [write, EmbeddedInstance("A_Binding"), Description("Bindings")]\x20
    String Bindings[];
};

[ClassVersion("1.0.0")]
class A_Binding
{
    [Required,ValueMap{"0","1"},Values{"0","1"}] String Flags;
    [Read] String Phrase;
};
"""
    site, binding = read_schema(text.encode(), "x")
    assert (site.name, site.friendly_name, binding.name) == ("A_Site", "Site", "A_Binding")
    assert [item.name for item in site.properties] == ["Name", "State", "Bindings"]
    find = finder(site, binding)
    assert set(embedded_classes(resolve(site, find), site, find)) == {"a_binding"}


def test_values_are_kept_where_they_differ_from_the_map() -> None:
    item = one('[Write, ValueMap{"1","2"}, Values{"One","Two"}] uint8 P;')
    assert (item.value_map, item.values) == (("1", "2"), ("One", "Two"))
    item = one('[Write, Values{"A","B"}, ValueMap{"A","B"}] string P;')
    assert (item.value_map, item.values) == (("A", "B"), ())


def test_values_alone_are_the_map_of_a_text_and_count_from_zero_for_a_number() -> None:
    assert one('[Write, Values{"A","B"}] string P;').value_map == ("A", "B")
    item = one('[Write, Values{"A","B"}] uint16 P;')
    assert (item.value_map, item.values) == (("0", "1"), ("A", "B"))


def test_values_of_a_text_that_do_not_match_the_map_are_left_aside() -> None:
    item = one('[Write, ValueMap{"A","B","C"}, Values{"A","B"}] string P;')
    assert (item.value_map, item.values) == (("A", "B", "C"), ())


def test_values_in_parentheses_are_read() -> None:
    assert one('[Write, ValueMap("A")] string P;').value_map == ("A",)
    assert one('[Write, ValueMap({"A", "B"})] string P;').value_map == ("A", "B")


def test_an_embedded_instance_knows_its_class() -> None:
    item = one('[Write, EmbeddedInstance("MSFT_Credential") : ToSubclass] String P[];')
    assert (item.type, item.embedded, item.is_array) == (CimType.INSTANCE, "MSFT_Credential", True)


def test_pragmas_and_qualifier_declarations_are_read_over() -> None:
    text = (
        '#pragma namespace ("root/x")\nQualifier Key : boolean = false, Scope(property, reference), '
        'Flavor(DisableOverride);\nQUALIFIER Note : string = "a;b", Scope(any);\nclass A { };\n#pragma locale("en")\n'
    )
    assert [item.name for item in read_schema(text, "x")] == ["A"]


def test_a_file_may_hold_no_class() -> None:
    assert read_schema("// nothing yet\n", "x") == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_encodings_of_windows_are_read(encoding: str) -> None:
    text = '[ClassVersion("1.0.0")] class A { [Write, Description("ä – 😀")] string P; };'
    (declared,) = read_schema(text.encode(encoding), "x")
    assert declared.properties[0].description == "ä – 😀"


def test_text_of_windows_1252_is_read() -> None:
    text = '[ClassVersion("1.0.0")] class A { [Write, Description("don’t")] string P; };'
    (declared,) = read_schema(text.encode("windows-1252"), "x")
    assert declared.properties[0].description == "don’t"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("class A { string P }", "1:20", "expected ';'"),
        ("class A { string P; }", "1:22", "expected ';', found the end"),
        ("class A\n{\n  [Key] text P;\n};", "3:9", "'text' is no type of a property"),
        ("class A { [Key string P; };", "1:16", "expected ']'"),
        ("class A { [Key,] string P; };", "1:16", "expected the name of a qualifier"),
        ("class A { [Key, KEY] string P; };", "1:17", "the qualifier KEY is given twice"),
        ('class A { [Write, ValueMap{"a",}] string P; };', "1:32", "does not end with a comma"),
        ("class A { [Write, ValueMap{a}] string P; };", "1:28", "expected a value, found a name"),
        ("class A { [Write : Sometimes] string P; };", "1:20", "expected a flavor"),
        ("class A { string P; string p; };", "1:21", "the property p is declared twice"),
        ("class A { }; class a { };", "1:20", "the class A is declared already, in line 1"),
        ("class A { uint32 Start([In] string a); };", "1:23", "Start is a method"),
        ("class A { void Start(); };", "1:11", "expected the type of a property"),
        ("class A { B ref P; };", "1:11", "'B' is no type"),
        ("class A { string ref P; };", "1:18", "no references"),
        ("class A { [EmbeddedObject] string P; };", "1:28", "EmbeddedObject"),
        ('class A { [EmbeddedInstance("B")] uint8 P; };', "1:35", "its type has to be string"),
        ('class A { [ValueMap{"1"}, Values{"a","b"}] uint8 P; };', "1:44", "different lengths"),
        ("class A as $a { };", "1:9", "no alias"),
        ("class string { };", "1:7", "'string' is a MOF keyword"),
        ("instance of A { P = 1; };", "1:1", "an instance belongs in a document"),
        ("[Key] instance of A { P = 1; };", "1:7", "an instance takes no qualifiers"),
        ("hello", "1:1", "expected a class"),
        ("Qualifier Key : boolean", "1:24", "never closed"),
        ("/* open", "1:1", "never closed"),
        ('class A { [Description("open)] string P; };', "1:24", "never closed"),
        ('class A { [Description("\\q")] string P; };', "1:25", "unknown escape"),
        ("class A { string P = 09; };", "1:22", "not a MOF number"),
        ("class A { string P = {1, {2}}; };", "1:26", "expected a value"),
        ('#pragma include ("b.mof")', "1:9", "include is not supported"),
        ("class A { string P; };\0", "1:23", "NUL"),
    ],
)
def test_what_is_refused_is_named_with_its_place(text: str, place: str, reason: str) -> None:
    with pytest.raises(SchemaError) as caught:
        read_schema(text, "a.schema.mof")
    assert f"{caught.value.line}:{caught.value.column}" == place
    assert reason in caught.value.reason
    assert str(caught.value).startswith(f"a.schema.mof:{place}: ")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    "data", [b"", b"cl", b"\xff\xfe\0\0class", b"\xef\xbb\xbfclass \xff", b"\xff\xfec\0\0\xd8x\0"]
)
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    with pytest.raises(SchemaError):
        read_schema(data, "x")


def test_properties_of_bases_come_first_and_an_own_one_replaces_them() -> None:
    schema = resolved(
        "class Base { [Key] string Id; [Write] string Note; };\n"
        "class Middle : base { [Write] uint8 Size; };\n"
        '[FriendlyName("Last")] class Last : MIDDLE { [Required] string note; [Write] string Own; };',
        "last",
    )
    assert list(schema.properties) == ["Id", "Note", "Size", "Own"]
    assert schema.properties["Note"].qualifier is Qualifier.REQUIRED
    assert schema.keys == ("Id",)
    assert schema.friendly_name == "Last"


def test_what_all_resources_have_is_no_property_of_a_resource() -> None:
    schema = resolved(
        "class OMI_BaseResource { [Required] string ResourceId; [Write] string DependsOn[]; };\n"
        '[FriendlyName("Thing")] class A_Thing : OMI_BaseResource { [Key] string Id; [Write] string SourceInfo; };',
        "A_Thing",
    )
    assert list(schema.properties) == ["Id"]


def test_a_resource_without_friendly_name_is_called_by_its_class() -> None:
    assert (
        resolved("class A_Thing : OMI_BaseResource { [Key] string Id; };", "A_Thing").friendly_name
        == "A_Thing"
    )
    assert resolved("class A_Part { [Write] string Id; };", "A_Part").friendly_name == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("class A : Gone { };", "the base class Gone is not known"),
        ("class A : B { }; class B : A { };", "go in a circle"),
        ("class A : A { };", "go in a circle"),
    ],
)
def test_bases_that_lead_nowhere_are_refused(text: str, reason: str) -> None:
    with pytest.raises(SchemaError, match=reason):
        resolved(text, "A")


def test_embedded_classes_are_found_with_inner_ones_and_circles() -> None:
    classes = read_schema(
        'class Tree { [Write, EmbeddedInstance("Leaf")] string Leaves[]; };\n'
        'class Leaf { [Write, EmbeddedInstance("TREE")] string Owner; };\n'
        '[FriendlyName("A")] class A : OMI_BaseResource { [Key] string Id; '
        '[Write, EmbeddedInstance("tree")] string Top; [Write, EmbeddedInstance("MSFT_Credential")] string Login; };',
        "x",
    )
    find = finder(*classes)
    found = embedded_classes(resolve(classes[-1], find), classes[-1], find)
    assert set(found) == {"tree", "leaf", "msft_credential"}
    assert [item.qualifier for item in found["msft_credential"].properties.values()] == [
        Qualifier.REQUIRED
    ] * 2


def test_an_embedded_class_that_nobody_declares_is_refused() -> None:
    classes = read_schema('class A : OMI_BaseResource { [EmbeddedInstance("Gone")] string Part; };', "x")
    find = finder(*classes)
    with pytest.raises(SchemaError, match="Part embeds Gone, a class that this module does not declare"):
        embedded_classes(resolve(classes[0], find), classes[0], find)


def refused_or_read(data: bytes | str) -> None:
    try:
        read_schema(data, "x")
    except SchemaError as error:
        assert error.line >= 1
        assert error.column >= 1


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_place(data: bytes) -> None:
    refused_or_read(data)


PIECES = [
    "class ",
    "A",
    " : ",
    "B",
    "{",
    "}",
    ";",
    "[",
    "]",
    "(",
    ")",
    "Key",
    ",",
    "string ",
    "P",
    "=",
    '"x"',
    "1",
    "'c'",
]
PIECES += [
    "uint8 ",
    "ValueMap",
    "Values",
    "EmbeddedInstance",
    "ref ",
    "Qualifier ",
    "instance of ",
    "#pragma ",
    "NULL",
    "//\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_order_of_its_words_is_read_or_refused_with_a_place(text: str) -> None:
    refused_or_read(text)


WORKING = (MODULES / "CimTypesDsc/DSCResources/T_Nest/T_Nest.schema.mof").read_bytes()


@given(st.integers(0, len(WORKING) - 1), st.binary(max_size=3), st.integers(0, 5))
def test_a_damaged_file_is_read_or_refused_with_a_place(at: int, data: bytes, gone: int) -> None:
    refused_or_read(WORKING[:at] + data + WORKING[at + gone :])
