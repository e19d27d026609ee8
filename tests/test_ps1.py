"""The .ps1 and the MOF say the same: a real PowerShell evaluates the one, our reader reads the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mimc.compiler import script_name
from mimc.compiler.literals import powershell
from mimc.compiler.mof_reader import MofInstance, read_mof

from .documents import documents
from .powershell_engine import Evaluator, plain
from .test_literals import TEXT
from .test_mof import CASES, spec_of

pytestmark = pytest.mark.engine

#: What the document has beyond the configuration: the compiler adds it.
ADDED = {"ResourceID", "ModuleName", "ModuleVersion", "SourceInfo", "ConfigurationName"}
#: Text full of what PowerShell, MOF and YAML take for more than a character.
AWKWARD = st.text(
    st.sampled_from(
        "'\"`$(){}[];,#@%&|<>\\/ \t\r\n\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\x01\x7f\x85\u2028ab1😀é"
    )
)


@pytest.fixture(scope="module")
def powershell_7(engine_path: Path) -> Iterator[Evaluator]:
    with Evaluator(engine_path) as evaluator:
        yield evaluator


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_configuration_and_the_document_say_the_same(case: Path, powershell_7: Evaluator) -> None:
    spec = spec_of(case)
    files = documents(spec)
    for name, target in spec.targets.items():
        text = files[script_name(spec, target, len(spec.targets))].decode("utf-8-sig")
        script = powershell_7.ask({"configuration": text})
        assert set(script) == {spec.name, f"{spec.name}Lcm"}
        nodes = script[spec.name]
        for instance in read_mof(files[f"{name}.mof"]).top_level:
            if resource_id := instance.get("ResourceID"):
                assert _values(nodes[name].pop(resource_id)) == _read(instance)
        assert nodes[name] == {}, "the configuration has nothing that the document lacks"
        top = read_mof(files[f"{name}.meta.mof"]).top_level
        (meta,) = (instance for instance in top if instance.is_a("MSFT_DSCMetaConfiguration"))
        assert _values(script[f"{spec.name}Lcm"][name]["Settings"]) == dict(meta.properties)


def _values(block: dict[str, Any]) -> dict[str, object]:
    return {name: plain(value) for name, value in block.items()}


def _read(instance: MofInstance) -> dict[str, object]:
    return {
        name: "credential" if isinstance(value, MofInstance) else value
        for name, value in instance.properties.items()
        if name not in ADDED
    }


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(TEXT, AWKWARD))
def test_any_text_evaluates_to_itself(powershell_7: Evaluator, text: str) -> None:
    assert powershell_7.evaluate(powershell(text)) == text


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.booleans(), st.integers(-(2**31), 2**31 - 1), st.lists(AWKWARD, min_size=2).map(tuple)))
def test_any_other_value_evaluates_to_itself(powershell_7: Evaluator, value: object) -> None:
    assert powershell_7.evaluate(powershell(value)) == value
