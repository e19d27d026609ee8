"""Rules of PSScriptAnalyzer's kind on the syntax tree of what ships, and the manifest under the engine's own check."""

import json
from pathlib import Path
from typing import Any

import pytest

from .powershell_engine import run

ROOT = Path(__file__).parent.parent
RULES = Path(__file__).parent / "engine" / "rules.ps1"
MODULE = ROOT / "resources" / "dsc-modules" / "MimSyncDsc"
SHIPPED = sorted(
    [*MODULE.rglob("*.psm1"), *MODULE.rglob("*.ps1"), *(ROOT / "pusher" / "scripts").glob("*.ps1")]
)

#: Of each rule what breaks it, and what comes near and does not.
EXAMPLES = {
    "Invoke-Expression": ("Invoke-Expression -Command $a", "Invoke-Command -ScriptBlock $a"),
    "Write-Host": ("Write-Host -Object $a", "Write-Verbose -Message 'Write-Host'"),
    "AsPlainText": ("ConvertTo-SecureString -String $a -AsPlainText", "ConvertTo-SecureString -String $a"),
    "Positional": (
        "Get-Item -Force -LiteralPath $a $b",
        "function Get-Ours { }\nGet-Ours $a; Get-Item @a -LiteralPath $b",
    ),
    "Global": ("$global:Last = 1", "$global:DSCMachineStatus = 1; $script:Last = 1"),
    "NullOnTheRight": ("if ($a -eq $null) { 1 }", "if ($null -ne $a) { $a = $null }"),
    "Automatic": ("foreach ($input in $a) { 1 }", "$map[$_] = 1; $a = $input"),
    "Unused": ("function Get-My { param($A, $B) $A }", 'function Get-My { param($A) { "$A" } }'),
    "PlainPassword": ("param([string] $Password) $Password", "param([pscredential] $Password) $Password"),
    "EmptyCatch": (
        "try { 1 } catch { }",
        "try { 1 } catch [System.IO.IOException] { }\ntry { 1 } catch {\n# gone\n}",
    ),
    "Unread": ("function Get-My { $a = 1; $a, $b = 2, 3; $a }", "function Get-My { $a = 1; { $a } }"),
    "StrictMode": ("Get-Item -LiteralPath $a", "# why\n# ever"),
}
STRICT = "Set-StrictMode -Version Latest\n"


def findings(engine: Path, files: list[Path], folder: Path) -> dict[str, list[str]]:
    """Return what the rules find, by the file's name."""
    listing = folder / "files.txt"
    listing.write_text("".join(f"{path}\n" for path in files), "utf-8")
    answer: dict[str, Any] = json.loads(run(engine, "-File", RULES, "-List", listing))
    return {Path(path).name: found for path, found in answer.items()}


@pytest.mark.engine
def test_what_ships_keeps_the_rules(engine_path: Path, tmp_path: Path) -> None:
    found = findings(engine_path, SHIPPED, tmp_path)
    assert len(found) == len(SHIPPED) > 12
    assert not {name: faults for name, faults in found.items() if faults}


@pytest.mark.engine
def test_each_rule_finds_what_breaks_it_and_nothing_else(engine_path: Path, tmp_path: Path) -> None:
    files = []
    for rule, texts in EXAMPLES.items():
        for kind, text in zip(("bad", "good"), texts, strict=True):
            strict = "" if (rule, kind) == ("StrictMode", "bad") else STRICT
            if text.startswith("param"):
                parameters, _, body = text.partition(") ")
                text, strict = f"{parameters})\n{strict}{body}", ""
            files.append(tmp_path / f"{rule}.{kind}.ps1")
            files[-1].write_text(f"{strict}{text}\n", "utf-8")
    found = findings(engine_path, files, tmp_path)
    for rule in EXAMPLES:
        assert [text.split()[0] for text in found[f"{rule}.bad.ps1"]] == [rule]
        assert found[f"{rule}.good.ps1"] == []


@pytest.mark.engine
def test_the_manifest_is_clean(engine_path: Path) -> None:
    manifest = MODULE / "MimSyncDsc.psd1"
    command = (
        f"$m = Test-ModuleManifest -Path '{manifest}' -ErrorAction Stop -WarningVariable w; "
        'ConvertTo-Json @{ name = $m.Name; version = "$($m.Version)"; warnings = @($w | ForEach-Object { "$_" }) }'
    )
    answer = json.loads(run(engine_path, "-Command", command))
    assert (answer["name"], answer["warnings"]) == ("MimSyncDsc", [])
    assert f"ModuleVersion = '{answer['version']}'" in manifest.read_text("utf-8-sig")
