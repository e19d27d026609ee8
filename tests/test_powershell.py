"""Our PowerShell under a real parser and a real engine. What runs here is PowerShell 7; what counts is 5.1."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mimc.pusher.scripts import CHANGING, READING
from mimc.pusher.scripts import read as script_text
from mimc.resources import SYNC_SERVICE
from mimc.resources.base import Kind
from mimc.resources.compare import compare
from mimc.resources.generate import GENERATED, script
from mimc.resources.module import archive, version
from mimc.state import parse_state

from .conformance_cases import cases, random_cases
from .powershell_engine import run

ROOT = Path(__file__).parent.parent
ENGINE = Path(__file__).parent / "engine"
MODULE = ROOT / "resources" / "dsc-modules" / "MimSyncDsc"
SCRIPTS = ROOT / "pusher" / "scripts"
SOURCES = ROOT / "resources" / "node-scripts"
RESOURCE = "MSFT_MimSyncService.psm1"
SEAM = "MimSyncDsc.Windows.psm1"

SHIPPED = sorted([*MODULE.rglob("*.ps*1"), *SCRIPTS.glob("*.ps1"), *(ROOT / "docs").rglob("*.ps1")])
FILES = sorted([*SHIPPED, *SOURCES.glob("*.ps1"), *ENGINE.rglob("*.ps*1")])
KNOWN: dict[str, Any] = json.loads((ENGINE / "windows-powershell-5.1.json").read_text("utf-8"))

#: Verbs of commands that change something; those below are spared, they change nothing outside the script.
CHANGING_VERBS = re.compile(
    "(?i)(Add|Clear|Copy|Disable|Dismount|Enable|Install|Invoke|Mount|Move|New|Out|Publish|Register|Remove|Rename"
    "|Repair|Restart|Send|Set|Start|Stop|Suspend|Uninstall|Unregister|Update|Write)-"
)
HARMLESS = frozenset({"New-Object", "Set-StrictMode", "Add-MimGroup", "Add-Type"})

#: docs/contract.md, the table of scripts.
PARAMETERS = {
    "read": ["string[] Account", "string KeyBackupPath"],
    "audit": ["byte[] Document", "string Thumbprint", "string ModuleVersion"],
    "preflight": ["string Thumbprint", "string ModuleName", "string ModuleVersion"],
    "stage": ["string Name", "string Sha256", "int Length", "int Offset", "byte[] Data"],
    "install-module": [
        "string Name",
        "string Sha256",
        "string ModuleName",
        "string ModuleVersion",
        "string ModuleSha256",
    ],
    "configure-lcm": ["string Name", "string Sha256"],
    "enact": ["string Name", "string Sha256", "string JobId"],
    "follow": ["string JobId"],
    "withdraw": ["string[] Name", "bool Document", "string Configuration"],
}
NET_TYPES = {
    "System.String": "string",
    "System.Int32": "int",
    "System.Byte": "byte",
    "System.Boolean": "bool",
}
MOF_TYPES = {
    "String": "System.String",
    "Boolean": "System.Boolean",
    "UInt32": "System.UInt32",
    "MSFT_Credential": "System.Management.Automation.PSCredential",
}


@pytest.fixture(scope="session")
def inspection(engine_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the engine's parser says of each file, by file name; and the engine's aliases and verbs."""
    listing = tmp_path_factory.mktemp("inspect") / "files.txt"
    listing.write_text("".join(f"{path}\n" for path in FILES), "utf-8")
    answer = json.loads(run(engine_path, "-File", ENGINE / "inspect.ps1", "-List", listing))
    answer["files"] = {Path(file["path"]).relative_to(ROOT): file for file in answer["files"]}
    return dict(answer)


def shipped(inspection: dict[str, Any]) -> dict[str, Any]:
    """Return the inspected files that travel to a node, by file name."""
    return {path.name: inspection["files"][path.relative_to(ROOT)] for path in SHIPPED}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_begins_with_a_byte_order_mark_and_has_no_carriage_return(path: Path) -> None:
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf") and not data.startswith(b"\xef\xbb\xbf\xef\xbb\xbf")
    assert b"\r" not in data


@pytest.mark.parametrize("path", GENERATED)
def test_a_generated_file_is_what_its_source_gives(path: str) -> None:
    assert (ROOT / path).read_bytes().decode("utf-8") == GENERATED[path](), (
        "run python -m mimc.resources.generate"
    )


def test_read_is_short_enough_to_travel_with_every_read() -> None:
    assert len(script_text("read").encode()) < 16 * 1024


def test_a_script_has_the_functions_that_it_needs_and_no_others() -> None:
    pool = (
        "function Get-A {\n    # why\n    <# help #>\n    if (1) {\n        Get-B\n    }\n}\n\n"
        "function Get-B { }\n\nfunction Get-B {\n    2\n}\n\nfunction Get-AB {\n    3\n}\n"
    )
    text = script("# of what\nparam([string] $Name)\n\nGet-A # Get-AB\nGet-X-AB\n", pool)
    lines = text.split("\n")
    assert lines[0] == "param([string] $Name)" and lines[1].startswith("# Generated")
    assert lines[2:] == [
        "Set-StrictMode -Version Latest",
        "$ErrorActionPreference = 'Stop'",
        *("function Get-A {", "if (1) {", "Get-B", "}", "}"),
        *("function Get-B {", "2", "}"),
        *("function Get-AB {", "3", "}"),  # named in a trailing comment: sent for nothing, which does no harm
        "Get-A # Get-AB",
        "Get-X-AB",
        "",
    ]


def test_a_function_of_the_scripts_stands_in_one_place() -> None:
    found = [
        name
        for path in [*SOURCES.glob("*.ps1"), *MODULE.rglob("*.psm1")]
        for name in re.findall(r"^function (\S+)", path.read_text("utf-8-sig"), re.MULTILINE)
    ]
    assert {"Get-Lcm", "Get-Refusal", "Test-RemoteSql"} <= set(found)
    assert not {name for name in found if found.count(name) > 1}


def test_no_literal_of_what_is_sent_spans_lines() -> None:
    # The generator takes indentation away, and whole lines that begin with #.
    for path in [*SOURCES.glob("*.ps1"), MODULE / "MimSyncDsc.Read.psm1"]:
        assert not re.search(r"@['\"]$", path.read_text("utf-8-sig"), re.MULTILINE), path.name
    assert not re.search(r"@['\"]$", _region((MODULE / SEAM).read_text("utf-8-sig"), "Read"), re.MULTILINE)


def test_a_changed_module_has_a_new_version() -> None:
    recorded = (ENGINE / "module.sha256").read_text("utf-8").split()
    current = [version(), archive().sha256]
    assert recorded[1] == current[1] or recorded[0] != current[0], (
        "the module changed and its ModuleVersion did not: a node that has this version would keep the old files, "
        f"and its LCM caches modules by version. After a release raise ModuleVersion; then write '{' '.join(current)}' "
        "to tests/engine/module.sha256"
    )
    assert recorded == current, f"write '{' '.join(current)}' to tests/engine/module.sha256"


def test_every_script_of_the_contract_is_there_and_no_other() -> None:
    scripts = {path.stem for path in SCRIPTS.glob("*.ps1")}
    assert {*READING, *CHANGING} == set(PARAMETERS) == scripts
    assert {f"pusher/scripts/{name}.ps1" for name in scripts} < set(GENERATED), "all of them are generated"


@pytest.mark.engine
def test_every_file_parses_and_has_nothing_newer_than_windows_powershell(inspection: dict[str, Any]) -> None:
    assert len(inspection["files"]) == len(FILES) > 15
    faults = {str(path): file["errors"] + file["newer"] for path, file in inspection["files"].items()}
    assert not {path: found for path, found in faults.items() if found}


@pytest.mark.engine
def test_the_inspection_finds_what_is_newer_than_windows_powershell(
    engine_path: Path, tmp_path: Path
) -> None:
    newer = {
        "ternary": "$a = $true ? 1 : 2",
        "coalesce": "$a = $b ?? 1",
        "assign": "$a ??= 1",
        "conditional": "${a}?.Length",
        "index": "${a}?[0]",
        "chain": "Get-Item a && Get-Item b",
        "clean": "function F { process { } clean { } }",
        "background": "Get-Item a &",
    }
    for name, text in newer.items():
        (tmp_path / f"{name}.ps1").write_text(text, "utf-8")
    listing = tmp_path / "files.txt"
    listing.write_text("".join(f"{tmp_path / name}.ps1\n" for name in newer), "utf-8")
    found = json.loads(run(engine_path, "-File", ENGINE / "inspect.ps1", "-List", listing))["files"]
    assert [Path(file["path"]).stem for file in found if file["newer"] and not file["errors"]] == list(newer)


@pytest.mark.engine
def test_every_command_is_one_of_windows_powershell_or_ours(inspection: dict[str, Any]) -> None:
    files = shipped(inspection)
    ours = {name for file in files.values() for name in file["functions"]}
    for file_name, file in files.items():
        for use in file["commands"]:
            place = f"{file_name}:{use['line']}: {use['text']}"
            assert use["name"] not in inspection["aliases"], f"alias: {place}"
            if not use["name"]:
                assert use["text"].startswith(("& $", ". $")), place
            elif use["name"] not in ours:
                assert use["name"] in KNOWN["commands"], f"not in the list of 5.1: {place}"
                assert set(use["parameters"]) <= set(KNOWN["commands"][use["name"]]), f"parameter: {place}"


@pytest.mark.engine
def test_every_type_is_one_of_the_dotnet_framework(inspection: dict[str, Any]) -> None:
    known = {name.casefold() for name in (*KNOWN["types"], *KNOWN["ours"])}
    for name, file in shipped(inspection).items():
        unknown = {used for used in file["types"] if used.casefold() not in known}
        assert not unknown, f"{name}: not in the list of 5.1: {unknown}"


@pytest.mark.engine
def test_every_function_has_an_approved_verb(inspection: dict[str, Any]) -> None:
    for name, file in shipped(inspection).items():
        for function in file["functions"]:
            assert function.partition("-")[0] in inspection["verbs"], f"{name}: {function}"


@pytest.mark.engine
def test_the_functions_that_the_resource_and_the_seam_offer_have_help(inspection: dict[str, Any]) -> None:
    files = shipped(inspection)
    change = _region((MODULE / SEAM).read_text("utf-8-sig"), "Change")
    offered = [
        *files[RESOURCE]["functions"].items(),
        *((name, body) for name, body in files[SEAM]["functions"].items() if f"function {name} " in change),
        *(
            (name, files[f"MimSyncDsc.{part}.psm1"]["functions"][name])
            for part, name in (
                ("Setup", "Install-MimSync"),
                ("Repair", "Repair-MimSync"),
                ("Repair", "Remove-MimSync"),
            )
        ),
    ]
    for name, body in offered:
        if name in ("Assert-Installed", "Get-Desired", "Get-State", "Format-Verdict", "Set-Node"):
            continue
        assert body["help"], name


@pytest.mark.engine
@pytest.mark.parametrize("script", READING)
def test_a_reading_script_has_nothing_that_changes_the_node(inspection: dict[str, Any], script: str) -> None:
    file = shipped(inspection)[f"{script}.ps1"]
    change = set(
        re.findall(
            r"^function (\S+)", _region((MODULE / SEAM).read_text("utf-8-sig"), "Change"), re.MULTILINE
        )
    )
    assert len(change) > 15
    used = {use["name"] for use in file["commands"]} | set(file["functions"])
    assert not used & change
    allowed = HARMLESS | ({"Invoke-CimMethod", "Invoke-Lcm"} if script != "read" else set())
    assert not {name for name in used if CHANGING_VERBS.match(name)} - allowed
    methods = set(re.findall(r"-Method '(\w+)'", script_text(script)))
    assert methods <= {"GetMetaConfiguration", "GetConfigurationStatus", "GetConfiguration"}
    assert not re.search(
        r"::(Write|Delete|Move|Append|Copy)|\bFile\]::Create|CreateSubKey|SetValue|Delete\w*\(|NonQuery|Start\(",
        script_text(script),
    )


@pytest.mark.engine
@pytest.mark.parametrize("script", PARAMETERS)
def test_a_script_has_the_parameters_of_the_contract(inspection: dict[str, Any], script: str) -> None:
    found = [_parameter(item) for item in shipped(inspection)[f"{script}.ps1"]["parameters"]]
    assert found == PARAMETERS[script]


@pytest.mark.engine
@pytest.mark.parametrize("function", ["Get-TargetResource", "Test-TargetResource", "Set-TargetResource"])
def test_the_resource_has_the_parameters_of_the_declaration(
    inspection: dict[str, Any], function: str
) -> None:
    found = shipped(inspection)[RESOURCE]["functions"][function]["parameters"]
    declared = [item for item in SYNC_SERVICE.properties if item.kind is not Kind.READ]
    assert [item["name"] for item in found] == [item.name for item in declared]
    for parameter, item in zip(found, declared, strict=True):
        assert parameter["type"] == MOF_TYPES[item.type], item.name
        mandatory = any("Mandatory = $true" in text for text in parameter["attributes"])
        assert mandatory == (item.kind in (Kind.KEY, Kind.REQUIRED)), item.name
        choice = ", ".join(f"'{value}'" for value in item.values)
        assert (f"[ValidateSet({choice})]" in parameter["attributes"]) == bool(item.values), item.name


@pytest.mark.engine
def test_the_stand_in_for_the_seam_has_the_functions_of_the_seam(inspection: dict[str, Any]) -> None:
    real = shipped(inspection)[SEAM]["functions"]
    stand_in = inspection["files"][(ENGINE / "Windows.psm1").relative_to(ROOT)]["functions"]
    assert set(stand_in) - set(real) == {
        "New-Windows",
        "New-Package",
        "Add-Call",
        "Install-Product",
        "Uninstall-Product",
        "Update-Product",
    }
    for name, body in real.items():
        wanted = [(item["name"], item["type"]) for item in body["parameters"]]
        assert [(item["name"], item["type"]) for item in stand_in[name]["parameters"]] == wanted, name


@pytest.mark.engine
def test_module_and_python_give_the_same_verdicts(engine_path: Path, tmp_path: Path) -> None:
    everything = [*cases(), *random_cases(400)]
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(everything), "utf-8")
    answers = json.loads(run(engine_path, "-File", ENGINE / "compare.ps1", "-Module", MODULE, "-Cases", path))
    for case, answer in zip(everything, answers, strict=True):
        ours = [
            {
                "Property": verdict.property,
                "Status": verdict.status.value,
                "Desired": verdict.desired,
                "Actual": verdict.actual,
                "Reason": verdict.reason,
            }
            for verdict in compare(SYNC_SERVICE, case["desired"], parse_state(case["state"]))
        ]
        assert answer == ours, case.get("name", case)


def _region(text: str, name: str) -> str:
    return text.partition(f"#region {name}\n")[2].partition(f"#endregion {name}")[0]


def _parameter(item: dict[str, Any]) -> str:
    kind = item["type"]
    array = "[]" if kind.endswith("[]") else ""
    return f"{NET_TYPES[kind.removesuffix('[]')]}{array} {item['name']}"
