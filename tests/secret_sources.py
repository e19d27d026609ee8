"""The sources of secrets for tests, ways to read one, and what must never be seen of it."""

import sys
import traceback
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from mimc.commands import sources as real
from mimc.compiler.providers import Sources, secret_reader
from mimc.compiler.references import read_reference
from mimc.compiler.secrets import resolve
from mimc.errors import Position, SpecError
from mimc.secret import Secret, SecretReference

from .test_no_secrets import CANARY
from .vaults import armoured, inline, vault

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


def python(code: str, *arguments: str, **more: object) -> dict[str, object]:
    return {"command": [sys.executable, "-c", code, *arguments], **more}


class Person:
    """Somebody at a terminal who answers everything alike; ``asked`` is what they saw."""

    def __init__(self, answer: str = CANARY) -> None:
        self.answer, self.asked = answer, list[str]()

    def __call__(self, text: str) -> Secret:
        self.asked.append(text)
        if not self.answer:
            raise EOFError
        return Secret(self.answer)


ENTRY: dict[str, object] = {"keyring": {"service": "mim", "user": r"contoso\MIMSync"}}


def keyring(monkeypatch: pytest.MonkeyPatch, get_password: Callable[[str, str], str | None]) -> None:
    module = types.ModuleType("keyring")
    vars(module)["get_password"] = get_password
    monkeypatch.setitem(sys.modules, "keyring", module)


def write_vaults(folder: Path) -> Path:
    """Return *folder* with group variables in every form that holds a secret, and some that hold none."""
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
        (folder / name).write_text(text, "utf-8")
    return folder
