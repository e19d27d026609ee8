"""The self-test for a real node: what it may do, and that its page and fidelity.md say what it is."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mimc.resources.media import SENT

from .played_node import ENGINE, ROOT, SCRIPT, SEAM

PARTS = sorted((ROOT / "docs" / "on-windows").glob("*.ps1"))
TEXTS = {path.name: path.read_text("utf-8-sig") for path in [SCRIPT, *PARTS]}
SOURCES = "".join(path.read_text("utf-8-sig") for path in (ROOT / "resources" / "node-scripts").glob("*.ps1"))
CHECKS = dict(re.findall(r"@\{ Id = '([a-z.]+)'; Run = '([\w-]+)';", TEXTS[SCRIPT.name]))
CLAIM_OF = dict(re.findall(r"Id = '([a-z.]+)';.*\$claims\['(\w+)'\]", TEXTS[SCRIPT.name]))
CLAIMS = dict(re.findall(r"^    (\w+) = '((?:[^']|'')+)'$", TEXTS[SCRIPT.name], re.MULTILINE))

#: Every command that is not the self-test's own. Of Windows and PowerShell, those that only read or compute:
READING = frozenset(
    [
        "Add-Type",
        "ConvertFrom-Json",
        "ConvertTo-Json",
        "ForEach-Object",
        "Get-ChildItem",
        "Get-CimClass",
        "Get-Command",
        "Get-DscResource",
        "Get-Item",
        "Get-Module",
        "Get-NetFirewallApplicationFilter",
        "Get-NetFirewallRule",
        "Get-WSManInstance",
        "Import-Module",
        "Import-PowerShellDataFile",
        "Invoke-CimMethod",
        "Join-Path",
        "New-Object",
        "Select-Object",
        "Set-StrictMode",
        "Sort-Object",
        "Test-ModuleManifest",
        "Test-Path",
        "Where-Object",
    ]
)
#: of the module, those that only read;
READING_MODULE = frozenset(
    [
        "ConvertFrom-Sid",
        "ConvertTo-Sid",
        "Get-CurrentSid",
        "Get-FileFact",
        "Get-FileText",
        "Get-MimSqlServer",
        "Get-NodeName",
        "Get-RegistryChild",
        "Get-RegistryMap",
        "Get-ServiceStatus",
        "Get-Signature",
        "Get-SqlRow",
        "Get-TargetResource",
        "Get-WorkFolder",
        "Test-Administrator",
        "Test-File",
        "Test-InstallerBusy",
        "Test-NetworkLogon",
    ]
)
#: and for the one process that repeats a line.
CHILD = frozenset({"Start-Child", "Read-ChildLine", "Wait-Child", "Stop-Child"})
#: What of .NET writes, starts or removes. A redirection to anywhere but nothing writes as well.
WRITING = re.compile(
    r"File\]::(?!ReadAll)|Directory\]|::(?:Write|Delete|Move|Append|Copy|Create|Start\b)"
    r"|\.(?:SetValue|CreateSubKey|Delete\w*|Save|CopyTo|ExecuteNonQuery|Commit|Kill|Start|Stop)\(|\d?>(?!\$null)"
)


@pytest.fixture(scope="session")
def trees(engine_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the engine's parser says of each file of the self-test, by its name."""
    listing = tmp_path_factory.mktemp("trees") / "files.txt"
    listing.write_text("".join(f"{path}\n" for path in [SCRIPT, *PARTS]), "utf-8")
    command: list[str | Path] = [engine_path, "-NoProfile", "-File", ENGINE / "inspect.ps1", "-List", listing]
    done = subprocess.run(command, capture_output=True, check=True, timeout=300)
    return {Path(file["path"]).name: file for file in json.loads(done.stdout)["files"]}


@pytest.mark.engine
def test_it_uses_no_command_that_changes_anything(trees: dict[str, Any]) -> None:
    ours = {name for file in trees.values() for name in file["functions"]}
    assert not ours & (READING | READING_MODULE | CHILD), "whose would be meant?"
    for name, file in trees.items():
        for use in file["commands"]:
            place = f"{name}:{use['line']}: {use['text']}"
            if not use["name"]:
                assert re.match(r"& \$Check\['Run'\]|& \$file @With|\. \$file$", use["text"]), place
            elif use["name"] in CHILD:
                assert name == "seam.ps1", place
            else:
                assert use["name"] in ours | READING | READING_MODULE, place
            if use["name"] == "Add-Type":
                assert use["parameters"] == ["AssemblyName"], f"compiling writes files: {place}"


@pytest.mark.parametrize("name", TEXTS)
def test_it_calls_no_method_that_changes_anything(name: str) -> None:
    text = re.sub(r"(?s)<#.*?#>", "", TEXTS[name])
    text = re.sub(r"(?m)^\s*#.*$|<(?:name|server|domain)>", "", text)
    assert len(text) > len(TEXTS[name]) / 2
    assert not (found := WRITING.search(text)), found
    assert set(re.findall(r"-MethodName '?(\w+)", text)) <= {"GetConfigurationStatus"}
    assert set(re.findall(r"Get-ScriptAnswer -Name '([\w-]+)'", text)) <= {"read", "preflight", "follow"}
    assert set(re.findall(r"\.Open\(([^)]*)\)", text)) <= {"'ReadOnly'"}
    assert set(re.findall(r"'OpenDatabase' -With (.*)", text)) <= {"$file.FullName, 0"}
    assert set(re.findall(r"-Query \W(\w+)", text)) <= {"SELECT"}


def test_every_check_is_one_function_with_an_id_of_its_own() -> None:
    functions = [name for text in TEXTS.values() for name in re.findall(r"(?m)^function (\S+)", text)]
    assert len(functions) == len(set(functions)) and len(CHECKS) > 30
    assert len(set(CHECKS.values())) == len(CHECKS) == TEXTS[SCRIPT.name].count("@{ Id = ")
    assert {name for name in functions if name.startswith("Test-")} == {
        *CHECKS.values(),
        "Test-Windows",
        "Test-Desktop",
    }


def rows(page: str) -> list[list[str]]:
    """Return the cells of each table row of a page of docs."""
    lines = (ROOT / "docs" / page).read_text("utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
        for line in lines
        if line.startswith("| ")
    ]


PAGE = {row[0].strip("`"): row for row in rows("on-windows.md") if re.fullmatch(r"`[a-z]+\.[a-z]+`", row[0])}
FIDELITY = {row[0]: row[2] for row in rows("fidelity.md") if len(row) == 3}


def test_every_check_stands_on_the_page_with_its_claim_and_what_to_do() -> None:
    assert list(PAGE) == list(CHECKS)
    for check, (_, claim, refuted) in PAGE.items():
        assert claim == CLAIMS[CLAIM_OF[check]].replace("''", "'"), check
        assert refuted, check


def test_every_claim_of_a_check_is_a_row_of_fidelity_that_names_the_check() -> None:
    for check, (_, claim, _) in PAGE.items():
        assert claim in FIDELITY, f"{check}: fidelity.md has no row {claim}"
        assert f"`{check}`" in FIDELITY[claim], f"the row does not name {check}: {claim}"


def test_fidelity_names_no_check_that_there_is_not() -> None:
    families = {check.partition(".")[0] for check in CHECKS}
    named = {name for text in FIDELITY.values() for name in re.findall(r"`([a-z]+\.[a-z]+)`", text)}
    assert {name for name in named if name.partition(".")[0] in families} == set(CHECKS)


def test_it_knows_the_methods_and_settings_that_the_scripts_use() -> None:
    used = re.search(r"\$used = @\{(.*?)\n    \}", TEXTS["lcm.ps1"], re.DOTALL)
    assert used
    parameters = dict(re.findall(r"(\w+) = @\{([^}]*)\}", used[1]))
    assert set(parameters) == set(re.findall(r"Invoke-Lcm -Method '(\w+)'", SOURCES))
    orders = re.findall(r"\$order = @\{(.*)\}", SOURCES)
    calls = [("SendConfigurationApplyAsync", order) for order in orders]
    calls += re.findall(r"Invoke-Lcm -Method '(\w+)' -Argument @\{([^}]*)\}", SOURCES)
    assert len(calls) > 4
    for method, given in calls:
        sent = {name.casefold() for name in re.findall(r"(\w+) = ", given)}
        assert {name.casefold() for name in re.findall(r"(\w+) = ", parameters[method])} == sent, method
    wanted = re.search(r"\$wanted = @\((.*?)\n    \)", TEXTS["lcm.ps1"], re.DOTALL)
    lcm = re.search(r"function Get-Lcm \{(.*?)\n\}", SOURCES, re.DOTALL)
    assert wanted and lcm
    read = set(re.findall(r"'([A-Z]\w+)'", lcm[1])) - {"GetMetaConfiguration"}
    assert set(re.findall(r"'(\w+)'", wanted[1])) == read


def test_it_knows_the_properties_that_set_sends() -> None:
    sent = re.search(r"\$sent = (.*)", TEXTS["product.ps1"])
    assert sent and re.findall(r"'(\w+)'", sent[1]) == [item.name for item in SENT if not item.standard]


def test_the_functions_of_msi_dll_that_are_looked_for_are_those_that_the_seam_calls() -> None:
    product = (ROOT / "docs" / "on-windows" / "product.ps1").read_text("utf-8-sig")
    body = product.partition("function Test-InstallerExport {")[2].partition("\n}")[0]
    declared = re.findall(r"extern uint (Msi\w+)", SEAM.read_text("utf-8-sig"))
    assert sorted(re.findall(r"'(Msi\w+)'", body)) == sorted(declared)
