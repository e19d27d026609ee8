"""The grammar of instance MOF, rule by rule."""

import pytest

from mimc.compiler.mof_literals import Char16
from mimc.compiler.mof_reader import MofError, MofValue, decode, read_mof
from mimc.errors import MimcError

ENCODINGS = {
    "UTF-16LE with mark": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "UTF-16BE with mark": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-8 with mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16LE": lambda text: text.encode("utf-16-le"),
    "UTF-16BE": lambda text: text.encode("utf-16-be"),
    "UTF-8": lambda text: text.encode(),
}


def read_value(literal: str) -> MofValue:
    """The value of a property written as *literal*; $A and $B are defined before."""
    before = "instance of T_A as $A { X = 1; }; instance of T_B as $B { X = 2; };\n"
    return read_mof(f"{before}instance of T {{ P = {literal}; }};").instances[-1].properties["P"]


def fault_of(data: bytes | str) -> str:
    with pytest.raises(MofError) as caught:
        read_mof(data)
    return str(caught.value)


# ---- values


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("True", True),
        ("true", True),
        ("FALSE", False),
        ("NULL", None),
        ("null", None),
        ("0", 0),
        ("5", 5),
        ("+5", 5),
        ("-5", -5),
        ("-0", 0),
        ("0xFF", 255),
        ("0Xff", 255),
        ("-0x10", -16),
        ("0x00000000000000000001", 1),
        ("010", 8),
        ("-010", -8),
        ("00", 0),
        ("101b", 5),
        ("-101B", -5),
        ("0b", 0),
        ("011b", 3),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("0x7FFFFFFFFFFFFFFF", 2**63 - 1),
        ("5.0", 5.0),
        (".5", 0.5),
        ("-0.0", 0.0),
        ("1.5E+10", 1.5e10),
        ("1.25e-07", 1.25e-7),
        ("+1.5e3", 1500.0),
        ("01.5", 1.5),
        ("1.79769313486232E+308", float("inf")),
        ('""', ""),
        ('"a"', "a"),
        ('"a" "b"', "ab"),
        ('"a"\n/* c */ "b" // d\n "c"', "abc"),
        (r'"\b\t\n\f\r\"\'\\"', "\b\t\n\f\r\"'\\"),
        (r'"\x0041\X00e9z"', "A\u00e9z"),
        (r'"\x00411"', "A1"),
        (r'"\xD83D\xDE00"', "\U0001f600"),
        (r'"\xD83D" "\xDE00"', "\U0001f600"),
        ('"a\r\nb\tc\x01\x07\x0c\x7f"', "a\r\nb\tc\x01\x07\x0c\x7f"),
        ('"$A }; /* // NULL \'"', "$A }; /* // NULL '"),
        ('"é€\U0001f600"', "é€\U0001f600"),
        ('"20260102030405.000000+060"', "20260102030405.000000+060"),
        ("'c'", "c"),
        ("'\"'", '"'),
        ("' '", " "),
        (r"'\n'", "\n"),
        (r"'\\'", "\\"),
        (r"'\x27'", "'"),
        (r"'\x9'", "\t"),
        (r"'\x20AC'", "€"),
        ("'€'", "€"),
        ("{}", ()),
        ("{ }", ()),
        ("{\n    1,\n    2\n}", (1, 2)),
        ('{"a", "b" "c"}', ("a", "bc")),
        ("{True, false}", (True, False)),
        ("{1.0, -2.5}", (1.0, -2.5)),
        ("{'a', 'b'}", ("a", "b")),
    ],
)
def test_a_value_is_read(literal: str, value: MofValue) -> None:
    found = read_value(literal)
    assert found == value
    if isinstance(value, tuple):
        assert isinstance(found, tuple)
        assert [isinstance(item, bool) for item in found] == [isinstance(item, bool) for item in value]
    elif literal.startswith("'"):
        assert type(found) is Char16
    else:
        assert type(found) is type(value)


def test_a_negative_zero_keeps_its_sign() -> None:
    assert str(read_value("-0.0")) == "-0.0"


@pytest.mark.parametrize(
    ("literal", "reason"),
    [
        ("1E10", "1E10 is not a MOF number; a real needs a point, a leading zero means octal"),
        ("1E+21.0", "1E+21.0 is not a MOF number"),
        ("5.", "5. is not a MOF number"),
        ("1,5", "expected ';', found ','"),
        ("08", "08 is not a MOF number"),
        ("0x", "0x is not a MOF number"),
        ("12b", "12b is not a MOF number"),
        ("--1", "--1 is not a MOF number"),
        ("- 1", "- is not a MOF number"),
        ("1_000", "expected ';', found a name"),
        ("NaN", "expected a value, found a name; a string takes double quotes"),
        ("18446744073709551616", "18446744073709551616 is out of the range of 64 bit"),
        ("-9223372036854775809", "-9223372036854775809 is out of the range of 64 bit"),
        ("0x8000000000000000", "0x8000000000000000 is out of the range of 64 bit"),
        ("1" * 5000, f"{'1' * 40}... is out of the range of 64 bit"),
        ("Present", "expected a value, found a name; a string takes double quotes"),
        ("", "expected a value, found ';'"),
        (r'"\q"', r"unknown escape; MOF has \b \t \n \f \r \" \' \\ and \xHHHH"),
        (r'"\x41"', r"\x in a string takes exactly four hex digits"),
        (r'"\x004g"', r"\x in a string takes exactly four hex digits"),
        (r'"\u0041"', "unknown escape"),
        ('"a\\\nb"', "unknown escape"),
        (r'"\x0000"', "an escaped NUL cannot be part of a value"),
        (r'"\xD83D"', "this string has half of a surrogate pair"),
        (r'"\xDE00\xD83D"', "this string has half of a surrogate pair"),
        ('"a', "this string is never closed; end it with a double quote"),
        ('"a\\"', "this string is never closed; end it with a double quote"),
        ("'text'", "a char16 is one character between single quotes"),
        ("''", "a char16 is one character between single quotes"),
        ("'''", "a char16 is one character between single quotes"),
        ("'\\'", "a char16 is one character between single quotes"),
        (r"'\q'", "unknown escape"),
        (r"'\nn'", "a char16 holds one character or one escape"),
        (r"'\x'", "a char16 holds one character or one escape; \\x takes one to four hex digits"),
        (r"'\x00041'", "a char16 holds one character or one escape"),
        (r"'\x0'", "an escaped NUL cannot be part of a value"),
        (r"'\xD83D'", "a char16 is one UTF-16 unit; this character needs a string"),
        ("'\U0001f600'", "a char16 is one UTF-16 unit; this character needs a string"),
        ("'\n'", "a line break in a char16 must be written \\r or \\n"),
        ('{"a",}', "an array does not end with a comma; remove it"),
        ("{,}", "expected a value, found ','"),
        ('{"a" 1}', "expected ',', found a number"),
        ('{"a", NULL}', "NULL cannot stand inside an array"),
        ("{NULL}", "NULL cannot stand inside an array"),
        ('{"a", 1}', "all values of an array must be of one type"),
        ("{1, 1.0}", "all values of an array must be of one type"),
        ("{1, true}", "all values of an array must be of one type"),
        ("{\"a\", 'b'}", "all values of an array must be of one type"),
        ("{$A, 1}", "all values of an array must be of one type"),
        ("{1, {2}}", "an array cannot stand inside an array"),
        ("{1", "expected ',', found ';'"),
        ("$C", "the alias $C is not defined before this place"),
        ("$1", "an alias is $ and a name of ASCII letters, digits and underscores"),
        ("$ A", "an alias is $ and a name of ASCII letters, digits and underscores"),
        ("instance of T_A { X = 1; }", "an instance cannot stand inside another; define it before"),
        ("%", "the character U+0025 has no meaning here"),
        ("/ 1", "the character U+002F has no meaning here"),
    ],
)
def test_a_value_is_refused(literal: str, reason: str) -> None:
    with pytest.raises(MofError) as caught:
        read_value(literal)
    assert caught.value.reason.startswith(reason)
    assert caught.value.line >= 2


# ---- instances and aliases


def test_an_instance_has_its_class_alias_line_and_properties_in_order() -> None:
    mof = read_mof(
        "\r\n\nInstance\nOF T_x AS $Ref\n{\nB = 1;\n a = 2; };\n  instance of OMI_CONFIGURATIONDOCUMENT {V=1;};"
    )
    first, second = mof.instances
    assert (first.class_name, first.alias, first.line) == ("T_x", "Ref", 3)
    assert list(first.properties.items()) == [("B", 1), ("a", 2)]
    assert (second.alias, second.line) == ("", 8)
    assert mof.document is second


def test_a_property_is_found_without_case_and_null_is_not_the_default() -> None:
    (instance,) = read_mof("instance of T { ResourceID = 1; Empty = NULL; };").instances
    assert instance.get("resourceid") == instance.get("ResourceID") == 1
    assert instance.get("Absent") is None
    assert instance.get("Absent", 7) == 7
    assert instance.get("EMPTY", 7) is None


def test_an_alias_stands_for_its_instance_without_case() -> None:
    mof = read_mof("instance of A as $One { X = 1; }; instance of B { P = $ONE; Q = {$one, $One}; };")
    one, two = mof.instances
    assert two.properties["P"] is one
    assert two.properties["Q"] == (one, one)
    assert list(two.embedded()) == [one, one, one]
    assert mof.top_level == (two,)


def test_a_document_without_document_instance_has_none() -> None:
    assert read_mof("instance of A { X = 1; };").document is None


@pytest.mark.parametrize(
    "text",
    [
        "/* header */ instance of A { X = 1; };",
        "// header\ninstance of A { X = 1; }; // end without line break",
        "instance/**/of/* * / ** */A{X=1;};",
        "/*/ still inside */ instance of A { X = 1; };",
        "// a lone CR does not end this\r instance of B { Y = 1; };\ninstance of A { X = 1; };",
        '#pragma locale ("en_US") instance of A { X = 1; };',
        '#PRAGMA Namespace("root" "/dsc")\ninstance of A { X = 1; };',
        "\v\finstance of A { X = 1; };\r\r\n",
        "instance of A { X = 1; /* }; */ };",
    ],
)
def test_comments_blanks_and_pragmas_are_skipped(text: str) -> None:
    (instance,) = read_mof(text).instances
    assert (instance.class_name, dict(instance.properties)) == ("A", {"X": 1})


@pytest.mark.parametrize(
    "name", ["Association", "indication", "Property", "reference", "_x", "Classes", "Null1"]
)
def test_a_property_may_bear_this_name(name: str) -> None:
    assert read_mof(f"instance of A {{ {name} = 1; }};").instances[0].properties == {name: 1}


@pytest.mark.parametrize(
    "name", ["Class", "string", "Method", "PARAMETER", "Any", "scope", "uint8", "Of", "Null"]
)
def test_a_keyword_names_neither_property_nor_class(name: str) -> None:
    fault = f"'{name}' is a MOF keyword and cannot be the name of a"
    assert fault_of(f"instance of A {{ {name} = 1; }};") == f"line 1, column 17: {fault} property"
    assert fault_of(f"instance of {name} {{ X = 1; }};") == f"line 1, column 13: {fault} class"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("    ", "line 1, column 5: the document is empty"),
        ("/* only */", "line 1, column 11: the document is empty"),
        ("/* open\n", "line 1, column 1: this comment is never closed; end it with */"),
        ("instance of A { X = 1; }", "line 1, column 25: expected ';', found the end of the document"),
        ("instance of A { X = 1 };", "line 1, column 23: expected ';', found '}'"),
        ("instance of A { X 1; };", "line 1, column 19: expected '=', found a number"),
        ("instance of A { X = 1;", "line 1, column 23: expected the name of a property, found the end of the document"),
        (
            "instance of A\n{\n// nothing\n};",
            "line 4, column 1: an instance needs at least one property; write one with NULL if need be",
        ),
        ("instance of A X = 1; };", "line 1, column 15: expected '{', found a name"),
        ("instance A { X = 1; };", "line 1, column 10: expected 'of', found a name"),
        ("instance of 1 { X = 1; };", "line 1, column 13: expected the name of a class, found a number"),
        ("instance of A as B { X = 1; };", "line 1, column 18: expected an alias such as $Name, found a name"),
        ("instance of Ä { X = 1; };", "line 1, column 13: the character U+00C4 has no meaning here"),
        (
            "instance of A as $a { X = 1; };\ninstance of A as $A { X = 1; };",
            "line 2, column 18: the alias $A is already defined in line 1",
        ),
        (
            "instance of A { X = $b; };\ninstance of B as $b { X = 1; };",
            "line 1, column 21: the alias $b is not defined before this place",
        ),
        (
            "instance of A as $a { X = $a; };",
            "line 1, column 27: the alias $a is not defined before this place",
        ),
        (
            "instance of A { X = 1;\n\tx = 2; };",
            "line 2, column 2: the property 'x' is given twice; names are compared without case",
        ),
        (
            "[Description(1)] instance of A { X = 1; };",
            "line 1, column 1: an instance takes no qualifiers; remove the square brackets",
        ),
        (
            "instance of A { [Key] X = 1; };",
            "line 1, column 17: a property of an instance takes no qualifiers; remove the square brackets",
        ),
        ("class A { };", "line 1, column 1: a class declaration belongs in a schema file, not in a document"),
        ("foo", "line 1, column 1: expected 'instance of', found a name"),
        ("};;;", "line 1, column 1: expected 'instance of', found '}'"),
        ("#define X", "line 1, column 1: the only directive is #pragma"),
        ('#pragma include("x")', "line 1, column 9: #pragma include is not supported; a document stands in one file"),
        ("#pragma locale(1)", "line 1, column 16: expected a string, found a number"),
        ("instance of A { X = \"a\0\"; };", "line 1, column 23: a NUL character ends the document for the LCM; remove it"),
        ("\ufeffinstance of A { X = 1; };", "line 1, column 1: the character U+FEFF has no meaning here"),
    ],
)  # fmt: skip
def test_a_document_is_refused_with_its_place(text: str, message: str) -> None:
    assert fault_of(text) == message


def test_an_escape_is_placed_inside_its_string() -> None:
    text = 'instance of A { X = "ok\n"\n  "ab\\q"; };'
    assert fault_of(text).startswith("line 3, column 6: unknown escape")


def test_no_message_shows_the_text_of_a_string() -> None:
    for text in ('"hun\\qter2"', '"hunter2" "', '"hun"ter2"', '"hunter2\\xZZZZ"', '"\\xD83Dhunter2"'):
        message = fault_of(f"instance of MSFT_Credential {{ Password = {text}; }};")
        assert "hun" not in message and "ter2" not in message


def test_a_fault_is_an_error_of_the_input() -> None:
    with pytest.raises(MimcError) as caught:
        read_mof("foo!")
    assert isinstance(caught.value, MofError)
    assert (caught.value.exit_code, caught.value.line, caught.value.column) == (3, 1, 1)


# ---- encodings


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_of_the_codec_gives_the_same_text(name: str) -> None:
    text = 'instance of A { X = "é€\U0001f600\r\n"; };'
    assert decode(ENCODINGS[name](text)) == text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1, column 1: a document of 0 bytes is too short to be MOF"),
        (b"abc", "line 1, column 1: a document of 3 bytes is too short to be MOF"),
        (b"\xff\xfe\0\0i\0\0\0", "line 1, column 1: UTF-32 is not supported"),
        (b"\0\0\xfe\xff\0\0\0i", "line 1, column 1: UTF-32 is not supported"),
        ("inst".encode("utf-32-le"), "line 1, column 2: a NUL character ends the document"),
        ("inst".encode("utf-32-be"), "line 1, column 1: UTF-32 is not supported"),
        (b"// \xe9\n", "line 1, column 4: byte 3 is not valid UTF-8"),
        (b"\xef\xbb\xbf//\n \xe9\n", "line 2, column 2: byte 7 is not valid UTF-8"),
        (b"\xff\xfei\0n\0s", "line 1, column 3: byte 6 is not valid UTF-16-LE"),
        (b"\xff\xfe\n\0\x3d\xd8i\0", "line 2, column 1: byte 4 is not valid UTF-16-LE"),
    ],
)
def test_bytes_that_are_no_document_are_refused(data: bytes, message: str) -> None:
    assert fault_of(data).startswith(message)
