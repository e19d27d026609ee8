"""A folder that the self-test of docs/on-windows.ps1 takes for a node: a checkout's files, and some of Windows' own."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
ENGINE = Path(__file__).parent / "engine"
SCRIPT = ROOT / "docs" / "on-windows.ps1"
SEAM = ROOT / "resources" / "dsc-modules" / "MimSyncDsc" / "MimSyncDsc.Windows.psm1"

#: How the script knows Windows and Windows PowerShell: in a played node both are so.
_QUESTIONS = (
    "[System.Environment]::OSVersion.Platform.ToString() -eq 'Win32NT'",
    "$PSVersionTable.PSEdition -eq 'Desktop' -and $PSVersionTable.PSVersion.Major -eq 5",
)
# The real one asks types of .NET that this platform does not have; what it is made of is the module's.
_READ = (
    "param([string[]] $Account, [string] $KeyBackupPath)\n"
    "ConvertTo-Json -InputObject ([ordered]@{ version = 1; state = Get-MimState -Account $Account"
    " -KeyBackupPath $KeyBackupPath }) -Depth 8 -Compress\n"
)


@dataclass(frozen=True)
class Answer:
    """What the self-test wrote, as text and parsed; what the node was asked for; which files changed."""

    text: str
    checks: list[dict[str, Any]]
    summary: dict[str, Any]
    calls: list[str]
    changed: list[str]

    def __getitem__(self, check: str) -> dict[str, Any]:
        return next(item for item in self.checks if item["id"] == check)

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict of each check."""
        return {check["id"]: check["verdict"] for check in self.checks}


@dataclass(frozen=True)
class PlayedNode:
    """The node; ``seam`` says that the seam file is the real one, else its stand-in."""

    root: Path
    engine: Path
    windows: bool = True
    seam: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in ("docs", "resources", "pusher/scripts"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / folder, self.root / folder, ignore=ignored)
        (self.root / "tests" / "engine").mkdir(parents=True)
        shutil.copy(ENGINE / "windows-powershell-5.1.json", self.root / "tests" / "engine")
        if not self.seam:
            module = self.root / "resources" / "dsc-modules" / "MimSyncDsc"
            shutil.copy(ENGINE / "Windows.psm1", module / "MimSyncDsc.Windows.psm1")
            (self.root / "pusher" / "scripts" / "read.ps1").write_text(_READ, "utf-8-sig")
        text = SCRIPT.read_text("utf-8-sig")
        for question in _QUESTIONS if self.windows else ():
            assert question in text
            text = text.replace(question, "$true")
        (self.root / "docs" / "on-windows.ps1").write_text(text, "utf-8-sig")
        self._make_windows()

    def _make_windows(self) -> None:
        root = self.root
        (root / "SystemRoot" / "System32" / "Configuration").mkdir(parents=True)
        (root / "ProgramFiles").mkdir()
        # A backslash is a letter to .NET here, and to PowerShell what it is: both find the file.
        for name in ("SystemRoot/System32/msi.dll", "SystemRoot\\System32\\msi.dll"):
            exports = re.findall(r"extern uint (Msi\w+)", SEAM.read_text("utf-8-sig"))
            (root / name).write_bytes(("MZ\0" + "".join(f"{export}\0" for export in exports)).encode())
        shell = "SystemRoot\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
        (root / shell).symlink_to(self.engine)
        inbox = root / "SystemRoot/System32/WindowsPowerShell/v1.0/Modules/PSDesiredStateConfiguration"
        inbox.mkdir(parents=True)
        shutil.copy(ROOT / "resources" / "inbox.schema.mof", inbox / "all.schema.mof")

    def ask(self, world: str = "", **arguments: str | bool) -> Answer:
        """Run the self-test with *arguments*; *world* is PowerShell that changes the node before (tests/engine/on-windows.ps1)."""
        options = ["-Root", str(self.root), "-Argument", json.dumps(arguments)]
        options += ["-World", world] if world else []
        done = subprocess.run(
            [self.engine, "-NoProfile", "-NonInteractive", "-File", ENGINE / "on-windows.ps1", *options],
            capture_output=True,
            check=False,
            env={**os.environ, **self.environment},
            timeout=300,
        )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        told = json.loads(done.stdout)
        assert len(told["answer"]) == 1, "one JSON document and nothing beside it"
        text = told["answer"][0]
        parsed = json.loads(text)
        assert list(parsed) == ["version", "checks", "summary"] and parsed["version"] == 1
        return Answer(text, parsed["checks"], parsed["summary"], told["calls"], told["changed"])
