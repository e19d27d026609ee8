"""The engine lane: every Pester test in one run of a real PowerShell, and what of our PowerShell it executed."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import LANE

SCRIPT = Path(__file__).parent / "engine" / "Lane.ps1"

#: Commands outside of the seam that no test executes, each with the reason: (file name, its text) to why.
UNREACHED: dict[tuple[str, str], str] = {}


@pytest.mark.engine
def test_the_pester_tests_pass_and_execute_all_but_the_seam(
    engine_path: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    result = tmp_path / "lane.json"
    done = subprocess.run(
        [engine_path, "-NoProfile", "-NonInteractive", "-File", SCRIPT, "-Result", result],
        capture_output=True,
        check=False,
        env={**os.environ, "MIMC_PWSH": str(engine_path)},
        timeout=600,
    )
    output = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert result.is_file(), output
    lane = json.loads(result.read_text("utf-8-sig"))
    record_property(LANE, summary(lane))
    assert (lane["failed"], lane["skipped"]) == ([], 0)
    assert lane["passed"] > 250
    assert {Path(item["file"]).name for item in lane["scripts"]} == {
        path.name for path in (SCRIPT.parent.parent.parent / "pusher" / "scripts").glob("*.ps1")
    }
    missed = {(Path(item["file"]).name, item["text"]): item for item in lane["missed"]}
    assert not [item for known, item in missed.items() if known not in UNREACHED], "test it, or say why not"
    assert set(UNREACHED) <= set(missed), "executed, or no longer there: take it off the list"
    assert lane["covered"] >= 0.98 * lane["analysed"] > 1000
    assert done.returncode == 0, output


def summary(lane: dict[str, Any]) -> str:
    """Return the lane's result as one line."""
    uses = [function["use"] for function in lane["seam"]]
    return (
        f"{lane['passed']} Pester tests passed, {len(lane['failed'])} failed; "
        f"{100 * lane['covered'] / lane['analysed']:.1f} % of {lane['analysed']} commands executed; "
        f"seam: {len(uses)} functions, {uses.count('never')} never executed here"
    )
