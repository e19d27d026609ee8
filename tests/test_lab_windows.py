"""What the stand-ins for Windows are told: registry, drives, the socket; without any PowerShell."""

import base64
import hashlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mimc.lab import installer, open_lab, registry
from mimc.lab.answers import Answers
from mimc.lab.bridge import Bridge, Caller
from mimc.lab.drives import Drives
from mimc.lab.locate import PowerShell, find_powershell
from mimc.lab.node import NodeFile, Tree, new_state, put
from mimc.lab.server import Reader, sid_of
from mimc.lab.wanted import Wanted
from mimc.lab.windows_lcm import _records
from mimc.lab.windows_node import WindowsNode, _binary
from mimc.resources.module import archive

from .lab_node import JOB, VERSION, Client

SERVICE = r"SYSTEM\CurrentControlSet\Services\FIMSynchronizationService"
RULES = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules"
KEY_BACKUP = r"SOFTWARE\mimc\MimSyncDsc\KeyBackup"


@pytest.fixture
def state() -> Tree:
    return new_state("corpsync", "corpsync.contoso.com")


@pytest.fixture
def installed(state: Tree) -> Tree:
    installer.install(state, Wanted({"ServiceAccount": r"CORPSYNC\sync", "SqlServer": "corpsql.contoso.com"}))
    return state


def test_a_node_without_the_product_has_neither_its_service_nor_its_uninstall_entry(state: Tree) -> None:
    assert registry.values(state, SERVICE) is None
    assert registry.values(state, r"software\classes\sqlncli11") is not None, "names ignore case"
    assert registry.values(state, r"SOFTWARE\Classes") == {}, "a key on the way has no values"


def test_the_product_is_where_setup_would_have_put_it(installed: Tree) -> None:
    uninstall = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
    assert registry.children(installed, uninstall) == [installed["productCode"]]
    assert registry.values(installed, SERVICE) == {
        "ObjectName": r".\sync",
        "Start": "2",
    }, "a local account has a dot"
    parameters = registry.values(installed, rf"{SERVICE}\Parameters")
    assert parameters and parameters["Server"] == "corpsql.contoso.com" and "SQLInstance" not in parameters


@pytest.mark.parametrize("word", ["on", "off"])
def test_the_firewall_of_the_state_is_that_of_the_rules(installed: Tree, word: str) -> None:
    installed["firewall"] = "off"
    registry.add_setup_rule(installed)
    assert installed["firewall"] == "on"
    installed["firewall"] = word  # tampered with
    (rule,) = (registry.values(installed, RULES) or {}).values()
    assert f"|Active={str(word == 'on').upper()}|" in rule
    (name,) = registry.values(installed, RULES) or {}
    registry.set_rule(installed, name, word == "off")
    assert installed["firewall"] == ("on" if word == "off" else "off")


def test_a_rule_is_there_when_the_other_engine_has_turned_the_firewall_on(installed: Tree) -> None:
    installed["firewall"] = "on"
    assert len(registry.values(installed, RULES) or {}) == 1


def test_a_recorded_key_export_is_the_key_backup_of_the_state(state: Tree) -> None:
    for name, value in {"Time": "2026-11-24T17:00:00.0000000Z", "Path": r"C:\k.bin", "Sha256": "x"}.items():
        registry.write(state, KEY_BACKUP, {name: value})
    assert (state["keyBackup"], state["keyBackupPath"]) == ("present", r"C:\k.bin")
    record = registry.values(state, KEY_BACKUP)
    assert record and record["Sha256"] == hashlib.sha256(registry.KEY_FILE).hexdigest()


def test_a_pending_restart_is_a_key_that_goes_with_it(state: Tree) -> None:
    path = r"SOFTWARE\mimc\MimSyncDsc\RebootPending"
    registry.write(state, path, {"SetupExitCode": "3010"})
    assert registry.values(state, path) is not None
    state["rebootRequired"] = "no"
    assert registry.values(state, path) is None


def test_any_other_key_is_kept_and_removed(state: Tree) -> None:
    registry.write(state, r"SOFTWARE\mimc\Document", {"Name": "X"})
    assert registry.values(state, r"SOFTWARE\mimc\document") == {"Name": "X"}
    registry.remove(state, r"SOFTWARE\mimc\Document")
    assert registry.values(state, r"SOFTWARE\mimc\Document") is None


def drives(folder: Path) -> Drives:
    return Drives(NodeFile(folder, "corpsync"))


@pytest.mark.parametrize(
    ("path", "below"),
    [
        (r"C:\MIM\keys\k.bin", "C/MIM/keys/k.bin"),
        ("c:/MIM", "C/MIM"),
        (r"\\corpfs\media\x", "UNC/corpfs/media/x"),
        (r"C:\..\..\..\etc\passwd", "C/etc/passwd"),
        (r"\\..\..\..\..\etc\passwd", "UNC/etc/passwd"),
        (r"D:\a\..\b", "D/b"),
    ],
)
def test_no_path_of_windows_leads_out_of_the_lab(tmp_path: Path, path: str, below: str) -> None:
    assert drives(tmp_path).real(path) == drives(tmp_path).root / below


def test_documents_and_key_file_are_what_the_state_says(tmp_path: Path, state: Tree) -> None:
    there = drives(tmp_path)
    current = there.real(r"C:\Windows\System32\Configuration\Current.mof")
    put(state, "keyBackupPath", r"C:\MIM\k.bin")
    for document, key, content in (("Theirs", "present", registry.KEY_FILE), ("", "empty", b"")):
        state["document"], state["keyBackup"] = document, key
        there.agree(state)
        assert current.exists() is bool(document)
        assert there.real(r"C:\MIM\k.bin").read_bytes() == content
    state["keyBackup"] = "missing"
    there.agree(state)
    assert not there.real(r"C:\MIM\k.bin").exists()


def test_a_sid_is_binary_as_sql_server_stores_it() -> None:
    assert base64.b64decode(_binary("S-1-5-32-544")) == bytes.fromhex("01020000000000052000000020020000")


def test_the_newest_record_is_of_the_document_that_the_node_holds(state: Tree) -> None:
    good = {"status": "Success", "rebootRequested": False, "error": ""}
    bad = {"status": "Failure", "rebootRequested": False, "error": "no"}
    job = "0e0f4b1c-6a60-4a83-9d0f-2c3c3a1f6a11"
    state["job"] = {"id": job, "left": 0, "result": good, "configuration": "Ours"}
    state["document"] = "Theirs"
    assert [record["MetaData"].split("; ")[1] for record in _records(state)] == ["Name: Ours", "Name: Theirs"]
    state["job"]["result"], state["pendingDocument"] = bad, "Ours"
    records = _records(state)
    assert [record["Status"] for record in records] == ["Success", "Failure"]
    assert records[0]["StartDate"] < records[1]["StartDate"]


def ask(path: Path, *lines: object) -> list[Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect(str(path))
        with client.makefile("rwb") as stream:
            stream.write(str(lines[0]).encode() + b"\n")
            answers = []
            for line in lines[1:]:
                stream.write(json.dumps(line).encode() + b"\n")
                stream.flush()
                answers.append(json.loads(stream.readline() or b"null"))
            return answers


def test_the_socket_answers_only_whom_it_admitted_and_closes_its_folder(state: Tree) -> None:
    alice = Caller(Reader("alice"))
    with Bridge(lambda caller, call, given: {call: caller.reader.name, **given}) as bridge:
        path = bridge.path
        assert path.parent.stat().st_mode & 0o077 == 0
        token = bridge.admit(alice)
        asked = {"call": "who", "with": {"text": "2026-11-24", "list": ["a"], "none": None}}
        told = {"answer": {"who": "'alice", "text": "'2026-11-24", "list": ["'a"], "none": None}}
        assert ask(path, token, asked) == [told]
        assert ask(path, "somebody", asked) == [None]
        bridge.dismiss(token)
        assert ask(path, token, asked) == [None]
    assert not path.parent.exists()


def test_a_question_that_fails_is_an_answer_and_the_next_one_is_heard() -> None:
    def answer(caller: Caller, call: str, given: object) -> str:
        if call == "bad":
            raise KeyError(call)
        return call

    with Bridge(answer) as bridge:
        token = bridge.admit(Caller(Reader("x")))
        questions: list[object] = [{"call": call, "with": {}} for call in ("bad", "good")]
        assert ask(bridge.path, token, *questions) == [
            {"failed": "'the lab failed: KeyError: 'bad'"},
            {"answer": "'good"},
        ]


def test_names_resolve_as_for_the_other_engine(state: Tree) -> None:
    assert sid_of(state, r"contoso\x") == sid_of(state, r"CONTOSO\X")


@pytest.mark.engine
def test_lab_serve_says_which_engine_it_serves_and_ends_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mimc", "lab", "serve", "--engine", "powershell", "--output", "json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ
    ) as serving:
        assert serving.stdout and serving.stderr
        served = json.loads(serving.stdout.readline())
        told = serving.stderr.readline().decode()
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(20) == 0
    assert served["lab"] == "powershell"
    assert told.startswith("lab (real PowerShell 7.") and "simulated Windows" in told


@pytest.mark.engine
def test_a_lab_that_is_closed_while_its_lcm_enacts_leaves_a_failed_job_and_no_process(
    tmp_path: Path, lab_template: Path
) -> None:
    shutil.copytree(lab_template, tmp_path / "lab")
    lab = open_lab(tmp_path / "lab", "corpsync")
    client = Client(lab, Answers(lab.node))
    client.configure()
    installed = drives(lab.node.folder).real(
        rf"C:\Program Files\WindowsPowerShell\Modules\MimSyncDsc\{VERSION}"
    )
    with zipfile.ZipFile(io.BytesIO(archive().archive)) as packed:
        packed.extractall(installed)
    with WindowsNode(lab.node, find_powershell(os.environ), os.environ) as node:
        data = client.mof()
        framed = (len(data) + 4).to_bytes(4, "little") + data
        order = {"configurationdata": base64.b64encode(framed).decode(), "force": True, "jobid": JOB}
        node._lcm.call("SendConfigurationApplyAsync", order)
        deadline = time.monotonic() + 10
        while not (processes := list(node._processes)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert lab.state["lcm"]["state"] == "Busy"
    (process,) = processes
    assert process.returncode == -signal.SIGKILL
    job = lab.state["job"]
    assert job["result"]["status"] == "Failure" and lab.state["lcm"]["state"] == "PendingConfiguration"
    assert job["runAs"] == {"[MimSyncService]Sync": r"contoso\miminstall (named only)"}, (
        "recorded, not pretended"
    )


@pytest.mark.parametrize(
    ("process", "word"),
    [(os.getpid(), "PendingConfiguration"), (os.getppid(), "Busy"), (None, "Busy")],
    ids=["ours", "another", "nobody"],
)
def test_a_job_is_given_up_only_when_nobody_can_end_it(
    tmp_path: Path, lab_template: Path, process: int | None, word: str
) -> None:
    shutil.copytree(lab_template, tmp_path / "lab")
    node = open_lab(tmp_path / "lab", "corpsync").node
    state = node.load()
    state["lcm"]["state"] = "Busy"
    state["job"] = {"id": JOB, "left": 0, "result": None, "process": process}
    node.save(state)
    with WindowsNode(node, PowerShell(Path("/no/such/pwsh"), "7.0"), {}):
        assert node.load()["lcm"]["state"] == word
