"""Apply from start to end against a node in memory: order, refusals, staging, what is left behind."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from mimc.errors import DeadlinePassed, MimcError, NodeRefused, Position
from mimc.pusher import apply, examine
from mimc.pusher.lcm import Lcm, fits
from mimc.pusher.scripts import READING
from mimc.pusher.staging import stage
from mimc.state import StateError, Verdict

from .fake_node import (
    ABSENT,
    DOCUMENTS,
    INSTALLED,
    JOB,
    LCM_DEFAULTS,
    NO_HOP,
    SERVICE,
    SETTINGS,
    THUMBPRINT,
    Clock,
    FakeNode,
    connect,
    lose_after,
    meta_document,
    refusal_of,
    refuse,
)


def yes(verdicts: tuple[Verdict, ...]) -> bool:
    return True


def drifted(**changes: Any) -> dict[str, Any]:
    return {**INSTALLED, **changes}


FIREWALL_OFF = drifted(EnableRpcFirewallRules={"value": False})
OTHER_GROUP = drifted(AdministratorsGroup={"value": "S-1-5-21-1-2-3-9", "display": "CONTOSO\\Others"})
HIDDEN = drifted(AdministratorsGroup={"notChecked": NO_HOP})
AUDITED = replace(DOCUMENTS, audit_mof=b"audit")
KEPT = replace(DOCUMENTS, keep_document=True)
#: Settings as the compiler states them, and its document.
STATED: dict[str, Any] = {
    "ConfigurationMode": "ApplyOnly",
    "RebootNodeIfNeeded": False,
    "RefreshMode": "Push",
}
META_MOF = (
    "/*\r\n@TargetNode='corpsync'\r\n*/\r\n"
    "instance of MSFT_DSCMetaConfiguration as $MSFT_DSCMetaConfiguration1ref\r\n{\r\n"
    'ConfigurationMode = "ApplyOnly";\r\n RebootNodeIfNeeded = False;\r\n RefreshMode = "Push";\r\n'
    f' CertificateID = "{THUMBPRINT}";\r\n}};\r\n\r\n'
    'instance of OMI_ConfigurationDocument\r\n{\r\n Version="2.0.0";\r\n};\r\n'
).encode("utf-16")


def test_a_fresh_node_is_brought_to_the_desired_state_in_the_order_of_the_design() -> None:
    fake = FakeNode()
    report = apply(SERVICE, connect(fake), yes)
    assert report.exit_code == 0
    # 600,000 bytes of MOF are a question and three chunks; a module and a meta MOF a question and one chunk.
    assert fake.sent == [
        "read",
        "preflight",  # whose node it is, before anybody is asked
        "preflight",
        *("stage", "stage", "install-module"),
        *("stage", "stage"),
        *("stage", "stage", "stage", "stage"),
        *("configure-lcm", "enact", "follow", "follow", "follow"),
        "read",
        *("stage", "stage", "configure-lcm", "withdraw"),
    ]
    assert {item.property: item.status for item in report.nodes[0].properties} == {
        "Ensure": "changed",
        "SourcePath": "notCompared",
        "SqlServer": "changed",
        "ServiceAccount": "changed",
        "AdministratorsGroup": "changed",
        "EnableRpcFirewallRules": "changed",
    }


def test_nothing_stays_on_the_node_and_the_lcm_is_as_it_was() -> None:
    fake = FakeNode()
    apply(SERVICE, connect(fake), yes)
    assert (fake.current, fake.pending) == (None, None)
    assert fake.files == {}
    assert fake.settings == SETTINGS
    # The one thing that stays: the audit of every later drift needs it.
    assert fake.certificate_id == THUMBPRINT


def test_a_certificate_id_that_was_there_before_is_put_back() -> None:
    fake = FakeNode(certificate_id="AAAA")
    apply(SERVICE, connect(fake), yes)
    assert fake.certificate_id == "AAAA"


def test_settings_that_were_not_changed_are_not_restored() -> None:
    settings = {**LCM_DEFAULTS, "ConfigurationMode": "ApplyOnly", "RefreshMode": "Push"}
    fake = FakeNode(certificate_id=THUMBPRINT, settings=settings)
    apply(SERVICE, connect(fake), yes)
    assert fake.sent.count("configure-lcm") == 1


def test_an_lcm_that_fits_already_is_not_configured_at_all() -> None:
    stated = {"ConfigurationMode": "APPLYONLY", "RefreshMode": "PUSH", "RebootNodeIfNeeded": False}
    fake = FakeNode(certificate_id=THUMBPRINT, settings={**SETTINGS, **stated})
    report = apply(SERVICE, connect(fake, documents=replace(DOCUMENTS, meta_mof=META_MOF)), yes)
    assert (report.exit_code, "configure-lcm" in fake.sent, fake.settings) == (
        0,
        False,
        {**SETTINGS, **stated},
    )


@pytest.mark.parametrize(
    "change",
    [{"RebootNodeIfNeeded": True}, {"ConfigurationMode": "ApplyAndMonitor"}, {"RefreshMode": "Disabled"}],
)
def test_an_lcm_with_one_other_setting_is_configured(change: dict[str, Any]) -> None:
    settings = {
        "ConfigurationMode": "ApplyOnly",
        "RefreshMode": "Push",
        "RebootNodeIfNeeded": False,
        **change,
    }
    lcm = Lcm("Idle", "", THUMBPRINT, settings)
    assert not fits(lcm, META_MOF)
    assert fits(replace(lcm, settings={**settings, **{name: STATED[name] for name in change}}), META_MOF)
    assert not fits(replace(lcm, settings=STATED, certificate_id="AAAA"), META_MOF)


@pytest.mark.parametrize("change", [(b'"Push"', b'"P\\\\ush"'), (b"False", b"{1}"), (b"OMI_", b"MSFT_")])
def test_a_meta_document_of_another_form_is_always_sent(change: tuple[bytes, bytes]) -> None:
    text = META_MOF.decode("utf-16").replace(change[0].decode(), change[1].decode())
    assert not fits(Lcm("Idle", "", THUMBPRINT, STATED), text.encode("utf-16"))
    assert not fits(Lcm("Idle", "", THUMBPRINT, STATED), b"odd")


def test_the_compilers_plain_meta_document_is_understood() -> None:
    golden = Path(__file__).parent / "golden" / "contoso" / "expected.corpsync.meta.mof"
    settings = {**STATED, "ActionAfterReboot": "ContinueConfiguration"}
    assert fits(Lcm("Idle", "", THUMBPRINT, settings), golden.read_text("utf-8").encode("utf-16"))


def test_every_setting_of_the_lcm_is_put_back_with_its_type() -> None:
    fake, made = FakeNode(), list[dict[str, object]]()
    node = connect(fake)

    def noted(settings: Mapping[str, object]) -> bytes:
        made.append(dict(settings))
        return meta_document(settings)

    node._meta_document = noted
    apply(SERVICE, node, yes)
    assert made == [{**SETTINGS, "DebugMode": ("ForceModuleImport",), "CertificateID": THUMBPRINT}]
    assert fake.settings == SETTINGS


def test_a_document_that_is_to_be_kept_is_kept() -> None:
    fake = FakeNode()
    report = apply(SERVICE, connect(fake, documents=KEPT), yes)
    assert report.exit_code == 0
    assert fake.current == fake.kept == "ContosoSync"
    assert fake.files == {}, "the staged files do not stay with it"
    assert fake.settings["ConfigurationMode"] == "ApplyOnly"
    assert fake.sent.count("configure-lcm") == 1


def test_a_document_that_is_to_be_kept_and_was_never_sent_leaves_nothing_behind() -> None:
    fake = FakeNode()
    fake.hooks["enact", 1] = refuse("LcmBusy")
    assert refusal_of(lambda: apply(SERVICE, connect(fake, documents=KEPT), yes)).code == "LcmBusy"
    assert (fake.kept, fake.files, fake.settings) == ("", {}, SETTINGS)


def test_what_the_node_has_is_not_sent_again() -> None:
    fake = FakeNode(module=connect(FakeNode()).module.sha256)
    apply(SERVICE, connect(fake), yes)
    assert "install-module" not in fake.sent


def test_a_document_that_an_earlier_run_left_is_removed_though_nothing_differs() -> None:
    fake = FakeNode(properties=INSTALLED, current="ContosoSync")
    report = apply(SERVICE, connect(fake), yes)
    assert (report.exit_code, fake.sent) == (0, ["read", "preflight", "withdraw"])
    assert fake.current is None
    assert "was removed" in report.messages[0].text


def test_a_left_document_stays_when_the_user_says_no_or_the_spec_keeps_it() -> None:
    fake = FakeNode(properties=INSTALLED, current="ContosoSync")
    with pytest.raises(MimcError, match="nothing was changed"):
        apply(SERVICE, connect(fake), lambda verdicts: False)
    assert apply(SERVICE, connect(fake, documents=KEPT), yes).exit_code == 0
    assert fake.current == "ContosoSync" and "withdraw" not in fake.sent


def test_somebody_elses_node_is_refused_also_when_nothing_differs() -> None:
    fake = FakeNode(properties=INSTALLED, current="Theirs")
    assert refusal_of(lambda: apply(SERVICE, connect(fake), yes)).code == "ForeignDocument"
    assert fake.sent == ["read", "preflight"]


def test_ctrl_c_during_the_enactment_says_that_the_node_goes_on() -> None:
    fake = FakeNode()

    def interrupted(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        raise KeyboardInterrupt

    fake.hooks["follow", 1] = interrupted
    with pytest.raises(KeyboardInterrupt, match="corpsync goes on by itself"):
        apply(SERVICE, connect(fake), yes)
    assert "withdraw" not in fake.sent


def test_resources_without_a_reader_are_enacted_and_never_called_right() -> None:
    documents = replace(DOCUMENTS, others={"[File]Notes": Position("spec.yaml", 9, 5)})
    fake = FakeNode(properties=INSTALLED)
    asked = Mock(return_value=True)
    report = apply(SERVICE, connect(fake, documents=documents), asked)
    assert (report.exit_code, fake.starts, asked.call_count) == (0, 1, 1)
    (row,) = (item for item in report.nodes[0].properties if item.path == "[File]Notes")
    assert (row.status, row.reason) == ("notChecked", "the LCM enacted it and reported success")
    report = examine("drift", SERVICE, connect(fake, documents=documents))
    (row,) = (item for item in report.nodes[0].properties if item.path == "[File]Notes")
    assert (report.exit_code, row.status) == (0, "notChecked")
    assert "no reader" in row.reason


def test_apply_on_a_node_in_the_desired_state_sends_nothing_but_a_reading() -> None:
    fake = FakeNode(properties=INSTALLED)
    report = apply(SERVICE, connect(fake), lambda verdicts: pytest.fail("nothing to ask"))
    assert (report.exit_code, fake.sent) == (0, ["read", "preflight"])


def test_what_apply_cannot_set_is_told_at_once() -> None:
    fake = FakeNode(properties=OTHER_GROUP)
    report = apply(SERVICE, connect(fake), lambda verdicts: pytest.fail("nothing to ask"))
    assert (report.exit_code, report.nodes[0].status, fake.sent) == (1, "cannotSet", ["read", "preflight"])


def test_a_declined_apply_changes_nothing_and_says_so() -> None:
    fake = FakeNode()
    with pytest.raises(MimcError, match="nothing was changed") as caught:
        apply(SERVICE, connect(fake), lambda verdicts: False)
    assert (caught.value.exit_code, fake.sent, fake.closed) == (1, ["read", "preflight"], 1)


def test_the_failure_of_the_lcm_is_told_with_what_was_read_back_and_the_document_removed() -> None:
    fake = FakeNode(
        properties=drifted(Ensure={"value": "Absent"}), enacted=FIREWALL_OFF, failure="Return value 3"
    )
    report = apply(SERVICE, connect(fake), yes)
    assert (report.exit_code, report.nodes[0].status) == (1, "failed")
    assert [message.text for message in report.messages] == ["Return value 3"]
    assert {item.path: item.status for item in report.nodes[0].properties}["firewall"] == "failed"
    assert (fake.pending, fake.sent[-1]) == (None, "withdraw")


def test_setup_that_is_still_running_has_a_word_of_its_own() -> None:
    fake = FakeNode(enacted=dict(ABSENT), failure="MimSync.StillRunning: setup has not ended")
    report = apply(SERVICE, connect(fake), yes)
    assert (report.exit_code, report.nodes[0].status) == (1, "stillRunning")


def test_a_restart_that_is_asked_for_has_its_own_exit_code() -> None:
    report = apply(SERVICE, connect(FakeNode(reboot=True)), yes)
    assert (report.exit_code, report.exit_word, report.nodes[0].reboot_required) == (7, "reboot", True)


def test_a_failure_beats_a_restart() -> None:
    fake = FakeNode(reboot=True, failure="no", enacted=FIREWALL_OFF)
    assert apply(SERVICE, connect(fake), yes).exit_code == 1


def test_what_cannot_be_read_after_an_apply_is_not_success() -> None:
    fake = FakeNode(enacted=drifted(AdministratorsGroup={"unknown": "refused"}))
    report = apply(SERVICE, connect(fake), yes)
    assert (report.exit_code, report.nodes[0].status) == (1, "unknown")


def test_a_document_that_will_not_go_is_a_failure_of_the_run() -> None:
    report = apply(SERVICE, connect(FakeNode(stuck="ContosoSync")), yes)
    assert report.exit_code == 1
    assert "still holds its current document" in report.messages[0].text


@pytest.mark.parametrize(
    ("fake", "code", "word"),
    [
        (FakeNode(administrator=False), "NotAdministrator", "no administrator"),
        (FakeNode(settings={"RefreshMode": "Pull"}), "PullNode", "pulls"),
        (FakeNode(managers=["ReportManagers", "PartialConfigurations"]), "ManagedNode", "and PartialConfigurations"),
        (FakeNode(current="Payroll"), "ForeignDocument", "Payroll"),
        (FakeNode(pending="Payroll"), "ForeignDocument", "Payroll"),
        (FakeNode(current=""), "ForeignDocument", "tells no name"),
        (FakeNode(certificate={"present": False}), "Certificate", "is not in"),
        (FakeNode(certificate={"present": True, "privateKey": False}), "Certificate", "without its private key"),
        (
            FakeNode(certificate={"present": True, "privateKey": True, "expires": "2026-01-01T00:00:00.0000000Z"}),
            "Certificate",
            "expired on 2026-01-01",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_a_node_that_may_not_be_worked_on_is_untouched(fake: FakeNode, code: str, word: str) -> None:
    error = refusal_of(lambda: apply(SERVICE, connect(fake), yes))
    assert (error.code, error.exit_code) == (code, 1)
    assert word in error.reason
    assert error.step
    assert set(fake.sent) <= set(READING)
    assert (fake.files, fake.starts) == ({}, 0)


def test_a_pending_restart_is_refused() -> None:
    fake = FakeNode()
    fake.hooks["preflight", 1] = lambda run: {
        **(answer := run()),
        "lcm": {**answer["lcm"], "state": "PendingReboot"},
    }
    assert refusal_of(lambda: apply(SERVICE, connect(fake), yes)).code == "PendingReboot"
    assert set(fake.sent) <= set(READING)


def test_a_node_that_holds_our_document_is_worked_on() -> None:
    assert apply(SERVICE, connect(FakeNode(current="contososync")), yes).exit_code == 0


def test_a_busy_lcm_is_waited_for() -> None:
    clock, fake = Clock(), FakeNode(busy=3)
    assert apply(SERVICE, connect(fake, clock=clock), yes).exit_code == 0
    assert fake.sent.count("preflight") == 4
    assert clock.seconds > 3


def test_a_busy_lcm_is_waited_for_no_longer_than_the_time_limit() -> None:
    clock, fake = Clock(), FakeNode(busy=10_000)
    with pytest.raises(DeadlinePassed, match="busy with something else") as caught:
        apply(SERVICE, connect(fake, clock=clock), yes)
    assert caught.value.exit_code == 124
    assert clock.seconds == 600
    assert set(fake.sent) <= set(READING)


@pytest.mark.parametrize(("setup_timeout_s", "limit_s"), [(3600, 3600 + 900), (60, 60 + 900), (0, 600)])
def test_an_enactment_has_the_time_of_setup_and_beyond_it_goes_on_without_us(
    setup_timeout_s: int, limit_s: int
) -> None:
    clock, fake = Clock(), FakeNode(looks=10_000)
    documents = replace(DOCUMENTS, setup_timeout_s=setup_timeout_s)
    with pytest.raises(DeadlinePassed, match="goes on by itself") as caught:
        apply(SERVICE, connect(fake, documents=documents, clock=clock), yes)
    assert "mimc drift --target corpsync" in caught.value.step
    assert JOB in caught.value.reason and f"time limit of {limit_s} s" in caught.value.reason
    assert clock.seconds == limit_s
    assert "withdraw" not in fake.sent
    assert fake.pending == "ContosoSync"


def test_the_time_limit_starts_anew_when_the_user_has_agreed() -> None:
    clock = Clock()

    def slowly(verdicts: tuple[Verdict, ...]) -> bool:
        clock.sleep(3600)
        return True

    assert apply(SERVICE, connect(FakeNode(), clock=clock), slowly).exit_code == 0


def test_a_time_limit_that_passes_before_the_document_left_says_that_nothing_runs() -> None:
    clock, fake = Clock(), FakeNode()
    node = connect(fake, documents=replace(DOCUMENTS, setup_timeout_s=0), clock=clock)
    new_id = node._new_id

    def slowly() -> str:
        clock.sleep(600)
        return new_id()

    node._new_id = slowly
    with pytest.raises(DeadlinePassed, match="nothing was being enacted"):
        apply(SERVICE, node, yes)
    assert (fake.starts, fake.files, fake.settings) == (0, {}, SETTINGS)


def test_reading_back_and_tidying_up_have_time_of_their_own() -> None:
    clock, fake = Clock(), FakeNode(looks=0)

    def at_the_last_moment(run: Any) -> dict[str, Any]:
        clock.seconds = 3600 + 900 + 0.5
        return run()  # type: ignore[no-any-return]

    def slowly(run: Any) -> dict[str, Any]:
        clock.sleep(10)
        return run()  # type: ignore[no-any-return]

    fake.hooks["follow", 1], fake.hooks["read", 2] = at_the_last_moment, slowly
    assert apply(SERVICE, connect(fake, clock=clock), yes).exit_code == 0
    assert fake.current is None


def test_what_was_staged_is_removed_though_the_time_limit_has_passed() -> None:
    clock, fake = Clock(), FakeNode()

    def slowly(run: Any) -> dict[str, Any]:
        clock.sleep(700)
        return run()  # type: ignore[no-any-return]

    fake.hooks["stage", 5] = slowly
    with pytest.raises(DeadlinePassed, match="nothing was being enacted"):
        apply(SERVICE, connect(fake, clock=clock), yes)
    assert (fake.files, fake.starts, fake.sent[-1]) == ({}, 0, "withdraw")


def test_an_lcm_that_does_not_take_the_certificate_gets_no_document() -> None:
    fake = FakeNode(takes_certificate=False)
    assert refusal_of(lambda: apply(SERVICE, connect(fake), yes)).code == "CertificateId"
    assert fake.starts == 0
    assert fake.sent[-1] == "withdraw"


@pytest.mark.parametrize("script", ["configure-lcm", "enact"])
def test_a_document_that_somebody_else_brought_meanwhile_is_not_removed(script: str) -> None:
    fake = FakeNode()

    def overtaken(run: Any) -> dict[str, Any]:
        fake.current = "Payroll"
        return {"refused": {"code": "LcmBusy", "message": "the LCM is busy"}}

    fake.hooks[script, 1] = overtaken
    assert refusal_of(lambda: apply(SERVICE, connect(fake), yes)).code == "LcmBusy"
    assert (fake.current, fake.files, fake.sent[-1]) == ("Payroll", {}, "withdraw")


@pytest.mark.parametrize("script", ["stage", "install-module", "configure-lcm", "enact"])
def test_a_refusal_on_the_way_is_told_and_what_was_brought_is_removed(script: str) -> None:
    fake = FakeNode()
    fake.hooks[script, 1] = refuse("StageOwner")
    error = refusal_of(lambda: apply(SERVICE, connect(fake), yes))
    assert (error.code, error.reason) == ("StageOwner", "refused with StageOwner")
    assert (fake.files, fake.settings, fake.sent[-1]) == ({}, SETTINGS, "withdraw")


def test_an_idle_lcm_that_never_heard_of_the_job_is_a_failure() -> None:
    fake = FakeNode()

    def forget(run: Any) -> dict[str, Any]:
        fake.job = "another"
        return {"started": True}

    fake.hooks["enact", 1] = forget
    report = apply(SERVICE, connect(fake), yes)
    assert report.exit_code == 1
    assert "knows nothing of job" in report.messages[0].text


def test_a_failure_that_the_lcm_keeps_no_record_of_is_not_waited_for_until_the_time_limit() -> None:
    clock, fake = Clock(), FakeNode(failure="lost", enacted=FIREWALL_OFF, records=False)
    report = apply(SERVICE, connect(fake, clock=clock), yes)
    assert report.exit_code == 1
    assert "the LCM is PendingConfiguration and knows nothing of job" in report.messages[0].text
    assert clock.seconds < 120


def test_an_lcm_that_waits_for_a_restart_has_done_what_it_could() -> None:
    fake = FakeNode(looks=0)

    def waits(run: Any) -> dict[str, Any]:
        answer = run()
        return {"lcm": {**answer["lcm"], "state": "PendingReboot"}, "job": None}

    fake.hooks["follow", 1] = waits
    assert apply(SERVICE, connect(fake), yes).exit_code == 7


def test_a_reading_back_that_fails_still_removes_the_document() -> None:
    fake = FakeNode()
    fake.hooks["read", 2] = refuse("Whatever")
    assert refusal_of(lambda: apply(SERVICE, connect(fake), yes)).code == "Whatever"
    assert (fake.current, fake.sent[-1]) == (None, "withdraw")


@pytest.mark.parametrize("command", ["get", "test", "drift"])
@pytest.mark.parametrize("properties", [INSTALLED, ABSENT, FIREWALL_OFF, HIDDEN])
def test_a_verb_that_reads_sends_only_scripts_that_read(command: str, properties: dict[str, Any]) -> None:
    fake = FakeNode(properties=properties, audited=INSTALLED)
    examine(command, SERVICE, connect(fake, documents=AUDITED))
    assert fake.sent in (["read"], ["read", "audit"])
    assert (fake.sessions, fake.closed) == (1, 1)


def test_groups_beyond_the_second_hop_come_from_the_audit() -> None:
    fake = FakeNode(properties=HIDDEN, audited=OTHER_GROUP)
    report = examine("drift", SERVICE, connect(fake, documents=AUDITED))
    assert (report.exit_code, report.nodes[0].properties[4].actual) == (2, "CONTOSO\\Others")


def test_the_audit_answers_for_nothing_but_what_was_hidden() -> None:
    fake = FakeNode(properties=HIDDEN, audited=FIREWALL_OFF)
    assert examine("drift", SERVICE, connect(fake, documents=AUDITED)).exit_code == 0


def test_without_an_audit_account_the_groups_are_not_checked_and_neutral() -> None:
    fake = FakeNode(properties=HIDDEN)
    report = examine("drift", SERVICE, connect(fake))
    group = report.nodes[0].properties[4]
    assert (report.exit_code, group.status) == (0, "notChecked")
    assert group.reason == f"{NO_HOP}; name an account in auditAs that may read that table"


def test_a_refused_audit_leaves_the_groups_unknown_with_both_reasons() -> None:
    report = examine("drift", SERVICE, connect(FakeNode(properties=HIDDEN), documents=AUDITED))
    group = report.nodes[0].properties[4]
    assert (report.exit_code, group.status) == (1, "unknown")
    assert group.reason.startswith(NO_HOP)
    assert "the account may not log on" in group.reason


def test_apply_brings_what_the_audit_wants_though_nothing_drifted() -> None:
    fake = FakeNode(properties=HIDDEN, audited=INSTALLED)
    fake.hooks["audit", 1] = refuse("NoModule")
    fake.enacted = HIDDEN
    report = apply(SERVICE, connect(fake, documents=AUDITED), yes)
    assert (report.exit_code, fake.starts) == (0, 1)


def test_what_the_audit_wants_is_no_reason_to_enact_what_cannot_be_set() -> None:
    fake = FakeNode(properties={**HIDDEN, "SqlServer": {"value": "another"}})
    fake.hooks["audit", 1] = refuse("NoModule")
    report = apply(SERVICE, connect(fake, documents=AUDITED), lambda verdicts: pytest.fail("nothing to ask"))
    assert (report.exit_code, report.nodes[0].status, fake.starts) == (1, "cannotSet", 0)


def test_unknown_alone_is_no_reason_to_enact() -> None:
    fake = FakeNode(properties=HIDDEN)
    report = apply(SERVICE, connect(fake, documents=AUDITED), yes)
    assert (report.exit_code, fake.starts) == (1, 0)


def test_a_broken_staging_goes_on_where_it_stopped() -> None:
    fake = FakeNode()
    # The question, then chunk one; chunk two arrives and its answer does not.
    fake.hooks["stage", 3] = lose_after
    assert stage(connect(fake).connection.run, "configuration.mof", DOCUMENTS.mof)
    assert fake.files["configuration.mof"] == DOCUMENTS.mof
    # question, 1, 2 (lost), 2 again (refused), question, 3
    assert (fake.sent.count("stage"), fake.sessions) == (6, 2)


def test_a_second_writer_ends_staging() -> None:
    fake = FakeNode()
    for turn in range(2, 20, 2):
        fake.hooks["stage", turn] = refuse("StageOffset")
    with pytest.raises(NodeRefused, match="StageOffset"):
        stage(connect(fake).connection.run, "configuration.mof", DOCUMENTS.mof)
    assert fake.sent.count("stage") == 6


@pytest.mark.parametrize("script", ["read", "preflight", "configure-lcm", "follow"])
def test_an_answer_of_another_shape_is_an_error_with_the_name_of_the_node(script: str) -> None:
    fake = FakeNode()
    fake.hooks[script, 1] = lambda run: {"state": {"version": "::x"}, "lcm": [], "documents": 7}
    with pytest.raises(StateError, match=r"^corpsync: the node's "):
        apply(SERVICE, connect(fake), yes)
