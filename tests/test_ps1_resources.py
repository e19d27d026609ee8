"""Every value type in the .ps1 evaluates, in a real PowerShell, to what the document says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mimc.compiler.class_schema import PAIR_CLASS
from mimc.compiler.document import DateTime, Embedded, NamedNumber, Value
from mimc.compiler.literals import mof, powershell
from mimc.compiler.mof_literals import Char16
from mimc.compiler.mof_reader import read_mof
from mimc.compiler.pairs import pair_text
from mimc.compiler.ps1 import Parameters
from mimc.errors import Position
from mimc.secret import Credential, SecretReference

from .declared_resources import document, files
from .powershell_engine import Evaluator, plain
from .test_declared import CASES
from .test_literals import TEXT
from .test_moments import INTERVALS, MOMENTS, moment_of

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def powershell_7(engine_path: Path) -> Iterator[Evaluator]:
    with Evaluator(engine_path) as evaluator:
        yield evaluator


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_configuration_says_what_the_document_says(case: Path, powershell_7: Evaluator) -> None:
    made = document((case / "spec.yaml").read_bytes())
    text = files(made)["expected.ps1"].removeprefix("\ufeff")
    node = powershell_7.ask({"configuration": text})["Golden"]["node1"]
    for instance in made.instances:
        values = dict(instance.values)
        if instance.depends_on:
            values["DependsOn"] = instance.depends_on
        block = {name: plain(value) for name, value in node.pop(instance.resource_id).items()}
        assert block == {name: _evaluated(value) for name, value in values.items() if value is not None}
    assert node == {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_variable_of_a_configuration_is_a_parameter_and_every_parameter_is_used_once(
    case: Path, powershell_7: Evaluator
) -> None:
    """Names are compared without case, as PowerShell does: two parameters of one name would be an error there."""
    made = document((case / "spec.yaml").read_bytes())
    text = files(made)["expected.ps1"].removeprefix("\ufeff")
    head, _, tail = text.partition("$configurationData = ")
    script = f"$ast = [scriptblock]::Create({powershell(head)}).Ast.ParamBlock; @($ast.Parameters.Name.VariablePath.UserPath)"
    names = powershell_7.evaluate(f"& {{ {script} }}")
    parameters = (names,) if isinstance(names, str) else names
    assert isinstance(parameters, tuple)
    assert len({str(name).lower() for name in parameters}) == len(parameters)
    for name in parameters:
        if name != "OutputPath":
            assert tail.count(f"${name}\n") + tail.count(f"${name},") + tail.count(f"${name})") == 1


def _evaluated(value: Value) -> object:
    """What PowerShell makes of the expression for *value*."""
    match value:
        case tuple() if value and _is_hashtable(value):
            return {item.values["Key"]: item.values["Value"] for item in value if isinstance(item, Embedded)}
        case tuple():
            return tuple(_evaluated(item) for item in value)
        case Embedded():
            inner = {name: _evaluated(each) for name, each in value.values.items() if each is not None}
            return value.class_name, inner
        case Credential():
            return "credential"
        case NamedNumber():
            return value.name
        case DateTime():
            return interval_of(value.text) if ":" in value.text else moment_of(value.text)
        case _:
            return value


def _is_hashtable(value: tuple[object, ...]) -> bool:
    pairs = [item.values for item in value if isinstance(item, Embedded) and item.class_name == PAIR_CLASS]
    texts = [pair for pair in pairs if isinstance(pair.get("Value"), str)]
    return len({str(pair["Key"]).lower() for pair in texts}) == len(value)


def interval_of(text: str) -> timedelta:
    return timedelta(int(text[:8]), int(text[12:14]), int(text[15:21]), 0, int(text[10:12]), int(text[8:10]))


REALS = st.floats(allow_nan=False, allow_infinity=False)
CHARACTERS = st.characters(max_codepoint=0xFFFF, exclude_characters="\0", exclude_categories=["Cs"]).map(
    Char16
)
WHOLE = st.integers(-(2**63), 2**64 - 1)
KINDS: list[st.SearchStrategy[object]] = [
    st.booleans(), WHOLE, REALS, CHARACTERS, TEXT,
    st.builds(NamedNumber.of, st.integers(0, 255), TEXT),
    MOMENTS.map(lambda moment: DateTime(_cim(moment))), INTERVALS.map(DateTime),
]  # fmt: skip
ARRAYS = st.one_of(*(st.lists(kind, max_size=30).map(tuple) for kind in KINDS))


def _cim(moment: datetime) -> str:
    offset = moment.utcoffset()
    assert offset is not None
    digits = f"{moment:%m%d%H%M%S.%f}"
    return f"{moment.year:04}{digits}{round(offset.total_seconds() / 60):+04}"


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ARRAYS)
def test_any_value_evaluates_to_what_the_document_holds(
    powershell_7: Evaluator, value: tuple[object, ...]
) -> None:
    evaluated = powershell_7.evaluate(powershell(value))
    assert evaluated == tuple(_evaluated(item) for item in value)  # type: ignore[arg-type]
    assert isinstance(evaluated, tuple)
    for one, other in zip(evaluated, value, strict=True):
        if isinstance(other, Char16 | bool | float):
            assert type(one) is type(other)
    (read,) = read_mof(f"instance of X {{ V = {mof(value)}; }};").instances
    held = read.get("V")
    assert held == tuple(item.text if isinstance(item, DateTime) else item for item in value)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.booleans() | WHOLE | REALS | st.sampled_from([0.0001, 0.00001, 1e14, 1e15, -0.0, 0.1]), max_size=20
    )
)
def test_a_value_of_a_hashtable_is_the_text_that_powershell_makes_of_it(
    powershell_7: Evaluator, values: list[bool | int | float]
) -> None:
    expression = ", ".join(f"[string]({powershell(value)})" for value in values)
    assert powershell_7.evaluate(f"@({expression})") == tuple(pair_text(value) for value in values)


@pytest.mark.parametrize("length", [48, 49, 50, 51, 100, 10_000])
def test_text_of_many_lines_does_not_break_the_engine(powershell_7: Evaluator, length: int) -> None:
    """A sum of some 9000 terms ends the process with a stack overflow."""
    text = "".join(f"line {at}\r\n" for at in range(length // 2))
    assert powershell_7.evaluate(powershell(text)) == text


def test_a_megabyte_is_one_value(powershell_7: Evaluator) -> None:
    text = ('it\'s "$x" \\ `n \u2018 😀 ' * 60_000)[: 2**20] + "\n"
    assert powershell_7.evaluate(powershell(text)) == text
    assert read_mof(f"instance of X {{ V = {mof(text)}; }};").instances[0].get("V") == text


NAMES = st.text(max_size=6) | st.sampled_from(
    [
        "a",
        "A",
        "1",
        "_",
        "Debug",
        "OutputPath",
        "outputPATH",
        "a b",
        "a_b",
        "Out",
        "Error",
        "NULL",
        "True",
        "Host",
        "PSHome",
        "PID",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(NAMES, st.sampled_from(["", "Variable", "Login"]), st.sampled_from("ab")), max_size=20)
)
def test_any_id_gives_a_parameter_that_powershell_takes(
    powershell_7: Evaluator, uses: list[tuple[str, str, str]]
) -> None:
    parameters = Parameters()
    place = Position("s", 1, 1)
    made: dict[str, Credential] = {}
    for name, prop, user in uses:
        credential = Credential(user, SecretReference("env", "X", place))
        parameter = parameters.name(name + prop, credential)
        assert made.setdefault(parameter.lower(), credential) == credential
        assert parameters.name(name + prop, credential) == parameter
    names = list(parameters.credentials())
    block = ", ".join(f"[string] ${name}" for name in [*names, "OutputPath"])
    arguments = " ".join(f"-{name} {at}" for at, name in enumerate(names))
    total = " + '|' + ".join(f"${name}" for name in [*names, "OutputPath"])
    function = (
        f"& {{ function F {{ [CmdletBinding()] param({block}) {total} }}; F -OutputPath x {arguments} }}"
    )
    assert powershell_7.evaluate(function) == "|".join([*map(str, range(len(names))), "x"])


def test_moments_are_told_without_the_zone_of_this_machine() -> None:
    assert moment_of("20260102030405.000001+060") == datetime(2026, 1, 2, 2, 4, 5, 1, UTC)
