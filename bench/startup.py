"""What a command costs to start, in bare interpreter starts: ``python bench/startup.py [RUNS]``."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEC = Path(__file__).parent.parent / "examples" / "contoso" / "spec.yaml"
SECRETS = {name: "bench" for name in ("MIMINSTALL_PASSWORD", "MIMAUDIT_PASSWORD", "MIMSYNC_PASSWORD")}


def median_s(command: list[str], runs: int, folder: str) -> float:
    """Return the median wall time of *command* over *runs* runs in *folder*, after one that does not count."""
    times = []
    for _ in range(runs + 1):
        begun = time.perf_counter()
        subprocess.run(command, cwd=folder, env=os.environ | SECRETS, capture_output=True, check=True)
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def main() -> None:
    """Print each command's ratio to a bare start, and the limit of the design where it names one."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    mimc = [str(Path(sys.executable).with_name("mimc"))]
    spec = str(SPEC.resolve())
    with tempfile.TemporaryDirectory() as folder:
        bare_s = median_s([sys.executable, "-c", ""], runs, folder)
        print(f"bare interpreter  {bare_s * 1000:6.1f} ms")
        for name, arguments, limit in (
            ("--version", ["--version"], "at most 4"),
            ("validate", ["validate", spec], ""),
            ("compile", ["compile", spec], "at most 20"),
        ):
            taken_s = median_s([*mimc, *arguments], runs, folder)
            print(f"mimc {name:12} {taken_s * 1000:6.1f} ms  {taken_s / bare_s:5.1f} bare starts  {limit}")


if __name__ == "__main__":
    main()
