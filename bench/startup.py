"""What a command costs to start, in bare interpreter starts: ``python bench/startup.py [RUNS]``."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEC = Path(__file__).parent.parent / "examples" / "contoso" / "spec.yaml"
SECRETS = {name: "bench" for name in ("MIMINSTALL_PASSWORD", "MIMAUDIT_PASSWORD", "MIMSYNC_PASSWORD")}


def times_s(commands: dict[str, list[str]], runs: int, folder: str) -> dict[str, float]:
    """Return the median wall time of each of *commands* over *runs* rounds in *folder*, after one that does not count.

    The commands take turns, so that what else the machine does falls on all of them alike.
    """
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            begun = time.perf_counter()
            subprocess.run(command, cwd=folder, env=os.environ | SECRETS, capture_output=True, check=True)
            times[name].append(time.perf_counter() - begun)
            # A second compile has nothing to do, and would be measured as quicker than it is.
            shutil.rmtree(Path(folder, "build"), ignore_errors=True)
    return {name: statistics.median(taken[1:]) for name, taken in times.items()}


def main() -> None:
    """Print each command's ratio to a bare start, and the limit of the design where it names one."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    mimc = str(Path(sys.executable).with_name("mimc"))
    spec = str(SPEC.resolve())
    commands = {
        "bare interpreter": [sys.executable, "-c", ""],
        "mimc --version": [mimc, "--version"],
        "mimc validate": [mimc, "validate", spec],
        "mimc compile": [mimc, "compile", spec],
    }
    limits = {"mimc --version": "at most 4", "mimc compile": "at most 20"}
    with tempfile.TemporaryDirectory() as folder:
        taken_s = times_s(commands, runs, folder)
    for name, time_s in taken_s.items():
        ratio = time_s / taken_s["bare interpreter"]
        print(f"{name:17} {time_s * 1000:6.1f} ms  {ratio:5.1f} bare starts  {limits.get(name, '')}".rstrip())


if __name__ == "__main__":
    main()
