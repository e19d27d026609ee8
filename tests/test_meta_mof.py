"""What an LCM is told as MOF, judged by what the real compiler made of the same (tests/oracle/lcm-*)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mimc.compiler import meta_mof, ps1
from mimc.compiler.document import Document, Instance, MetaDocument, spec_hash
from mimc.compiler.lcm import Lcm, meta_document, read_lcm
from mimc.compiler.lcm_classes import ARRAYS
from mimc.compiler.load import load
from mimc.compiler.mof_reader import DOCUMENT_CLASS, MofInstance, MofValue, read_mof
from mimc.compiler.mof_rules import check_rules
from mimc.errors import Position, Problem, SpecError
from mimc.secret import SecretReference

from .documents import THUMBPRINT, sealed
from .powershell_engine import Evaluator, plain

ORACLE = Path(__file__).parent / "oracle"
CASES = sorted(file for file in ORACLE.glob("lcm-*.yaml") if file.stem != "lcm-old-custom-data")
REFUSED = sorted(ORACLE.glob("refuse-lcm-*.yaml"))
#: Cases in which the real compiler writes a CertificateID: the certificate is that of the target.
CERTIFIED = {"lcm-push", "lcm-old-block", "lcm-share-credential"}
#: What every document of ours says, because what it leaves out would fall back to defaults that are not known.
ALWAYS = {
    "ActionAfterReboot": "ContinueConfiguration",
    "ConfigurationMode": "ApplyOnly",
    "RebootNodeIfNeeded": False,
    "RefreshMode": "Push",
}
Meaning = dict[str, object]


def lcm_of(text: str) -> tuple[Lcm, list[Problem]]:
    loaded = load(text.encode(), "spec.yaml")
    return read_lcm(
        loaded, lambda raw, path: SecretReference("env", raw["secret"]["env"], loaded.position(path))
    )


def document_of(case: Path) -> MetaDocument:
    text = case.read_text("utf-8")
    lcm, problems = lcm_of(text)
    assert problems == []
    data = load(text.encode(), "").data
    (node,) = data["targets"]
    return meta_document(lcm, data["name"], node, THUMBPRINT if case.stem in CERTIFIED else "")


def compiled(case: Path) -> bytes:
    return meta_mof.write(document_of(case), sealed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_document_says_what_the_real_compiler_says(case: Path) -> None:
    expected = meaning((ORACLE / case.stem / "expected.meta.mof").read_bytes())
    settings = expected["settings"]
    assert isinstance(settings, dict)
    expected["settings"] = ALWAYS | settings
    for deliberate in DIFFERENCES.get(case.stem, ()):
        deliberate(expected)
    assert meaning(compiled(case)) == expected


def meaning(data: bytes) -> Meaning:
    """Everything a meta MOF says, aliases resolved, without what tells who wrote it and where."""
    mof = read_mof(data)
    document = mof.document
    assert document
    (meta,) = (i for i in mof.instances if i.is_a("MSFT_DSCMetaConfiguration"))
    return {
        "settings": {name: _plain(value) for name, value in meta.properties.items()},
        "blocks": [_plain(i) for i in mof.instances if i.get("ResourceID")],
        "document": {
            name: _plain(value)
            for name, value in document.properties.items()
            if name not in ("Author", "GenerationDate", "GenerationHost")
        },
    }


def _plain(value: MofValue) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if not isinstance(value, MofInstance):
        return value
    names = {name: _plain(item) for name, item in value.properties.items() if name != "SourceInfo"}
    if value.is_a("MSFT_Credential"):
        names["Password"] = "sealed"
    return {"class": value.class_name} | names


def _without_the_registration_key(expected: Meaning) -> None:
    """It would stand in clear in the document."""

    def drop(value: object) -> None:
        if isinstance(value, dict):
            value.pop("RegistrationKey", None)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            drop(item)

    drop(expected)


def _with_the_validations_named(expected: Meaning) -> None:
    """PowerShell forgets to name them, and the LCM refuses its document."""
    settings, blocks = expected["settings"], expected["blocks"]
    assert isinstance(settings, dict)
    settings["SignatureValidations"] = blocks


def _with_the_properties_of_wmf_5(expected: Meaning) -> None:
    """The old block names none that an older LCM may pass over; ours is always the newer form."""
    document = expected["document"]
    assert isinstance(document, dict)
    document["CompatibleVersionAdditionalProperties"] = [
        "MSFT_DSCMetaConfiguration:StatusRetentionTimeInDays"
    ]


DIFFERENCES = {
    "lcm-pull-managers": [_without_the_registration_key],
    "lcm-signature": [_with_the_validations_named],
    "lcm-old-block": [_with_the_properties_of_wmf_5],
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_document_passes_the_rules_of_the_lcm(case: Path) -> None:
    assert check_rules(read_mof(compiled(case)), meta=True) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_managers_come_first_and_arrays_in_the_order_of_powershell(case: Path) -> None:
    instances = read_mof(compiled(case)).instances
    assert instances[-1].is_a(DOCUMENT_CLASS)
    assert instances[-2].is_a("MSFT_DSCMetaConfiguration")
    named = [name for name in instances[-2].properties if name in ARRAYS and instances[-2].get(name)]
    assert named == [name for name in ARRAYS if name in named]


@pytest.mark.parametrize(
    ("case", "line"),
    [("lcm-partial", 'SourceInfo = "spec.yaml::9::7::ConfigurationRepositoryShare";')],
)
def test_a_block_names_its_place_in_the_spec(case: str, line: str) -> None:
    assert line in compiled(ORACLE / f"{case}.yaml").decode("utf-16")


def test_a_setting_of_wmf_5_raises_the_version_that_the_lcm_must_have() -> None:
    for settings, version in (
        ({"DebugMode": ("None",)}, "1.0.0"),
        ({"StatusRetentionTimeInDays": 10}, "2.0.0"),
        ({"ReportManagers": ()}, "2.0.0"),
    ):
        document = MetaDocument("Lcm", "node", {"RefreshMode": "Push", **settings})
        assert f'MinimumCompatibleVersion = "{version}"' in meta_mof.write(document).decode("utf-16")


def test_the_settings_that_a_node_gets_back_need_neither_source_nor_seal() -> None:
    """The pusher restores plain settings."""
    written = meta_mof.write(MetaDocument("Lcm", "node", {"RefreshMode": "Push", "CertificateID": ""}))
    assert check_rules(read_mof(written), meta=True) == []


def test_a_credential_is_written_sealed_only() -> None:
    text = compiled(ORACLE / "lcm-share-credential.yaml").decode("utf-16")
    assert 'Password = "<env:SHARE_PASSWORD>"' in text
    assert 'ContentType = "PasswordEncrypted"' in text
    assert [str(c.password) for c in document_of(ORACLE / "lcm-share-credential.yaml").credentials()] == [
        "env:SHARE_PASSWORD"
    ]


def test_the_identity_of_a_configuration_covers_managers() -> None:
    document = Document("C", "node", ())

    def identity(managers: str, settings: str = "DebugMode: None") -> str:
        lcm, problems = lcm_of(
            f"localConfigurationManager:\n  settings: {{{settings}}}\n  managers: [{managers}]\n"
        )
        assert problems == []
        return spec_hash(document, meta_document(lcm, "C", "node", ""))

    report = "ReportServerWeb: {id: R, ServerURL: 'https://a.example'%s}"
    identities = [
        identity(""),
        identity(report % ""),
        identity(report % ", AllowUnsecureConnection: false"),
        identity(report % ", ProxyCredential: {user: u, password: {secret: {env: A}}}"),
        identity(report % ", ProxyCredential: {user: u, password: {secret: {env: B}}}"),
        identity("", "DebugMode: All"),
    ]
    assert len(set(identities)) == len(identities)
    assert identity("\n    " + report % "") == identity(report % ""), "a place is no part of the meaning"


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.stem)
def test_what_the_real_compiler_refuses_is_refused_with_its_place(case: Path) -> None:
    try:
        _, problems = lcm_of(case.read_text("utf-8"))
    except SpecError as error:
        problems = list(error.problems)
    assert [str(problem) for problem in problems] == REFUSALS[case.stem]


PULL = (
    "localConfigurationManager.settings.RefreshMode: Pull needs a ConfigurationRepositoryWeb or "
    "ConfigurationRepositoryShare in managers, or a ConfigurationID"
)
REFUSALS: Mapping[str, list[str]] = {
    "refuse-lcm-enum": [
        (
            "spec.yaml:8:27: localConfigurationManager.settings.RefreshMode: "
            "expected Push, Pull or Disabled, got 'Shove'"
        ),
    ],
    "refuse-lcm-partial-dependson": [
        f"spec.yaml:8:27: {PULL}",
        (
            "spec.yaml:10:48: localConfigurationManager.managers.0.PartialConfiguration.DependsOn: "
            "there is no [PartialConfiguration]Nope among the managers"
        ),
    ],
    "refuse-lcm-range": [
        f"spec.yaml:8:27: {PULL}",
        (
            "spec.yaml:8:65: localConfigurationManager.settings.ConfigurationModeFrequencyMins: "
            "expected a whole number from 15 to 44640, got 5"
        ),
        (
            "spec.yaml:8:90: localConfigurationManager.settings.RefreshFrequencyMins: "
            "expected a whole number from 30 to 44640, got 7"
        ),
    ],
    "refuse-lcm-resource": [
        (
            "spec.yaml:10:7: localConfigurationManager.managers.0.Log: "
            "there is no block Log for an LCM; they are ConfigurationRepositoryWeb, "
            "ConfigurationRepositoryShare, ResourceRepositoryWeb, ResourceRepositoryShare, "
            "ReportServerWeb, PartialConfiguration, SignatureValidation"
        ),
    ],
    "refuse-lcm-settings-empty": [
        "spec.yaml:8:13: localConfigurationManager.settings: there is none; leave the key out",
    ],
    "refuse-lcm-source-missing": [
        f"spec.yaml:8:27: {PULL}",
        (
            "spec.yaml:10:58: localConfigurationManager.managers.0.PartialConfiguration.ConfigurationSource: "
            "there is no [ConfigurationRepositoryWeb]Nope among the managers"
        ),
    ],
    "refuse-lcm-two-settings": [
        "spec.yaml:9:3: the key settings stands twice, first in line 8",
    ],
}


def test_the_form_of_wmf_4_is_refused_with_what_to_write_instead() -> None:
    text = "{RefreshMode: Pull, DownloadManagerName: WebDownloadManager, DownloadManagerCustomData: {ServerUrl: x}}"
    _, problems = lcm_of(f"name: Old\nlocalConfigurationManager:\n  settings: {text}\n")
    instead = "it is of WMF 4; name the server or the share in managers"
    assert [problem.text.removeprefix("localConfigurationManager.settings.") for problem in problems[1:]] == [
        f"DownloadManagerName: {instead}",
        f"DownloadManagerCustomData: {instead}",
    ]


EVERYTHING = """
name: Everything
targets: {node: {}}
localConfigurationManager:
  mode: ApplyAndAutoCorrect
  settings:
    RefreshMode: Pull
    RebootNodeIfNeeded: true
    ActionAfterReboot: StopConfiguration
    AllowModuleOverwrite: false
    ConfigurationID: null
    ConfigurationModeFrequencyMins: 44640
    RefreshFrequencyMins: 44640
    DebugMode: [All]
    MaximumDownloadSizeMB: 4294967295
    StatusRetentionTimeInDays: 0
    SignatureValidationPolicy: null
  managers:
    - PartialConfiguration:
        id: Last
        Description: "it's $(a) \\"test\\" `of text\\n and \u2019 quotes"
        ExclusiveResources: [Script, 'MimSyncDsc\\*']
        ConfigurationSource: ['[ConfigurationRepositoryWeb]Pull', '[ConfigurationRepositoryShare]Share $x']
        ResourceModuleSource: '[ResourceRepositoryShare]Modules'
        DependsOn: ['[PartialConfiguration]First']
        RefreshMode: Pull
    - PartialConfiguration: {id: First, RefreshMode: Disabled, ExclusiveResources: []}
    - PartialConfiguration: {id: Bare}
    - ConfigurationRepositoryWeb:
        id: Pull
        ServerURL: http://pull.contoso.example
        AllowUnsecureConnection: true
        CertificateID: 94D28E919E865A4DFFE70837213DB19FDF23429E
        ConfigurationNames: Sync
        ProxyURL: http://proxy.contoso.example:8080
        ProxyCredential: &proxy {user: proxy, password: {secret: {env: PROXY_PASSWORD}}}
    - '[ConfigurationRepositoryShare]Share $x':
        SourcePath: \\\\files\\dsc
        Credential: {user: CONTOSO\\a, password: {secret: {env: A}}}
    - ResourceRepositoryWeb: {id: Pull, ServerURL: 'https://pull.contoso.example', ProxyCredential: *proxy}
    - ResourceRepositoryShare: {id: Modules, SourcePath: D:\\modules}
    - ReportServerWeb: {id: Report, ServerURL: 'https://pull.contoso.example'}
    - SignatureValidation: {id: Signed, SignedItemType: Module}
"""


def test_a_document_can_hold_everything_at_once() -> None:
    lcm, problems = lcm_of(EVERYTHING)
    assert problems == []
    data = meta_mof.write(meta_document(lcm, "Everything", "node", THUMBPRINT), sealed)
    assert check_rules(read_mof(data), meta=True) == []
    read = meaning(data)
    meant, blocks = read["settings"], read["blocks"]
    assert isinstance(meant, dict)
    assert isinstance(blocks, list)
    assert len(blocks) == len(lcm.managers)
    assert {array: len(meant[array]) for array in ARRAYS} == {
        "ResourceModuleManagers": 2,
        "ReportManagers": 1,
        "ConfigurationDownloadManagers": 2,
        "PartialConfigurations": 3,
        "SignatureValidations": 1,
    }
    assert blocks[0]["DependsOn"] == ["[PartialConfiguration]First"]
    assert blocks[0]["ResourceModuleSource"] == ["[ResourceRepositoryShare]Modules"]
    assert blocks[3]["ProxyCredential"] == {
        "class": "MSFT_Credential",
        "UserName": "proxy",
        "Password": "sealed",
    }


@pytest.fixture(scope="module")
def engine_7(engine_path: Path) -> Iterator[Evaluator]:
    with Evaluator(engine_path) as evaluator:
        yield evaluator


@pytest.mark.engine
@pytest.mark.parametrize("case", [*CASES, None], ids=lambda case: case.stem if case else "everything")
def test_the_configuration_and_the_document_say_the_same(case: Path | None, engine_7: Evaluator) -> None:
    document = document_of(case) if case else meta_document(lcm_of(EVERYTHING)[0], "Everything", "node", "")
    name, node = document.configuration, document.node
    resource = Instance("MSFT_Log", "Log", "L", "M", "1.0", {"Message": "x"}, Position("spec.yaml", 1, 1))
    text = ps1.write([Document(name, node, (resource,))], [document]).decode("utf-8-sig")
    script = engine_7.ask({"configuration": text})[f"{name}Lcm"][node]
    mof = read_mof(meta_mof.write(document, sealed))
    (meta,) = (i for i in mof.instances if i.is_a("MSFT_DSCMetaConfiguration"))
    settings = {k: v for k, v in meta.properties.items() if k not in ARRAYS or v == ()}
    assert _said(script.pop("Settings")) == settings
    for block in (i for i in mof.instances if i.get("ResourceID")):
        values = {k: v for k, v in block.properties.items() if k not in ("ResourceID", "SourceInfo")}
        assert _said(script.pop(str(block.get("ResourceID")))) == _read(values)
    assert script == {}, "the configuration has nothing that the document lacks"


def _said(block: Mapping[str, Any]) -> dict[str, object]:
    return {name: None if value == {"variable": "null"} else plain(value) for name, value in block.items()}


def _read(properties: Mapping[str, MofValue]) -> dict[str, object]:
    return {
        name: "credential" if isinstance(value, MofInstance) else value for name, value in properties.items()
    }
