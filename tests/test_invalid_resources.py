"""Resources with a fault each: what is said of them, and where. A case is a folder with spec.yaml and problems.txt."""

from pathlib import Path

import pytest

from mimc.errors import SpecError

from .declared_resources import MODULES, document

CASES = sorted((Path(__file__).parent / "invalid-resources").iterdir())


def problems(case: Path) -> str:
    with pytest.raises(SpecError) as caught:
        document((case / "spec.yaml").read_bytes())
    return f"{caught.value}\n".replace(str(MODULES), "modules")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_is_named_with_its_place_and_a_hint(case: Path) -> None:
    assert problems(case) == (case / "problems.txt").read_text("utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_message_repeats_what_may_be_a_password(case: Path) -> None:
    assert "CANARY" not in problems(case)
    assert "12345678" not in problems(case)
