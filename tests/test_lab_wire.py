"""The lab's endpoint over real sockets, with an unmodified pypsrp as the client."""

import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from mimc.certificates import issue_authority, issue_server
from mimc.lab.engine import Outbox, PoolClosed, Received, ScriptFailed, UnknownScript, UnknownTarget
from mimc.lab.httpd import Endpoint
from mimc.lab.psrp import SimulatedEngine
from mimc.lab.service import FaultKind, FaultRule
from mimc.lab.soap import Operation
from mimc.lab.traffic import FragmentError, MessageReader
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.serializer import TaggedValue
from pypsrp.wsman import WSMan

USER, PASSWORD = r"CONTOSO\labadmin", "only-for-this-test"
TIMED_OUT, NO_SHELL, NO_RESOURCE, TOO_MANY_SHELLS = 2150858793, 2150858843, 2150858811, 2150859173

Parameters = Mapping[str, object]


@dataclass(frozen=True)
class Files:
    authority: Path
    certificate: Path
    key: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("certificates")
    authority = issue_authority("mimc lab test")
    server = issue_server(authority, "127.0.0.1")
    files = Files(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    files.authority.write_bytes(authority.certificate_pem)
    files.certificate.write_bytes(server.certificate_pem)
    files.key.write_bytes(server.key_pem)
    return files


class Lab:
    """An endpoint whose answer to a script a test can set, and what its engine was asked."""

    def __init__(self, files: Files, max_shells: int = 30) -> None:
        self.files = files
        self.asked: list[tuple[str, Parameters]] = []
        self.answer: Callable[[str, Parameters], str] = lambda text, parameters: "ok"
        self.endpoint = Endpoint(
            SimulatedEngine(self._answer),
            certificate=files.certificate,
            key=files.key,
            user=USER,
            password=PASSWORD,
            max_shells=max_shells,
        )

    def _answer(self, text: str, parameters: Parameters) -> str:
        self.asked.append((text, parameters))
        return self.answer(text, parameters)

    def wsman(self, **options: Any) -> WSMan:
        given: dict[str, Any] = {"server": "127.0.0.1", "username": USER, "password": PASSWORD, **options}
        ca_file = str(self.files.authority)
        return WSMan(port=self.endpoint.port, auth="basic", cert_validation=ca_file, no_proxy=True, **given)

    @contextmanager
    def pool(self, **options: Any) -> Iterator[RunspacePool]:
        with self.wsman(**options) as wsman, RunspacePool(wsman) as pool:
            yield pool

    def operations(self) -> list[str]:
        return [exchange.operation for exchange in self.endpoint.service.recorder.exchanges()]


@pytest.fixture
def lab(files: Files) -> Iterator[Lab]:
    lab = Lab(files)
    with lab.endpoint:
        yield lab


def run(pool: RunspacePool, text: str, **parameters: object) -> PowerShell:
    with PowerShell(pool) as ps:
        ps.add_script(text).add_parameters(parameters)
        ps.invoke()
    return ps


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# ---- values


@pytest.mark.parametrize(
    "value",
    [
        "",
        'it\'s "quoted" $(Stop-Computer) `n $env:X',
        "two\nlines\r\nand\ta tab",
        "emoji \N{GRINNING FACE}, umlaut ü, nul \0, escape \x1b",
        "_x0041_ and _x000a_",
        True,
        False,
        0,
        -(2**31),
        2**31 - 1,
        b"",
        bytes(range(256)) * 1200,
        ["a", "b's", ""],
        [],
        [1, True, None, ["nested"]],
        {"key": "value", "list": ["x"]},
        None,
    ],
    ids=lambda value: f"{type(value).__name__}-{len(repr(value))}",
)
def test_a_parameter_arrives_as_it_was_sent(lab: Lab, value: object) -> None:
    with lab.pool() as pool:
        assert run(pool, "param($Value)", Value=value).output == ["ok"]
    [(text, parameters)] = lab.asked
    assert text == "param($Value)"
    assert parameters == {"Value": value}
    assert type(parameters["Value"]) is type(value)


def test_the_answer_arrives_as_it_was_given(lab: Lab) -> None:
    text = json.dumps({"quote": "'\"$(x)", "lines": "a\nb"}) + "\N{GRINNING FACE} _x0041_ \0 ü \x1b"
    lab.answer = lambda *_: text
    with lab.pool() as pool:
        ps = run(pool, "'x'")
    assert ps.output == [text]
    assert not ps.had_errors
    assert not ps.streams.error


def test_a_script_arrives_as_it_was_sent(lab: Lab) -> None:
    text = "param($A)\r\n'it''s' # \N{GRINNING FACE} _x0041_\n"
    with lab.pool() as pool:
        run(pool, text)
    assert lab.asked == [(text, {})]
    assert lab.endpoint.service.recorder.scripts() == (sha256(text),)


def test_a_megabyte_arrives_whole(lab: Lab) -> None:
    text = "0123456789abcdef" * 65536
    lab.answer = lambda *_: text
    with lab.pool() as pool:
        assert run(pool, "'x'").output == [text]


# ---- pipelines and pools


def test_a_pool_runs_several_pipelines(lab: Lab) -> None:
    lab.answer = lambda text, parameters: f"{text} {parameters['N']}"
    with lab.pool() as pool:
        outputs = [run(pool, f"script {n % 2}", N=n).output for n in range(6)]
    assert outputs == [[f"script {n % 2} {n}"] for n in range(6)]


def test_two_pools_run_at_the_same_time(lab: Lab) -> None:
    together = threading.Barrier(2, timeout=10)

    def answer(text: str, parameters: Parameters) -> str:
        together.wait()
        return text

    def session(text: str) -> list[str]:
        with lab.pool() as pool:
            return list(run(pool, text).output)

    lab.answer = answer
    with ThreadPoolExecutor() as executor:
        assert list(executor.map(session, ["first", "second"])) == [["first"], ["second"]]


def test_twenty_clients_are_served(lab: Lab) -> None:
    lab.answer = lambda text, parameters: str(parameters["N"])

    def session(number: int) -> list[str]:
        with lab.pool() as pool:
            return [run(pool, "param($N)", N=number * 10 + n).output[0] for n in range(3)]

    with ThreadPoolExecutor(20) as executor:
        results = list(executor.map(session, range(20)))
    assert results == [[str(number * 10 + n) for n in range(3)] for number in range(20)]


def test_an_answer_slower_than_the_operation_timeout_is_polled_for(lab: Lab) -> None:
    def answer(text: str, parameters: Parameters) -> str:
        time.sleep(1.5)
        return "late"

    lab.answer = answer
    with lab.pool(operation_timeout=1) as pool:
        assert run(pool, "'x'").output == ["late"]
    assert lab.operations().count("Receive") >= 4


def test_a_stopped_pipeline_leaves_a_usable_pool(lab: Lab) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def answer(text: str, parameters: Parameters) -> str:
        asked.set()
        assert go_on.wait(10)
        return "too late"

    lab.answer = answer
    with lab.pool() as pool:
        with PowerShell(pool) as ps:
            ps.add_script("'slow'")
            ps.begin_invoke()
            assert asked.wait(10)
            ps.stop()
        go_on.set()
        lab.answer = lambda *_: "quick"
        assert ps.output == []
        assert run(pool, "'quick'").output == ["quick"]


def test_a_pool_that_is_closed_is_gone(lab: Lab) -> None:
    with lab.wsman() as wsman:
        pool = RunspacePool(wsman)
        pool.open()
        assert pool.is_alive()
        pool.shell.close()
        with pytest.raises(WSManFaultError) as caught:
            run(pool, "'x'")
    assert caught.value.code == NO_SHELL
    assert lab.asked == []


def test_a_finished_pipeline_has_no_more_to_receive(lab: Lab) -> None:
    with lab.pool() as pool:
        ps = PowerShell(pool)
        ps.add_script("'x'")
        ps.invoke()
        with pytest.raises(WSManFaultError) as caught:
            ps.poll_invoke()
    assert caught.value.code == NO_SHELL


# ---- errors of scripts


def failed(lab: Lab, error: Exception) -> Any:
    def answer(text: str, parameters: Parameters) -> str:
        raise error

    lab.answer = answer
    with lab.pool() as pool:
        ps = run(pool, "'x'")
    assert ps.had_errors
    [record] = ps.streams.error
    return record


def test_a_failed_script_arrives_with_its_error_id(lab: Lab) -> None:
    record = failed(lab, ScriptFailed("StageHash,mimc", "it's not what was sent: $(x)"))
    assert record.fq_error == "StageHash,mimc"
    assert str(record) == "it's not what was sent: $(x)"


def test_an_unknown_script_is_a_command_not_found(lab: Lab) -> None:
    record = failed(lab, UnknownScript())
    assert record.fq_error == "CommandNotFoundException"
    assert record.reason == "CommandNotFoundException"
    assert sha256("'x'") in str(record)


def test_a_bug_in_the_answer_is_an_error_without_its_text(lab: Lab) -> None:
    record = failed(lab, KeyError("a secret"))
    assert record.fq_error == "LabError"
    assert "KeyError at test_lab_wire.py:" in str(record)
    assert "secret" not in str(record)


def test_an_answer_that_cannot_be_written_is_an_error(lab: Lab) -> None:
    lab.answer = lambda *_: "half a pair \ud83d"
    with lab.pool() as pool:
        first = run(pool, "'x'")
        lab.answer = lambda *_: 5  # type: ignore[return-value]
        second = run(pool, "'x'")
    assert [ps.streams.error[0].fq_error for ps in (first, second)] == ["LabError", "LabError"]


# ---- what is refused


def cmdlet(ps: PowerShell) -> None:
    ps.add_cmdlet("Get-Date")


def two_commands(ps: PowerShell) -> None:
    ps.add_script("'x'").add_cmdlet("Out-String")


def two_statements(ps: PowerShell) -> None:
    ps.add_script("'x'").add_statement().add_script("'y'")


def script_block(ps: PowerShell) -> None:
    ps.add_script("'x'").add_parameter("Value", TaggedValue("SBK", "Stop-Computer"))


def nested_script_block(ps: PowerShell) -> None:
    ps.add_script("'x'").add_parameter("Value", {"inner": [TaggedValue("SBK", "Stop-Computer")]})


def argument_without_name(ps: PowerShell) -> None:
    ps.add_script("'x'").add_argument("y")


def other_type(ps: PowerShell) -> None:
    ps.add_script("'x'").add_parameter("Value", 1.5)


def parameter_twice(ps: PowerShell) -> None:
    ps.add_script("'x'").add_parameter("Value", 1).add_parameter("VALUE", 2)


@pytest.mark.parametrize(
    "build",
    [
        cmdlet,
        two_commands,
        two_statements,
        script_block,
        nested_script_block,
        argument_without_name,
        other_type,
        parameter_twice,
    ],
)
def test_a_pipeline_is_refused_that_is(lab: Lab, build: Callable[[PowerShell], None]) -> None:
    with lab.pool() as pool:
        with PowerShell(pool) as ps:
            build(ps)
            ps.invoke()
        assert run(pool, "'after'").output == ["ok"]
    assert ps.had_errors
    assert ps.streams.error[0].fq_error == "LabRefused"
    assert lab.asked == [("'after'", {})]


def test_pipeline_input_is_refused(lab: Lab) -> None:
    with lab.pool() as pool, PowerShell(pool) as ps:
        ps.add_script("'x'")
        ps.invoke("input")
    assert ps.streams.error[0].fq_error == "LabRefused"
    assert lab.asked == []


def test_a_value_that_cannot_be_read_is_a_fault_and_the_pool_goes_on(lab: Lab) -> None:
    with lab.pool() as pool:
        with pytest.raises(WSManFaultError):
            run(pool, "param($N)", N=2**40)
        assert run(pool, "'x'").output == ["ok"]
    assert len(lab.asked) == 1


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
    with lab.wsman() as wsman, pytest.raises(WSManFaultError) as caught:
        RunspacePool(wsman, configuration_name="Elsewhere").open()
    assert caught.value.code == NO_RESOURCE


def test_a_user_has_no_more_shells_than_allowed(files: Files) -> None:
    lab = Lab(files, max_shells=1)
    with lab.endpoint, lab.wsman() as second:
        with lab.pool():
            with pytest.raises(WSManFaultError) as caught:
                RunspacePool(second).open()
            assert caught.value.code == TOO_MANY_SHELLS
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
    with lab.endpoint:
        wsman = lab.wsman()
        pool = RunspacePool(wsman)
        pool.open()
        receiving = threading.Thread(target=lambda: pytest.raises(WSManFaultError, pool._receive))
        receiving.start()
        time.sleep(0.2)
        started = time.monotonic()
    assert time.monotonic() - started < 1
    receiving.join(5)
    wsman.close()
    assert set(threading.enumerate()) == before
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", lab.endpoint.port), timeout=1)


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
        with pytest.raises(WSManFaultError) as fault:
            run(pool, "'x'")
        lab.endpoint.service.inject(FaultRule(Operation.COMMAND, FaultKind.STATUS, code=503))
        with pytest.raises(WinRMTransportError) as status:
            run(pool, "'x'")
    assert (fault.value.code, status.value.code) == (NO_SHELL, 503)
    assert lab.asked == []


def test_output_outlasts_a_connection_lost_while_waiting(lab: Lab) -> None:
    with lab.pool() as pool, PowerShell(pool) as ps:
        ps.add_script("'x'")
        ps.begin_invoke()
        lab.endpoint.service.inject(FaultRule(Operation.RECEIVE, FaultKind.DROP_WAITING, delay_s=0.1))
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
        assert run(pool, "'x'").output == ["ok"]


def test_a_restart_forgets_the_shells(lab: Lab) -> None:
    with lab.wsman() as wsman:
        pool = RunspacePool(wsman)
        pool.open()
        lab.endpoint.service.drop_shells()
        with pytest.raises(WSManFaultError) as caught:
            run(pool, "'x'")
        assert caught.value.code == NO_SHELL
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
