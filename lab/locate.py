"""Which PowerShell the lab's engine runs on, and what of our environment it gets."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mimc.errors import InputError

#: What the child gets of our environment. Nothing else: a variable may hold a secret that the spec refers to.
KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "PATH", "TERM", "TMPDIR", "XDG_CACHE_HOME")

_VERSION_WAIT_S = 30.0
#: Nothing that calls home; and nothing compiled twice, which is two fifths of what a short run costs.
_FOR_SHORT_LIVES = {
    "POWERSHELL_TELEMETRY_OPTOUT": "1",
    "POWERSHELL_UPDATECHECK": "Off",
    "NO_COLOR": "1",
    "DOTNET_TieredPGO": "0",
    "DOTNET_TC_CallCounting": "0",
}


@dataclass(frozen=True, slots=True)
class PowerShell:
    """A PowerShell on this machine, and its version as it tells it itself."""

    path: Path
    version: str

    @property
    def engine(self) -> str:
        """What every run with it is called."""
        return f"lab (real PowerShell {self.version}, simulated Windows)"


def find_powershell(environment: Mapping[str, str]) -> PowerShell:
    """Return the PowerShell that MIMC_PWSH in *environment* names, else ``pwsh`` on its PATH.

    Raises:
        InputError: there is none, it does not run, or this is Windows, whose own commands would be called.
    """
    if sys.platform == "win32":
        raise InputError(
            "the lab's engine powershell does not run on Windows: there the scripts would reach this machine's own "
            "registry and services\n  use --lab-engine simulated, or Linux or macOS (also in a container)"
        )
    named = environment.get("MIMC_PWSH")
    found = shutil.which(named or "pwsh", path=environment.get("PATH"))
    if found is None:
        where = f"MIMC_PWSH is {named}, which is no program" if named else "there is no pwsh on PATH"
        raise InputError(
            f"the lab's engine powershell needs PowerShell 7: {where}\n"
            "  install it (learn.microsoft.com, 'Install PowerShell'), or name one in MIMC_PWSH"
        )
    return PowerShell(Path(found), _version(Path(found), environment))


def _version(path: Path, environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            [path, "--version"],
            capture_output=True,
            check=False,
            env=clean_environment(environment),
            stdin=subprocess.DEVNULL,
            timeout=_VERSION_WAIT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{path}: cannot be run: {error}") from error
    told = re.fullmatch(r"PowerShell (7\.[\w.+-]{1,40})\s*", done.stdout.decode("utf-8", "replace"))
    if told is None:
        raise InputError(
            f"{path}: is no PowerShell 7 (asked for its version it did not say one)\n"
            "  name another one in MIMC_PWSH"
        )
    return told[1]


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a PowerShell of the lab gets of *environment*, and what makes it quiet and quick."""
    kept = {name: environment[name] for name in KEPT_VARIABLES if name in environment}
    return kept | _FOR_SHORT_LIVES
