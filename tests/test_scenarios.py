"""Whole runs in the lab, from files: through the engine that is a real PowerShell, and some through both.

A file says where it starts (``fresh``, or ``applied``: Contoso was), and its steps: ``tamper`` with the server, ``edit``
the spec, change the pushed ``document``, ``overwrite`` a file of the server, ``run`` a verb. A run has its exit code,
the status of each property by its path (``*`` and ``groups.*`` stand for all others), what the report says, and what is
then in the state. Where both engines run a file, their reports have to be the same.
"""

import codecs
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mimc.bundle import Bundle
from mimc.commands import connect
from mimc.compiler import compile_spec
from mimc.lab.locate import find_powershell
from mimc.lab.node import NodeFile, value_at

from .conftest import CONTOSO, FABRIKAM, Mimc
from .test_walkthrough import report

SCENARIOS = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((Path(__file__).parent / "scenarios").glob("*.json"))
}
EXAMPLES = {"contoso": (CONTOSO, "corpsync"), "fabrikam": (FABRIKAM, "fabsync01")}
LAB = Path(".mimc", "lab")
#: Keys of a report that differ from engine to engine, and from run to run.
UNLIKE = ("engine", "traffic", "KeyBackupTime")


@dataclass(frozen=True)
class Run:
    """A scenario under way on one engine."""

    mimc: Mimc
    engine: str
    spec: str
    target: str
    monkeypatch: pytest.MonkeyPatch

    def verb(self, verb: str) -> tuple[int, dict[str, Any]]:
        """Return exit code and report of a verb."""
        options = ["--target", self.target, "--lab", "--lab-engine", self.engine, "--output", "json"]
        done = self.mimc(verb, self.spec, *options, *(["--yes"] if verb == "apply" else []))
        assert "Traceback" not in done.err
        return done.code, report(done.out)

    def step(self, step: dict[str, Any]) -> dict[str, Any] | None:
        """Do one step; return the report of a run."""
        if "tamper" in step:
            assert self.mimc("lab", "tamper", self.target, *step["tamper"]).code == 0
        if "edit" in step:
            self._edit(step["edit"])
        if "document" in step:
            self._change_document(step["document"])
        if "overwrite" in step:
            file = self.mimc.folder / LAB / f"{self.target}.files" / "drives" / step["overwrite"]
            assert file.is_file()
            file.write_text("throw 'not what was shipped'")
        if "run" not in step:
            return None
        code, found = self.verb(step["run"])
        text = json.dumps(found)
        assert code == step["exit"], found["messages"]
        for item in found["results"][0]["properties"]:
            wanted = expected(step["statuses"], item["path"])
            assert item["status"] in (wanted, "notCompared"), (item["path"], found["messages"])
        for said in step["says"]:
            assert json.dumps(said)[1:-1] in text, (said, found["messages"])
        state = NodeFile(self.mimc.folder / LAB, self.target).load()
        assert {path: value_at(state, path) for path in step.get("state", {})} == step.get("state", {})
        return found

    def _edit(self, edits: list[list[str]]) -> None:
        file = self.mimc.folder / self.spec
        text = file.read_text("utf-8")
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        file.write_text(text, "utf-8")

    def _change_document(self, edits: list[list[str]]) -> None:
        """Let the pushed document be another one than the compiler's."""
        compiled: Callable[..., Bundle] = compile_spec

        def changed(*arguments: Any) -> Bundle:
            bundle = compiled(*arguments)
            text = bundle.nodes[self.target].mof.decode("utf-16")
            for old, new in edits:
                assert old in text
                text = text.replace(old, new)
            mof = codecs.BOM_UTF16_LE + text.encode("utf-16-le")
            return replace(bundle, nodes={self.target: replace(bundle.nodes[self.target], mof=mof)})

        self.monkeypatch.setattr(connect, "compile_spec", changed)


def expected(statuses: dict[str, str], path: str) -> str | None:
    """Return what the most exact of *statuses* says of *path*."""
    group = path.rpartition(".")[0] + ".*"
    return statuses.get(path, statuses.get(group, statuses.get("*")))


def comparable(found: Any, path: str = "") -> dict[str, object]:
    """Return a report as values by their path, without what two engines, or two runs, never have in common."""
    if isinstance(found, dict):
        pairs = [(key, value) for key, value in found.items() if key not in UNLIKE]
    elif isinstance(found, list):
        pairs = [(str(number), value) for number, value in enumerate(found)]
    else:
        # The path and the tail of a setup log come from the real module only.
        return {path: found.partition(" Setup log C:")[0] if isinstance(found, str) else found}
    flat: dict[str, object] = {}
    for key, value in pairs:
        flat |= comparable(value, f"{path}/{key}")
    return flat


@pytest.fixture(scope="session")
def applied_labs(tmp_path_factory: pytest.TempPathFactory, lab_template: Path) -> dict[str, Path]:
    """Labs in which Contoso was applied, by engine; filled as they are needed."""
    return {}


def start(run: Run, where: str, labs: dict[str, Path], folder: Path) -> None:
    """Put the lab of *run* where its scenario starts."""
    if where == "fresh":
        return
    lab = run.mimc.folder / LAB
    if run.engine not in labs:
        assert run.verb("apply")[0] == 0
        labs[run.engine] = folder / run.engine
        shutil.copytree(lab, labs[run.engine])
        return
    shutil.rmtree(lab)
    shutil.copytree(labs[run.engine], lab)


@pytest.mark.engine
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_ends_as_its_file_says(
    name: str,
    mimc: Mimc,
    applied_labs: dict[str, Path],
    lab_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenario = SCENARIOS[name]
    spec, target = EXAMPLES[scenario["example"]]
    original = (mimc.folder / spec).read_bytes()
    folder = tmp_path_factory.mktemp("labs")
    reports: list[dict[str, object]] = []
    for engine in scenario["engines"]:
        shutil.rmtree(mimc.folder / LAB)
        shutil.copytree(lab_template, mimc.folder / LAB)
        (mimc.folder / spec).write_bytes(original)
        run = Run(mimc, engine, spec, target, monkeypatch)
        start(run, scenario["start"], applied_labs, folder)
        found = [run.step(step) for step in scenario["steps"]]
        reports.append(comparable([item for item in found if item is not None]))
    one, other = reports[0], reports[-1]
    assert {
        path: (one.get(path), other.get(path)) for path in one | other if one.get(path) != other.get(path)
    } == {}


def test_there_are_scenarios_enough_and_each_runs_on_the_real_engine() -> None:
    assert len(SCENARIOS) >= 20
    assert all("powershell" in scenario["engines"] for scenario in SCENARIOS.values())
    both = [name for name, scenario in SCENARIOS.items() if "simulated" in scenario["engines"]]
    newcomer = {
        "fresh",
        "again",
        "drift-repaired",
        "sql-refused",
        "setup-failed-1603",
        "lcm-busy",
        "cannot-set",
    }
    assert {*newcomer, "foreign-document"} <= {*both}


def test_the_table_of_scenarios_is_that_of_the_files() -> None:
    page = (Path(__file__).parent.parent / "docs" / "fidelity.md").read_text("utf-8")
    rows = [line for line in page.partition("## Scenarios")[2].splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{name}` | {scenario['about']} | {', '.join(scenario['engines'])} |"
        for name, scenario in SCENARIOS.items()
    ]


@pytest.mark.engine
def test_no_password_stays_anywhere_in_the_lab_after_an_apply(
    mimc: Mimc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The played Windows Installer writes its command line into the log: taking it out is the module's work."""
    from mimc.commands import rehearsal
    from mimc.secret import Secret

    canaries = iter(f"Canary-{number}-pa$$\"w'ord" for number in range(100))
    given: list[str] = []

    def secret(reference: object) -> Secret:
        given.append(next(canaries))
        return Secret(given[-1])

    monkeypatch.setattr(connect, "throwaway_secrets", secret)
    assert rehearsal.throwaway_secrets is not secret
    done = mimc("apply", CONTOSO, "--target", "corpsync", "--lab", "--lab-engine", "powershell", "--yes")
    assert done.code == 0 and given
    files = [path for path in (mimc.folder / ".mimc").rglob("*") if path.is_file()]
    assert any(path.name.startswith("setup-") for path in files)
    for path in files:
        data = path.read_bytes()
        for text in given:
            assert text.encode() not in data and text.encode("utf-16-le") not in data, path
    assert not any(text in done.out + done.err for text in given)


@pytest.mark.engine
def test_each_engine_says_what_it_is(mimc: Mimc) -> None:
    arguments = ("get", CONTOSO, "--target", "corpsync", "--lab")
    assert "lab (simulated)" in mimc(*arguments).out
    told = find_powershell(os.environ).engine
    assert told.startswith("lab (real PowerShell 7.")
    assert told in mimc(*arguments, "--lab-engine", "powershell").out


def test_an_engine_without_the_lab_is_a_usage_error(mimc: Mimc) -> None:
    done = mimc("drift", CONTOSO, "--target", "corpsync", "--lab-engine", "powershell")
    assert done.code == 64 and "--lab too" in done.err


def test_without_a_powershell_the_engine_says_how_to_get_one(
    mimc: Mimc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIMC_PWSH", "/no/such/pwsh")
    done = mimc("drift", CONTOSO, "--target", "corpsync", "--lab", "--lab-engine", "powershell")
    assert done.code == 3 and "MIMC_PWSH" in done.err and "Traceback" not in done.err
