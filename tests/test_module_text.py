"""What the module says stands in one data file, and every engine of whatever language finds it."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from .powershell_engine import run

ROOT = Path(__file__).parent.parent
MODULE = ROOT / "resources" / "dsc-modules" / "MimSyncDsc"
TEXTS = "en-US/MimSyncDsc.strings.psd1"
SCRIPT = Path(__file__).parent / "engine" / "texts.ps1"
#: A file that says nothing with texts of its own: the seam, what is compiled into the scripts, and verdicts.
SILENT = {"Compare", "Read", "Windows"}


def written() -> list[tuple[str, str]]:
    """Return names and texts of the data file, in its order."""
    _, _, body = (MODULE / TEXTS).read_text("utf-8-sig").partition("@'\n")
    lines = [line for line in body.splitlines() if line and line != "'@" and not line.startswith("#")]
    found = [re.fullmatch(r"([A-Z][A-Za-z0-9]*) = (\S(?:.*\S)?)", line) for line in lines]
    return [(match[1], match[2]) for match in found if match] if all(found) else []


def asked(engine: Path, module: Path = MODULE, culture: str = "en-US") -> dict[str, Any]:
    """Return by file of the module what tests/engine/texts.ps1 tells."""
    answer = run(engine, "-File", SCRIPT, "-Module", module, "-Culture", culture)
    return {name.removeprefix("MimSyncDsc."): told for name, told in json.loads(answer).items()}


@pytest.fixture(scope="module")
def told(engine_path: Path) -> dict[str, Any]:
    return asked(engine_path)


def test_each_text_has_a_name_of_its_own_and_is_plain() -> None:
    names = [name.casefold() for name, _ in written()]
    assert len(names) == len(set(names)) > 100
    for name, text in written():
        assert not re.search(r"[{}\\]", re.sub(r"\{[0-9]\}", "", text)), name
        numbers = {int(number) for number in re.findall(r"\{([0-9])\}", text)}
        assert numbers == set(range(len(numbers))), name


@pytest.mark.engine
def test_every_file_that_speaks_has_the_texts(told: dict[str, Any]) -> None:
    files = {path.stem.removeprefix("MimSyncDsc.") for path in MODULE.rglob("*.psm1")}
    assert set(told) == files - SILENT
    for name, file in told.items():
        assert file["texts"] == dict(written()), name


@pytest.mark.engine
def test_every_text_is_used_and_every_text_that_is_used_is_there(told: dict[str, Any]) -> None:
    names = {name for name, _ in written()}
    uses = [use for file in told.values() for use in file["uses"]]
    named = {use["key"] for use in uses if not use["made"]}
    made = {use["key"]: {n for n in names if n.startswith(use["key"])} for use in uses if use["made"]}
    assert set(made) == {"Action", "Exit", "Policy"} and all(made.values())
    assert named <= names
    assert not named & set().union(*made.values()), "the name of a text looks as if it were put together"
    assert names == named.union(*made.values())


@pytest.mark.engine
def test_a_text_has_as_many_places_as_it_is_given_values(told: dict[str, Any]) -> None:
    wrong = [
        f"{name}:{use['line']}: {key} takes {places(text)}, is given {use['values']}"
        for name, file in told.items()
        for use in file["uses"]
        for key, text in written()
        if (key.startswith(use["key"]) if use["made"] else key == use["key"])
        and places(text) != use["values"]
    ]
    assert not wrong


def places(text: str) -> int:
    """Return how many values a text takes."""
    return len(set(re.findall(r"\{[0-9]\}", text)))


@pytest.mark.engine
def test_no_text_stands_in_the_logic(told: dict[str, Any]) -> None:
    assert not {name: file["said"] for name, file in told.items() if file["said"]}


@pytest.mark.engine
def test_the_texts_are_the_same_on_a_german_server(engine_path: Path, tmp_path: Path) -> None:
    # Without -UICulture this engine comes to en-US by itself when there is nothing nearer, as Windows PowerShell may not:
    # so there is something nearer.
    module = tmp_path / "MimSyncDsc"
    shutil.copytree(MODULE, module)
    (module / "de-DE").mkdir()
    (module / "de-DE" / Path(TEXTS).name).write_text("@{ SqlClient = 'ein Client' }", "utf-8")
    german = asked(engine_path, module, "de-DE")
    assert len(german) == 7
    for name, file in german.items():
        assert file["texts"] == dict(written()), name
