"""Windows Installer's command-line grammar: our model of it, and that Send-Order writes what the model reads."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .msiexec import VECTORS, Refused, answer, read, write
from .send_order import OrderRefused, OrderSender, decoded

#: Whatever a property may hold: Send-Order refuses NUL and line breaks, and no MOF carries half a surrogate pair.
VALUE = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"])) | st.text(
    '"" \\=\t%$^&[]#PQ\u00a0\u3000', max_size=40
)
VALUES = st.lists(VALUE, max_size=12).map(lambda values: {f"P{at}": value for at, value in enumerate(values)})
#: What people's names and passwords look like at their worst.
HARD = (
    "",
    " ",
    '"',
    '""',
    '"""',
    '" ',
    ' "',
    "\\",
    "C:\\Program Files\\",
    '\\"',
    "a  b",
    " a ",
    "P=1",
    '" P1="x',
    'x" P1="y" "',
    "CONTOSO\\MIM Admins",
    "$env:X %PATH% ^ & | < > ! ; , ' ( ) { } @ /qb `n",
    "[ProductName] [~] [#x]",
    "#5",
    "\tÄÖß 管理者 \U0001f511",
    "a" * 8400,
)


@pytest.mark.parametrize(("text", "code"), VECTORS)
def test_the_model_answers_a_vector_as_windows_does(text: str, code: int) -> None:
    assert answer(text) == code


def test_there_are_35_vectors_of_all_kinds() -> None:
    assert len({text for text, _ in VECTORS}) == 35
    assert {code for _, code in VECTORS} == {0, 1603, 1639}


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ('COMPANYNAME="Acme ""Widgets"" and ""Gizmos."""', {"COMPANYNAME": 'Acme "Widgets" and "Gizmos."'}),
        ('A="C:\\dir\\" B="2"', {"A": "C:\\dir\\", "B": "2"}),
        ("groupadmins=x", {"GROUPADMINS": "x"}),
        ('P="""one"" two" Q=three', {"P": '"one" two', "Q": "three"}),
        ('P="""one""" Q="two"', {"P": '"one"', "Q": "two"}),
        ("P= Q=1", {"P": "Q=1"}),
        ("  ", {}),
    ],
)
def test_the_model_reads_the_values(text: str, properties: dict[str, str]) -> None:
    assert dict(read(text)) == properties


@pytest.mark.parametrize(
    "text",
    [
        '"GROUPADMINS=a b"',
        'GROUPADMINS="a \\"b\\" c"',
        'A="b";',
        'A="b"B="c"',
        "GROUPADMINS=MIM Sync Admins",
        'A=a"b OTHER=x',
        'A=b" C=d',
        'NAME = "x y"',
        "1A=b",
    ],
)
def test_the_model_refuses_what_windows_refuses_and_wine_forgives(text: str) -> None:
    with pytest.raises(Refused):
        read(text)


@given(VALUES)
def test_what_the_rule_writes_is_read_back_as_the_same_properties(properties: dict[str, str]) -> None:
    assert read(write(properties)) == tuple(properties.items())


@pytest.fixture(scope="module")
def sender(engine_path: Path) -> Iterator[OrderSender]:
    with OrderSender(engine_path) as running:
        yield running


@pytest.mark.engine
@settings(max_examples=400, deadline=None)
@given(properties=VALUES, password=st.none() | VALUE.filter(bool))
def test_what_send_order_writes_is_read_back_as_the_same_properties(
    sender: OrderSender, properties: dict[str, str], password: str | None
) -> None:
    order, secret = sender.lines(properties, password)
    everything = properties if password is None else {**properties, "SERVICEPASSWORD": password}
    assert decoded(order) == write(everything)
    assert read(decoded(order)) == tuple(everything.items())
    assert decoded(secret) == (password or "")


@pytest.mark.engine
def test_send_order_carries_hard_values_and_their_neighbours(sender: OrderSender) -> None:
    for value in HARD:
        properties = {"P0": value, "P1": "next"}
        order, secret = sender.lines(properties, value or "x")
        assert read(decoded(order)) == (*properties.items(), ("SERVICEPASSWORD", value or "x"))
        assert decoded(secret) == (value or "x")


@pytest.mark.engine
@pytest.mark.parametrize(
    ("properties", "password", "word"),
    [
        ({"P": "a\nb"}, None, "MimSync.Value"),
        ({"P": "a\rb"}, None, "MimSync.Value"),
        ({"P": "a\0b"}, None, "MimSync.Value"),
        ({"lower": "a"}, None, "MimSync.Value"),
        ({"P=1 Q": "a"}, None, "MimSync.Value"),
        ({"P": "a" * 32763}, None, "MimSync.Value"),
        ({}, "", "MimSync.Undecrypted"),
        ({}, "-----BEGIN CMS-----\tX", "MimSync.Undecrypted"),
    ],
)
def test_send_order_refuses_what_the_grammar_cannot_carry(
    sender: OrderSender, properties: dict[str, str], password: str | None, word: str
) -> None:
    with pytest.raises(OrderRefused, match=word) as caught:
        sender.lines(properties, password)
    assert "CMS" not in str(caught.value)


@pytest.mark.engine
def test_the_longest_order_is_carried(sender: OrderSender) -> None:
    order, _ = sender.lines({"P": "a" * 32762})
    assert len(decoded(order)) == 32766
