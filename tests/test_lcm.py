"""The section localConfigurationManager: every setting, every refusal with its place, and the schema that editors use."""

import json
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mimc import schemas
from mimc.compiler import lcm_schema, meta_mof
from mimc.compiler.class_schema import CimType, Qualifier
from mimc.compiler.lcm import SECTION, Lcm, meta_document, read_lcm
from mimc.compiler.lcm_classes import ARRAYS, MANAGERS, RANGES, REFUSED, REFUSED_SETTINGS, SETTINGS
from mimc.compiler.load import Path as DataPath
from mimc.compiler.load import load
from mimc.compiler.mof_reader import read_mof
from mimc.compiler.mof_rules import check_rules
from mimc.errors import Position, Problem, SpecError
from mimc.secret import SecretReference

from .documents import THUMBPRINT, sealed

WEB = "ServerURL: 'https://pull.contoso.example'"
PASSWORD = "{secret: {env: SHARE_PASSWORD}}"
#: A value for every property that a spec can set, as YAML, and what it is in the document.
SETTABLE: dict[str, tuple[str, object]] = {
    "ActionAfterReboot": ("StopConfiguration", "StopConfiguration"),
    "RebootNodeIfNeeded": ("true", True),
    "RefreshMode": ("Disabled", "Disabled"),
    "AllowModuleOverwrite": ("false", False),
    "ConfigurationID": (
        "1d545e3b-60c3-47a0-bf65-5afc05182fd0",
        "1d545e3b-60c3-47a0-bf65-5afc05182fd0",
    ),
    "ConfigurationModeFrequencyMins": ("15", 15),
    "DebugMode": ("[ForceModuleImport]", ("ForceModuleImport",)),
    "MaximumDownloadSizeMB": ("500", 500),
    "RefreshFrequencyMins": ("44640", 44640),
    "SignatureValidationPolicy": ("ALL", "ALL"),
    "StatusRetentionTimeInDays": ("10", 10),
    "CertificateID": ("null", None),
    **dict.fromkeys(ARRAYS, ("[]", ())),
}


def read(section: str) -> tuple[Lcm, list[Problem]]:
    loaded = load(f"{SECTION}:\n{indent(section, '  ')}\n".encode(), "spec.yaml")

    def reference(raw: Any, path: DataPath) -> SecretReference:
        if "env" not in raw["secret"]:
            raise SpecError([Problem(loaded.position(path), "no such provider")])
        return SecretReference("env", raw["secret"]["env"], loaded.position(path))

    return read_lcm(loaded, reference)


def good(section: str) -> Lcm:
    lcm, problems = read(section)
    assert problems == []
    return lcm


def said(section: str) -> list[str]:
    """Everything that is wrong with *section*, without the file and the name of the section."""
    problems = read(section)[1]
    assert problems == sorted(problems), "in the order of the file"
    return [str(problem).removeprefix("spec.yaml:").replace(f"{SECTION}.", "") for problem in problems]


def settings(text: str) -> list[str]:
    return said(f"settings: {{{text}}}")


def report(keys: str) -> str:
    """A ReportServerWeb with *keys* after its address."""
    return managers(f"ReportServerWeb: {{id: R, {WEB}, {keys}}}")


def managers(*items: str) -> str:
    return "managers:\n" + "".join(f"- {item}\n" for item in items)


def test_without_the_section_nothing_but_the_mode_is_said() -> None:
    loaded = load(b"name: x\n", "spec.yaml")
    lcm, problems = read_lcm(loaded, lambda raw, path: pytest.fail("nothing to read"))
    assert (lcm, problems) == (Lcm("ApplyOnly", False, {}, ()), [])
    assert meta_document(lcm, "C", "node", "").settings == {
        "ActionAfterReboot": "ContinueConfiguration",
        "ConfigurationMode": "ApplyOnly",
        "RebootNodeIfNeeded": False,
        "RefreshMode": "Push",
    }


def test_every_setting_that_can_be_written_is_among_those_tried_here() -> None:
    refused = set(REFUSED_SETTINGS) - {"CertificateID"}
    writable = {n for n, item in SETTINGS.properties.items() if item.qualifier is Qualifier.WRITE}
    assert set(SETTABLE) == writable - refused


@pytest.mark.parametrize("name", SETTABLE)
@pytest.mark.parametrize("spelling", [str, str.lower, str.upper])
def test_a_setting_is_read_in_any_case_and_written_in_its_own(name: str, spelling: Any) -> None:
    text, value = SETTABLE[name]
    lcm = good(f"settings: {{{spelling(name)}: {text}}}")
    assert dict(lcm.settings) == {name: value}
    assert type(lcm.settings[name]) is type(value)


def test_settings_stand_in_the_order_of_the_class_whatever_that_of_the_spec() -> None:
    one = good("settings: {RefreshFrequencyMins: 30, DebugMode: All}")
    other = good("settings: {DebugMode: All, RefreshFrequencyMins: 30}")
    assert list(one.settings) == list(other.settings)


def test_what_the_spec_says_goes_over_the_defaults_and_the_certificate_over_all() -> None:
    lcm = good(
        "mode: ApplyAndMonitor\nkeepDocument: true\nsettings: {RebootNodeIfNeeded: true, CertificateID: null}"
    )
    assert lcm.keep_document
    assert meta_document(lcm, "C", "node", "").settings["CertificateID"] is None
    document = meta_document(lcm, "C", "node", THUMBPRINT)
    assert (document.configuration, document.node, document.managers) == ("C", "node", ())
    assert document.settings == {
        "ActionAfterReboot": "ContinueConfiguration",
        "ConfigurationMode": "ApplyAndMonitor",
        "RebootNodeIfNeeded": True,
        "RefreshMode": "Push",
        "CertificateID": THUMBPRINT,
    }


def test_values_of_an_enumeration_are_written_in_their_own_spelling() -> None:
    lcm = good("settings: {ActionAfterReboot: stopconfiguration, DebugMode: resourcescriptbreakall}")
    assert dict(lcm.settings) == {
        "ActionAfterReboot": "StopConfiguration",
        "DebugMode": ("ResourceScriptBreakAll",),
    }


@pytest.mark.parametrize("name", RANGES)
def test_a_range_includes_its_ends_and_nothing_beyond(name: str) -> None:
    low, high = RANGES[name]
    for value in (low, high):
        assert good(f"settings: {{{name}: {value}}}").settings[name] == value
    for value in (low - 1, high + 1, 0, -1):
        assert settings(f"{name}: {value}") == [
            f"2:{16 + len(name)}: settings.{name}: expected a whole number from {low} to {high}, got {value}"
            if value >= 0
            else f"2:{16 + len(name)}: settings.{name}: expected a whole number from 0 to 4294967295, got {value}"
        ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "RefreshMode: Puhs",
            "2:27: settings.RefreshMode: expected Push, Pull or Disabled, got 'Puhs'; did you mean Push?",
        ),
        (
            "RefreshMode: 1",
            "2:27: settings.RefreshMode: expected Push, Pull or Disabled, got 1 (put it in quotes)",
        ),
        (
            "RefreshMode: null",
            "2:27: settings.RefreshMode: expected Push, Pull or Disabled, got nothing; leave the key out",
        ),
        (
            "RebootNodeIfNeeded: yes",
            "2:34: settings.RebootNodeIfNeeded: expected true or false, got 'yes' (write true)",
        ),
        (
            "RebootNodeIfNeeded: null",
            "2:34: settings.RebootNodeIfNeeded: expected true or false, got nothing; leave the key out",
        ),
        ("DebugMode: [None, All]", "2:25: settings.DebugMode: takes one value, got 2"),
        ("DebugMode: []", "2:25: settings.DebugMode: takes one value, got 0"),
        (
            "MaximumDownloadSizeMB: '500'",
            "2:37: settings.MaximumDownloadSizeMB: expected a whole number from 0 to 4294967295, got '500' (write 500, without quotes)",
        ),
        (
            "ConfigurationID: abc",
            "2:31: settings.ConfigurationID: expected a GUID such as 1d545e3b-60c3-47a0-bf65-5afc05182fd0, got 'abc'",
        ),
        (
            'ConfigurationID: "1d545e3b-60c3-47a0-bf65-5afc05182fd0\\n"',
            "2:31: settings.ConfigurationID: expected a GUID such as 1d545e3b-60c3-47a0-bf65-5afc05182fd0, got '1d545e3b-60c3-47a0-bf65-5afc05182fd0\\n'",
        ),
        (
            "RefreshFrequencyMin: 30",
            "2:14: settings: Settings has no property RefreshFrequencyMin; did you mean RefreshFrequencyMins?",
        ),
        ("LCMState: Idle", "2:14: settings: LCMState can only be read; take it out"),
        (
            "ConfigurationMode: ApplyOnly",
            "2:14: settings.ConfigurationMode: it is the key mode of localConfigurationManager",
        ),
        (
            "certificateid: AB",
            "2:14: settings.certificateid: it is taken from the target's certificate, which passwords are sealed for; name the certificate there",
        ),
        (
            "ReportManagers: [{ReportServerWeb: {id: a}}]",
            "2:14: settings.ReportManagers: it takes only [], for none; those that there are to be stand in managers",
        ),
        (
            "ReportServerWeb: {id: a}",
            "2:14: settings.ReportServerWeb: it is a block of its own and stands in managers",
        ),
        (
            "RefreshFrequencyMins: 30, refreshfrequencymins: 31",
            "2:40: settings: the property RefreshFrequencyMins stands twice, as RefreshFrequencyMins and as refreshfrequencymins",
        ),
        (
            "RefreshMode: Pull",
            "2:27: settings.RefreshMode: Pull needs a ConfigurationRepositoryWeb or ConfigurationRepositoryShare in managers, or a ConfigurationID",
        ),
    ],
    ids=lambda value: value.partition(":")[0] if ": settings" not in value else "",
)
def test_a_faulty_setting_is_named_with_its_place_and_a_hint(text: str, expected: str) -> None:
    assert settings(text) == [expected]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("mode: ApplyOften", "2:9: mode: expected ApplyOnly or ApplyAndMonitor or ApplyAndAutoCorrect, got 'ApplyOften'; did you mean ApplyOnly?"),
        ("mode: [ApplyOnly]", "2:9: mode: expected ApplyOnly or ApplyAndMonitor or ApplyAndAutoCorrect, got a list"),
        ("keepDocument: 1", "2:17: keepDocument: expected true or false, got 1"),
        ("setings: {}", "2:3: setings: unknown key; did you mean settings?"),
        ("settings: [RefreshMode]", "2:13: settings: expected a block of keys, got a list"),
        ("settings: null", "2:13: settings: expected a block of keys, got nothing"),
        ("settings: {}", "2:13: settings: there is none; leave the key out"),
        ("managers: {}", "2:13: managers: expected a list, got a block of keys"),
        (managers("Pull"), "3:5: managers.0: expected one key, such as ReportServerWeb, with a block"),
        (managers("{}"), "3:5: managers.0: expected one key, such as ReportServerWeb, with a block"),
        (managers("ReportServerWeb: x"), "3:22: managers.0.ReportServerWeb: expected a block of keys, got text"),
        (managers("ReportServer: {}"), "3:5: managers.0.ReportServer: there is no block ReportServer for an LCM; did you mean ReportServerWeb?"),
        (managers(f"ReportServerWeb: {{{WEB}}}"), "3:22: managers.0.ReportServerWeb: lacks the key id"),
        (managers(f"'[ReportServerWeb]R': {{id: R, {WEB}}}"), "3:28: managers.0.[ReportServerWeb]R.id: the key says the id already"),
        (managers(f"ReportServerWeb: {{id: 1, {WEB}}}"), "3:27: managers.0.ReportServerWeb.id: expected text without control characters, got 1"),
        (managers("PartialConfiguration: {id: my part}"), "3:32: managers.0.PartialConfiguration.id: expected the name of a configuration (a letter, then letters, digits and _), got 'my part'"),
        (managers("ReportServerWeb: {id: R}"), "3:5: managers.0.ReportServerWeb lacks the key property ServerURL (text)"),
        (managers("ReportServerWeb: {id: R, ServerURL: pull}"), "3:41: managers.0.ReportServerWeb.ServerURL: expected an http or https address without user and password"),
        (managers("ReportServerWeb: {id: R, ServerURL: 'https://u:CANARY@pull'}"), "3:41: managers.0.ReportServerWeb.ServerURL: expected an http or https address without user and password"),
        (managers("ReportServerWeb: {id: R, ServerURL: 'http://pull'}"), "3:41: managers.0.ReportServerWeb.ServerURL: http needs AllowUnsecureConnection: true; https protects what is pulled"),
        (report("CertificateID: AB"), "3:88: managers.0.ReportServerWeb.CertificateID: expected a thumbprint, 40 hexadecimal digits, got 'AB'"),
        (report("registrationkey: CANARY"), "3:73: managers.0.ReportServerWeb.registrationkey: it is a secret that a meta MOF can hold in clear only, and mimc writes no secret in clear; register the node by hand, or use ConfigurationID"),
        (report(f"RegistrationKey: {PASSWORD}"), "3:73: managers.0.ReportServerWeb.RegistrationKey: it is a secret that a meta MOF can hold in clear only, and mimc writes no secret in clear; register the node by hand, or use ConfigurationID"),
        (report("ProxyCredential: {user: u, password: CANARY}"), "3:110: managers.0.ReportServerWeb.ProxyCredential.password: a secret is never written down here: write {secret: {env: NAME}}"),
        (report("ProxyCredential: {user: u, password: {secret: {enw: N}}}"), "3:110: no such provider"),
        (managers("ConfigurationRepositoryShare: {id: S, SourcePath: ''}"), "3:55: managers.0.ConfigurationRepositoryShare.SourcePath: expected the path of a share, got ''"),
        (managers("SignatureValidation: {id: S, SignedItemType: [Configuration, Script]}"), "3:66: managers.0.SignatureValidation.SignedItemType.1: expected Configuration or Module, got 'Script'"),
    ],
)  # fmt: skip
def test_a_faulty_section_is_named_with_its_place_and_a_hint(section: str, expected: str) -> None:
    assert said(section) == [expected]
    assert "CANARY" not in "".join(said(section))


BASE = f"ConfigurationRepositoryWeb: {{id: Pull, {WEB}}}"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ((BASE, "ConfigurationRepositoryWeb: {id: pull, ServerURL: 'https://b'}"), "4:33: managers.1.ConfigurationRepositoryWeb: the id [ConfigurationRepositoryWeb]pull stands twice, first at spec.yaml:3:5"),
        ((BASE, BASE.replace("Pull", "Other")), "4:56: managers.1.ConfigurationRepositoryWeb.ServerURL: is also that of [ConfigurationRepositoryWeb]Pull at spec.yaml:3:5; two blocks of a kind need two of them"),
        ((BASE, "PartialConfiguration: {id: A, ConfigurationSource: '[ConfigurationRepositoryWeb]Pul'}"), "4:56: managers.1.PartialConfiguration.ConfigurationSource: there is no [ConfigurationRepositoryWeb]Pul among the managers; did you mean [ConfigurationRepositoryWeb]Pull?"),
        ((BASE, "PartialConfiguration: {id: A, ResourceModuleSource: '[ConfigurationRepositoryWeb]Pull'}"), "4:57: managers.1.PartialConfiguration.ResourceModuleSource: there is no [ConfigurationRepositoryWeb]Pull among the managers"),
        (("PartialConfiguration: {id: A, ResourceModuleSource: ['[ResourceRepositoryWeb]M', '[ResourceRepositoryWeb]M']}", f"ResourceRepositoryWeb: {{id: M, {WEB}}}"), "3:57: managers.0.PartialConfiguration.ResourceModuleSource: takes one value, got 2"),
        (("PartialConfiguration: {id: A, DependsOn: '[PartialConfiguration]A'}",), "3:46: managers.0.PartialConfiguration.DependsOn: the parts wait for each other: [PartialConfiguration]A -> [PartialConfiguration]A"),
        (("PartialConfiguration: {id: A, DependsOn: '[partialconfiguration]B'}", "PartialConfiguration: {id: B, DependsOn: ['[PartialConfiguration]a']}"), "3:46: managers.0.PartialConfiguration.DependsOn: the parts wait for each other: [PartialConfiguration]A -> [PartialConfiguration]B -> [PartialConfiguration]A"),
        (("PartialConfiguration: {id: A, RefreshMode: Pull}",), "3:48: managers.0.PartialConfiguration.RefreshMode: Pull needs a ConfigurationSource"),
    ],
)  # fmt: skip
def test_blocks_that_do_not_go_together_are_named(items: tuple[str, ...], expected: str) -> None:
    assert said(managers(*items)) == [expected]


def test_one_of_two_ways_to_name_what_is_pulled_has_to_do() -> None:
    by_id = "settings: {RefreshMode: Pull, ConfigurationID: 1d545e3b-60c3-47a0-bf65-5afc05182fd0}\n"
    by_name = managers(BASE.replace("}", ", ConfigurationNames: [Sync]}"))
    assert said(by_id) == []
    assert said("settings: {RefreshMode: Pull}\n" + by_name) == []
    assert said(by_id + by_name) == [
        (
            "2:50: settings.ConfigurationID: does not go with the ConfigurationNames of "
            "[ConfigurationRepositoryWeb]Pull at spec.yaml:4:5; use one of them"
        )
    ]


@pytest.mark.parametrize("array", ARRAYS)
def test_a_kind_of_block_is_either_there_or_said_not_to_be(array: str) -> None:
    schema = next(each for each in MANAGERS.values() if each.class_name in ARRAYS[array])
    keys = "".join(f", {key}: 'https://pull'" for key in schema.keys)
    block = f"{schema.friendly_name}: {{id: One{keys}}}"
    assert said(f"settings: {{{array}: []}}\n") == []
    assert said(managers(block)) == []
    assert said(f"settings: {{{array}: []}}\n{managers(block)}") == [
        f"2:{16 + len(array)}: settings.{array}: there is to be none, and managers has [{schema.friendly_name}]One"
    ]


def test_blocks_keep_their_order_place_and_both_forms_of_an_id() -> None:
    lcm = good(
        managers(
            f"'[reportserverweb]Report one': {{{WEB.replace('ServerURL', 'serverurl')}}}",
            "PartialConfiguration: {id: Base, DependsOn: []}",
        )
    )
    report, base = lcm.managers
    assert (report.class_name, report.resource_id) == ("MSFT_WebReportManager", "[ReportServerWeb]Report one")
    assert report.values == {"ServerURL": "https://pull.contoso.example"}
    assert report.position == Position("spec.yaml", 3, 5)
    assert (base.resource_id, base.values) == ("[PartialConfiguration]Base", {"DependsOn": ()})


def test_every_problem_is_told_at_once() -> None:
    assert len(said("mode: x\nkeepDocument: 2\nsettings: {A: 1, DebugMode: x}\nmanagers: [1, 2]")) == 6


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("settings: {RefreshMode: Push, RebootNodeIfNeeded: true}", ""),
        (managers(BASE, f"ReportServerWeb: {{id: R, {WEB}}}"), ""),
        (
            "settings: {RefreshMode: Disabled}",
            "the spec sets RefreshMode Disabled, and such an LCM takes no document that is pushed",
        ),
        (
            managers("PartialConfiguration: {id: Base}"),
            "the spec makes the node's configuration of parts, and a push is one whole document",
        ),
    ],
)
def test_apply_can_ask_why_a_node_is_not_pushed_to(section: str, reason: str) -> None:
    assert good(section).not_pushed_to == reason


_WORDS = sorted(
    {name for schema in (SETTINGS, *MANAGERS.values()) for name in (schema.friendly_name, *schema.properties)}
    | {text for name in SETTABLE for text in SETTABLE[name] if isinstance(text, str)}
    | {"id", "mode", "keepDocument", "settings", "managers", "user", "password", "secret", "env"}
    | {
        "https://a.example",
        "http://a.example",
        "[PartialConfiguration]A",
        "[ReportServerWeb]R",
        "A",
        "",
        "30",
    }
)
_LEAVES = st.none() | st.booleans() | st.integers(-1, 50_000) | st.floats(0, 2) | st.sampled_from(_WORDS)
_DATA = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=4),
    max_leaves=12,
)
_BODIES = st.dictionaries(st.sampled_from(_WORDS), _LEAVES, max_size=5)
_SECTIONS = _DATA | st.fixed_dictionaries(
    {},
    optional={
        "settings": _BODIES,
        "managers": st.lists(
            st.sampled_from(sorted(MANAGERS)).flatmap(
                lambda word: st.fixed_dictionaries({word: _BODIES.map(lambda body: {"id": "A", **body})})
            ),
            max_size=3,
        ),
    },
)


@settings_of_hypothesis(max_examples=600, deadline=None)
@given(_SECTIONS)
def test_whatever_stands_in_the_section_is_either_named_or_a_document_that_the_lcm_takes(
    section: Any,
) -> None:
    lcm, problems = read(json.dumps(section))
    if problems:
        assert all(str(problem).startswith("spec.yaml:") for problem in problems)
        return
    document = meta_document(lcm, "C", "node", THUMBPRINT)
    assert check_rules(read_mof(meta_mof.write(document, sealed)), meta=True) == []


def test_the_schema_that_is_shipped_is_the_one_made_from_the_classes() -> None:
    """When this fails: python -m mimc.compiler.lcm_schema ."""
    assert schemas.load("spec")["$defs"][SECTION] == lcm_schema.section()


def test_the_schema_writes_itself_and_touches_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "schemas" / "spec.schema.json"
    file.parent.mkdir()
    shipped = (Path(__file__).parents[1] / "schemas" / "spec.schema.json").read_bytes()
    file.write_bytes(shipped.replace(b'"Name of the block."', b'"Something else."'))
    lcm_schema.main(tmp_path)
    assert file.read_bytes() == shipped


def editor(section: str) -> bool:
    """Whether the shipped schema takes *section*."""
    data = load(f"{SECTION}:\n{indent(section, '  ')}\n".encode(), "").data
    schema = schemas.load("spec")
    return Draft202012Validator({"$ref": f"#/$defs/{SECTION}", "$defs": schema["$defs"]}).is_valid(
        data[SECTION]
    )


@pytest.mark.parametrize("name", SETTABLE)
def test_editors_take_every_setting(name: str) -> None:
    assert editor(f"settings: {{{name}: {SETTABLE[name][0]}}}")


@pytest.mark.parametrize(
    "section",
    [
        "settings: {RefreshMode: Shove}",
        "settings: {RefreshFrequencyMins: 29}",
        "settings: {RefreshFrequencyMins: '30'}",
        "settings: {DebugMode: [None, All]}",
        "settings: {ReportManagers: [x]}",
        "settings: {ConfigurationID: abc}",
        "settings: {RebootNodeIfNeeded: null}",
        "settings: {RefreshFrequencyMin: 30}",
        "settings: {}",
        managers("Log: {id: L}"),
        managers("ReportServerWeb: {id: R}"),
        managers("ReportServerWeb: {id: R, ServerURL: pull}"),
        report("ProxyCredential: {user: u, password: plain}"),
        managers("'[Log]L': {}"),
        "managers: [{}]",
    ],
)
def test_editors_refuse_what_the_compiler_refuses(section: str) -> None:
    assert said(section)
    assert not editor(section)


def test_the_schema_describes_every_key_and_gives_reasons_for_what_is_refused() -> None:
    section = lcm_schema.section()["properties"]
    blocks = section["managers"]["items"]["properties"]
    for name, part in {"": section["settings"], **blocks}.items():
        assert all(item["description"] for item in part["properties"].values()), name
    assert set(REFUSED_SETTINGS) <= set(section["settings"]["properties"])
    assert "in clear" in blocks["ReportServerWeb"]["properties"]["RegistrationKey"]["description"]
    assert set(blocks) == {schema.friendly_name for schema in MANAGERS.values()}
    assert "mimc apply" in section["settings"]["properties"]["RefreshMode"]["description"]


def test_the_declaration_uses_types_that_a_meta_document_has() -> None:
    known = {CimType.STRING, CimType.BOOLEAN, CimType.UINT32, CimType.INSTANCE}
    for schema in (SETTINGS, *MANAGERS.values()):
        assert {item.type for item in schema.properties.values()} <= known
        assert all(name == item.name for name, item in schema.properties.items())
    assert {name for classes in ARRAYS.values() for name in classes} == {
        s.class_name for s in MANAGERS.values()
    }
    assert any(name in schema.properties for schema in MANAGERS.values() for name in REFUSED)
