"""Secrets: every provider, what it says when there is nothing, and that no value is ever seen."""

import copy
import errno
import inspect
import io
import json
import logging
import os
import pprint
import pty
import shutil
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import types
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimc import lab
from mimc.certificates import issue_document_encryption, read_encryption_certificate
from mimc.cms import open_sealed
from mimc.commands import sources as real
from mimc.compiler import compile_spec
from mimc.compiler.mof_reader import read_mof
from mimc.compiler.providers import Finished, KeyringUnusable, Sources, secret_reader
from mimc.compiler.references import read_reference
from mimc.compiler.secrets import resolve
from mimc.compiler.spec import Spec, check_all, read_spec
from mimc.errors import Position, SpecError
from mimc.secret import MASK, Secret, SecretReference, UnfitSecret, secret_of_bytes
from mimc.vault import VaultError, open_vault

from .conftest import CONTOSO, Mimc, Outcome
from .test_no_secrets import CANARY, assert_absent
from .vaults import armoured, inline, keys, padded, vault

ROOT = Path(__file__).parent.parent
HERE = Position("spec.yaml", 3, 7)
VAULT_PASSWORD = "CANARY-vault-äß"


def reference(data: dict[str, object], file: str = "spec.yaml") -> SecretReference:
    return read_reference({"secret": data}, (), lambda path: Position(file, 3, 7 + len(path)))


def ansible_vault(file: Path | str, key: str = "", /, **password: object) -> dict[str, object]:
    found = {"file": str(file), "password": {"secret": password or {"env": "VAULT"}}}
    return {"ansibleVault": {**found, **({"key": key} if key else {})}}


def sources(
    environment: dict[str, str] | None = None,
    ask: Callable[[str], Secret] | None = None,
    notes: list[str] | None = None,
) -> Sources:
    """The real sources, without this process's environment and without a terminal."""
    return Sources(
        environment=environment or {},
        read_file=real.read_file,
        is_exposed=real.is_exposed,
        run=real.run,
        ask=ask,
        keyring=real.look_up_keyring,
        note=(notes if notes is not None else []).append,
    )


def read(data: dict[str, object], given: Sources | None = None, file: str = "spec.yaml") -> str:
    there = reference(data, file)
    return resolve([there], secret_reader(given or sources()))[there].reveal()


def refusal(data: dict[str, object], given: Sources | None = None, file: str = "spec.yaml") -> str:
    """Return what is said when the secret cannot be had, having made sure that no canary is anywhere near."""
    with pytest.raises(SpecError) as caught:
        read(data, given, file)
    assert_masked(caught.value)
    return str(caught.value)


def assert_masked(error: BaseException | None) -> None:
    """No canary in the texts of *error*, of what led to it, nor in the variables of our frames on the way."""
    assert error is not None
    whole: traceback.TracebackException | None = traceback.TracebackException.from_exception(
        error, capture_locals=True
    )
    while whole is not None:
        frames = [frame for frame in whole.stack if "/tests/" not in frame.filename]
        texts = [str(whole), *(repr(frame.locals) for frame in frames)]
        assert not [text for text in texts if "CANARY" in text]
        whole = whole.__cause__ if whole.__cause__ is not None else whole.__context__


# --- the value itself ------------------------------------------------------------------------------------------


def test_a_secret_is_masked_however_it_is_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(CANARY)
    logging.getLogger("mimc").warning("%s %r", secret, {"password": secret})
    looks = [
        str(secret), repr(secret), f"{secret!s:>20}", f"{secret!a}", "%s" % secret,  # noqa: UP031
        pprint.pformat({"a": [secret]}), json.dumps({"a": secret}, default=str), caplog.text,
        repr(inspect.getmembers(secret)), repr(secret.__getstate__()), repr(secret.__reduce_ex__),
    ]  # fmt: skip
    assert not [look for look in looks if CANARY in look or ascii(CANARY)[1:-1] in look]
    assert MASK in looks[0] and MASK in caplog.text


@pytest.mark.parametrize("attempt", [json.dumps, copy.copy, copy.deepcopy, bytes, len, sorted, "".join])
def test_what_would_take_the_value_along_fails_without_it(attempt: Callable[[object], object]) -> None:
    with pytest.raises(TypeError) as caught:
        attempt(Secret(CANARY))
    assert CANARY not in str(caught.value)


def test_two_secrets_are_never_compared_by_value() -> None:
    assert Secret("x") != Secret("x")


def test_an_asked_secret_is_asked_for_once_and_only_when_it_is_revealed() -> None:
    asked: list[str] = []

    def ask() -> Secret:
        asked.append("once")
        return Secret(CANARY)

    secret = Secret.asked(ask)
    assert (repr(secret), asked) == (MASK, [])
    assert (secret.reveal(), secret.reveal(), asked) == (CANARY, CANARY, ["once"])


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"x", "x"), (b"x\n", "x"), (b"x\r\n", "x"), (b"x\n\n", "x\n"), (b"x\r", "x\r"), (b"a\nb\n", "a\nb"),
        (b" x \n", " x "), (b"\xef\xbb\xbfx", "x"), ("ü😀".encode(), "ü😀"), (b"x" * 65536, "x" * 65536),
    ],
)  # fmt: skip
def test_one_line_end_and_a_byte_order_mark_are_no_part_of_a_secret(data: bytes, value: str) -> None:
    assert secret_of_bytes(data).reveal() == value


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "is empty"), (b"\n", "is empty"), (b"\xef\xbb\xbf\r\n", "is empty"),
        (b"CANARY\0", "holds a NUL character"), (b"CANARY\xff", "is not UTF-8 text"),
        ("CANARY".encode("utf-16"), "is not UTF-8 text"), (b"CANARY" * 11000, "is larger than 64 KiB"),
    ],
)  # fmt: skip
def test_bytes_that_are_no_secret_are_refused_without_a_word_of_them(data: bytes, fault: str) -> None:
    with pytest.raises(UnfitSecret, match=fault) as caught:
        secret_of_bytes(data)
    assert_masked(caught.value)


# --- references ------------------------------------------------------------------------------------------------

TEXTS = [
    ({"env": "SYNC"}, "env:SYNC"),
    ({"file": "secrets/sync"}, "file:secrets/sync"),
    ({"systemd": "sync"}, "systemd:sync"),
    ({"command": ["/usr/bin/pass", "show", "mim/sync"]}, "command:pass#afb8a58c206e"),
    ({"command": [r"C:\Tools\pass.exe", "show"]}, "command:pass.exe#52e2a5148611"),
    ({"prompt": "Password of\u2028you"}, r"prompt:Password of\u2028you"),
    ({"keyring": {"service": "a/b", "user": "c/d%"}}, "keyring:a/b/c%2Fd%25"),
    (ansible_vault("all.yml", "mim.sync"), "ansibleVault:all.yml#mim.sync"),
    (ansible_vault("sync.vault"), "ansibleVault:sync.vault"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_a_reference_is_one_line_that_names_it(data: dict[str, object], text: str) -> None:
    assert str(reference(data)) == text
    assert hash(reference(data)) == hash(reference(data))


def test_a_reference_carries_what_its_provider_needs() -> None:
    command = reference({"command": ["pass", "show", "x"], "timeoutSeconds": 90})
    assert (command.words, command.time_limit_s) == (("pass", "show", "x"), 90)
    opened = reference(ansible_vault("all.yml", "a.b", prompt="Vault"))
    assert opened.words == ("a", "b") and opened.asks
    assert opened.password and (opened.password.kind, opened.password.position.column) == ("prompt", 10)
    assert not command.asks and not reference(ansible_vault("all.yml")).asks


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
REFERENCES = st.one_of(
    st.tuples(st.sampled_from(["env", "file", "systemd", "prompt"]), NAMES).map(lambda t: {t[0]: t[1]}),
    st.lists(NAMES, min_size=1, max_size=3).map(lambda argv: {"command": argv}),
    st.builds(lambda s, u: {"keyring": {"service": s, "user": u}}, NAMES, NAMES),
    st.builds(lambda f, k: ansible_vault(f, k), NAMES, NAMES.filter(lambda k: "." not in k)),
)


@given(REFERENCES, REFERENCES)
def test_two_references_have_one_text_only_when_they_are_the_same(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert (str(reference(one)) == str(reference(other))) is (one == other)
    assert "\n" not in str(reference(one)) and "\r" not in str(reference(one))


# --- env, file, systemd ----------------------------------------------------------------------------------------


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


# --- command ---------------------------------------------------------------------------------------------------


def python(code: str, *arguments: str, **more: object) -> dict[str, object]:
    return {"command": [sys.executable, "-c", code, *arguments], **more}


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
    late = "import subprocess; subprocess.run(['sh', '-c', 'sleep 2; echo CANARY'])"
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


# --- prompt ----------------------------------------------------------------------------------------------------


class Person:
    """Somebody at a terminal who answers everything alike; ``asked`` is what they saw."""

    def __init__(self, answer: str = CANARY) -> None:
        self.answer, self.asked = answer, list[str]()

    def __call__(self, text: str) -> Secret:
        self.asked.append(text)
        if not self.answer:
            raise EOFError
        return Secret(self.answer)


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


# --- keyring ---------------------------------------------------------------------------------------------------

ENTRY: dict[str, object] = {"keyring": {"service": "mim", "user": r"contoso\MIMSync"}}


def keyring(monkeypatch: pytest.MonkeyPatch, get_password: Callable[[str, str], str | None]) -> None:
    module = types.ModuleType("keyring")
    vars(module)["get_password"] = get_password
    monkeypatch.setitem(sys.modules, "keyring", module)


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


# --- ansibleVault ----------------------------------------------------------------------------------------------


@pytest.fixture
def vaults(tmp_path: Path) -> Path:
    """A folder with group variables in every form that holds a secret."""
    files = {
        "inline.yml": f"mim:\n  plain: CANARY\n  sync: {inline(CANARY, VAULT_PASSWORD)}  next: 1\n",
        "whole.yml": vault(
            f"---\nmim:\n  sync: {CANARY}\n  pin: 12345678\n  of: '{{{{ CANARY }}}}'\n  none:\n  blank: ''\n",
            VAULT_PASSWORD,
            "prod",
        ),
        "value.vault": vault(f"{CANARY}\n", VAULT_PASSWORD),
        "twice.vault": vault(vault(CANARY, VAULT_PASSWORD), VAULT_PASSWORD),
        "binary.vault": vault("CANARY\0", VAULT_PASSWORD),
        "no-yaml.yml": vault("CANARY: [\n  CANARY: @CANARY", VAULT_PASSWORD),
        "clear-no-yaml.yml": "a: b\nCANARY: *CANARY\n",
        "other.vault": "$ANSIBLE_VAULT;1.0;AES\n00",
        "cut.vault": vault(CANARY, VAULT_PASSWORD)[:-30],
        "padding.vault": armoured(b"CANARY", VAULT_PASSWORD),
        "odd.vault": "$ANSIBLE_VAULT;1.1;AES256\nCANARY",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "key"), [("inline.yml", "mim.sync"), ("whole.yml", "mim.sync"), ("value.vault", "")]
)
def test_a_vault_is_opened_in_each_of_its_forms(vaults: Path, name: str, key: str) -> None:
    given = sources({"VAULT": VAULT_PASSWORD})
    assert read(ansible_vault(vaults / name, key), given) == CANARY
    assert read(ansible_vault(name, key), given, str(vaults / "spec.yaml")) == CANARY


def test_the_password_of_a_vault_comes_from_any_other_provider(vaults: Path) -> None:
    file = vaults / "password"
    # Ansible takes blanks and line ends around it for no part of it; so do we.
    file.write_text(f"  {VAULT_PASSWORD} \n\n", "utf-8")
    file.chmod(0o600)
    for password in ({"file": str(file)}, {"command": ["cat", str(file)]}):
        assert read(ansible_vault(vaults / "whole.yml", "mim.sync", **password)) == CANARY
    person = Person(VAULT_PASSWORD)
    asked = ansible_vault(vaults / "whole.yml", "mim.sync", prompt="Vault")
    inner = ansible_vault(vaults / "inline.yml", "mim.sync", prompt="Vault")
    found = resolve([reference(asked), reference(inner)], secret_reader(sources(ask=person)))
    assert {secret.reveal() for secret in found.values()} == {CANARY}
    assert person.asked == ["Vault"]


@pytest.mark.parametrize(
    ("name", "key", "fault"),
    [
        ("none.yml", "a", "there is no file none.yml"),
        ("inline.yml", "", "the file inline.yml is not encrypted as a whole; name a key in it"),
        ("inline.yml", "mim.gone", "inline.yml has no key mim.gone, although it has mim"),
        ("inline.yml", "gone", "inline.yml has no key gone"),
        ("inline.yml", "mim.plain", "inline.yml holds mim.plain in clear; encrypt it"),
        ("inline.yml", "mim.sync.x", "inline.yml has no key mim.sync.x, although it has mim.sync"),
        ("inline.yml", "mim", "inline.yml holds no text at mim"),
        ("whole.yml", "mim.gone", "whole.yml has no key mim.gone, although it has mim"),
        ("whole.yml", "mim.pin", "whole.yml holds no text at mim.pin: a secret is text, numbers in quotes"),
        ("whole.yml", "mim.none", "whole.yml holds no text at mim.none"),
        ("whole.yml", "mim.blank", "the value mim.blank in whole.yml is empty"),
        ("whole.yml", "mim.of", "whole.yml holds a template at mim.of"),
        ("twice.vault", "", "twice.vault is encrypted twice"),
        ("binary.vault", "", "binary.vault holds a NUL character"),
        ("no-yaml.yml", "a", "no-yaml.yml is not YAML that can be read, at line 2"),
        ("clear-no-yaml.yml", "a", "clear-no-yaml.yml is not YAML that can be read, at line 2"),
        ("other.vault", "", "other.vault has the form 1.0 AES of Ansible Vault; mimc knows 1.1 and 1.2"),
        ("cut.vault", "", "cut.vault cannot be opened: its password is another one, or it was changed"),
        ("odd.vault", "", "odd.vault is damaged"),
        ("padding.vault", "", "padding.vault cannot be opened"),
    ],
)  # fmt: skip
def test_a_vault_that_gives_no_secret_says_why_and_nothing_of_what_is_in_it(
    vaults: Path, name: str, key: str, fault: str
) -> None:
    found = refusal(ansible_vault(name, key), sources({"VAULT": VAULT_PASSWORD}), str(vaults / "spec.yaml"))
    assert found.replace(f"{vaults}/", "").startswith(f"spec.yaml:3:7: {fault}")


def test_a_wrong_vault_password_is_said_with_the_vaults_label(vaults: Path) -> None:
    given = sources({"VAULT": "CANARY-wrong"})
    found = refusal(ansible_vault(vaults / "whole.yml", "mim.sync"), given)
    assert found.endswith(
        "whole.yml (vault id prod) cannot be opened: its password is another one, or it was changed"
    )
    assert refusal(ansible_vault(vaults / "value.vault"), given).endswith(
        "cannot be opened: its password is another one, or it was changed"
    )
    assert "cannot be opened" in refusal(
        ansible_vault(vaults / "value.vault", prompt="Vault"), sources(ask=Person("CANARY-wrong"))
    )


def test_a_missing_vault_password_is_named_at_its_own_place(vaults: Path) -> None:
    found = refusal(ansible_vault(vaults / "value.vault"))
    assert (
        found
        == "spec.yaml:3:10: the environment variable VAULT is not set; type: read -rs VAULT && export VAULT"
    )


def test_a_vault_is_looked_at_before_anybody_is_asked_for_its_password(vaults: Path) -> None:
    person = Person(VAULT_PASSWORD)
    refusal(ansible_vault(vaults / "odd.vault", prompt="Vault"), sources(ask=person))
    refusal(ansible_vault(vaults / "inline.yml", "mim.gone", prompt="Vault"), sources(ask=person))
    assert person.asked == []


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl on PATH")
def test_we_open_what_openssl_encrypted_in_the_form_of_a_vault() -> None:
    key, _, counter = keys("password")
    command = ["openssl", "enc", "-aes-256-ctr", "-nopad", "-K", key.hex(), "-iv", counter.hex()]
    made = subprocess.run(command, input=padded(CANARY), capture_output=True, check=True).stdout
    assert open_vault(armoured(made, "password"), Secret("password")).decode() == CANARY


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_damaged_vault_is_refused(data: st.DataObject) -> None:
    text = vault(CANARY, "password")
    at = data.draw(st.integers(text.index("\n") + 1, len(text) - 2))
    damaged = text[:at] + data.draw(st.sampled_from("0123456789abcdefg")) + text[at + 1 :]
    try:
        # The inner hex may change its case, and blanks may move, without a change of meaning.
        assert open_vault(damaged, Secret("password")).decode() == CANARY
    except VaultError:
        assert damaged != text


# --- the whole command -----------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory, vaults: Path) -> Path:
    """A folder outside of what the command writes to, with the secret in every form."""
    folder = tmp_path_factory.mktemp("secrets")
    for name, text in (("sync", CANARY), ("password", VAULT_PASSWORD)):
        (folder / name).write_text(f"{text}\n", "utf-8")
    for file in vaults.glob("*.*"):
        if file.is_file():
            file.replace(folder / file.name)
    return folder


def compile_with(mimc: Mimc, source: str, *arguments: str) -> Outcome:
    """Run compile -vvv on Contoso with *source* in the place of the service account's password."""
    node = lab.open_lab(Path(".mimc/lab"), "corpsync")
    (mimc.folder / "examples/contoso/certs/corpsync.cer").write_bytes(node.encryption_certificate)
    file = mimc.folder / CONTOSO
    text = file.read_text("utf-8")
    assert "{secret: {env: MIMSYNC_PASSWORD}}" in text
    file.write_text(text.replace("{secret: {env: MIMSYNC_PASSWORD}}", f"{{secret: {source}}}"), "utf-8")
    return mimc("compile", CONTOSO, "-vvv", *arguments)


def opened(mimc: Mimc) -> list[str]:
    key = (mimc.folder / ".mimc/lab/corpsync.key.pem").read_bytes()
    mof = read_mof((mimc.folder / "build/corpsync.mof").read_bytes())
    sealed = [i.get("Password") for i in mof.instances if i.is_a("MSFT_Credential")]
    return [open_sealed(str(text), key).reveal() for text in sealed]


SOURCES = {
    "file": "{{file: '{0}/sync'}}",
    "systemd": "{{systemd: sync}}",
    "command": "{{command: [cat, '{0}/sync']}}",
    "keyring": "{{keyring: {{service: mim, user: sync}}}}",
    "vault": "{{ansibleVault: {{file: '{0}/whole.yml', key: mim.sync, password: {{secret: {{file: '{0}/password'}}}}}}}}",
    "prompt": "{{prompt: Sync}}",
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_compile_seals_the_secret_and_shows_and_keeps_it_nowhere(
    mimc: Mimc, place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("MIMINSTALL_PASSWORD", "MIMAUDIT_PASSWORD"):
        monkeypatch.setenv(name, "other")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(place))
    keyring(monkeypatch, lambda service, user: CANARY)
    if kind == "prompt":
        monkeypatch.setattr(sys, "stdin", Terminal())
        monkeypatch.setattr(real, "ask", Person())
    done = compile_with(mimc, SOURCES[kind].format(place))
    assert (done.code, sorted(opened(mimc))) == (0, sorted([CANARY, "other"]))
    for secret in (CANARY, VAULT_PASSWORD):
        assert_absent(secret, mimc.folder, done.out, done.err, caplog.text)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_everything_that_is_missing_is_said_at_once_with_its_place(
    mimc: Mimc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    done = compile_with(mimc, "{prompt: Sync}")
    assert done.code == 3
    for name in ("MIMINSTALL_PASSWORD", "MIMAUDIT_PASSWORD"):
        assert f"the environment variable {name} is not set" in done.err
    assert f"{CONTOSO}:27:" in done.err and "no terminal to ask for 'Sync'" in done.err
    assert "3 problems" in done.err and not (mimc.folder / "build").exists()


@pytest.mark.parametrize("typed", [CANARY, ""])
def test_a_person_types_a_password_at_a_real_terminal_and_it_is_not_echoed(
    mimc: Mimc, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    for name in ("MIMINSTALL_PASSWORD", "MIMAUDIT_PASSWORD"):
        monkeypatch.setenv(name, "other")
    assert compile_with(mimc, "{prompt: Password of sync}", "--lab").code == 0
    shutil.rmtree(mimc.folder / ".mimc/lab/build")
    seen, code = at_a_terminal(
        [sys.executable, "-m", "mimc", "compile", CONTOSO], "Password of sync: ", f"{typed}\n"
    )
    assert b"Password of sync: " in seen and b"Traceback" not in seen
    assert_absent(CANARY, mimc.folder, seen.decode())
    if typed:
        assert (code, sorted(opened(mimc))) == (0, sorted([CANARY, "other"]))
    else:
        assert code == 3 and b"the answer to 'Password of sync' is empty" in seen


def at_a_terminal(command: Sequence[str], question: str, answer: str) -> tuple[bytes, int]:
    """Run *command* with a terminal of its own; type *answer* once *question* stands there; return what stood there."""
    ours, theirs = pty.openpty()
    seen = bytearray()
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env=environment
    )
    os.close(theirs)
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    try:
        typed = False
        while True:
            try:
                seen += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not typed and question.encode() in seen:
                typed = True
                os.write(ours, answer.encode())
        return bytes(seen), process.wait()
    finally:
        watchdog.cancel()
        os.close(ours)


# --- layers ----------------------------------------------------------------------------------------------------


def test_a_reference_of_one_layer_replaces_that_of_another_as_a_whole() -> None:
    text = (ROOT / CONTOSO).read_text("utf-8")
    base = text.replace("  corpsync:\n", "  corpsync:\n    groups: [production]\n", 1)
    layered = base + textwrap.dedent("""\
        groups:
          production:
            syncService: {serviceAccount: {user: contoso\\MIMSync, password: {secret: {file: sync.txt}}}}
        """)
    spec = read_spec(layered.encode(), "spec.yaml")
    check_all(spec)
    service = spec.node(spec.targets["corpsync"]).service
    assert service
    passwords = {str(value.password) for value in service.values.values() if hasattr(value, "password")}
    assert "file:sync.txt" in passwords


# --- specHash --------------------------------------------------------------------------------------------------

CERTIFICATE = read_encryption_certificate(issue_document_encryption("one").certificate_pem, "one.cer")
OTHER = read_encryption_certificate(issue_document_encryption("other").certificate_pem, "other.cer")


def contoso(source: dict[str, object]) -> Spec:
    text = (ROOT / CONTOSO).read_text("utf-8")
    return read_spec(text.replace("{env: MIMSYNC_PASSWORD}", json.dumps(source)).encode(), "spec.yaml")


def spec_hash(
    source: dict[str, object], value: str = "x", certificate: object = CERTIFICATE, line: str = ""
) -> str:
    spec = contoso(source)
    bundle = compile_spec(
        spec,
        list(spec.targets.values()),
        lambda target: certificate,  # type: ignore[arg-type, return-value]
        lambda reference: Secret(value),
    )
    assert value not in json.dumps(bundle.manifest)
    return bundle.nodes["corpsync"].spec_hash


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=12), st.text(min_size=12, alphabet="ab"))
def test_the_spec_hash_is_the_same_whatever_the_secrets_are(one: str, other: str) -> None:
    assert spec_hash({"env": "SYNC"}, f"CANARY{one}") == spec_hash({"env": "SYNC"}, f"CANARY{other}")


SPELLABLE = st.text("abcXYZ-_09", min_size=1, max_size=6)
VALID = st.one_of(
    SPELLABLE.map(lambda name: {"file": name}),
    SPELLABLE.map(lambda name: {"systemd": name}),
    SPELLABLE.map(lambda name: {"prompt": name}),
    st.lists(SPELLABLE, min_size=1, max_size=3).map(lambda argv: {"command": argv}),
    st.builds(lambda s, u: {"keyring": {"service": s, "user": u}}, SPELLABLE, SPELLABLE),
    st.builds(lambda f, k: ansible_vault(f, k), SPELLABLE, SPELLABLE),
)


@settings(max_examples=25, deadline=None)
@given(VALID, VALID)
def test_the_spec_hash_changes_with_the_reference(one: dict[str, object], other: dict[str, object]) -> None:
    assert (spec_hash(one) == spec_hash(other)) is (one == other)


def test_the_spec_hash_changes_with_the_certificate() -> None:
    assert spec_hash({"env": "SYNC"}) != spec_hash({"env": "SYNC"}, certificate=OTHER)


def test_the_spec_hash_is_known_before_any_secret_is_read() -> None:
    """The strongest form: what it is made of never meets a value, because the plan has none."""
    from mimc.compiler.document import spec_hash as hash_of
    from mimc.compiler.plan import plan
    from mimc.resources import module

    spec = contoso({"env": "SYNC"})
    planned = plan(spec, spec.targets["corpsync"], CERTIFICATE, module.version())
    assert hash_of(planned.document, planned.meta) == spec_hash({"env": "SYNC"})


def test_a_command_that_gives_nothing_is_a_problem_of_its_reference() -> None:
    """The type that a runner answers with, by hand: no output, no fault, no crash."""
    given = replace(sources(), run=lambda argv, folder, limit: Finished(0, None, "is empty", 0))
    assert "wrote nothing on stdout" in refusal({"command": ["x"]}, given)


def test_a_keyring_that_cannot_be_used_says_what_to_do() -> None:
    def unusable(service: str, user: str) -> Secret:
        raise KeyringUnusable("no")

    assert refusal(ENTRY, replace(sources(), keyring=unusable)).endswith("cannot be read: no")
