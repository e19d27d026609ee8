"""The verdicts on a node's state, case by case; test_powershell.py gives the same cases to the module."""

from typing import Any

import pytest

from mimc.resources import SYNC_SERVICE, Rule
from mimc.resources.compare import compare
from mimc.state import parse_state

from .conformance_cases import cases

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_case_has_its_verdicts(case: dict[str, Any]) -> None:
    verdicts = compare(SYNC_SERVICE, case["desired"], parse_state(case["state"]))
    assert [verdict.property for verdict in verdicts] == [wanted["property"] for wanted in case["verdicts"]]
    for verdict, wanted in zip(verdicts, case["verdicts"], strict=True):
        assert (verdict.status, verdict.actual) == (wanted["status"], wanted["actual"])
        assert verdict.desired == case["desired"][verdict.property]
        assert verdict.reason == wanted.get("reason", verdict.reason)


def test_every_rule_has_cases_of_both_kinds() -> None:
    seen = {
        (SYNC_SERVICE.property(v["property"]).rule, v["status"]) for case in CASES for v in case["verdicts"]
    }
    for rule in set(Rule) - {Rule.NONE}:
        assert (rule, "ok") in seen and {(rule, "drift"), (rule, "cannotSet")} & seen, rule
    assert {status for _, status in seen} == {
        "ok",
        "drift",
        "unknown",
        "notChecked",
        "notCompared",
        "cannotSet",
    }
