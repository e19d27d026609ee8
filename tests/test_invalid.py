"""Specs with a fault each: what is said of them, and where. A case is a folder with spec.yaml and problems.txt."""

import time
from pathlib import Path

import pytest

from mimc.compiler.spec import check_all, read_spec
from mimc.errors import SpecError

CASES = sorted((Path(__file__).parent / "invalid").iterdir())


def problems(case: Path) -> str:
    with pytest.raises(SpecError) as caught:
        check_all(
            read_spec((case / "spec.yaml").read_bytes(), "spec.yaml", lambda name: (case / name).read_bytes())
        )
    return f"{caught.value}\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_is_named_with_its_place_and_a_hint(case: Path) -> None:
    assert problems(case) == (case / "problems.txt").read_text("utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_message_repeats_what_may_be_a_password(case: Path) -> None:
    assert "CANARY" not in problems(case)
    assert "12345678" not in problems(case)


def test_an_alias_bomb_is_refused_in_under_a_second() -> None:
    case = Path(__file__).parent / "invalid" / "alias-bomb"
    begun = time.monotonic()
    problems(case)
    assert time.monotonic() - begun < 1
