"""``mimc schema`` and ``mimc schema export-module``."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from mimc.compiler.class_schema import CimType, Qualifier
from mimc.compiler.editor_schema import editor_schema
from mimc.compiler.modules import FoundClass, ModuleCatalogue
from mimc.compiler.powershell_classes import export, read_facts
from mimc.compiler.schema_mof import read_schema

from .conftest import Mimc

ROOT = Path(__file__).parent.parent
MODULES = Path(__file__).parent / "oracle" / "modules"
START = "apiVersion: mimc/v1\nname: N\ntargets: {n: {host: n}}\n"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return editor_schema(ModuleCatalogue([MODULES]).classes())


def faults(schema: dict[str, Any], text: str) -> list[str]:
    """Return where *text*, a spec, does not fit."""
    errors = Draft202012Validator(schema).iter_errors(yaml.safe_load(text))
    return sorted(".".join(map(str, error.absolute_path)) for error in errors)


def resources(schema: dict[str, Any], *items: str) -> list[str]:
    return faults(schema, START + "resources:\n" + "".join(f"  - {item}\n" for item in items))


def test_it_is_a_json_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_reference_inside_it_leads_somewhere(schema: dict[str, Any]) -> None:
    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [ref for item in value.values() for ref in references(item)]
        return [ref for item in value for ref in references(item)] if isinstance(value, list) else []

    assert {ref.removeprefix("#/$defs/") for ref in references(schema)} <= schema["$defs"].keys()


@pytest.mark.parametrize(
    "file", sorted((ROOT / "examples").rglob("spec.yaml")), ids=lambda path: path.parent.name
)
def test_the_examples_fit(schema: dict[str, Any], file: Path) -> None:
    assert faults(schema, file.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "item",
    [
        "WindowsFeature: {id: NetFx, Name: NET-Framework-45-Core, Ensure: Present}",
        "Service: {id: S, dependsOn: ['[WindowsFeature]NetFx'], Name: Spooler}",
        "Service: {id: S, Name: s, module: PSDesiredStateConfiguration, moduleVersion: '1.1'}",
        "Service: {id: S, dependsOn: '[WindowsFeature]NetFx', Name: Spooler, StartupType: null}",
        "Service: {id: S, runAs: {user: 'A\\b', password: {secret: {env: P}}}, Name: {$var: name}}",
        "User: {id: U, UserName: u, Password: {user: u, password: {secret: {env: P}}}}",
        "'[Simple]A': {Id: a, Lines: [a, {$join: [b, c]}]}",
        "Simple: {id: A, Id: a, Lines: one}",
        "Package: {id: P, Name: p, Path: p, ProductId: '', ReturnCode: [0, 3010]}",
        "Choice: {id: C, Kind: Alpha, Switch: On, Level: Two, Colours: [Red]}",
        "Choice: {id: C, Kind: Alpha, Switch: 'Off', Level: 2}",
        "Nest: {id: N, Id: n, One: {Name: l}, Many: [{Name: a, Size: 1}], Tree: {Leaf: {Name: x}}, Pairs: {a: 1, b: t}}",
        "AllTypes: {id: A, Id: a, PU8: 255, PS64: -9223372036854775808, PR32: 1.5, PChar: c}",
        "AllTypes: {id: A, Id: a, PDate: '2026-01-02T03:04:05Z'}",
        "Nest: {id: N, Id: n, Pairs: [{Key: a, Value: b}]}",
        "Versioned: {id: V, Name: v, moduleVersion: 1.0.0}",
        "Versioned: {id: V, Name: v, NewInTwo: x, moduleVersion: 2.0.0}",
    ],
)
def test_what_the_compiler_takes_fits(schema: dict[str, Any], item: str) -> None:
    item = item.replace("Switch: On", "Switch: 'On'")
    assert resources(schema, item) == []


@pytest.mark.parametrize(
    ("item", "place"),
    [
        ("Service: {id: S, Name: s, StartupTyp: Manual}", "resources.0.Service"),
        ("Service: {id: S, Name: s, StartupType: Manuel}", "resources.0.Service.StartupType"),
        ("Service: {id: S, Name: s, Status: x}", "resources.0.Service"),
        ("Service: {id: S}", "resources.0.Service"),
        ("Service: {Name: s}", "resources.0.Service"),
        ("Service: {id: S, Name: null}", "resources.0.Service.Name"),
        ("Service: {id: S, Name: 5}", "resources.0.Service.Name"),
        ("Service: {id: S, Name: s, Credential: secret}", "resources.0.Service.Credential"),
        (
            "Service: {id: S, Name: s, Credential: {user: u, password: clear}}",
            "resources.0.Service.Credential",
        ),
        ("Service: {id: S, Name: s, moduleVersion: '9'}", "resources.0.Service.moduleVersion"),
        ("Servce: {id: S, Name: s}", "resources.0"),
        ("'[Service]S': {id: S, Name: s}", "resources.0.[Service]S"),
        ("'[Service]': {Name: s}", "resources.0"),
        ("{Service: {id: S, Name: s}, File: {id: F, DestinationPath: p}}", "resources.0"),
        ("AllTypes: {id: A, Id: a, PU8: 256}", "resources.0.AllTypes.PU8"),
        ("AllTypes: {id: A, Id: a, PBool: 'yes'}", "resources.0.AllTypes.PBool"),
        ("AllTypes: {id: A, Id: a, PRead: x}", "resources.0.AllTypes"),
        ("AllTypes: {id: A, Id: a, PDate: null}", "resources.0.AllTypes.PDate"),
        ("Nest: {id: N, Id: n, Pairs: {a: [1]}}", "resources.0.Nest.Pairs"),
        ("Nest: {id: N, Id: n, One: {Size: 1}}", "resources.0.Nest.One"),
        ("Nest: {id: N, Id: n, Many: [{Name: a, Sze: 1}]}", "resources.0.Nest.Many"),
        ("Choice: {id: C, Kind: Alpha, Switch: 'On', Level: 4}", "resources.0.Choice.Level"),
        ("Versioned: {id: V, Name: v, NewInTwo: x, moduleVersion: 1.0.0}", "resources.0.Versioned"),
    ],
)
def test_what_the_compiler_refuses_does_not_fit(schema: dict[str, Any], item: str, place: str) -> None:
    assert set(resources(schema, item)) == {place}


def test_layers_may_state_a_part(schema: dict[str, Any]) -> None:
    group = "groups: {a: {resources: [{Service: {id: S, State: Running}}]}}\n"
    assert faults(schema, START + group) == []
    part = "resources: [{Service: {id: S, State: Running}}]\n"
    assert faults(schema, START + part) != []
    assert faults(schema, START + "base: b.yaml\n" + part) == []
    assert faults(schema, START + "base: b.yaml\n" + part.replace("State", "Stat")) != []


def test_the_values_of_a_list_are_offered(schema: dict[str, Any]) -> None:
    body = schema["$defs"]["PSDesiredStateConfiguration.1.0.MSFT_ServiceResource"]
    assert body["properties"]["State"]["anyOf"][0] == {"enum": ["Running", "Stopped"]}
    assert body["properties"]["Name"]["description"] == "Name of the service, not its display name. (key)"


def test_the_same_classes_give_the_same_text() -> None:
    first, second = (json.dumps(editor_schema(ModuleCatalogue([MODULES]).classes())) for _ in range(2))
    assert first == second


def test_schema_prints_the_inbox_without_a_spec(mimc: Mimc) -> None:
    done = mimc("schema")
    assert (done.code, done.err) == (0, "")
    printed = json.loads(done.out)
    assert printed == editor_schema(ModuleCatalogue().classes())
    assert "Simple" not in printed["$defs"]["resource"]["properties"]


def test_schema_adds_the_folders_of_the_spec_even_while_it_is_not_valid(mimc: Mimc) -> None:
    shutil.copytree(MODULES, mimc.folder / "sub" / "modules")
    (mimc.folder / "sub" / "part.yaml").write_text("schemas: [modules]\nresorces: 5\n")
    (mimc.folder / "spec.yaml").write_text("base: sub/part.yaml\nschemas: [4]\n")
    done = mimc("schema")
    assert done.code == 0, done.err
    assert "Simple" in json.loads(done.out)["$defs"]["resource"]["properties"]
    assert mimc("schema", "sub/part.yaml").out == done.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("schema", "gone.yaml"), 3, "gone.yaml: cannot read the spec: No such file"),
        (("schema", "away.yaml"), 3, "schemas: away: no such folder"),
        (("schema", "a.yaml", "b.yaml"), 64, "mimc schema takes one spec"),
        (("schema", "--force"), 64, "belong to mimc schema export-module"),
        (("schema", "export-module"), 64, "name the module: mimc schema export-module PATH"),
        (("schema", "export-module", "gone"), 3, "gone: no such file or folder"),
        (("schema", "export-module", "examples"), 3, "no module manifest"),
    ],
)
def test_what_cannot_be_done_is_explained(
    mimc: Mimc, arguments: tuple[str, ...], code: int, said: str
) -> None:
    (mimc.folder / "away.yaml").write_text("schemas: [away]\n")
    done = mimc(*arguments)
    assert done.code == code
    assert said in done.err
    assert done.out == ""


def test_without_an_engine_the_error_says_how_to_get_one(mimc: Mimc, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(MODULES / "ClassDsc", mimc.folder / "ClassDsc")
    monkeypatch.delenv("MIMC_PWSH", raising=False)
    monkeypatch.setenv("PATH", str(mimc.folder))
    done = mimc("schema", "export-module", "ClassDsc")
    assert done.code == 3
    assert "export MIMC_PWSH=/path/to/pwsh" in done.err
    assert not (mimc.folder / "ClassDsc" / "DSCResources").exists()


def test_an_engine_that_cannot_be_run_is_named(mimc: Mimc, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(MODULES / "ClassDsc", mimc.folder / "ClassDsc")
    monkeypatch.setenv("MIMC_PWSH", str(mimc.folder / "nothing"))
    done = mimc("schema", "export-module", "ClassDsc")
    assert done.code == 3
    assert "cannot run this PowerShell" in done.err


@pytest.mark.engine
def test_a_class_based_module_is_described_and_then_found(mimc: Mimc, engine_path: Path) -> None:
    shutil.copytree(MODULES / "ClassDsc", mimc.folder / "modules" / "ClassDsc")
    done = mimc("schema", "export-module", "modules/ClassDsc")
    written = Path("modules/ClassDsc/DSCResources/ClassThing/ClassThing.schema.mof")
    assert (done.code, done.out) == (0, f"{written}\n")
    assert "a node has the classes and must not get them" in done.err
    thing = ModuleCatalogue([Path("modules")]).find("ClassThing")
    assert isinstance(thing, FoundClass), thing
    assert (thing.module_name, thing.module_version) == ("ClassDsc", "3.0.0")
    properties = {
        name: (item.type, item.is_array, item.qualifier) for name, item in thing.schema.properties.items()
    }
    assert properties == {
        "Name": (CimType.STRING, False, Qualifier.KEY),
        "Ensure": (CimType.STRING, False, Qualifier.REQUIRED),
        "Number": (CimType.SINT32, False, Qualifier.WRITE),
        "Big": (CimType.UINT64, False, Qualifier.WRITE),
        "Ratio": (CimType.REAL64, False, Qualifier.WRITE),
        "Flag": (CimType.BOOLEAN, False, Qualifier.WRITE),
        "When": (CimType.DATETIME, False, Qualifier.WRITE),
        "Items": (CimType.STRING, True, Qualifier.WRITE),
        "Pairs": (CimType.INSTANCE, True, Qualifier.WRITE),
        "Part": (CimType.INSTANCE, False, Qualifier.WRITE),
        "Parts": (CimType.INSTANCE, True, Qualifier.WRITE),
        "Login": (CimType.INSTANCE, False, Qualifier.WRITE),
        "State": (CimType.STRING, False, Qualifier.READ),
    }
    assert thing.schema.properties["Ensure"].value_map == ("Present", "Absent")
    assert set(thing.embedded) == {"classpart", "msft_credential", "msft_keyvaluepair"}


@pytest.mark.engine
def test_another_folder_gets_the_layout_of_a_module_path(mimc: Mimc, engine_path: Path) -> None:
    done = mimc("schema", "export-module", str(MODULES / "ClassDsc" / "ClassDsc.psm1"), "-o", "out")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "out/ClassDsc/3.0.0/ClassDsc.psd1",
        "out/ClassDsc/3.0.0/DSCResources/ClassThing/ClassThing.schema.mof",
    ]
    assert isinstance(ModuleCatalogue([Path("out")]).find("ClassThing", "ClassDsc", "3.0.0"), FoundClass)


@pytest.mark.engine
def test_a_folder_that_cannot_be_written_is_named(mimc: Mimc, engine_path: Path) -> None:
    (mimc.folder / "out").write_text("a file")
    done = mimc("schema", "export-module", str(MODULES / "ClassDsc"), "-o", "out")
    assert (done.code, done.out) == (3, "")
    assert "Not a directory" in done.err or "File exists" in done.err


@pytest.mark.engine
def test_a_file_that_differs_is_kept_without_force(mimc: Mimc, engine_path: Path) -> None:
    module = str(MODULES / "ClassDsc")
    assert mimc("schema", "export-module", module, "-o", "out").code == 0
    assert mimc("schema", "export-module", module, "-o", "out").code == 0
    file = Path("out/ClassDsc/3.0.0/DSCResources/ClassThing/ClassThing.schema.mof")
    before = file.read_bytes()
    file.write_text("// mine\n")
    done = mimc("schema", "export-module", module, "-o", "out")
    assert (done.code, done.out, file.read_text()) == (3, "", "// mine\n")
    assert f"--force overwrites them:\n  {file}" in done.err
    assert mimc("schema", "export-module", module, "-o", "out", "--force").code == 0
    assert file.read_bytes() == before


HOSTILE = """\
using module ./Base.psm1
using assembly ./nothing.dll
#Requires -Modules Nothing
[System.IO.File]::WriteAllText("$PSScriptRoot/ran", 'x')
enum Level { Low; High = 5 }
class Part { [DscProperty(Mandatory)] [string] $Name; [string] $NotOfDsc }
[DscResource(RunAsCredential = 'Optional')] class Thing : Base {
    [DscProperty(Key = $true)] [string] $Name
    [DscProperty(Mandatory = $false)] [Nullable[int]] $Count
    [DscProperty()] [ValidateSet('A', 'B"\\')] [string[]] $Choice
    [DscProperty()] [Level] $Level
    [DscProperty()] [Part[]] $Parts
    [DscProperty()] [System.Management.Automation.PSCredential] $Login
    [DscProperty()] [System.IO.FileAttributes] $Attributes
    [DscProperty()] [char] $Letter
    static [DscProperty()] [string] $Shared
    hidden [string] $Inner = $([System.IO.File]::WriteAllText("$PSScriptRoot/ran", 'x'))
    [Thing] Get() { return $this } [void] Set() { } [bool] Test() { return $true }
}
"""
BASE = "class Base { [DscProperty()] [string] $FromBase; [DscProperty()] [string] $Name }\n"


def class_module(folder: Path, code: str) -> None:
    folder.mkdir()
    (folder / f"{folder.name}.psd1").write_text(
        f"@{{ ModuleVersion = '1.0.0'; RootModule = '{folder.name}.psm1' }}"
    )
    (folder / f"{folder.name}.psm1").write_text(code)


@pytest.mark.engine
def test_nothing_of_the_module_runs(mimc: Mimc, engine_path: Path) -> None:
    class_module(mimc.folder / "HDsc", HOSTILE)
    (mimc.folder / "HDsc" / "Base.psm1").write_text(
        BASE + '[System.IO.File]::WriteAllText("$PSScriptRoot/ran", "x")\n'
    )
    done = mimc("schema", "export-module", "HDsc")
    assert done.code == 0, done.err
    assert not (mimc.folder / "HDsc" / "ran").exists()
    thing = ModuleCatalogue([mimc.folder / "HDsc"]).find("Thing")
    assert isinstance(thing, FoundClass), thing
    found = {name: (item.type, item.qualifier) for name, item in thing.schema.properties.items()}
    assert list(found) == [
        *("Name", "Count", "Choice", "Level", "Parts", "Login", "Attributes", "Letter", "FromBase")
    ]
    assert found["Name"] == (CimType.STRING, Qualifier.KEY)
    assert found["Count"] == (CimType.SINT32, Qualifier.WRITE)
    assert found["Letter"] == (CimType.CHAR16, Qualifier.WRITE)
    assert thing.schema.properties["Choice"].value_map == ("A", 'B"\\')
    assert thing.schema.properties["Level"].value_map == ("Low", "High")
    assert "ReadOnly" in thing.schema.properties["Attributes"].value_map
    assert list(thing.embedded["part"].properties) == ["Name"]


@pytest.mark.engine
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("class A { }", "no class of this module has [DscResource()]"),
        ("[DscResource()] class A {", "ADsc.psm1:1: "),
        (
            "[DscResource()] class A { [DscProperty()] [string] $N }",
            "ADsc.psm1:1: A has no [DscProperty(Key)]",
        ),
        (
            "[DscResource()] class A {\n[DscProperty(Key)] [string] $N\n[DscProperty()] [uri] $U }",
            "ADsc.psm1:3: A.U: [uri] is no type that DSC can carry",
        ),
        (
            "[DscResource()] class A { [DscProperty(Key)] [string] $N; [DscProperty()] $U }",
            "A.U: it has no type; DSC needs one",
        ),
    ],
)
def test_a_class_that_dsc_cannot_carry_is_refused(
    mimc: Mimc, engine_path: Path, code: str, said: str
) -> None:
    class_module(mimc.folder / "ADsc", code)
    done = mimc("schema", "export-module", "ADsc")
    assert done.code == 3
    assert said in done.err
    assert not (mimc.folder / "ADsc" / "DSCResources").exists()


def type_fact(name: str, full_name: str = "", *, is_array: bool = False) -> dict[str, Any]:
    return {"name": name, "fullName": full_name, "isArray": is_array, "values": []}


def property_fact(name: str, kind: dict[str, Any], **attributes: object) -> dict[str, Any]:
    plain = {"key": False, "mandatory": False, "notConfigurable": False, "validateSet": []}
    return {"name": name, "line": 2, "type": kind, **plain, **attributes}


def class_fact(name: str, *properties: dict[str, Any], **more: object) -> dict[str, Any]:
    plain = {"kind": "class", "isResource": False, "bases": [], "values": []}
    return {"name": name, "line": 1, "properties": list(properties), **plain, **more}


def test_classes_become_schemas_by_the_rules_of_powershell() -> None:
    text = type_fact("string", "System.String")
    facts = [
        {
            "file": "m.psm1",
            "errors": [],
            "classes": [
                class_fact("Level", kind="enum", values=["Low", "High"]),
                class_fact("Inner", property_fact("N", text)),
                class_fact(
                    "Outer", property_fact("I", type_fact("inner")), property_fact("O", type_fact("Outer"))
                ),
                class_fact(
                    "Thing",
                    property_fact("Id", text, key=True),
                    property_fact("Levels", type_fact("Level", is_array=True)),
                    property_fact("O", type_fact("Outer", is_array=True)),
                    property_fact("H", type_fact("hashtable", "System.Collections.Hashtable")),
                    isResource=True,
                    bases=["Far"],
                ),
            ],
        }
    ]
    made = export(read_facts(facts))
    assert made.problems == ()
    assert made.notes == ("Thing : Far: Far is not in the module; without its properties",)
    declared = read_schema(made.schemas["Thing"], "x")
    assert [item.name for item in declared] == ["Inner", "Outer", "Thing"]
    levels = next(item for item in declared[-1].properties if item.name == "Levels")
    # PowerShell makes one text of an array of an enum, so the node would refuse an array.
    assert (levels.is_array, levels.value_map) == (False, ("Low", "High"))
    pairs = next(item for item in declared[-1].properties if item.name == "H")
    assert (pairs.embedded, pairs.is_array) == ("MSFT_KeyValuePair", True)
