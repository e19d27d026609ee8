"""The connection breaks: at every script, before it ran and after; nothing is started twice, nothing is forgotten."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mimc.errors import AuthenticationRefused, DeadlinePassed, Unreachable
from mimc.pusher import apply, examine
from mimc.pusher.session import Session, SessionLost

from .fake_node import (
    DOCUMENTS,
    INSTALLED,
    NO_HOP,
    SERVICE,
    SETTINGS,
    THUMBPRINT,
    Clock,
    FakeNode,
    connect,
    lose_after,
    lose_before,
)

SCRIPTS = ("read", "preflight", "stage", "install-module", "configure-lcm", "enact", "follow", "withdraw")
Hook = Callable[[Callable[[], dict[str, Any]]], dict[str, Any]]


@pytest.mark.parametrize("hook", [lose_before, lose_after])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_connection_lost_once_at_any_script_does_no_harm(script: str, nth: int, hook: Hook) -> None:
    fake = FakeNode(looks=3)
    fake.hooks[script, nth] = hook
    report = apply(SERVICE, connect(fake), lambda verdicts: True)
    assert report.exit_code == 0
    assert (fake.starts, fake.properties) == (1, INSTALLED)
    assert (fake.current, fake.files, fake.settings) == (None, {}, SETTINGS)
    # Sessions: one more for a loss that was met; traffic of both is counted.
    assert fake.sessions == (2 if fake.sent.count(script) >= nth else 1)
    assert report.traffic.requests == 2 * len(fake.sent)


@pytest.mark.parametrize("looks", [0, 1, 50])
def test_a_start_whose_answer_was_lost_is_found_by_its_job_and_not_repeated(looks: int) -> None:
    fake = FakeNode(looks=looks)
    fake.hooks["enact", 1] = lose_after
    assert apply(SERVICE, connect(fake), lambda verdicts: True).exit_code == 0
    assert (fake.sent.count("enact"), fake.starts) == (1, 1)


def test_a_start_that_never_arrived_is_looked_for_and_then_repeated() -> None:
    fake = FakeNode()
    fake.hooks["enact", 1] = lose_before
    assert apply(SERVICE, connect(fake), lambda verdicts: True).exit_code == 0
    assert (fake.sent.count("enact"), fake.starts) == (2, 1)
    first = fake.sent.index("enact")
    assert fake.sent[first + 1 : first + 4] == ["follow"] * 3


def test_a_start_that_arrives_late_is_met_as_a_busy_lcm() -> None:
    fake, late = FakeNode(looks=5), []

    def overtaken(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        late.append(run)
        return lose_before(run)

    def now_it_arrives(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        late[0]()
        return run()

    fake.hooks["enact", 1], fake.hooks["enact", 2] = overtaken, now_it_arrives
    assert apply(SERVICE, connect(fake), lambda verdicts: True).exit_code == 0
    assert fake.starts == 1


def test_lcm_settings_whose_answer_was_lost_are_sent_again_when_the_lcm_is_idle() -> None:
    fake = FakeNode()

    def still_at_it(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        fake.busy = 2
        return lose_after(run)

    def unless_busy(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        assert not fake.busy
        return run()

    fake.hooks["configure-lcm", 1], fake.hooks["configure-lcm", 2] = still_at_it, unless_busy
    assert apply(SERVICE, connect(fake), lambda verdicts: True).exit_code == 0
    assert fake.sent.count("preflight") == 5


def test_a_node_that_is_away_during_the_enactment_is_waited_for() -> None:
    clock, fake, down = Clock(), FakeNode(), [True] * 20
    fake.hooks["follow", 2] = lose_before

    def open_session() -> Session:
        if fake.sessions and down:
            down.pop()
            raise Unreachable("corpsync", "nothing listens", "wait")
        return fake.open()

    report = apply(SERVICE, connect(fake, clock=clock, open_session=open_session), lambda verdicts: True)
    assert (report.exit_code, down) == (0, [])
    assert clock.seconds > 60


def test_a_node_that_stays_away_ends_at_the_time_limit_and_says_that_it_goes_on() -> None:
    clock, fake = Clock(), FakeNode()
    fake.hooks["follow", 1] = lose_before

    def open_session() -> Session:
        if fake.sessions:
            raise Unreachable("corpsync", "nothing listens", "wait")
        return fake.open()

    with pytest.raises(DeadlinePassed, match="goes on by itself"):
        apply(SERVICE, connect(fake, clock=clock, open_session=open_session), lambda verdicts: True)
    assert clock.seconds == 3600 + 900


def test_a_log_in_that_is_refused_meanwhile_is_not_tried_again() -> None:
    fake = FakeNode()
    fake.hooks["follow", 1] = lose_before

    def open_session() -> Session:
        if fake.sessions:
            raise AuthenticationRefused("corpsync", "it refused lab by basic", "check")
        return fake.open()

    with pytest.raises(AuthenticationRefused):
        apply(SERVICE, connect(fake, open_session=open_session), lambda verdicts: True)


def test_settings_are_put_back_though_the_answer_to_changing_them_never_came() -> None:
    fake = FakeNode()
    for turn in (1, 2, 3):
        fake.hooks["configure-lcm", turn] = lose_after
    with pytest.raises(SessionLost):
        apply(SERVICE, connect(fake), lambda verdicts: True)
    assert (fake.settings, fake.files, fake.starts) == (SETTINGS, {}, 0)
    assert fake.sent[-2:] == ["configure-lcm", "withdraw"]
    assert fake.certificate_id == THUMBPRINT, "as after any apply"


def test_a_document_that_was_never_sent_is_not_removed_though_the_connection_broke() -> None:
    fake = FakeNode()
    for turn in (1, 2, 3):
        fake.hooks["configure-lcm", turn] = lose_before
    with pytest.raises(SessionLost):
        apply(SERVICE, connect(fake), lambda verdicts: True)
    fake.current = "Payroll"
    assert fake.sent[-1] == "withdraw" and fake.current == "Payroll"


@pytest.mark.parametrize("script", ["read", "stage", "configure-lcm", "withdraw"])
def test_a_node_that_is_away_for_a_moment_is_tried_again(script: str) -> None:
    clock, fake, down = Clock(), FakeNode(), [True]
    fake.hooks[script, 1] = lose_before

    def open_session() -> Session:
        if fake.sessions and down:
            down.pop()
            raise Unreachable("corpsync", "nothing listens", "wait")
        return fake.open()

    report = apply(SERVICE, connect(fake, clock=clock, open_session=open_session), lambda verdicts: True)
    assert (report.exit_code, down) == (0, [])


def test_a_node_that_was_never_reached_is_not_tried_again() -> None:
    tries: list[int] = []

    def open_session() -> Session:
        tries.append(1)
        raise Unreachable("corpsync", "nothing listens", "wait")

    with pytest.raises(Unreachable):
        examine("drift", SERVICE, connect(FakeNode(), open_session=open_session))
    assert tries == [1]


def test_a_log_in_that_is_refused_after_a_loss_is_not_tried_again() -> None:
    fake, tries = FakeNode(), []
    fake.hooks["read", 1] = lose_before

    def open_session() -> Session:
        if fake.sessions:
            tries.append(1)
            raise AuthenticationRefused("corpsync", "it refused lab by basic", "check")
        return fake.open()

    with pytest.raises(AuthenticationRefused):
        examine("drift", SERVICE, connect(fake, open_session=open_session))
    assert tries == [1]


@pytest.mark.parametrize("state", ["Idle", "PendingConfiguration"])
def test_a_start_that_failed_at_once_without_a_record_is_not_repeated(state: str) -> None:
    fake = FakeNode(looks=0, failure="lost", records=False, state=state)
    fake.hooks["enact", 1] = lose_after
    apply(SERVICE, connect(fake), lambda verdicts: True)
    # Where a configuration was pending before, that state says nothing.
    assert fake.starts == (1 if state == "Idle" else 2)


def test_a_connection_that_breaks_each_time_is_given_up() -> None:
    fake = FakeNode()
    for turn in range(1, 9):
        fake.hooks["read", turn] = lose_before
    with pytest.raises(SessionLost) as caught:
        examine("drift", SERVICE, connect(fake))
    assert (caught.value.exit_code, fake.sent) == (4, ["read"] * 3)


def test_an_audit_whose_answer_was_lost_is_asked_for_again() -> None:
    fake = FakeNode(
        properties={**INSTALLED, "AdministratorsGroup": {"notChecked": NO_HOP}}, audited=dict(INSTALLED)
    )
    fake.hooks["audit", 1] = lose_after
    node = connect(fake, documents=replace(DOCUMENTS, audit_mof=b"audit"))
    assert examine("drift", SERVICE, node).exit_code == 0
    assert fake.sent == ["read", "audit", "audit"]


def test_a_script_that_does_not_answer_in_time_tells_what_was_waited_for() -> None:
    fake = FakeNode()

    def hangs(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        raise DeadlinePassed("corpsync", "no answer", "try again")

    fake.hooks["follow", 1] = hangs
    with pytest.raises(DeadlinePassed, match="goes on by itself"):
        apply(SERVICE, connect(fake), lambda verdicts: True)
    assert "withdraw" not in fake.sent
