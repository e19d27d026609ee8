"""The catalogue of resources: the inbox, folders of modules, and what is said when there is none or not only one."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimc.compiler.class_schema import ClassSchema, Qualifier
from mimc.compiler.manifest import read_manifest
from mimc.compiler.modules import FoundClass, ModuleCatalogue
from mimc.compiler.schema_mof import SchemaError, read_schema
from mimc.errors import InputError

MODULES = Path(__file__).parent / "oracle" / "modules"
EXPORT = f"mimc schema export-module {MODULES / 'ClassDsc'}"


@pytest.fixture(scope="module")
def oracle() -> ModuleCatalogue:
    return ModuleCatalogue([MODULES])


def found(catalogue: ModuleCatalogue, *names: str) -> FoundClass:
    result = catalogue.find(*names)
    assert isinstance(result, FoundClass), result
    return result


def refused(catalogue: ModuleCatalogue, *names: str) -> str:
    result = catalogue.find(*names)
    assert isinstance(result, str)
    return result


def write_module(folder: Path, version: str, *schemas: str, exports: str = "'*'", root: str = "") -> None:
    """Make a module at *folder*; its name is that of the folder, or of the one above a version."""
    name = folder.parent.name if folder.name[0].isdigit() else folder.name
    folder.mkdir(parents=True)
    text = f"@{{\n  RootModule = '{root}'\n  ModuleVersion = '{version}'\n  DscResourcesToExport = {exports}\n}}\n"
    (folder / f"{name}.psd1").write_text(text, "utf-8")
    for at, schema in enumerate(schemas):
        inner = folder / "DSCResources" / f"R{at}"
        inner.mkdir(parents=True)
        (inner / f"R{at}.schema.mof").write_text(schema, "utf-8")


def resource(name: str, extra: str = "") -> str:
    return f'[FriendlyName("{name}")] class X_{name} : OMI_BaseResource {{ [Key] string Id; {extra} }};\n'


INBOX_CLASSES = {
    "Archive": "MSFT_ArchiveResource",
    "Environment": "MSFT_EnvironmentResource",
    "File": "MSFT_FileDirectoryConfiguration",
    "Group": "MSFT_GroupResource",
    "Log": "MSFT_LogResource",
    "Package": "MSFT_PackageResource",
    "Registry": "MSFT_RegistryResource",
    "Script": "MSFT_ScriptResource",
    "Service": "MSFT_ServiceResource",
    "User": "MSFT_UserResource",
    "WaitForAll": "MSFT_WaitForAll",
    "WaitForAny": "MSFT_WaitForAny",
    "WaitForSome": "MSFT_WaitForSome",
    "WindowsFeature": "MSFT_RoleResource",
    "WindowsOptionalFeature": "MSFT_WindowsOptionalFeature",
    "WindowsPackageCab": "MSFT_WindowsPackageCab",
    "WindowsProcess": "MSFT_ProcessResource",
}


def test_the_inbox_has_its_resources_with_their_class_names() -> None:
    classes = ModuleCatalogue().classes()
    assert {item.schema.friendly_name: item.schema.class_name for item in classes} == INBOX_CLASSES
    assert all(
        item.module_name == "PSDesiredStateConfiguration" and item.module_version == "1.0" for item in classes
    )


def shape(schema: ClassSchema) -> dict[str, tuple[object, ...]]:
    return {
        item.name: (
            item.type,
            item.qualifier,
            item.is_array,
            item.embedded,
            {value.lower() for value in item.value_map},
        )
        for item in schema.properties.values()
    }


def test_the_inbox_says_what_the_schema_files_of_the_oracle_say(tmp_path: Path) -> None:
    copy = tmp_path / "PSDesiredStateConfiguration"
    shutil.copytree(MODULES / copy.name, copy)
    (copy / f"{copy.name}.psd1").write_text("@{ ModuleVersion = '1.1' }")
    theirs, ours = ModuleCatalogue([tmp_path]), ModuleCatalogue()
    for name in sorted(
        set(INBOX_CLASSES) - {n for n in INBOX_CLASSES if n.startswith(("Wait", "WindowsO", "WindowsP"))}
    ):
        assert shape(found(theirs, name).schema) == shape(found(ours, name).schema), name


def test_every_property_of_the_inbox_is_explained() -> None:
    for item in ModuleCatalogue().classes():
        for prop in item.schema.properties.values():
            assert prop.description.endswith("."), f"{item.schema.friendly_name}.{prop.name}"


def test_the_keys_of_the_inbox() -> None:
    keys = {item.schema.friendly_name: item.schema.keys for item in ModuleCatalogue().classes()}
    assert keys["Package"] == ("Name", "ProductId")
    assert keys["Registry"] == ("Key", "ValueName")
    assert keys["Script"] == ("GetScript", "SetScript", "TestScript")
    assert keys["WindowsProcess"] == ("Path", "Arguments")
    assert keys["Archive"] == ("Path", "Destination")
    assert {len(value) for name, value in keys.items() if name.startswith("Wait")} == {1}


def test_names_are_found_in_any_case(oracle: ModuleCatalogue) -> None:
    nest = found(oracle, "nEST", "cimtypesDSC")
    assert (nest.schema.friendly_name, nest.module_name, nest.module_version) == (
        "Nest",
        "CimTypesDsc",
        "2.5.0.1",
    )
    assert set(nest.embedded) == {"t_leaf", "t_branch", "msft_keyvaluepair", "msft_credential"}


@pytest.mark.parametrize(("asked", "written"), [("", "1.0"), ("1.0", "1.0"), ("1.1", "1.1")])
def test_the_inbox_goes_by_the_version_that_is_asked_for(asked: str, written: str) -> None:
    assert found(ModuleCatalogue(), "Service", "", asked).module_version == written


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("Servce",), "no resource Servce; did you mean Service?"),
        (("Simpel", "CimTypesDsc"), "no resource Simpel in CimTypesDsc 2.5.0.1; did you mean Simple?"),
        (("Simple", "CimTypDsc"), f"no module CimTypDsc in {MODULES}; did you mean CimTypesDsc?"),
        (
            ("Versioned", "TwoVersionsDsc", "3.0"),
            "no version 3.0 of the module TwoVersionsDsc; there is 1.0.0 and 2.0.0",
        ),
        (("Versioned", "", "3.0"), "no module has the version 3.0; name the module, too: module: NAME"),
        (
            ("Versioned",),
            "Versioned is in the versions 1.0.0 and 2.0.0 of TwoVersionsDsc: say which, moduleVersion: '2.0.0'",
        ),
        (("T_Simple",), "T_Simple is the class of a resource that is called Simple: write Simple"),
        (
            ("SyncPrereq",),
            "SyncPrereq of CompositeDsc is a composite resource: name the resources that it is made of",
        ),
        (("ServiceSet",), "ServiceSet is a composite resource: name each part of it, as Service"),
        (
            ("ClassThing",),
            f"ClassThing of ClassDsc 3.0.0 is a PowerShell class without a schema.mof; make one, once: {EXPORT}",
        ),
        (("T_Leaf",), "no resource T_Leaf"),
    ],
)
def test_what_is_not_there_is_explained(oracle: ModuleCatalogue, names: tuple[str, ...], text: str) -> None:
    assert refused(oracle, *names) == text


def test_a_version_chooses(oracle: ModuleCatalogue) -> None:
    assert list(found(oracle, "Versioned", "", "1.0.0").schema.properties) == ["Name"]
    assert list(found(oracle, "Versioned", "TwoVersionsDsc", "2.0.0").schema.properties) == [
        "Name",
        "NewInTwo",
    ]


def test_a_module_is_unknown_without_folders() -> None:
    assert refused(ModuleCatalogue(), "X", "Y") == (
        "no module Y: the spec names no folder of modules (schemas: [./modules])"
    )


def test_a_name_in_two_modules_needs_the_module(tmp_path: Path) -> None:
    write_module(tmp_path / "ADsc", "1.0.0", resource("Service"))
    catalogue = ModuleCatalogue([tmp_path])
    assert refused(catalogue, "Service") == (
        "Service is in the modules ADsc and PSDesiredStateConfiguration: say which, module: ADsc"
    )
    assert found(catalogue, "Service", "adsc").schema.class_name == "X_Service"
    assert (
        found(catalogue, "Service", "PSDesiredStateConfiguration").schema.class_name == "MSFT_ServiceResource"
    )
    assert found(catalogue, "Service", "", "1.0.0").module_name == "ADsc"


def test_a_copy_of_the_inbox_takes_its_place(tmp_path: Path) -> None:
    write_module(tmp_path / "PSDesiredStateConfiguration", "1.1", resource("Service", "[Write] string New;"))
    catalogue = ModuleCatalogue([tmp_path])
    assert found(catalogue, "Service").schema.class_name == "X_Service"
    assert found(catalogue, "Service").module_version == "1.0"
    assert found(catalogue, "File").schema.class_name == "MSFT_FileDirectoryConfiguration"
    assert len(catalogue.classes()) == len(INBOX_CLASSES)


def test_the_first_folder_wins_for_one_version_of_a_module(tmp_path: Path) -> None:
    for root in ("one", "two"):
        write_module(tmp_path / root / "ADsc", "1.0.0", resource("Thing", f"[Write] string {root};"))
    catalogue = ModuleCatalogue([tmp_path / "two", tmp_path / "one"])
    assert "two" in found(catalogue, "Thing").schema.properties
    (thing,) = (item for item in catalogue.classes() if item.schema.friendly_name == "Thing")
    assert "two" in thing.schema.properties


@pytest.mark.parametrize("inner", ["ADsc", "ADsc/1.2.3"])
def test_a_folder_may_be_one_module(tmp_path: Path, inner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_module(tmp_path / inner, "1.2.3", resource("Thing"))
    assert found(ModuleCatalogue([tmp_path / inner]), "Thing").module_version == "1.2.3"
    assert found(ModuleCatalogue([tmp_path]), "Thing").module_version == "1.2.3"
    monkeypatch.chdir(tmp_path / inner)
    assert found(ModuleCatalogue([Path()]), "Thing").module_name == "ADsc"


def test_file_names_are_found_in_any_case(tmp_path: Path) -> None:
    write_module(tmp_path / "ADsc", "1.0.0", resource("Thing"))
    folder = tmp_path / "ADsc"
    (folder / "ADsc.psd1").rename(folder / "adsc.PSD1")
    (folder / "DSCResources").rename(folder / "DscResources")
    (folder / "DscResources/R0/R0.schema.mof").rename(folder / "DscResources/R0/R0.Schema.MOF")
    assert found(ModuleCatalogue([tmp_path]), "Thing").schema.class_name == "X_Thing"


def test_a_folder_without_manifest_is_no_module(tmp_path: Path) -> None:
    write_module(tmp_path / "ADsc", "1.0.0", resource("Thing"))
    (tmp_path / "ADsc/ADsc.psd1").unlink()
    assert refused(ModuleCatalogue([tmp_path]), "Thing") == "no resource Thing"


def test_embedded_classes_of_the_own_file_go_before_those_of_other_files(tmp_path: Path) -> None:
    part = "class Part {{ [Write] string {}; }};\n"
    uses = '[Write, EmbeddedInstance("Part")] string P; [Write, EmbeddedInstance("Shared")] string S;'
    write_module(
        tmp_path / "ADsc",
        "1.0.0",
        part.format("A") + "class Shared { [Write] string X; };\n",
        part.format("B") + resource("Thing", uses),
    )
    thing = found(ModuleCatalogue([tmp_path]), "Thing")
    assert list(thing.embedded["part"].properties) == ["B"]
    assert list(thing.embedded["shared"].properties) == ["X"]


def test_a_base_class_of_another_file_is_found(tmp_path: Path) -> None:
    write_module(
        tmp_path / "ADsc",
        "1.0.0",
        "class Base : OMI_BaseResource { [Key] string Id; [Read] string Seen; };\n",
        '[FriendlyName("Thing")] class Thing : Base { [Write] string Own; };\n',
    )
    thing = found(ModuleCatalogue([tmp_path]), "Thing").schema
    assert list(thing.properties) == ["Id", "Seen", "Own"]
    assert thing.properties["Seen"].qualifier is Qualifier.READ


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"schemas: .*gone: no such folder"):
        ModuleCatalogue([tmp_path / "gone"]).find("File")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file; name a folder of modules"):
        ModuleCatalogue([tmp_path / "file"]).find("File")


def test_a_broken_schema_hurts_only_who_asks_for_it(tmp_path: Path) -> None:
    write_module(tmp_path / "ADsc", "1.0.0", '[FriendlyName("Bad")] class Bad {', resource("Good"))
    catalogue = ModuleCatalogue([tmp_path])
    assert found(catalogue, "Good").schema.class_name == "X_Good"
    with pytest.raises(SchemaError, match=r"R0\.schema\.mof:1:\d+: "):
        catalogue.find("Bad")
    with pytest.raises(SchemaError):
        catalogue.classes()


def test_a_manifest_without_version_is_named(tmp_path: Path) -> None:
    write_module(tmp_path / "ADsc", "1.0.0", resource("Thing"))
    (tmp_path / "ADsc/ADsc.psd1").write_text("@{ ModuleVersion = $env:VERSION }")
    with pytest.raises(InputError, match=r"ADsc\.psd1: no ModuleVersion in plain words"):
        ModuleCatalogue([tmp_path]).find("Thing")


def test_a_module_that_exports_all_its_classes_is_hinted_at(tmp_path: Path) -> None:
    write_module(tmp_path / "ADsc", "1.0.0", root="ADsc.psm1")
    assert refused(ModuleCatalogue([tmp_path]), "Thing") == (
        f"no resource Thing; if it is a PowerShell class of ADsc: mimc schema export-module {tmp_path / 'ADsc'}"
    )


def test_each_schema_file_is_parsed_at_most_once_and_only_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_module(tmp_path / "ADsc", "1.0.0", resource("One"), resource("Two"))
    parsed: list[str] = []

    def counted(text: str, file: str) -> object:
        parsed.append(Path(file).name)
        return read_schema(text, file)

    monkeypatch.setattr("mimc.compiler.modules.read_schema", counted)
    catalogue = ModuleCatalogue([tmp_path])
    for _ in range(3):
        found(catalogue, "One")
    assert parsed == ["R0.schema.mof"]


MANIFEST = """\
# ModuleVersion = '9.9'
<# ModuleVersion = '8.8'
#>
@{
    RootModule = "A`"B.psm1" ; ModuleVersion =
        '1.2.3'   # the version
    PrivateData = @{ ModuleVersion = '7.7'; PSData = @{ Tags = @('a', 'b'); X = { 'y' } } }
    "NestedModules" = 'x''y.psm1',
        'z.psm1'
    DscResourcesToExport = @(
        'A'
        'B', "C$name"
    )
    FunctionsToExport = '*'
    Description = @'
ModuleVersion = '5.5' }
'@
}
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_manifest_is_read_with_all_its_forms(encoding: str) -> None:
    manifest = read_manifest(MANIFEST.encode(encoding), "a.psd1")
    assert manifest.version == "1.2.3"
    assert manifest.root_module == 'A"B.psm1'
    assert manifest.nested_modules == ("x'y.psm1", "z.psm1")
    assert manifest.resources == ("A", "B")


@pytest.mark.parametrize(
    "text", ["@{ModuleVersion=1.0}", "@{moduleversion = '1.0';}", "@{\n'ModuleVersion' = \"1.0\"\n}"]
)
def test_a_version_may_be_a_number_and_a_key_may_be_a_text(text: str) -> None:
    assert read_manifest(text.encode(), "a.psd1").version == "1.0"


@pytest.mark.parametrize(
    "text", ["", "@{}", "@{ ModuleVersion = }", "@{ ModuleVersion = 'x' }", "ModuleVersion = '1.0'"]
)
def test_a_manifest_without_a_plain_version_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"a\.psd1: no ModuleVersion"):
        read_manifest(text.encode(), "a.psd1")


@given(
    st.binary(max_size=100)
    | st.text(alphabet="@{}()'\"`$#<>=;,\n aModuleVersion1.", max_size=80).map(str.encode)
)
def test_any_manifest_is_read_or_refused(data: bytes) -> None:
    try:
        read_manifest(data, "a.psd1")
    except InputError as error:
        assert str(error).startswith("a.psd1: ")
