"""One value at a time: YAML to the type that a class declares."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimc.compiler.class_schema import CimType, ClassSchema, Qualifier, SchemaProperty
from mimc.compiler.document import DateTime, Embedded, NamedNumber, Value
from mimc.compiler.load import Path
from mimc.compiler.mof_literals import Char16
from mimc.compiler.typed import Fault, Surroundings, type_value
from mimc.errors import Position, Problem, SpecError
from mimc.secret import Credential, SecretReference

HERE = Position("spec.yaml", 1, 1)
LEAF = ClassSchema(
    "T_Leaf",
    "",
    {
        "Name": SchemaProperty("Name", CimType.STRING, Qualifier.REQUIRED),
        "Size": SchemaProperty("Size", CimType.UINT32, Qualifier.WRITE),
        "Kept": SchemaProperty("Kept", CimType.STRING, Qualifier.READ),
    },
)
LABEL = ClassSchema("T_Label", "", {"Text": SchemaProperty("Text", CimType.STRING, Qualifier.WRITE)})
PAIR = ClassSchema(
    "MSFT_KeyValuePair",
    "",
    {
        "Key": SchemaProperty("Key", CimType.STRING, Qualifier.KEY),
        "Value": SchemaProperty("Value", CimType.STRING, Qualifier.WRITE),
    },
)
CLASSES = {"t_leaf": LEAF, "t_label": LABEL, "msft_keyvaluepair": PAIR}
LOGIN = {"user": "CONTOSO\\svc", "password": {"secret": {"env": "P"}}}
CREDENTIAL = Credential("CONTOSO\\svc", SecretReference("env", "P", HERE))


def reference(raw: Any, path: Path) -> SecretReference:
    if list(raw["secret"]) != ["env"]:
        raise SpecError([Problem(HERE, f"not a reference: {path}")])
    return SecretReference("env", raw["secret"]["env"], HERE)


def item(kind: str, **more: Any) -> SchemaProperty:
    return SchemaProperty(**({"name": "P", "type": CimType(kind), "qualifier": Qualifier.WRITE} | more))


def typed(raw: Any, what: SchemaProperty) -> tuple[Value, list[str]]:
    faults: list[Fault | SpecError] = []
    around = Surroundings("[X]x", lambda name: CLASSES.get(name.lower()), reference, faults, {})
    value = type_value(raw, what, ("P",), around)
    return value, [fault.text if isinstance(fault, Fault) else str(fault) for fault in faults]


LEVEL: dict[str, Any] = {"value_map": ("1", "2", "10"), "values": ("One", "Two", "Ten")}
COLOUR: dict[str, Any] = {"value_map": ("Red", "Green"), "values": ("Red", "Green")}
MODE: dict[str, Any] = {"value_map": ("ro", "rw"), "values": ("ReadOnly", "ReadWrite")}
TAKEN: list[tuple[SchemaProperty, object, object]] = [
    (item("boolean"), True, True),
    (item("boolean"), False, False),
    *((item(f"uint{bits}"), edge, edge) for bits in (8, 16, 32, 64) for edge in (0, 2**bits - 1)),
    *((item(f"sint{bits}"), edge, edge) for bits in (8, 16, 32, 64) for edge in (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)),
    (item("real32"), 1, 1.0),
    (item("real32"), -3.4028234663852886e38, -3.4028234663852886e38),
    (item("real64"), 1.7976931348623157e308, 1.7976931348623157e308),
    (item("real64"), 18446744073709551615, 1.8446744073709552e19),
    (item("char16"), "x", Char16("x")),
    (item("char16"), "\uffff", Char16("\uffff")),
    (item("char16"), "'", Char16("'")),
    (item("string"), "", ""),
    (item("string"), "true", "true"),
    (item("string"), "a\nb😀", "a\nb😀"),
    (item("datetime"), "2026-01-02T03:04:05Z", DateTime("20260102030405.000000+000")),
    (item("datetime"), "2026-01-02t03:04:05z", DateTime("20260102030405.000000+000")),
    (item("datetime"), "2026-01-02 03:04:05.5+02:00", DateTime("20260102030405.500000+120")),
    (item("datetime"), "2026-01-02T03:04-03:30", DateTime("20260102030400.000000-210")),
    (item("datetime"), "2024-02-29T23:59:59.123456+14:00", DateTime("20240229235959.123456+840")),
    (item("datetime"), "0001-01-01T00:00:00Z", DateTime("00010101000000.000000+000")),
    (item("datetime"), "20260102030405.000001-060", DateTime("20260102030405.000001-060")),
    (item("datetime"), "20260102030405.000000-000", DateTime("20260102030405.000000+000")),
    (item("datetime"), "00000005010203.000004:000", DateTime("00000005010203.000004:000")),
    (item("datetime"), "10675198235959.999999:000", DateTime("10675198235959.999999:000")),
    (item("string", **COLOUR), "Red", "Red"),
    (item("string", **COLOUR), "gREEN", "Green"),
    (item("string", **MODE), "RW", "rw"),
    (item("string", **MODE), "readwrite", "rw"),
    (item("string", value_map=("a", "b")), "B", "b"),
    (item("uint8", **LEVEL), "two", 2),
    (item("uint8", **LEVEL), "Ten", 10),
    (item("uint8", **LEVEL), 10, 10),
    (item("uint8", value_map=("1", "2")), 2, 2),
    (item("string"), None, None),
    (item("uint8"), None, None),
    (item("string", is_array=True), None, None),
    (item("string", is_array=True), [], ()),
    (item("string", is_array=True), "one", ("one",)),
    (item("string", is_array=True), ["a", "b"], ("a", "b")),
    (item("datetime", is_array=True), "2026-01-02T03:04:05Z", (DateTime("20260102030405.000000+000"),)),
    (item("string", is_array=True, **COLOUR), ["red", "Green"], ("Red", "Green")),
    (item("instance", embedded="T_Leaf"), {"Name": "n"}, Embedded("T_Leaf", {"Name": "n"})),
    (item("instance", embedded="t_LEAF"), {"SIZE": 1, "name": "n"}, Embedded("T_Leaf", {"Size": 1, "Name": "n"})),
    (item("instance", embedded="T_Leaf"), None, None),
    (item("instance", embedded="T_Label"), {}, Embedded("T_Label", {"Text": None})),
    (item("instance", embedded="T_Leaf", is_array=True), {"Name": "n"}, (Embedded("T_Leaf", {"Name": "n"}),)),
    (item("instance", embedded="T_Leaf", is_array=True), [], ()),
    (item("instance", embedded="MSFT_Credential"), LOGIN, CREDENTIAL),
    (item("instance", embedded="msft_credential", is_array=True), LOGIN, (CREDENTIAL,)),
    (item("instance", embedded="MSFT_KeyValuePair", is_array=True), {}, ()),
    (
        item("instance", embedded="MSFT_KeyValuePair", is_array=True),
        {"a": "x", "b": True, "c": 5, "d": 1.5},
        tuple(Embedded("MSFT_KeyValuePair", {"Key": k, "Value": v}) for k, v in zip("abcd", ["x", "True", "5", "1.5"], strict=True)),
    ),
    (
        item("instance", embedded="MSFT_KeyValuePair", is_array=True),
        [{"Key": "a", "Value": "x"}],
        (Embedded("MSFT_KeyValuePair", {"Key": "a", "Value": "x"}),),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("what", "raw", "value"), TAKEN)
def test_a_value_of_the_right_kind_is_taken(what: SchemaProperty, raw: object, value: object) -> None:
    made, faults = typed(raw, what)
    assert faults == []
    assert made == value
    assert type(made) is type(value) or isinstance(made, NamedNumber)
    for one, other in (
        zip(made, value, strict=True) if isinstance(made, tuple) and isinstance(value, tuple) else ()
    ):
        assert type(one) is type(other)


def test_a_number_with_a_name_keeps_it() -> None:
    for raw in ("TEN", 10):
        made, _ = typed(raw, item("uint8", **LEVEL))
        assert isinstance(made, NamedNumber)
        assert made.name == "Ten"
        assert json.dumps(made) == "10"


WITH_ZONE = "a date and time with its zone, such as 2026-01-02T03:04:05Z or +02:00"
PASSWORD = "a secret is never written down here: write {secret: {env: NAME}}"
REFUSED: list[tuple[SchemaProperty, object, str]] = [
    (item("boolean"), "yes", "expected true or false, got 'yes' (write true)"),
    (item("boolean"), "Off", "expected true or false, got 'Off' (write false)"),
    (item("boolean"), "true", "expected true or false, got 'true' (write true)"),
    (item("boolean"), 0, "expected true or false, got 0 (write false)"),
    (item("boolean"), 1.0, "expected true or false, got 1.0"),
    (item("boolean"), "maybe", "expected true or false, got 'maybe'"),
    (item("boolean"), [True], "expected true or false, got a list"),
    *(
        (item(name), past, f"expected a whole number from {low} to {high}, got {past}")
        for name, low, high in (("uint8", 0, 255), ("sint8", -128, 127), ("uint16", 0, 65535),
            ("sint16", -32768, 32767), ("uint32", 0, 4294967295), ("sint32", -2147483648, 2147483647),
            ("uint64", 0, 18446744073709551615), ("sint64", -9223372036854775808, 9223372036854775807))
        for past in (low - 1, high + 1)
    ),
    (item("uint8"), "5", "expected a whole number from 0 to 255, got '5' (write 5, without quotes)"),
    (item("uint8"), "0x10", "expected a whole number from 0 to 255, got '0x10' (write 16, without quotes)"),
    (item("uint8"), "010", "expected a whole number from 0 to 255, got '010' (write 10, without quotes)"),
    (item("uint8"), "many", "expected a whole number from 0 to 255, got 'many'"),
    (item("uint8"), 5.0, "expected a whole number from 0 to 255, got 5.0"),
    (item("uint8"), True, "expected a whole number from 0 to 255, got true"),
    (item("real64"), "1.5", "expected a number, got '1.5' (write 1.5, without quotes)"),
    (item("real64"), "1e10", "expected a number, got '1e10' (write 10000000000.0, without quotes)"),
    (item("real64"), ".inf", "expected a number, got '.inf'"),
    (item("real64"), "nan", "expected a number, got 'nan'"),
    (item("real64"), float("inf"), "expected a number, got inf (too large for 64 bit)"),
    (item("real64"), False, "expected a number, got false"),
    (item("real32"), 3.5e38, "expected a number, got 3.5e+38 (real32 ends at 3.4028235e+38)"),
    (item("char16"), "", "expected one character, got ''"),
    (item("char16"), "\0", "expected one character, got '\\x00'"),
    (item("char16"), "\ud800", "expected one character, got '\\ud800'"),
    (item("char16"), "ab", "expected one character, got 'ab'"),
    (item("char16"), "😀", "expected one character, got '😀'"),
    (item("char16"), 7, "expected one character, got 7 (put it in quotes)"),
    (item("string"), 7, "expected text, got 7 (put it in quotes)"),
    (item("string"), True, "expected text, got true (put it in quotes)"),
    (item("string"), 1.10, "expected text, got 1.1 (put it in quotes)"),
    (item("string"), ["a"], "expected text, got a list"),
    (item("string"), {"a": 1}, "expected text, got a block of keys"),
    (
        item("string"),
        {"secret": {"env": "X"}},
        "expected text, got a block of keys; a secret can stand in a credential only: "
        + "{user: ..., password: {secret: ...}}",
    ),
    (item("string"), "a\0", "the text holds a NUL or half of a character, which no document can carry"),
    (item("string"), "\ud800", "the text holds a NUL or half of a character, which no document can carry"),
    (item("datetime"), "soon", f"expected {WITH_ZONE}, got 'soon'"),
    (item("datetime"), "2026-01-02", f"expected {WITH_ZONE}, got '2026-01-02'; it has no time"),
    (
        item("datetime"),
        "2026-01-02T03:04:05",
        f"expected {WITH_ZONE}, got '2026-01-02T03:04:05'; it has no zone, and this machine's is not the node's",
    ),
    (item("datetime"), "2026-13-02T03:04:05Z", f"expected {WITH_ZONE}, got '2026-13-02T03:04:05Z'; no calendar has such a day, or no clock such a time"),
    (item("datetime"), "2026-02-29T03:04:05Z", f"expected {WITH_ZONE}, got '2026-02-29T03:04:05Z'; no calendar has such a day, or no clock such a time"),
    (item("datetime"), "2026-01-02T03:04:05+15:00", f"expected {WITH_ZONE}, got '2026-01-02T03:04:05+15:00'; a zone is at most 14 hours from UTC"),
    (item("datetime"), "0001-01-01T00:00:00+01:00", f"expected {WITH_ZONE}, got '0001-01-01T00:00:00+01:00'; in UTC it is outside of the years 1 to 9999"),
    (item("datetime"), "2026-01-02T03:04:05.1234567Z", f"expected {WITH_ZONE}, got '2026-01-02T03:04:05.1234567Z'"),
    (item("datetime"), "20261302030405.000000+000", f"expected {WITH_ZONE}, got '20261302030405.000000+000'; no calendar has such a day, or no clock such a time"),
    (item("datetime"), "20260102030405.000000+999", f"expected {WITH_ZONE}, got '20260102030405.000000+999'; a zone is at most 14 hours from UTC"),
    (item("datetime"), "00000000240000.000000:000", f"expected {WITH_ZONE}, got '00000000240000.000000:000'; an interval has at most 10675198 days, 23 hours, 59 minutes and seconds"),
    (item("datetime"), "10675199000000.000000:000", f"expected {WITH_ZONE}, got '10675199000000.000000:000'; an interval has at most 10675198 days, 23 hours, 59 minutes and seconds"),
    (item("datetime"), 20260102, f"expected {WITH_ZONE}, got 20260102"),
    (item("datetime"), None, f"expected {WITH_ZONE}, got nothing; leave the key out"),
    (item("string", qualifier=Qualifier.KEY), None, "expected text, got nothing"),
    (item("uint8", qualifier=Qualifier.REQUIRED), None, "expected a whole number from 0 to 255, got nothing"),
    (item("string", qualifier=Qualifier.REQUIRED, is_array=True), None, "expected a list of text, got nothing"),
    (item("string", **COLOUR), "gren", "expected Red or Green, got 'gren'; did you mean Green?"),
    (item("string", **COLOUR), "xyzzy", "expected Red or Green, got 'xyzzy'"),
    (item("string", **COLOUR), True, "expected Red or Green, got true (put it in quotes)"),
    (item("uint8", **LEVEL), "thre", "expected One, Two or Ten, got 'thre'"),
    (item("uint8", **LEVEL), "tw", "expected One, Two or Ten, got 'tw'; did you mean Two?"),
    (item("uint8", **LEVEL), 3, "expected One, Two or Ten, got 3"),
    (item("uint8", **LEVEL), True, "expected One, Two or Ten, got true"),
    (item("uint8", **LEVEL), "2", "expected One, Two or Ten, got '2'"),
    (item("instance", embedded="T_Leaf"), "CANARY", "expected a block of keys for T_Leaf, got text"),
    (item("instance", embedded="T_Leaf"), ["CANARY"], "expected a block of keys for T_Leaf, got a list"),
    (
        item("instance", embedded="T_Nowhere"),
        {},
        "the class T_Nowhere is not in the module's schema files, nor in those beside it",
    ),
    (item("instance", embedded="MSFT_Credential"), "CANARY", "expected {user: NAME, password: {secret: ...}}, got text"),
    (item("instance", embedded="MSFT_Credential", is_array=True), [None], "expected {user: NAME, password: {secret: ...}}, got nothing"),
    (item("instance", embedded="MSFT_KeyValuePair", is_array=True), "CANARY", "expected a block of keys, got text"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "raw", "text"), REFUSED)
def test_a_value_of_another_kind_is_refused_with_what_was_expected(
    what: SchemaProperty, raw: object, text: str
) -> None:
    _, faults = typed(raw, what)
    place = "[X]x.P.0" if what.is_array and isinstance(raw, list) else "[X]x.P"
    assert faults == [f"{place}: {text}"]


@pytest.mark.parametrize("raw", [{"user": "u", "password": "CANARY"}, {"user": "u", "password": {"secret": "x", "CANARY": 1}},
                                 {"user": "u", "password": 12345678}])  # fmt: skip
def test_a_plain_password_is_refused_and_not_repeated(raw: object) -> None:
    _, faults = typed(raw, item("instance", embedded="MSFT_Credential"))
    assert faults == [f"[X]x.P.password: {PASSWORD}"]


def test_every_fault_of_a_credential_is_named_and_nothing_of_it_repeated() -> None:
    _, faults = typed({"user": 12345678, "pasword": "CANARY", "CANARY": "x"}, item("instance", embedded="MSFT_Credential"))  # fmt: skip
    assert faults == [
        "unknown key in [X]x.P; did you mean password?",
        "unknown key in [X]x.P; it has user and password",
        "[X]x.P lacks the key password",
        "[X]x.P.user: expected the name of a user, got a number (put it in quotes)",
    ]


def test_what_is_no_reference_to_a_secret_is_said_by_who_reads_references() -> None:
    raw = {"user": "u", "password": {"secret": {"vault": "CANARY"}}}
    _, faults = typed(raw, item("instance", embedded="MSFT_Credential"))
    assert faults == ["spec.yaml:1:1: not a reference: ('P', 'password')"]


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        ([["a"]], ["[X]x.P.0: expected text, got a list"]),
        (["a", None], ["[X]x.P.1: expected text, got nothing"]),
        ([1, "b", True], ["[X]x.P.0: expected text, got 1 (put it in quotes)", "[X]x.P.2: expected text, got true (put it in quotes)"]),
    ],
)  # fmt: skip
def test_each_faulty_item_of_a_list_is_named(raw: object, texts: list[str]) -> None:
    assert typed(raw, item("string", is_array=True))[1] == texts


def test_every_fault_of_an_embedded_instance_is_named() -> None:
    raw = {"Size": "CANARY5", "sise": 1, "Kept": "x", "SIZE": 3}
    _, faults = typed(raw, item("instance", embedded="T_Leaf"))
    assert faults == [
        "[X]x.P.Size: expected a whole number from 0 to 4294967295, got 'CANARY5'",
        "[X]x.P: T_Leaf has no property sise; did you mean Size?",
        "[X]x.P: Kept can only be read; take it out",
        "[X]x.P: the property Size stands twice, as Size and as SIZE",
        "[X]x.P lacks the required property Name (text)",
    ]


def test_a_hashtable_has_scalars_under_keys_that_differ_in_more_than_case() -> None:
    raw = {"a": [1], "b": None, "c": {"x": 1}, "Key": "x", "KEY": "y", "d": "nul\0"}
    _, faults = typed(raw, item("instance", embedded="MSFT_KeyValuePair", is_array=True))
    assert faults == [
        "[X]x.P.a: expected text, a number, true or false, got a list",
        "[X]x.P.b: expected text, a number, true or false, got nothing",
        "[X]x.P.c: expected text, a number, true or false, got a block of keys",
        "[X]x.P: the key KEY stands twice, first as Key",
        "[X]x.P.d: expected text, a number, true or false, got 'nul\\x00'",
    ]


YAML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ANY_ITEM = st.builds(
    SchemaProperty,
    st.just("P"),
    st.sampled_from(CimType),
    st.sampled_from([Qualifier.WRITE, Qualifier.KEY, Qualifier.REQUIRED]),
    is_array=st.booleans(),
    embedded=st.sampled_from(["T_Leaf", "T_Label", "MSFT_Credential", "MSFT_KeyValuePair", "T_Nowhere"]),
)


@given(YAML, ANY_ITEM)
def test_no_value_ends_in_a_traceback(raw: object, what: SchemaProperty) -> None:
    value, faults = typed(raw, what)
    assert faults or value is None or isinstance(value, tuple) is what.is_array
