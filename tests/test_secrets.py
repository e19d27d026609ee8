"""Secrets: the masked value, its references, whole commands, and that nothing of a value is ever seen."""

import copy
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
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimc import lab
from mimc.certificates import issue_document_encryption, read_encryption_certificate
from mimc.cms import open_sealed
from mimc.commands import sources as real
from mimc.compiler import compile_spec
from mimc.compiler.mof_reader import read_mof
from mimc.compiler.spec import Spec, check_all, read_spec
from mimc.secret import MASK, Secret, UnfitSecret, secret_of_bytes

from .conftest import CONTOSO, Mimc, Outcome
from .secret_sources import (
    VAULT_PASSWORD,
    Person,
    ansible_vault,
    assert_masked,
    keyring,
    reference,
    write_vaults,
)
from .test_no_secrets import CANARY, assert_absent

ROOT = Path(__file__).parent.parent


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


# --- the whole command -----------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside of what the command writes to, with the secret in every form."""
    folder = tmp_path_factory.mktemp("secrets")
    for name, text in (("sync", CANARY), ("password", VAULT_PASSWORD)):
        (folder / name).write_text(f"{text}\n", "utf-8")
    write_vaults(folder)
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
    assert f"{CONTOSO}:28:" in done.err and "no terminal to ask for 'Sync'" in done.err
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
