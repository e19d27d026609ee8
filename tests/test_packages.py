"""Packages as tables (packages.json), judged by resources/media.py and by the module on the node: the same verdicts.

`mimc inspect` says what it thinks of all that mimc may send; on the node only what is sent counts.
"""

import json
import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from mimc.msi import Package, Row, Summary, read_package
from mimc.resources.compare import version_parts
from mimc.resources.media import PASSWORD, SENT, inspect
from mimc.resources.sync_service import FIRST_VERSION_WITH_GMSA

from .powershell_engine import run
from .test_inspect import MODULE, needs_wixl
from .wine_prefix import build_package

ENGINE = Path(__file__).parent / "engine"
GIVEN = json.loads((Path(__file__).parent / "packages.json").read_text("utf-8"))
CASES: list[dict[str, Any]] = GIVEN["cases"]
#: All that can be sent at once; a transform makes every unknown property a note.
ALL = tuple(item.name for item in SENT if item.name != "TRANSFORMS")
Tables = dict[str, tuple[Row, ...]]
Judgement = dict[str, list[str]]


def tables_of(case: dict[str, Any]) -> Tables:
    """Return the tables of a case: the good package, with properties changed or (None) gone, and further rows."""
    changed = case.get("properties", {})
    properties = {row["Property"]: row["Value"] for row in GIVEN["base"]["Property"]} | changed
    kept = tuple({"Property": k, "Value": v} for k, v in properties.items() if v is not None)
    tables = {name: tuple(rows) for name, rows in GIVEN["base"].items()} | {"Property": kept}
    return tables | {name: tuple(rows) for name, rows in case.get("rows", {}).items()}


def judged(tables: Tables, order: Iterable[str]) -> Judgement:
    """Return what of :func:`inspect`'s words counts on the node, when the properties *order* are sent."""
    sent = set(order)
    found = inspect(Package(tables, Summary("", "", "x64;1033", "", 500)))
    reasons, notes = [], []
    for reason in found.reasons:
        ignored = re.match(r"setup would ignore (\w+) ", reason)
        if not ignored:
            reasons.append(reason)
        elif ignored[1] in sent and "TRANSFORMS" in sent:
            notes.append(f"{reason}, unless the transform brings it")
        elif ignored[1] in sent:
            reasons.append(reason)
    for note in found.notes:
        ignored = re.match(r"setup will ignore (\w+) ", note)
        default = re.match(r"the default of (\w+) is ", note)
        if (
            (ignored and ignored[1] in sent)
            or (default and not {default[1], "TRANSFORMS"} & sent)
            or (note.startswith("not in MsiHiddenProperties") and PASSWORD in sent)
            or note.startswith("ProductLanguage")
        ):
            notes.append(note)
    old = version_parts(found.version) < version_parts(FIRST_VERSION_WITH_GMSA)
    if PASSWORD not in sent and old and not any("Product" in reason for reason in found.reasons):
        needs = f"a group managed service account installs from {FIRST_VERSION_WITH_GMSA} (SP2) on"
        reasons.insert(0, f"{needs}, not with {found.version}")
    return {"reasons": reasons, "notes": notes}


def arranged(judgement: Judgement) -> Judgement:
    """Return it with its notes in one order: each side has its own."""
    return {"reasons": judgement["reasons"], "notes": sorted(judgement["notes"])}


def random_packages(count: int) -> list[dict[str, Any]]:
    """Return packages and orders without an expectation, the same ones at every call."""
    source = random.Random(20191003)
    names = [item.name for item in SENT if not item.standard]
    values = ("", "0", "1", "localhost", "x", *names, "[SERVICEPASSWORD]", "SERVICEPASSWORD;SERVICEACCOUNT")
    cases = []
    for _ in range(count):
        listed = source.sample(names, source.randrange(len(names) + 1))
        changed = {name: source.choice((*values, None)) for name in source.sample(names, 5)}
        changed |= {
            "SecureCustomProperties": source.choice((None, ";".join(listed))),
            "MsiHiddenProperties": source.choice((None, *values)),
            "ProductVersion": source.choice(
                ("4.6.34.0", "4.6.34", "4.4.1302.0", "4.06.034.0", "10.0.0.0", "")
            ),
            "ProductLanguage": source.choice(("1033", "1031", None)),
        }
        if source.random() < 0.1:
            changed["ProductName"] = source.choice(values)
        kinds, texts = (51, 307, 1, 3072 + 51, None), (*values, "a.[GROUPADMINS]", "SQLDB_OLD", "é\nSQLDB")
        rows = [
            {"Action": f"A{i}", "Type": source.choice(kinds), "Source": source.choice(texts), "Target": source.choice(texts)}
            for i in range(source.randrange(4))
        ]  # fmt: skip
        order = source.sample([item.name for item in SENT], source.randrange(len(SENT) + 1))
        cases.append({"properties": changed, "rows": {"CustomAction": rows}, "order": order})
    return cases


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_package_has_its_reasons_and_notes(case: dict[str, Any]) -> None:
    expected = {key: case[key] for key in ("reasons", "notes")}
    assert arranged(judged(tables_of(case), case.get("order", ALL))) == arranged(expected)


def test_the_cases_have_every_reason_and_note() -> None:
    said = " ".join(text for case in CASES for key in ("reasons", "notes") for text in case[key])
    for words in (
        *("Azure AD Connect", "FIM 2010", "ProductName is", "no version", "managed service account", "setup would ignore"),
        *("setup will ignore", "unless the transform", "MsiHiddenProperties", "the default of", "ProductLanguage is"),
    ):  # fmt: skip
        assert words in said, words


@needs_wixl
def test_the_good_package_says_what_the_stand_in_says(tmp_path: Path) -> None:
    with build_package(tmp_path / "a.msi").open("rb") as file:
        package = read_package(file, "a.msi")
    wanted = {row["Property"]: row["Value"] for row in GIVEN["base"]["Property"]}
    assert {name: value for name, value in package.properties().items() if name in wanted} == wanted
    assert judged(dict(package.tables), ALL) == {"reasons": [], "notes": []}


@pytest.mark.engine
def test_module_and_python_judge_packages_alike(engine_path: Path, tmp_path: Path) -> None:
    everything: list[dict[str, Any]] = [
        {"tables": tables_of(case), "order": list(case.get("order", ALL))}
        for case in (*CASES, *random_packages(300))
    ]
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(everything), "utf-8")
    answers = json.loads(
        run(engine_path, "-File", ENGINE / "packages.ps1", "-Module", MODULE, "-Cases", path)
    )
    for case, answer in zip(everything, answers, strict=True):
        assert arranged(answer) == arranged(judged(case["tables"], case["order"])), case
