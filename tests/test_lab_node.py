"""The lab's folder and state file, and ``mimc lab``: serve, show, tamper, reset."""

import argparse
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from mimc.commands import lab as command
from mimc.errors import InputError, UsageError
from mimc.lab import find_node, open_lab, reset, targets
from mimc.lab.answers import Answers
from mimc.lab.node import SETTINGS, Form, NodeFile, new_state, value_at
from mimc.lab.tampering import shown, tamper

from .lab_node import CANARY, NOW, Client

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab with the node corpsync, the product installed."""
    folder = tmp_path_factory.mktemp("made") / "lab"
    lab = open_lab(folder, "corpsync", "corpsync.contoso.com")
    client = Client(lab, Answers(lab.node, lambda: NOW))
    assert client.apply()["status"] == "Success"
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / ".mimc" / "lab")
    return tmp_path / ".mimc" / "lab"


def mimc_lab(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(list(words)))


@POSIX
def test_the_folder_is_ours_alone_and_ignores_itself(tmp_path: Path) -> None:
    lab = open_lab(tmp_path / "deep" / "lab", "corpsync")
    assert stat.S_IMODE(lab.node.folder.stat().st_mode) == 0o700
    assert (lab.node.folder / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE(lab.node.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(lab.node.path.stat().st_mode) == 0o600
    assert lab.state["host"] == "corpsync.contoso.com" and lab.state["computerName"] == "CORPSYNC"


@POSIX
def test_a_folder_that_others_may_enter_is_refused(folder: Path, tmp_path: Path) -> None:
    folder.chmod(0o750)
    for use in (lambda: open_lab(folder, "corpsync"), lambda: targets(folder), lambda: reset(folder)):
        with pytest.raises(InputError, match="chmod 700"):
            use()
    folder.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(InputError, match="not a link"):
        open_lab(link, "corpsync")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="the lab's folder"):
        open_lab(tmp_path / "file", "corpsync")


@POSIX
def test_a_folder_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(InputError, match="belongs to another user"):
        open_lab(folder, "corpsync")


def test_a_node_keeps_its_name_and_its_certificate(folder: Path) -> None:
    lab = open_lab(folder, "corpsync", "CORPSYNC.contoso.com")
    assert lab.encryption_certificate == open_lab(folder, "corpsync").encryption_certificate
    with pytest.raises(InputError, match=r"is corpsync\.contoso\.com, not other\.contoso\.com"):
        open_lab(folder, "corpsync", "other.contoso.com")


def test_a_node_is_named_by_its_host(tmp_path: Path) -> None:
    assert new_state("t", "sync01.fabrikam.local")["computerName"] == "SYNC01"
    assert new_state("sync-one", "10.1.2.3")["computerName"] == "SYNC-ONE"


@pytest.mark.parametrize("name", ["../x", "", ".x", "a/b", "a b", "x" * 70])
def test_a_target_that_is_no_file_name_is_refused(folder: Path, name: str) -> None:
    for use in (open_lab, find_node):
        with pytest.raises(UsageError, match="cannot be the name"):
            use(folder, name)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b"[" * 100_000,
        {"format": 2},
        {"firewall": "maybe"},
        {"slow": "many"},
        {"slow": True},
        {"lcm": {}},
        {"job": []},
        {"groups": None},
    ],
)
def test_a_damaged_state_file_names_the_way_out(folder: Path, damage: bytes | dict[str, Any]) -> None:
    path = folder / "corpsync.json"
    whole = (
        json.dumps({**json.loads(path.read_bytes()), **damage}).encode()
        if isinstance(damage, dict)
        else damage
    )
    path.write_bytes(whole)
    with pytest.raises(InputError, match="mimc lab reset corpsync"):
        NodeFile(folder, "corpsync").load()
    assert mimc_lab("reset", "corpsync", "--folder", str(folder)) == 0
    assert targets(folder) == []


def other_value(path: str, form: Form, choices: tuple[str, ...], now: str) -> str:
    if choices:
        return next(choice for choice in choices if choice != now)
    texts = {
        Form.ACCOUNT: "contoso\\x",
        Form.ACCOUNTS: "contoso\\x,contoso\\y",
        Form.NUMBER: "3",
        Form.VERSION: "4.7.3.0",
    }
    return texts.get(form, f"new {path}")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.path)
def test_every_path_takes_what_it_says_and_refuses_the_rest(folder: Path, setting: Any) -> None:
    node = NodeFile(folder, "corpsync")
    value = other_value(
        setting.path, setting.form, setting.choices, shown(value_at(node.load(), setting.path))
    )
    tamper(node, [f"{setting.path}={value}"])
    assert shown(value_at(node.load(), setting.path)) == value
    before = node.path.read_bytes()
    if setting.form is not Form.TEXT:
        with pytest.raises(UsageError, match="cannot be"):
            tamper(node, [f"{setting.path}=no\\such;value"])
    with pytest.raises(UsageError, match="cannot be"):
        tamper(node, [f"{setting.path}=a\x1b[31m\n"])
    with pytest.raises(UsageError, match="write it as"):
        tamper(node, [setting.path])
    assert node.path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("fierwall=off", "did you mean firewall?"),
        ("groups.admins=x", "did you mean groups"),
        ("database=x", "did you mean database."),
        ("=x", "is nothing of the simulated server"),
        ("lcm=x", "is nothing of the simulated server"),
        ("lcm.state=Bussy", "did you mean Busy?"),
        ("firewall=offf", "did you mean off?"),
        ("setup.exitCode=7", "allowed are 0, 1602"),
        ("slow=-1", "it takes number"),
    ],
)
def test_a_wrong_change_says_what_was_meant_and_writes_nothing(folder: Path, change: str, said: str) -> None:
    node = NodeFile(folder, "corpsync")
    before = node.path.read_bytes()
    with pytest.raises(UsageError) as caught:
        tamper(node, ["sql=refused", change])
    assert said in str(caught.value)
    assert node.path.read_bytes() == before


def test_a_product_that_is_not_installed_cannot_be_tampered_with(tmp_path: Path) -> None:
    node = NodeFile(tmp_path, "corpsync")
    node.save(new_state("corpsync", "corpsync.contoso.com"))
    for setting in SETTINGS:
        if setting.of_product:
            with pytest.raises(UsageError, match="not installed on corpsync"):
                tamper(node, [f"{setting.path}={setting.choices[0] if setting.choices else 'x'}"])
    tamper(node, ["sql=refused"])


def test_show_and_tamper_list_what_there_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mimc_lab("tamper", "corpsync", "firewall=off", "--folder", str(folder)) == 0
    assert capsys.readouterr().out == "corpsync: firewall=off\n"
    for words in (["show"], ["show", "corpsync"], ["tamper", "corpsync"]):
        assert mimc_lab(*words, "--folder", str(folder)) == 0
        shown = capsys.readouterr().out
        assert "firewall=off" in shown and "sql=reachable" in shown and "simulated" in shown
        assert all(setting.path + "=" in shown for setting in SETTINGS)
    assert mimc_lab("show", "--output", "json", "--folder", str(folder)) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["version"] == 1 and answer["nodes"][0]["firewall"] == "off"
    assert CANARY not in json.dumps(answer)


def test_a_target_that_is_not_there_is_a_usage_error(folder: Path, tmp_path: Path) -> None:
    for words in (["show", "corpsink"], ["tamper", "corpsink", "sql=refused"], ["reset", "corpsink"]):
        with pytest.raises(UsageError, match="there are: corpsync"):
            mimc_lab(*words, "--folder", str(folder))
    with pytest.raises(UsageError, match="it is empty"):
        mimc_lab("show", "corpsync", "--folder", str(tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()


def test_reset_removes_the_labs_own_files_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.json").write_text("kept")
    open_lab(folder, "other")
    assert mimc_lab("reset", "other", "--folder", str(folder)) == 0
    assert "other.json" in capsys.readouterr().out and targets(folder) == ["corpsync"]
    assert mimc_lab("reset", "--folder", str(folder)) == 0
    assert [path.name for path in folder.iterdir()] == ["mine.json"]
    (folder / "mine.json").unlink()
    open_lab(folder, "corpsync")
    assert mimc_lab("reset", "--folder", str(folder)) == 0
    assert not folder.exists() and folder.parent.exists()
    assert mimc_lab("reset", "--folder", str(folder)) == 0


def test_a_port_in_use_is_one_clear_message(folder: Path) -> None:
    lab = open_lab(folder, "corpsync")
    with lab.serve() as served:
        with (
            pytest.raises(InputError, match=f"127.0.0.1:{served.port}: the lab cannot listen"),
            lab.serve(served.port),
        ):
            pass
        assert served.password_file.read_text() == served.password.reveal()
    assert not served.password_file.exists()


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    code = (
        "import argparse, sys\nfrom mimc.commands import lab\np = argparse.ArgumentParser()\n"
        "lab.add_arguments(p)\nsys.exit(lab.run(p.parse_args()))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, "serve", "--folder", str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def served(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    process = start(folder, "--output", "json")
    assert process.stdout is not None
    with process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


@POSIX
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_serve_says_how_to_connect_and_ends_cleanly(
    served: tuple["subprocess.Popen[str]", dict[str, Any]], number: signal.Signals, code: int
) -> None:
    process, facts = served
    assert facts["lab"] == "simulated" and facts["host"] == "127.0.0.1" and facts["user"] == "lab"
    password = Path(facts["passwordFile"])
    secret = password.read_text()
    assert stat.S_IMODE(password.stat().st_mode) == 0o600 and secret not in json.dumps(facts)
    time.sleep(0.2)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert "Traceback" not in err and "simulated" in err and secret not in out + err
    assert not password.exists()


@POSIX
def test_an_unmodified_pypsrp_is_answered_and_sees_tampering_at_once(
    served: tuple["subprocess.Popen[str]", dict[str, Any]], folder: Path
) -> None:
    from mimc.pusher import scripts

    _, facts = served
    connection = WSMan(
        facts["host"],
        port=facts["port"],
        username=facts["user"],
        password=Path(facts["passwordFile"]).read_text(),
        auth="basic",
        ssl=True,
        cert_validation=facts["caFile"],
        encryption="never",
    )
    with connection, RunspacePool(connection) as pool:
        for value in ("on", "off"):
            assert mimc_lab("tamper", "corpsync", f"firewall={value}", "--folder", str(folder)) == 0
            shell = PowerShell(pool)
            shell.add_script(scripts.read("read"))
            shell.add_parameter("Account", ["contoso\\MIMSync"])
            shell.add_parameter("KeyBackupPath", "C:\\MIM\\keys\\miiskeys.bin")
            [text] = shell.invoke()
            state = json.loads(text)["state"]
            assert state["properties"]["EnableRpcFirewallRules"] == {"value": value == "on"}


def test_a_state_file_that_is_gone_names_the_way_out(folder: Path) -> None:
    (folder / "corpsync.json").unlink()
    with pytest.raises(InputError, match=r"is missing\n.*mimc lab reset corpsync"):
        find_node(folder, "corpsync").load()
    open_lab(folder, "corpsync")
    assert not find_node(folder, "corpsync").load()["installed"]


def _together(folder: Path, count: int, *arguments: str) -> list[tuple[int, str]]:
    command = [sys.executable, "-m", "mimc", *arguments]
    running = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    return [(process.wait(60), process.communicate()[1]) for process in running]


def test_several_commands_may_meet_in_a_lab_that_is_not_there_yet(tmp_path: Path) -> None:
    spec = str(Path(__file__).parent.parent / "examples" / "contoso" / "spec.yaml")
    for code, text in _together(tmp_path, 3, "drift", spec, "--lab"):
        assert code == 2, text


def test_applies_at_once_on_one_node_end_well_or_say_who_was_in_the_way(tmp_path: Path) -> None:
    spec = str(Path(__file__).parent.parent / "examples" / "contoso" / "spec.yaml")
    done = _together(tmp_path, 3, "apply", spec, "--target", "corpsync", "--lab", "--yes")
    assert all("Traceback" not in text and "No such file" not in text for _, text in done), done
    assert any(code == 0 for code, _ in done), done
    assert _together(tmp_path, 1, "drift", spec, "--lab")[0][0] == 0
