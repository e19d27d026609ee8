"""The lab's endpoint itself: who gets in, what goes wrong on purpose, what is recorded, how it ends."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from pypsrp.exceptions import AuthenticationError, WinRMTransportError
from pypsrp.powershell import PowerShell, RunspacePool

from mimc.lab.engine import Outbox, PoolClosed, Received, UnknownTarget
from mimc.lab.service import FaultKind, FaultRule
from mimc.lab.soap import Operation
from mimc.lab.traffic import FragmentError, MessageReader

from .wire_lab import (
    ABORTED,
    NO_RESOURCE,
    NO_SHELL,
    PASSWORD,
    TOO_MANY_SHELLS,
    USER,
    Files,
    Lab,
    Parameters,
    fault_of,
    issue,
    run,
    sha256,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return issue(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def lab(files: Files) -> Iterator[Lab]:
    lab = Lab(files)
    with lab.endpoint:
        yield lab


# ---- the door


def test_a_wrong_password_is_refused(lab: Lab) -> None:
    for credentials in ({"password": "wrong"}, {"username": "somebody"}, {"password": ""}):
        with lab.wsman(**credentials) as wsman, pytest.raises(AuthenticationError):
            RunspacePool(wsman).open()
    assert lab.operations() == []


def test_the_user_is_compared_without_case(lab: Lab) -> None:
    with lab.pool(username=USER.upper()) as pool:
        assert run(pool, "'x'").output == ["ok"]


def test_a_refusal_says_which_authentication_it_wants(lab: Lab) -> None:
    for authorization in (None, "Basic !!!", "Basic", "Negotiate abc"):
        headers = {"Authorization": authorization} if authorization else {}
        answer = requests.post(
            lab.endpoint.url, b"<x/>", headers=headers, verify=str(lab.files.authority), timeout=10
        )
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="WSMAN"'


def test_a_name_that_the_certificate_lacks_is_refused_and_the_server_goes_on(
    lab: Lab, capfd: pytest.CaptureFixture[str]
) -> None:
    with lab.wsman(server="localhost") as wsman, pytest.raises(requests.exceptions.SSLError):
        RunspacePool(wsman).open()
    with lab.pool() as pool:
        assert run(pool, "'x'").output == ["ok"]
    assert capfd.readouterr() == ("", "")


def test_a_client_that_speaks_no_tls_holds_up_nobody(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    address = ("127.0.0.1", lab.endpoint.port)
    with socket.create_connection(address), socket.create_connection(address) as other:
        other.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with lab.pool() as pool:
            assert run(pool, "'x'").output == ["ok"]
    assert capfd.readouterr() == ("", "")


def test_only_the_loopback_address_listens(lab: Lab) -> None:
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", lab.endpoint.port), timeout=1)


def test_a_request_beyond_the_envelope_size_is_refused_and_the_connection_goes_on(lab: Lab) -> None:
    with lab.pool() as pool:
        pool.connection.update_max_payload_size(4_000_000)
        pool._fragmenter.max_size = pool.connection.max_payload_size
        with pytest.raises(WinRMTransportError) as caught:
            run(pool, "param($Data)", Data=bytes(1_000_000))
        assert run(pool, "'x'").output == ["ok"]
    assert caught.value.code == 413


def test_an_unknown_configuration_is_refused(lab: Lab) -> None:
    with lab.wsman() as wsman:
        assert fault_of(RunspacePool(wsman, configuration_name="Elsewhere").open) == NO_RESOURCE


def test_a_user_has_no_more_shells_than_allowed(files: Files) -> None:
    lab = Lab(files, max_shells=1)
    with lab.endpoint, lab.wsman() as second:
        with lab.pool():
            assert fault_of(RunspacePool(second).open) == TOO_MANY_SHELLS
        with RunspacePool(second) as pool:
            assert run(pool, "'x'").output == ["ok"]


def test_nonsense_is_answered(lab: Lab) -> None:
    for body in (b"", b"nonsense", b"<x/>", b'<?xml version="1.0" encoding="nonsense"?><x/>'):
        answer = requests.post(
            lab.endpoint.url, body, auth=(USER, PASSWORD), verify=str(lab.files.authority), timeout=10
        )
        assert answer.status_code == 400


# ---- the end


def test_closing_ends_every_thread_at_once(files: Files) -> None:
    before = set(threading.enumerate())
    lab = Lab(files)

    def answer(text: str, parameters: Parameters) -> str:
        time.sleep(0.7)
        return "late"

    lab.answer = answer
    with lab.endpoint:
        wsman = lab.wsman()
        pool = RunspacePool(wsman)
        pool.open()
        PowerShell(pool).add_script("'slow'").begin_invoke()
        faults: list[int] = []
        receiving = threading.Thread(target=lambda: faults.append(fault_of(pool._receive)))
        receiving.start()
        time.sleep(0.2)
        started = time.monotonic()
    assert time.monotonic() - started < 1
    receiving.join(5)
    wsman.close()
    assert faults == [ABORTED]
    assert set(threading.enumerate()) == before
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", lab.endpoint.port), timeout=1)


def test_nothing_of_a_request_is_logged(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), lab.pool() as pool:
        run(pool, "'x'", Value="canary")
    ours = [record for record in caplog.records if not record.name.startswith(("pypsrp", "urllib3"))]
    assert not [record for record in ours if "canary" in record.getMessage()]
    assert not [record for record in caplog.records if PASSWORD in record.getMessage()]


# ---- faults on purpose


def test_a_command_whose_reply_is_lost_has_run_once(lab: Lab) -> None:
    with lab.pool() as pool:
        lab.endpoint.service.inject(FaultRule(Operation.COMMAND, FaultKind.DROP_AFTER))
        with pytest.raises(requests.ConnectionError):
            run(pool, "'once'")
        assert run(pool, "'again'").output == ["ok"]
    assert [text for text, _ in lab.asked] == ["'once'", "'again'"]


def test_a_command_that_is_dropped_has_not_run(lab: Lab) -> None:
    with lab.pool() as pool:
        lab.endpoint.service.inject(FaultRule(Operation.COMMAND, FaultKind.DROP, skip=1, times=2))
        assert run(pool, "'1'").output == ["ok"]
        for text in ("'2'", "'3'"):
            with pytest.raises(requests.ConnectionError):
                run(pool, text)
        assert run(pool, "'4'").output == ["ok"]
    assert [text for text, _ in lab.asked] == ["'1'", "'4'"]
    assert lab.endpoint.service.recorder.scripts() == tuple(sha256(f"'{n}'") for n in (1, 2, 3, 4))


def test_a_fault_and_a_status_can_be_asked_for(lab: Lab) -> None:
    with lab.pool() as pool:
        lab.endpoint.service.inject(FaultRule(Operation.COMMAND, FaultKind.FAULT, code=NO_SHELL))
        assert fault_of(run, pool, "'x'") == NO_SHELL
        lab.endpoint.service.inject(FaultRule(Operation.COMMAND, FaultKind.STATUS, code=503))
        with pytest.raises(WinRMTransportError) as status:
            run(pool, "'x'")
    assert status.value.code == 503
    assert lab.asked == []


def test_output_outlasts_a_connection_lost_while_waiting(lab: Lab) -> None:
    with lab.pool() as pool, PowerShell(pool) as ps:
        ps.add_script("'x'")
        ps.begin_invoke()
        lab.endpoint.service.inject(FaultRule(Operation.RECEIVE, FaultKind.DROP, delay_s=0.1))
        with pytest.raises(requests.ConnectionError):
            ps.poll_invoke()
        assert ps.end_invoke() == ["ok"]


def test_a_receive_that_is_repeated_gets_the_same_reply(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with lab.pool() as pool:
        sent: list[tuple[bytes, bytes]] = []
        send = pool.connection.transport.send

        def recording(message: bytes, **options: Any) -> bytes:
            reply: bytes = send(message, **options)
            sent.append((message, reply))
            return reply

        monkeypatch.setattr(pool.connection.transport, "send", recording)
        with PowerShell(pool) as ps:
            ps.add_script("'x'")
            ps.invoke()
            message, reply = sent[-1]
            assert b"Receive" in message
            assert send(message) == reply


def test_a_receive_that_timed_out_on_the_way_is_repeated_without_loss(lab: Lab) -> None:
    with lab.pool(read_timeout=1, reconnection_backoff=0.1) as pool:
        lab.endpoint.service.inject(FaultRule(Operation.RECEIVE, FaultKind.DELAY, delay_s=1.3))
        started = time.monotonic()
        assert run(pool, "'x'").output == ["ok"]
    assert time.monotonic() - started >= 1


def test_a_restart_forgets_the_shells(lab: Lab) -> None:
    with lab.wsman() as wsman:
        pool = RunspacePool(wsman)
        pool.open()
        lab.endpoint.service.drop_shells()
        assert fault_of(run, pool, "'x'") == NO_SHELL
        assert not pool.is_alive()
        with RunspacePool(wsman) as fresh:
            assert run(fresh, "'x'").output == ["ok"]


# ---- the record


def test_the_record_shows_the_scripts_that_were_sent(lab: Lab) -> None:
    with lab.pool() as pool:
        run(pool, "param($Data)", Data=bytes(600_000))
        run(pool, "'small'")
        with PowerShell(pool) as ps:
            ps.add_cmdlet("'small'")
            ps.invoke()
    first, second, third = lab.endpoint.service.recorder.scripts()
    assert (first, second) == (sha256("param($Data)"), sha256("'small'"))
    assert third not in (first, second)
    completed = [e.operation for e in lab.endpoint.service.recorder.exchanges() if e.script]
    assert completed == ["Send", "Command", "Command"]


def test_a_session_takes_few_requests_and_bytes(lab: Lab) -> None:
    with lab.pool() as pool:
        run(pool, "param($Name)", Name="value")
    operations = [operation for operation in lab.operations() if operation != "Receive"]
    assert operations == ["Create", "Command", "Signal", "Delete"]
    assert lab.operations().count("Receive") <= 5
    exchanges = lab.endpoint.service.recorder.exchanges()
    assert sum(exchange.bytes_in for exchange in exchanges) < 20_000
    assert all(exchange.bytes_in and exchange.bytes_out for exchange in exchanges)


# ---- parts


def test_a_cut_fragment_is_an_error() -> None:
    whole = bytes(7) + b"\1" + bytes(8) + b"\3" + (45).to_bytes(4) + (2).to_bytes(4, "little") + bytes(41)
    assert [data for _, data in MessageReader().feed(whole)] == [bytes(5)]
    for wrong in (whole[:-1], whole[:10], whole[:15] + b"\1" + whole[16:], whole + whole[:30]):
        with pytest.raises(FragmentError):
            list(MessageReader().feed(wrong))


def test_the_newest_receive_wins() -> None:
    outbox = Outbox()
    with ThreadPoolExecutor() as executor:
        older = executor.submit(outbox.take, None, 10)
        time.sleep(0.1)
        newer = executor.submit(outbox.take, None, 10)
        assert older.result(5) == Received()
        outbox.put(None, [b"x"])
        assert newer.result(5) == Received((b"x",))


def test_an_outbox_ends_with_its_last_fragment_or_its_close() -> None:
    outbox, target = Outbox(), None
    outbox.put(target, [b"1", b"2", b"3", b"4"], done=True)
    assert outbox.take(target, 0) == Received((b"1", b"2", b"3"))
    assert outbox.take(target, 0) == Received((b"4",), done=True)
    with pytest.raises(UnknownTarget):
        outbox.take(target, 0)
    outbox.close()
    with pytest.raises(PoolClosed):
        outbox.take(target, 0)
