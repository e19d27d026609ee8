"""Real sessions: pypsrp over TLS to the lab's endpoint, and to servers that are not what they should be."""

import contextlib
import json
import logging
import random
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mimc.certificates import Issued, issue_authority, issue_server
from mimc.errors import AuthenticationRefused, DeadlinePassed, InputError, MimcError, NodeRefused, Unreachable
from mimc.lab.engine import ScriptFailed as LabScriptFailed
from mimc.lab.httpd import Endpoint
from mimc.lab.psrp import SimulatedEngine
from mimc.lab.service import FaultKind, FaultRule
from mimc.lab.soap import Operation
from mimc.pusher import scripts
from mimc.pusher.session import ScriptFailed, SessionLost
from mimc.pusher.target import Auth, Target
from mimc.pusher.winrm import WinrmSession, open_session
from mimc.secret import Secret
from mimc.state import StateError

PASSWORD = "canary-Passw0rd-7781"
WRONG = Secret("canary-Passw0rd-wrong")
Answer = Callable[[str, Mapping[str, object]], str]


@pytest.fixture(scope="module")
def authority() -> Issued:
    return issue_authority("test authority")


@pytest.fixture(scope="module")
def other_authority() -> Issued:
    return issue_authority("another authority")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, authority: Issued, other_authority: Issued) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    server = issue_server(authority, "127.0.0.1")
    elsewhere = issue_server(authority, "127.0.0.2")
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    (folder / "other.pem").write_bytes(other_authority.certificate_pem)
    for name, issued in (("server", server), ("elsewhere", elsewhere)):
        (folder / f"{name}.pem").write_bytes(issued.certificate_pem)
        (folder / f"{name}.key").write_bytes(issued.key_pem)
    return folder


@pytest.fixture(autouse=True)
def texts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "real_scripts" in request.fixturenames:
        return
    monkeypatch.setattr(scripts, "read", lambda name: f"# the text of {name}\n'x'")


def echo(text: str, parameters: Mapping[str, object]) -> str:
    plain = {name: value.hex() if isinstance(value, bytes) else value for name, value in parameters.items()}
    return json.dumps({"version": 1, "text": text, "parameters": plain})


@contextlib.contextmanager
def endpoint(
    folder: Path, answer: Answer = echo, certificate: str = "server"
) -> Iterator[tuple[Endpoint, Target]]:
    pem, key = folder / f"{certificate}.pem", folder / f"{certificate}.key"
    with Endpoint(SimulatedEngine(answer), certificate=pem, key=key, user="lab", password=PASSWORD) as served:
        yield served, address(folder, served.port)


def address(folder: Path, port: int) -> Target:
    return Target("corpsync", "127.0.0.1", port, "basic", "lab", Secret(PASSWORD), folder / "ca.pem", 60.0)


def test_a_script_is_sent_as_it_stands_and_values_arrive_as_they_are(folder: Path) -> None:
    values: dict[str, object] = {
        "Account": ["contoso\\MIMSync", "x'; Remove-Item C:\\", "Ü \U0001f600", "_x000A_"],
        "Data": bytes(range(256)),
        "Empty": b"",
        "Offset": 2**31 - 1,
        "Large": 2**40,
        "Flag": True,
        "Word": Auth.BASIC,
        "Pair": ("a", "b"),
    }
    with endpoint(folder) as (_, target), contextlib.closing(open_session(target)) as session:
        answer = session.run("read", values, 10)
    assert answer["text"] == "# the text of read\n'x'"
    assert answer["parameters"] == {
        **values,
        "Data": bytes(range(256)).hex(),
        "Empty": "",
        "Pair": ["a", "b"],
    }


def test_a_chunk_larger_than_an_envelope_arrives_whole(folder: Path) -> None:
    data = bytes(256 * 1024)
    with endpoint(folder) as (_, target), contextlib.closing(open_session(target)) as session:
        assert session.run("stage", {"Data": data}, 10)["parameters"]["Data"] == data.hex()


def test_a_reading_run_costs_four_requests_and_its_receives_and_is_counted_as_the_endpoint_counts(
    folder: Path,
) -> None:
    with endpoint(folder) as (served, target):
        session = open_session(target)
        session.run("read", {}, 10)
        session.run("audit", {}, 10)
        session.close()
        exchanges = served.service.recorder.exchanges()
    words = [exchange.operation for exchange in exchanges]
    assert [word for word in words if word != "Receive"] == ["Create", "Command", "Command", "Delete"]
    assert session.traffic.requests == len(exchanges)
    assert session.traffic.bytes_sent == sum(exchange.bytes_in for exchange in exchanges)
    assert session.traffic.bytes_received == sum(exchange.bytes_out for exchange in exchanges)


@pytest.fixture
def real_scripts() -> None:
    """Send the scripts themselves, not the stand-ins."""


def test_a_drift_with_an_audit_stays_within_six_requests_and_40_kib_after_the_login(
    folder: Path, real_scripts: None
) -> None:
    groups = ("Admins", "Operators", "Joiners", "Browse", "PasswordReset")
    reading = {
        "Account": ["contoso\\MIMSync", *(f"contoso\\MIMSync{name}" for name in groups)],
        "KeyBackupPath": "C:\\MIM\\keys\\miiskeys.bin",
    }
    # The Contoso example's document is 1.5 kB as gzip, most of it one sealed password.
    audit = {"Document": random.Random(1).randbytes(1500), "Thumbprint": "9" * 40, "ModuleVersion": "0.1.0"}
    with endpoint(folder) as (served, target):
        session = open_session(target)
        login = session.traffic
        session.run("read", reading, 10)
        session.run("audit", audit, 10)
        session.close()
        words = [exchange.operation for exchange in served.service.recorder.exchanges()[login.requests :]]
    assert len([word for word in words if word != "Receive"]) <= 6
    assert session.traffic.bytes_sent - login.bytes_sent <= 40 * 1024


def test_pipelines_of_a_long_session_are_ended_on_the_node(folder: Path) -> None:
    with endpoint(folder) as (served, target), contextlib.closing(open_session(target)) as session:
        for _ in range(12):
            session.run("follow", {}, 10)
        words = [exchange.operation for exchange in served.service.recorder.exchanges()]
    assert words.count("Signal") == 4


def test_a_refusal_is_an_error_with_code_reason_and_step(folder: Path) -> None:
    def refusing(text: str, parameters: Mapping[str, object]) -> str:
        return json.dumps(
            {"version": 1, "refused": {"code": "PendingReboot", "message": "a restart\x1b[31m"}}
        )

    with (
        endpoint(folder, refusing) as (_, target),
        contextlib.closing(open_session(target)) as session,
        pytest.raises(NodeRefused) as caught,
    ):
        session.run("enact", {}, 10)
    error = caught.value
    assert (error.code, error.reason) == ("PendingReboot", "a restart\\x1b[31m")
    assert error.step == "restart corpsync, then try again"


def test_a_script_that_fails_tells_its_error(folder: Path) -> None:
    def failing(text: str, parameters: Mapping[str, object]) -> str:
        raise LabScriptFailed("MI RESULT 1", "the function\ndid not succeed")

    with (
        endpoint(folder, failing) as (_, target),
        contextlib.closing(open_session(target)) as session,
        pytest.raises(ScriptFailed) as caught,
    ):
        session.run("enact", {}, 10)
    assert caught.value.fq_error == "MI RESULT 1"
    assert "enact.ps1 failed on the node: the function\\ndid not succeed" in caught.value.reason


def test_an_error_that_did_not_end_the_script_counts_though_it_answered(folder: Path) -> None:
    error = SimpleNamespace(fq_error="PathNotFound")
    pipeline: Any = SimpleNamespace(
        had_errors=False, streams=SimpleNamespace(error=[error]), output=['{"version": 1}']
    )
    with endpoint(folder) as (_, target), contextlib.closing(open_session(target)) as session:
        assert isinstance(session, WinrmSession)
        with pytest.raises(ScriptFailed, match="PathNotFound"):
            session._answer(pipeline, "read")


@pytest.mark.parametrize("answer", ["", "not JSON", "[]", '{"version": 2}'])
def test_an_answer_that_is_none_is_an_error_of_ours(folder: Path, answer: str) -> None:
    with (
        endpoint(folder, lambda text, parameters: answer) as (_, target),
        contextlib.closing(open_session(target)) as session,
        pytest.raises(StateError),
    ):
        session.run("read", {}, 10)


def test_a_script_without_an_answer_ends_at_its_time_limit(folder: Path) -> None:
    release = threading.Event()

    def slow(text: str, parameters: Mapping[str, object]) -> str:
        release.wait(20)
        return '{"version": 1}'

    began = time.monotonic()
    with endpoint(folder, slow) as (served, target), contextlib.closing(open_session(target)) as session:
        with pytest.raises(DeadlinePassed, match=r"follow\.ps1 did not answer within 1 s"):
            session.run("follow", {}, 1.0)
        words = [exchange.operation for exchange in served.service.recorder.exchanges()]
        release.set()
    assert words[-1] == "Signal"
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.DROP_AFTER, FaultKind.FAULT, FaultKind.STATUS])
@pytest.mark.parametrize("operation", [Operation.COMMAND, Operation.RECEIVE])
def test_a_connection_that_breaks_is_a_lost_session(
    folder: Path, operation: Operation, kind: FaultKind
) -> None:
    with endpoint(folder) as (served, target), contextlib.closing(open_session(target)) as session:
        served.service.inject(
            FaultRule(operation, kind, code=503 if kind is FaultKind.STATUS else 2150858843)
        )
        with pytest.raises(SessionLost) as caught:
            session.run("read", {}, 10)
    assert caught.value.exit_code == 4
    assert_clean(caught.value)


def test_a_node_that_restarts_is_a_lost_session_and_a_new_one_works(folder: Path) -> None:
    with endpoint(folder) as (served, target):
        with contextlib.closing(open_session(target)) as session:
            served.service.drop_shells()
            with pytest.raises(SessionLost, match="no longer knows our shell"):
                session.run("read", {}, 10)
        with contextlib.closing(open_session(target)) as session:
            assert session.run("read", {}, 10)["version"] == 1


def test_a_wrong_password_is_refused(folder: Path) -> None:
    with endpoint(folder) as (_, target), pytest.raises(AuthenticationRefused) as caught:
        open_session(replace(target, password=WRONG))
    assert caught.value.exit_code == 5
    assert caught.value.reason == "it refused lab by basic"
    assert_clean(caught.value)


def test_access_denied_is_told_apart_from_a_wrong_password(folder: Path) -> None:
    with endpoint(folder) as (served, target):
        served.service.inject(FaultRule(Operation.CREATE, FaultKind.FAULT, code=5))
        with pytest.raises(AuthenticationRefused, match="denies access"):
            open_session(target)


def test_a_way_to_log_in_that_the_node_does_not_offer_is_named(folder: Path) -> None:
    with (
        endpoint(folder) as (_, target),
        pytest.raises(AuthenticationRefused, match=r"does not offer.* ntlm"),
    ):
        open_session(replace(target, auth="ntlm"))


def test_a_missing_kerberos_library_is_named_with_what_installs_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*arguments: object, **named: object) -> None:
        raise ImportError("GSSAPIProxy requires the Python gssapi library")

    monkeypatch.setattr("pypsrp.wsman._TransportHTTP.send", missing)
    target = replace(address(folder, 1), auth="kerberos")
    with pytest.raises(AuthenticationRefused, match=r"pip install 'mimc\[kerberos\]'"):
        open_session(target)


def test_an_untrusted_authority_is_named_with_the_step(folder: Path) -> None:
    with (
        endpoint(folder) as (_, target),
        pytest.raises(Unreachable, match="not signed by an authority") as caught,
    ):
        open_session(replace(target, ca_file=folder / "other.pem"))
    assert_clean(caught.value)


def test_a_certificate_for_another_name_is_told_apart(folder: Path) -> None:
    with (
        endpoint(folder, certificate="elsewhere") as (_, target),
        pytest.raises(Unreachable, match=r"for another name than 127\.0\.0\.1"),
    ):
        open_session(target)


def test_a_port_without_a_listener_is_named(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match=f"nothing listens at 127.0.0.1:{port}") as caught:
        open_session(address(folder, port))
    assert (caught.value.exit_code, caught.value.target) == (4, "corpsync")
    assert_clean(caught.value)


def test_a_name_that_does_not_resolve_is_named(folder: Path) -> None:
    with pytest.raises(Unreachable, match=r"nowhere\.invalid does not resolve"):
        open_session(replace(address(folder, 5986), host="nowhere.invalid"))


@contextlib.contextmanager
def listener(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection with *handle*."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError), server.accept()[0] as connection:
                handle(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


def test_a_listener_without_tls_is_named(folder: Path) -> None:
    def plain(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with listener(plain) as port, pytest.raises(Unreachable, match="does not speak TLS"):
        open_session(address(folder, port))


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP status 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "not WinRM"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<a/>", "not WinRM"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<a/>", "closed the connection"),
        (b"nonsense\r\n\r\n", "closed the connection"),
        (b"", "closed the connection"),
    ],
)
def test_another_server_is_unreachable_and_no_traceback(folder: Path, reply: bytes, text: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")

    def strange(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            secure.recv(65536)
            secure.sendall(reply)

    with listener(strange) as port, pytest.raises(Unreachable, match=text) as caught:
        open_session(address(folder, port))
    assert_clean(caught.value)


def test_a_node_that_takes_the_connection_and_is_silent_is_told_in_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mimc.pusher.winrm._CONNECT_TIMEOUT_S", 0.3)
    monkeypatch.setattr("mimc.pusher.winrm._READ_TIMEOUT_S", 0.3)
    with (
        listener(lambda connection: time.sleep(1)) as port,
        pytest.raises(Unreachable, match=r"no answer from .* in time"),
    ):
        open_session(address(folder, port))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"auth": "digest"}, "no such way to log in: digest"),
        ({"password": None}, "basic needs a user and a password"),
        ({"user": "", "auth": "ntlm"}, "ntlm needs a user and a password"),
        ({"ca_file": Path("missing.pem")}, "missing.pem: No such file"),
        ({"ca_file": Path(__file__)}, "no CA certificates"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_sent(
    folder: Path, changes: Mapping[str, object], text: str
) -> None:
    with pytest.raises(InputError, match=text):
        open_session(replace(address(folder, 1), **changes))  # type: ignore[arg-type]


def test_proxies_of_the_environment_are_not_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with endpoint(folder) as (_, target):
        open_session(target).close()


def test_the_libraries_log_no_message_whatever_the_root_logs(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with endpoint(folder) as (served, target), contextlib.closing(open_session(target)) as session:
        session.run("read", {"Account": ["canary-value-1"]}, 10)
        served.service.inject(FaultRule(Operation.COMMAND, FaultKind.STATUS, code=500))
        with pytest.raises(SessionLost):
            session.run("read", {"Account": ["canary-value-2"]}, 10)
    assert "canary" not in caplog.text
    assert not [
        record for record in caplog.records if record.name.startswith(("pypsrp", "requests", "spnego"))
    ]


def assert_clean(error: MimcError) -> None:
    """The error is one sentence and a step; neither it nor what it came from holds a secret or a cause."""
    assert error.__cause__ is None
    assert error.__suppress_context__
    shown = "".join(traceback.format_exception(error))
    assert "canary" not in shown
    assert len(str(error).splitlines()) == 2
    assert "HTTPSConnectionPool" not in str(error)
