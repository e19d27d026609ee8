"""Every exit code that a verb can end with, through the command line, each with one clear message."""

import io
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mimc import lab
from mimc.lab import Served

from .conftest import CONTOSO, Mimc, Outcome

TARGET = ("--target", "corpsync", "--lab")
REAL = """\
apiVersion: mimc/v1
name: ContosoSync
targets:
  corpsync:
    host: {host}
    connection: {{auth: basic, port: {port}, user: lab, password: {{secret: {{env: LAB_PASSWORD}}}}, ca: {ca}}}
    certificate: corpsync.cer
syncService:
  source: D:\\
  acceptLicense: true
  managedServiceAccount: contoso\\gmsa$
  firewall: true
"""


def assert_clear(done: Outcome, *words: str) -> None:
    """One message, no traceback, and it names what it is about."""
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err


def test_0_and_the_version(mimc: Mimc) -> None:
    with pytest.raises(SystemExit) as caught:
        mimc("--version")
    assert caught.value.code == 0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.yaml", None, ["missing.yaml", "cannot read the spec"]),
        ("empty.yaml", b"", ["empty.yaml:1:1", "empty"]),
        ("binary.yaml", bytes(range(256)), ["binary.yaml:1:1", "not a text file"]),
        ("tab.yaml", b"apiVersion: mimc/v1\ntargets:\n\tx: 1\n", ["tab.yaml:3:1", "a tab indents"]),
        ("twice.yaml", b"name: A\nname: B\n", ["twice.yaml:2:1", "stands twice"]),
    ],
)
@pytest.mark.parametrize("verb", ["validate", "compile", "drift"])
def test_3_a_spec_that_is_none(
    mimc: Mimc, verb: str, name: str, content: bytes | None, words: list[str]
) -> None:
    if content is not None:
        (mimc.folder / name).write_bytes(content)
    done = mimc(verb, name)
    assert done.code == 3
    assert_clear(done, *words)
    assert not (mimc.folder / "build").exists()


def test_3_a_folder_in_the_place_of_a_spec(mimc: Mimc) -> None:
    done = mimc("validate", "examples")
    assert done.code == 3
    assert_clear(done, "examples", "cannot read the spec")


def test_3_no_spec_at_all(mimc: Mimc) -> None:
    done = mimc("validate")
    assert done.code == 3
    assert_clear(done, "spec.yaml", "mimc.yaml")


def test_3_a_missing_secret_shows_the_line_to_type(mimc: Mimc) -> None:
    done = mimc("compile", CONTOSO)
    assert done.code == 3
    assert_clear(
        done, "MIMSYNC_PASSWORD", "read -rs MIMSYNC_PASSWORD && export MIMSYNC_PASSWORD", "3 problems"
    )
    assert not (mimc.folder / "build").exists()


def test_3_a_wrong_certificate_is_named_with_its_place(mimc: Mimc) -> None:
    (mimc.folder / "examples/contoso/certs/corpsync.cer").write_bytes(b"no certificate")
    done = mimc("validate", CONTOSO)
    assert done.code == 3
    assert_clear(done, f"{CONTOSO}:15:18", "not an X.509 certificate")


def test_3_a_credential_without_a_certificate_is_refused(mimc: Mimc, monkeypatch: pytest.MonkeyPatch) -> None:
    file = mimc.folder / CONTOSO
    file.write_text(file.read_text("utf-8").replace("    certificate: certs/corpsync.cer\n", ""), "utf-8")
    done = mimc("compile", CONTOSO)
    assert done.code == 3
    assert_clear(done, "lacks a certificate", "never written in clear")


def test_64_an_unknown_target_with_a_hint(mimc: Mimc) -> None:
    done = mimc("drift", CONTOSO, "--target", "corpsnyc", "--lab")
    assert done.code == 64
    assert_clear(done, "corpsnyc", "did you mean corpsync?")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["aply"], "aply"),
        ([], "VERB"),
        (["drift", CONTOSO, "--tarrget", "x"], "--tarrget"),
        (["drift", CONTOSO, "--output", "xml"], "xml"),
        (["apply", CONTOSO, "--lab", "--yes"], "--target corpsync"),
        (["lab", "tamper", "corpsync", "firewal=off"], "did you mean"),
    ],
)
def test_64_a_command_line_that_cannot_be_meant(mimc: Mimc, arguments: list[str], word: str) -> None:
    done = mimc(*arguments)
    assert done.code == 64
    assert_clear(done, word)


def test_64_no_terminal_and_no_yes_is_refused_before_anything_is_contacted(
    mimc: Mimc, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = mimc.lab_state()
    monkeypatch.setattr("sys.stdin", io.StringIO())
    done = mimc("apply", CONTOSO, *TARGET)
    assert (done.code, mimc.lab_state()) == (64, before)
    assert_clear(done, "--yes")


def answered(answer: str) -> subprocess.CompletedProcess[bytes]:
    """Run apply on a terminal on which *answer* is typed."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        command = [sys.executable, "-m", "mimc", "apply", CONTOSO, *TARGET]
        return subprocess.run(command, stdin=theirs, capture_output=True, check=False, timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("y", 1), ("no", 1), ("", 1)])
def test_apply_asks_on_a_terminal_and_only_yes_is_yes(mimc: Mimc, answer: str, code: int) -> None:
    before = mimc.lab_state()
    done = answered(answer)
    assert done.returncode == code
    assert b"Change it?" in done.stderr and b"database.server" in done.stderr
    assert b"REMOVED" not in done.stderr
    assert (mimc.lab_state() == before) is (code == 1)


def test_apply_says_so_before_it_removes_the_product(applied: Mimc) -> None:
    file = applied.folder / CONTOSO
    text = file.read_text("utf-8")
    file.write_text(
        text.replace("  acceptLicense: true\n", "  acceptLicense: true\n  ensure: Absent\n"), "utf-8"
    )
    done = answered("no")
    assert done.returncode == 1
    assert b"going to be REMOVED, after its keys were exported to C:\\MIM\\keys\\miiskeys.bin" in done.stderr


def test_7_a_restart_is_pending(mimc: Mimc) -> None:
    mimc("lab", "tamper", "corpsync", "setup.exitCode=3010")
    done = mimc("apply", CONTOSO, *TARGET, "--yes")
    assert done.code == 7
    assert "restart" in done.out and "exit 7 (reboot)" in done.out


@pytest.mark.parametrize(
    ("setup", "word"), [("1603", "1603"), ("1618", "another installation"), ("1602", "1602")]
)
def test_1_setup_failed_and_says_why(mimc: Mimc, setup: str, word: str) -> None:
    mimc("lab", "tamper", "corpsync", f"setup.exitCode={setup}")
    done = mimc("apply", CONTOSO, *TARGET, "--yes")
    assert done.code == 1
    assert word in done.out
    assert mimc("drift", CONTOSO, *TARGET).code == 2


def test_124_the_time_limit_passes_while_the_lcm_is_busy(mimc: Mimc) -> None:
    file = mimc.folder / CONTOSO
    text = file.read_text("utf-8")
    file.write_text(text.replace("    certificate:", "    timeLimitSeconds: 1\n    certificate:"), "utf-8")
    mimc("lab", "tamper", "corpsync", "lcm.state=Busy")
    done = mimc("apply", CONTOSO, *TARGET, "--yes")
    assert done.code == 124
    assert_clear(done, "corpsync", "the time limit of 1 s passed while the LCM was busy")


def test_130_ctrl_c_ends_a_running_apply(mimc: Mimc) -> None:
    mimc("lab", "tamper", "corpsync", "slow=1000")
    command = [sys.executable, "-m", "mimc", "apply", CONTOSO, *TARGET, "--yes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stderr
        for line in running.stderr:
            if b"the LCM enacts" in line:
                break
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        rest = running.communicate(timeout=30)[1]
    assert running.returncode == 130
    assert b"interrupted" in rest and b"Traceback" not in rest


@pytest.fixture
def served(mimc: Mimc, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The lab's endpoint, as a server that knows nothing of --lab."""
    there = lab.open_lab(Path(".mimc/lab"), "corpsync")
    (mimc.folder / "corpsync.cer").write_bytes(there.encryption_certificate)
    with there.serve() as served:
        (mimc.folder / "ca.cer").write_bytes(served.ca_file.read_bytes())
        monkeypatch.setenv("LAB_PASSWORD", served.password.reveal())
        yield served


def write_spec(mimc: Mimc, host: str, port: int, ca: str = "ca.cer") -> None:
    (mimc.folder / "spec.yaml").write_text(REAL.format(host=host, port=port, ca=ca), "utf-8")


def test_without_lab_the_same_endpoint_is_a_node_like_any_other(mimc: Mimc, served: Served) -> None:
    write_spec(mimc, "127.0.0.1", served.port)
    done = mimc("apply", "--target", "corpsync", "--yes")
    assert done.code == 0
    assert "simulated" not in done.out
    assert mimc("drift").code == 0


def test_4_nobody_listens(mimc: Mimc, served: Served) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    write_spec(mimc, "127.0.0.1", port)
    done = mimc("drift")
    assert done.code == 4
    assert_clear(done, "corpsync", f"nothing listens at 127.0.0.1:{port}")


def test_4_a_name_that_does_not_resolve(mimc: Mimc, served: Served) -> None:
    write_spec(mimc, "no-such-host.invalid", served.port)
    done = mimc("drift")
    assert done.code == 4
    assert_clear(done, "no-such-host.invalid")


def test_4_a_certificate_for_another_name(mimc: Mimc, served: Served) -> None:
    write_spec(mimc, "localhost", served.port)
    done = mimc("drift")
    assert done.code == 4
    assert_clear(done, "localhost", "certificate", "name")


def test_4_a_certificate_of_an_unknown_authority(mimc: Mimc, served: Served) -> None:
    write_spec(mimc, "127.0.0.1", served.port)
    text = (mimc.folder / "spec.yaml").read_text("utf-8")
    (mimc.folder / "spec.yaml").write_text(text.replace(", ca: ca.cer", ""), "utf-8")
    done = mimc("drift")
    assert done.code == 4
    assert_clear(done, "certificate", "ca")


def test_3_an_authority_file_that_is_not_there(mimc: Mimc, served: Served) -> None:
    write_spec(mimc, "127.0.0.1", served.port, ca="nothing.cer")
    done = mimc("drift")
    assert done.code == 3
    assert_clear(done, "nothing.cer", "spec.yaml:4:3")


def test_5_a_wrong_password(mimc: Mimc, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    write_spec(mimc, "127.0.0.1", served.port)
    monkeypatch.setenv("LAB_PASSWORD", "CANARY-wrong")
    done = mimc("drift")
    assert done.code == 5
    assert_clear(done, "corpsync", "lab")
    assert "CANARY" not in done.err + done.out


def test_whoever_asks_for_json_gets_an_object_when_the_node_cannot_be_reached(
    mimc: Mimc, served: Served
) -> None:
    write_spec(mimc, "localhost", served.port)
    done = mimc("drift", "--output", "json")
    found = json.loads(done.out)
    assert (done.code, found["exitCode"], found["exitWord"]) == (4, 4, "unreachable")
    assert found["results"][0]["status"] == "unreachable"


def test_a_verb_that_reads_asks_for_no_secret_but_the_auditors(
    mimc: Mimc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduled drift has to do without the password of an SQL administrator."""
    text = (mimc.folder / CONTOSO).read_text("utf-8")
    text = text.replace("host: corpsync.contoso.com", "host: 127.0.0.1").replace("port: 5986", "port: 1")
    (mimc.folder / "spec.yaml").write_text(text.replace("certs/", "examples/contoso/certs/"), "utf-8")
    done = mimc("drift")
    assert done.code == 3
    assert_clear(done, "MIMAUDIT_PASSWORD", "1 problem")
    monkeypatch.setenv("MIMAUDIT_PASSWORD", "x")
    assert mimc("drift").code in (4, 5)
    assert mimc("apply", "--target", "corpsync", "--yes").code == 3


def test_3_an_expired_certificate_is_refused(mimc: Mimc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimc.commands.source.expiry_fault", lambda certificate, now: "expired on 2020-01-01")
    for verb in ("validate", "compile"):
        done = mimc(verb, CONTOSO)
        assert done.code == 3
        assert_clear(done, f"{CONTOSO}:15:18", "expired on 2020-01-01")


def test_3_an_empty_variable_is_no_secret(mimc: Mimc, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MIMINSTALL_PASSWORD", "MIMAUDIT_PASSWORD", "MIMSYNC_PASSWORD"):
        monkeypatch.setenv(name, "")
    done = mimc("compile", CONTOSO)
    assert done.code == 3
    assert_clear(done, "MIMSYNC_PASSWORD", "empty")


def test_3_an_auditor_alone_needs_a_certificate_too(mimc: Mimc) -> None:
    text = REAL.format(host="127.0.0.1", port=1, ca="ca.cer").replace("    certificate: corpsync.cer\n", "")
    audit = "  auditAs: {user: contoso\\x, password: {secret: {env: P}}}\n"
    (mimc.folder / "spec.yaml").write_text(text + audit, "utf-8")
    done = mimc("compile")
    assert done.code == 3
    assert_clear(done, "lacks a certificate")


def test_a_bundle_is_written_whole_or_not_at_all(mimc: Mimc) -> None:
    assert mimc("compile", CONTOSO, "--lab", "-o", "out").code == 0
    before = {file.name: file.read_bytes() for file in (mimc.folder / "out").iterdir()}
    (mimc.folder / "out" / "corpsync.meta.mof").unlink()
    (mimc.folder / "out" / "corpsync.meta.mof").mkdir()
    done = mimc("compile", CONTOSO, "--lab", "-o", "out")
    assert done.code == 3
    assert_clear(done, "corpsync.meta.mof", "a folder is in the place of a file")
    after = {file.name: file.read_bytes() for file in (mimc.folder / "out").iterdir() if file.is_file()}
    assert after == {name: data for name, data in before.items() if name != "corpsync.meta.mof"}


@pytest.mark.parametrize(
    ("arguments", "redirect", "code"),
    [
        (["validate", CONTOSO], ">&-", 0),
        (["validate", CONTOSO], "> /dev/full", 1),
        (["drift", CONTOSO, *TARGET], "| true", 2),
        (["drift", CONTOSO, *TARGET], "> /dev/full", 2),
        (["apply", CONTOSO, *TARGET], "<&-", 64),
        (["validate", "/dev/zero"], "", 3),
    ],
)
def test_a_stream_that_is_closed_full_or_endless_is_no_traceback(
    mimc: Mimc, arguments: list[str], redirect: str, code: int
) -> None:
    words = " ".join([sys.executable, "-m", "mimc", *arguments])
    script = f"set -o pipefail; {words} {redirect}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
