"""Every provider of secrets but the vault: what it gives, and what it says when it has nothing to give."""

import errno
import os
import sys
import time
from dataclasses import replace
from pathlib import Path, PurePath

import pytest

from mimc.compiler.providers import Finished, KeyringUnusable, secret_reader
from mimc.compiler.secrets import resolve
from mimc.errors import Position, SpecError
from mimc.secret import Secret

from .secret_sources import (
    ENTRY,
    VAULT_PASSWORD,
    Person,
    ansible_vault,
    keyring,
    python,
    read,
    reference,
    refusal,
    sources,
    write_vaults,
)
from .test_no_secrets import CANARY
from .vaults import vault


@pytest.fixture
def vaults(tmp_path: Path) -> Path:
    return write_vaults(tmp_path)


def test_env_reads_a_variable_as_it_is() -> None:
    assert read({"env": "SYNC"}, sources({"SYNC": " x\n"})) == " x\n"


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ({}, "the environment variable SYNC is not set; type: read -rs SYNC && export SYNC"),
        ({"SYNC": ""}, "the environment variable SYNC is empty; type: read -rs SYNC && export SYNC"),
        ({"SYNC": "CANARY\udcff"}, "the environment variable SYNC is not UTF-8 text"),
        ({"SYNC": "CANARY\0"}, "the environment variable SYNC holds a NUL character"),
    ],
)
def test_env_says_what_is_wrong(environment: dict[str, str], fault: str) -> None:
    assert refusal({"env": "SYNC"}, sources(environment)) == f"spec.yaml:3:7: {fault}"


def test_file_is_relative_to_the_spec_and_its_last_line_end_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "sync").write_text(f"{CANARY}\n", "utf-8")
    assert read({"file": "sync"}, file=str(tmp_path / "spec.yaml")) == CANARY
    assert read({"file": str(tmp_path / "sync")}, file="elsewhere/spec.yaml") == CANARY


def test_file_notes_that_others_may_read_it_once(tmp_path: Path) -> None:
    file = tmp_path / "sync"
    file.write_text("x", "utf-8")
    file.chmod(0o640)
    notes: list[str] = []
    reader = secret_reader(sources(notes=notes))
    there = reference({"file": str(file)})
    resolve([there, replace(there, position=Position("spec.yaml", 9, 9))], reader)
    assert notes == [f"spec.yaml:3:7: others on this machine may read {file}; type: chmod 600 {file}"]
    file.chmod(0o600)
    notes.clear()
    read({"file": str(file)}, sources(notes=notes))
    assert notes == []


def test_file_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, data in (
        ("empty", b""),
        ("large", b"CANARY" * 20000),
        ("nul", b"CANARY\0"),
        ("utf16", b"\xff\xfeC\0"),
    ):
        (tmp_path / name).write_bytes(data)
    wrong = {
        "none": "there is no file none, where the secret file:none should be; create it or correct the path",
        "folder": "folder is a folder; name the file in it that holds the secret file:folder",
        "pipe": "cannot read pipe for the secret file:pipe: not a regular file",
        "empty/x": "cannot read empty/x for the secret file:empty/x: Not a directory",
        "empty": "the file empty is empty",
        "large": "the file large is larger than 64 KiB",
        "nul": "the file nul holds a NUL character",
        "utf16": "the file utf16 is not UTF-8 text (Windows PowerShell writes UTF-16 by >: save it as UTF-8)",
    }
    for name, fault in wrong.items():
        found = refusal({"file": name}, file=str(tmp_path / "spec.yaml"))
        assert found.replace(f"{tmp_path}/", "") == f"spec.yaml:3:7: {fault}"


def test_file_that_may_not_be_read_is_named() -> None:
    def read_file(path: PurePath, limit_bytes: int) -> Secret:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    found = refusal({"file": "sync"}, replace(sources(), read_file=read_file))
    assert found == "spec.yaml:3:7: cannot read sync for the secret file:sync: Permission denied"


def test_systemd_reads_the_credential_of_the_service(tmp_path: Path) -> None:
    (tmp_path / "sync").write_text(CANARY, "utf-8")
    given = sources({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert read({"systemd": "sync"}, given) == CANARY
    assert f"there is no file {tmp_path}/other, where the secret systemd:other" in refusal(
        {"systemd": "other"}, given
    )


def test_systemd_without_a_credentials_folder_says_how_to_get_one() -> None:
    found = refusal({"systemd": "sync"})
    assert "the systemd credential sync is not there" in found and "LoadCredential=sync:PATH" in found


def test_command_takes_stdout_and_no_shell_looks_at_its_arguments() -> None:
    argument = "$(id) `id` ; * 'a' \"b\" \\ ü"
    assert read(python("import sys; print(sys.argv[1])", argument)) == argument


def test_command_has_our_environment_and_nothing_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIMC_TEST_NAME", "sync")
    code = "import os, sys; print(os.environ['MIMC_TEST_NAME'] + repr(sys.stdin.read()))"
    assert read(python(code)) == "sync''"


def test_command_does_not_take_what_we_are_to_read(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    before = os.dup(0)
    try:
        os.dup2(ours, 0)
        os.write(theirs, b"for the question whether to change the node")
        os.close(theirs)
        assert read({"command": ["sh", "-c", "cat; echo nothing"]}) == "nothing"
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(ours)


def test_command_runs_in_the_folder_of_the_spec(tmp_path: Path) -> None:
    script = tmp_path / "give.sh"
    script.write_text("#!/bin/sh\ncat secret.txt\n", "utf-8")
    script.chmod(0o700)
    (tmp_path / "secret.txt").write_text(CANARY, "utf-8")
    assert read({"command": ["./give.sh"]}, file=str(tmp_path / "spec.yaml")) == CANARY


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("pass", "wrote nothing on stdout, where the secret should be"),
        ("print('CAN' 'ARY' + chr(0))", "holds a NUL character"),
        ("import sys; sys.stdout.buffer.write(b'CAN' b'ARY' + bytes([255]))", "is not UTF-8 text"),
        ("print(('CAN' 'ARY') * 100000)", "is larger than 64 KiB"),
        ("import sys; print('CAN' 'ARY'); sys.exit(3)", "ended with exit code 3 (silently); run it by hand"),
        ("import sys; sys.exit('CAN' 'ARY')", "ended with exit code 1 (its 7 bytes of stderr are not shown)"),
        (
            "import os, signal; print('CAN' 'ARY', flush=True); os.kill(os.getpid(), 9)",
            "was ended by signal 9",
        ),
    ],
)
def test_command_that_gives_no_secret_says_why_and_shows_nothing_of_it(code: str, fault: str) -> None:
    found = refusal(python(code))
    assert found.startswith("spec.yaml:3:7: the ") and fault in found
    assert Path(sys.executable).name in found


def test_command_is_ended_at_its_time_limit_with_all_that_holds_its_output_open() -> None:
    begun = time.monotonic()
    code = "import subprocess, sys; print('CAN' 'ARY', flush=True); subprocess.run(['sleep', '4'])"
    found = refusal(python(code, timeoutSeconds=1))
    assert "did not end within 1 s and was ended; timeoutSeconds gives it longer" in found
    assert time.monotonic() - begun < 3


def test_output_that_comes_after_the_time_limit_is_nobodys() -> None:
    """A child left behind keeps its own pipe: its late words are not the next command's, nor the other way round."""
    late = "import subprocess; subprocess.run(['sh', '-c', 'sleep 2; echo CAN' 'ARY'])"
    assert "did not end within 1 s" in refusal(python(late, timeoutSeconds=1))
    begun = time.monotonic()
    while time.monotonic() - begun < 1.5:
        assert read({"command": ["echo", "mine"]}) == "mine"


def test_command_that_is_not_there_or_may_not_be_run_says_so(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x", "utf-8")
    (tmp_path / "broken").write_bytes(b"\x7fELF")
    (tmp_path / "broken").chmod(0o700)
    spec = str(tmp_path / "spec.yaml")
    assert "the command no-such-tool was not found; install it" in refusal({"command": ["no-such-tool"]})
    assert "the command gone was not found" in refusal({"command": ["./gone"]}, file=spec)
    assert "the command plain cannot be started: Permission denied" in refusal(
        {"command": ["./plain"]}, file=spec
    )
    assert "the command broken cannot be started: Exec format error" in refusal(
        {"command": ["./broken"]}, file=spec
    )


def test_command_runs_once_for_all_places_that_need_it(tmp_path: Path) -> None:
    code = "import sys; open(sys.argv[1], 'a').write('x'); print('y')"
    there = reference(python(code, str(tmp_path / "count")))
    reader = secret_reader(sources())
    resolve([there, replace(there, position=Position("spec.yaml", 9, 9))], reader)
    resolve([there], reader)
    assert (tmp_path / "count").read_text("utf-8") == "x"


def test_prompt_asks_once_for_each_question_and_in_their_order() -> None:
    person = Person()
    one, other = reference({"prompt": "One"}), reference({"prompt": "Other"})
    again = replace(one, position=Position("spec.yaml", 9, 9))
    reader = secret_reader(sources(ask=person))
    assert {s.reveal() for s in resolve([one, other, again], reader).values()} == {CANARY}
    resolve([one], reader)
    assert person.asked == ["One", "Other"]


def test_what_is_asked_for_is_known_when_everything_is_resolved(vaults: Path) -> None:
    """Nothing is left to be asked, or to be found wrong, while documents are written."""
    person = Person(VAULT_PASSWORD)
    asked = ansible_vault(vaults / "whole.yml", "mim.sync", prompt="Vault")
    resolve([reference({"prompt": "One"}), reference(asked)], secret_reader(sources(ask=person)))
    assert person.asked == ["One", "Vault"]
    with pytest.raises(SpecError, match="cannot be opened"):
        resolve([reference(asked)], secret_reader(sources(ask=Person("CANARY-wrong"))))


def test_what_is_wrong_with_a_vault_is_said_beside_everything_else(vaults: Path) -> None:
    wanted = [
        reference(ansible_vault(vaults / "value.vault")),
        reference(ansible_vault(vaults / "whole.yml", "mim.sync", prompt="Vault")),
        reference({"env": "GONE"}),
    ]
    with pytest.raises(SpecError) as caught:
        resolve(wanted, secret_reader(sources({"VAULT": "CANARY-wrong"})))
    text = str(caught.value)
    assert len(caught.value.problems) == 3
    assert (
        "value.vault cannot be opened" in text and "no terminal to ask for 'Vault'" in text and "GONE" in text
    )


def test_nobody_is_asked_while_anything_else_is_missing(tmp_path: Path) -> None:
    (tmp_path / "all.yml").write_text(vault("a: b", VAULT_PASSWORD), "utf-8")
    person = Person()
    wanted = [
        reference({"prompt": "One"}),
        reference(ansible_vault(tmp_path / "all.yml", "a", prompt="Vault")),
        reference({"env": "GONE"}),
        reference({"file": "gone"}),
    ]
    with pytest.raises(SpecError) as caught:
        resolve(wanted, secret_reader(sources(ask=person)))
    assert [str(problem).partition(" is not")[0].partition(",")[0] for problem in caught.value.problems] == [
        "spec.yaml:3:7: the environment variable GONE",
        "spec.yaml:3:7: there is no file gone",
    ]
    assert person.asked == []


def test_without_a_terminal_every_question_is_a_problem_beside_all_others() -> None:
    wanted = [reference({"prompt": "One"}), reference({"env": "GONE"}), reference({"prompt": "Other"})]
    with pytest.raises(SpecError) as caught:
        resolve(wanted, secret_reader(sources()))
    assert len(caught.value.problems) == 3
    assert "there is no terminal to ask for 'One' on; without one write {secret: {env: NAME}}" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("", "the question 'Sync' was not answered"),
        ("CANARY\0", "the answer to 'Sync' holds a NUL character"),
        ("CANARY\udcff", "the answer to 'Sync' is not UTF-8 text"),
    ],
)
def test_an_answer_that_is_no_secret_is_refused(answer: str, fault: str) -> None:
    assert refusal({"prompt": "Sync"}, sources(ask=Person(answer))) == f"spec.yaml:3:7: {fault}"


def test_an_empty_answer_is_refused() -> None:
    found = refusal({"prompt": "Sync"}, sources(ask=lambda text: Secret("")))
    assert found == "spec.yaml:3:7: the answer to 'Sync' is empty"


def test_keyring_is_asked_for_service_and_user(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring(monkeypatch, lambda service, user: f"{service}|{user}")
    assert read(ENTRY) == r"mim|contoso\MIMSync"


def test_keyring_without_the_entry_says_how_to_make_it(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring(monkeypatch, lambda service, user: None)
    assert r"no password of contoso\MIMSync for mim; type: keyring set 'mim' 'contoso\MIMSync'" in refusal(
        ENTRY
    )


def test_keyring_with_an_empty_entry_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring(monkeypatch, lambda service, user: "")
    assert "is empty" in refusal(ENTRY)


def test_keyring_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert r"keyring:mim/contoso\MIMSync cannot be read" in refusal(ENTRY)
    assert "type: pip install 'mimc[keyring]'" in refusal(ENTRY)


def test_keyring_that_fails_is_named_by_its_kind_of_error_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(service: str, user: str) -> str:
        raise RuntimeError("CANARY")

    keyring(monkeypatch, locked)
    assert "the keyring says RuntimeError; type: keyring diagnose" in refusal(ENTRY)


def test_a_command_that_gives_nothing_is_a_problem_of_its_reference() -> None:
    """The type that a runner answers with, by hand: no output, no fault, no crash."""
    given = replace(sources(), run=lambda argv, folder, limit: Finished(0, None, "is empty", 0))
    assert "wrote nothing on stdout" in refusal({"command": ["x"]}, given)


def test_a_keyring_that_cannot_be_used_says_what_to_do() -> None:
    def unusable(service: str, user: str) -> Secret:
        raise KeyringUnusable("no")

    assert refusal(ENTRY, replace(sources(), keyring=unusable)).endswith("cannot be read: no")
