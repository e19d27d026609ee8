"""Ansible vaults as a source of secrets."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimc.compiler.providers import secret_reader
from mimc.compiler.secrets import resolve
from mimc.secret import Secret
from mimc.vault import VaultError, open_vault

from .secret_sources import (
    VAULT_PASSWORD,
    Person,
    ansible_vault,
    read,
    reference,
    refusal,
    sources,
    write_vaults,
)
from .test_no_secrets import CANARY
from .vaults import armoured, keys, padded, vault


@pytest.fixture
def vaults(tmp_path: Path) -> Path:
    return write_vaults(tmp_path)


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
