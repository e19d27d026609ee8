"""What a user and a machine get to see: exit codes, texts as they stand, JSON that its schema closes."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimc.errors import AuthenticationRefused, DeadlinePassed, MimcError, Unreachable
from mimc.pusher import apply, examine, outcome, report_json, report_text
from mimc.pusher.neutral import neutral
from mimc.pusher.outcome import Applied, Evidence, Report
from mimc.pusher.session import Traffic
from mimc.schemas import load
from mimc.state import State, Status, Verdict

from .fake_node import (
    ABSENT,
    DOCUMENTS,
    INSTALLED,
    REAL,
    SERVICE,
    TARGET,
    FakeNode,
    connect,
    refusal_of,
)

FIREWALL_OFF = {**INSTALLED, "EnableRpcFirewallRules": {"value": False}}
STATE = State("CORPSYNC", "corpsync.contoso.com", {}, {}, {}, {"RebootRequired": False})
EVIDENCE = Evidence(TARGET, DOCUMENTS, STATE, Traffic(6, 30_000, 9_000))
VALIDATOR = jsonschema.Draft202012Validator(load("report"))
OK, DRIFT, CANNOT, UNKNOWN, UNCHECKED, UNCOMPARED = (
    Verdict("A", Status.OK, 1, 1),
    Verdict("B", Status.DRIFT, True, False),
    Verdict("C", Status.CANNOT_SET, "x", "y", "it does not move"),
    Verdict("D", Status.UNKNOWN, "x", None, "refused"),
    Verdict("E", Status.NOT_CHECKED, "x", None, "no second hop: no"),
    Verdict("F", Status.NOT_COMPARED, "x"),
)


def fixed(verdict: Verdict) -> Verdict:
    return replace(verdict, status=Status.OK, actual=verdict.desired, reason="")


@pytest.mark.parametrize(
    ("verdicts", "code", "word", "desired_state"),
    [
        ([OK], 0, "ok", True),
        ([OK, UNCHECKED, UNCOMPARED], 0, "ok", True),
        ([OK, UNKNOWN], 1, "failed", None),
        ([OK, UNKNOWN, DRIFT], 2, "drift", False),
        ([OK, CANNOT], 2, "drift", False),
        ([], 0, "ok", True),
    ],
)
@pytest.mark.parametrize("command", ["drift", "test"])
def test_reading_verbs_end_as_the_table_says(
    command: str, verdicts: Sequence[Verdict], code: int, word: str, desired_state: bool | None
) -> None:
    report = outcome.judged(command, EVIDENCE, verdicts)
    assert (report.exit_code, report.exit_word) == (code, word)
    assert report.nodes[0].in_desired_state is desired_state


@pytest.mark.parametrize(
    ("run", "code", "status"),
    [
        (Applied((OK,), (OK,)), 0, "ok"),
        (Applied((DRIFT,), (fixed(DRIFT),)), 0, "changed"),
        (Applied((DRIFT,), (fixed(DRIFT),), reboot_requested=True), 7, "changed"),
        (Applied((DRIFT,), (DRIFT,), reboot_requested=True), 1, "failed"),
        (Applied((DRIFT,), (fixed(DRIFT),), failure="no"), 1, "failed"),
        (Applied((DRIFT,), (fixed(DRIFT),), leftover="it stays"), 1, "failed"),
        (Applied((DRIFT,), (DRIFT,), failure="MimSync.StillRunning: wait"), 1, "stillRunning"),
        (Applied((CANNOT,), (CANNOT,)), 1, "cannotSet"),
        (Applied((OK, UNKNOWN), (OK, UNKNOWN)), 1, "unknown"),
        (Applied((OK, UNCHECKED, UNCOMPARED), (OK, UNCHECKED, UNCOMPARED)), 0, "ok"),
    ],
)
def test_apply_ends_as_the_table_says(run: Applied, code: int, status: str) -> None:
    report = outcome.applied(EVIDENCE, run)
    assert (report.exit_code, report.nodes[0].status) == (code, status)


def test_a_restart_that_the_node_knows_of_counts_too() -> None:
    evidence = replace(EVIDENCE, state=replace(STATE, facts={"RebootRequired": True}))
    assert outcome.applied(evidence, Applied((OK,), (OK,))).exit_code == 7
    report = outcome.judged("drift", evidence, (OK,))
    assert (report.exit_code, report.nodes[0].reboot_required) == (0, True)


def test_what_cannot_be_set_is_drift_to_those_who_read_and_has_its_word_in_apply() -> None:
    (read,) = outcome.judged("drift", EVIDENCE, (CANNOT,)).nodes[0].properties
    assert (read.status, read.reason) == ("drift", "apply cannot set it: it does not move")
    (applied,) = outcome.applied(EVIDENCE, Applied((CANNOT,), (CANNOT,))).nodes[0].properties
    assert (applied.status, applied.reason) == ("cannotSet", "it does not move")


def test_get_is_never_a_judgement() -> None:
    fake = FakeNode(properties={**FIREWALL_OFF, "AdministratorsGroup": {"unknown": "refused"}})
    report = examine("get", SERVICE, connect(fake))
    assert (report.exit_code, report.nodes[0].in_desired_state) == (0, None)


DRIFT_TEXT = """\
lab (simulated): a rehearsal, nothing here says how a real server behaves
corpsync (127.0.0.1) - lab (simulated)
  ok          ensure                 Present
  ok          database.server        corpsql.contoso.com
  ok          serviceAccount         contoso\\MIMSync
  notChecked  groups.administrators  contoso\\MIMSyncAdmins
              no second hop: no; name an account in auditAs that may read that table
  drift       firewall               true                   actual: false
  not compared (serves setup, cannot be read back): source

1 of 4 properties drifted: firewall; 1 not checked.
exit 2 (drift)
lab (simulated): a rehearsal, nothing here says how a real server behaves
"""


def test_drift_is_a_table_with_the_paths_of_the_spec() -> None:
    fake = FakeNode(properties={**FIREWALL_OFF, "AdministratorsGroup": {"notChecked": "no second hop: no"}})
    assert report_text.render(examine("drift", SERVICE, connect(fake))) == DRIFT_TEXT


APPLIED_TEXT = """\
corpsync (corpsync.contoso.com:5986)
  ok  ensure                 Present
  ok  database.server        corpsql.contoso.com
  ok  serviceAccount         contoso\\MIMSync
  ok  groups.administrators  contoso\\MIMSyncAdmins
  ok  firewall               true                   was: false
  not compared (serves setup, cannot be read back): source

5 properties in the desired state; 1 of 5 properties changed: firewall.
exit 0 (ok)
"""


def test_apply_tells_what_it_changed() -> None:
    report = apply(SERVICE, connect(FakeNode(properties=FIREWALL_OFF), target=REAL), lambda verdicts: True)
    assert report_text.render(report) == APPLIED_TEXT


@pytest.mark.parametrize(
    ("properties", "line"),
    [
        (INSTALLED, "  True     [MimSyncService]Sync"),
        (FIREWALL_OFF, "  False    [MimSyncService]Sync: firewall (drift)"),
        (
            {**INSTALLED, "AdministratorsGroup": {"unknown": "refused"}},
            "  Unknown  [MimSyncService]Sync: groups.administrators (unknown)",
        ),
    ],
)
def test_test_is_one_line_a_resource(properties: dict[str, Any], line: str) -> None:
    text = report_text.render(examine("test", SERVICE, connect(FakeNode(properties=properties), target=REAL)))
    assert text.splitlines()[1] == line


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (Applied((OK,), (OK,)), "1 property in the desired state, nothing to change."),
        (Applied((CANNOT,), (CANNOT,)), "1 of 1 property cannot be set: C."),
        (Applied((DRIFT, OK), (DRIFT, OK)), "1 of 2 properties not as desired after the enactment: B."),
        (Applied((UNKNOWN,), (UNKNOWN,)), "1 of 1 property could not be read: D."),
        (
            Applied((DRIFT, CANNOT), (fixed(DRIFT), CANNOT)),
            "1 of 2 properties cannot be set: C; 1 of 2 properties changed: B.",
        ),
    ],
)
def test_one_sentence_sums_an_apply_up(run: Applied, sentence: str) -> None:
    assert report_text.render(outcome.applied(EVIDENCE, run)).splitlines()[-3] == sentence


def test_a_sentence_that_is_about_all_of_them_names_none() -> None:
    text = report_text.render(examine("drift", SERVICE, connect(FakeNode(properties=ABSENT))))
    assert text.splitlines()[-3] == "5 of 5 properties drifted."


def test_neighbours_with_one_reason_tell_it_once() -> None:
    report = examine("drift", SERVICE, connect(FakeNode(properties=ABSENT)))
    assert report_text.render(report).count("not installed") == 1


def test_the_question_shows_what_differs_and_no_more() -> None:
    report = outcome.judged("apply", EVIDENCE, (OK, DRIFT, CANNOT, UNCOMPARED))
    assert report_text.changes(report.nodes[0].properties).splitlines() == [
        "  drift  B  true  actual: false",
        "  drift  C  x     actual: y",
        "         apply cannot set it: it does not move",
    ]


REPORTS = [
    outcome.judged("drift", EVIDENCE, (OK, DRIFT, CANNOT, UNKNOWN, UNCHECKED, UNCOMPARED)),
    outcome.judged("test", replace(EVIDENCE, state=None), ()),
    outcome.applied(EVIDENCE, Applied((DRIFT,), (fixed(DRIFT),), failure="no", reboot_requested=True)),
    examine("get", SERVICE, connect(FakeNode(properties=FIREWALL_OFF))),
    apply(
        SERVICE, connect(FakeNode(facts={"ProductVersion": "4.6.34.0", "Odd": [1]})), lambda verdicts: True
    ),
    *(
        outcome.from_error("drift", EVIDENCE, error)
        for error in (
            Unreachable("corpsync", "nothing listens", "start it"),
            AuthenticationRefused("corpsync", "no", "ask"),
            DeadlinePassed("corpsync", "late", "wait"),
            MimcError("declined"),
        )
    ),
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: f"{report.command}-{report.exit_word}")
def test_json_is_closed_by_its_schema_and_begins_with_its_version(report: Report) -> None:
    text = report_json.render(report)
    VALIDATOR.validate(json.loads(text))
    assert text.startswith('{\n  "formatVersion": "1.0",\n')


def test_the_schema_knows_every_word_and_nothing_else() -> None:
    VALIDATOR.check_schema(load("report"))
    words = load("report")["$defs"]["property"]["properties"]["status"]["enum"]
    assert {*words, "unreachable"} == {str(word) for word in outcome.Word}
    stray = {**report_json.to_object(REPORTS[0]), "more": 1}
    assert not VALIDATOR.is_valid(stray)


def test_json_tells_differences_with_path_and_place() -> None:
    report = report_json.to_object(examine("drift", SERVICE, connect(FakeNode(properties=FIREWALL_OFF))))
    (result,) = report["results"]
    assert (report["exitCode"], report["exitWord"], report["simulated"]) == (2, "drift", True)
    assert report["traffic"] == {"requests": 2, "bytesSent": 1000, "bytesReceived": 500}
    assert result["differingProperties"] == ["EnableRpcFirewallRules"]
    assert result["differences"] == [{"path": "firewall", "desired": True, "actual": False}]
    assert result["properties"][-1]["source"] == {"file": "spec.yaml", "line": 21, "column": 13}


def test_an_error_is_an_object_too() -> None:
    report = report_json.to_object(
        outcome.from_error("drift", EVIDENCE, Unreachable("corpsync", "gone", "look"))
    )
    assert (report["exitCode"], report["results"][0]["status"]) == (4, "unreachable")
    assert report["messages"] == [{"level": "error", "text": "corpsync: gone look"}]


def hostile(text: str) -> FakeNode:
    observed = {**INSTALLED, "SqlServer": {"value": text}, "AdministratorsGroup": {"unknown": text}}
    return FakeNode(properties=observed, facts={text: text}, failure=text)


HOSTILE = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    [
        "\x1b[31mred",
        "a\n::error::b",
        "::add-mask::x",
        " ##[error]x",
        "###[x",
        "##vso[task]",
        "\u202egnp.exe",
        "\x9b2J",
    ]
)


def safe(line: str) -> bool:
    unsafe = any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in line)
    return not unsafe and not line.lstrip().startswith("::") and "##" not in line


@given(HOSTILE)
def test_neither_text_nor_json_lets_a_control_character_or_a_workflow_command_through(text: str) -> None:
    judged = examine("drift", SERVICE, connect(hostile(text), target=REAL))
    applied = apply(SERVICE, connect(replace(hostile(text), enacted=FIREWALL_OFF)), lambda verdicts: True)
    for report in (judged, applied):
        assert all(safe(line) for line in report_text.render(report).split("\n"))
        rendered = report_json.render(report)
        assert all(safe(line) for line in rendered.split("\n"))
        assert json.loads(rendered) == json.loads(json.dumps(report_json.to_object(report)))


@given(HOSTILE)
def test_a_refusal_of_a_node_is_one_harmless_line_and_a_step(text: str) -> None:
    fake = FakeNode()
    fake.hooks["preflight", 1] = lambda run: {"refused": {"code": text, "message": text}}
    error = refusal_of(lambda: apply(SERVICE, connect(fake), lambda verdicts: True))
    lines = str(error).split("\n")
    assert len(lines) == 2
    assert all(safe(line) for line in lines)


def test_messages_are_neutralised_too() -> None:
    text = report_text.render(outcome.applied(EVIDENCE, Applied((OK,), (OK,), failure="\x1b[2J##[x]")))
    assert "error: \\x1b[2J# #[x]" in text.splitlines()


def test_neutral_shows_what_it_takes_away() -> None:
    assert neutral("\x1b[2J\r\n\u202eC:\\new") == "\\x1b[2J\\r\\n\\u202eC:\\new"
    assert neutral(" ::error::x") == " : :error::x"
    assert neutral("###[x") == "# # #[x"
    assert neutral("Übergrößenträger \U0001f600") == "Übergrößenträger \U0001f600"
