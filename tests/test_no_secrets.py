"""No secret anywhere: canaries are planted, and every place that mimc writes to or prints on is searched for them."""

import base64
import logging
import pickle
import traceback
from pathlib import Path

import pytest

from mimc import lab
from mimc.cms import open_sealed
from mimc.compiler.mof_reader import read_mof
from mimc.secret import MASK, Secret

from .conftest import CONTOSO, Mimc
from .test_exit_codes import write_spec

CANARY = "CANARY-7Qz!ü"
NAMES = ("MIMINSTALL_PASSWORD", "MIMAUDIT_PASSWORD", "MIMSYNC_PASSWORD")


def forms(secret: str) -> list[bytes]:
    """Return *secret* in every form in which it might leak."""
    utf8, utf16 = secret.encode(), secret.encode("utf-16-le")
    return [
        utf8,
        utf16,
        base64.b64encode(utf8),
        base64.b64encode(utf16),
        ascii(secret)[1:-1].encode(),
        utf8.hex().encode(),
    ]


def assert_absent(secret: str, folder: Path, *texts: str) -> None:
    for form in forms(secret):
        for text in texts:
            assert form not in text.encode("utf-8", "surrogatepass")
        for file in folder.rglob("*"):
            if file.is_file():
                assert form not in file.read_bytes(), file


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, CANARY)


def test_the_search_finds_a_planted_secret(tmp_path: Path) -> None:
    (tmp_path / "leak.mof").write_bytes(f'Password = "{CANARY}";'.encode("utf-16"))
    with pytest.raises(AssertionError):
        assert_absent(CANARY, tmp_path)


def test_compile_writes_and_prints_no_secret_and_the_key_opens_what_it_sealed(
    mimc: Mimc, canaries: None
) -> None:
    node = lab.open_lab(Path(".mimc/lab"), "corpsync")
    (mimc.folder / "examples/contoso/certs/corpsync.cer").write_bytes(node.encryption_certificate)
    done = mimc("compile", CONTOSO, "-vvv")
    assert done.code == 0
    assert_absent(CANARY, mimc.folder, done.out, done.err)
    key = (mimc.folder / ".mimc/lab/corpsync.key.pem").read_bytes()
    mof = read_mof((mimc.folder / "build/corpsync.mof").read_bytes())
    sealed = [i.get("Password") for i in mof.instances if i.is_a("MSFT_Credential")]
    assert [open_sealed(str(text), key).reveal() for text in sealed] == [CANARY, CANARY]


def test_an_apply_at_the_highest_verbosity_shows_and_keeps_no_secret(
    mimc: Mimc, canaries: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    node = lab.open_lab(Path(".mimc/lab"), "corpsync")
    caplog.set_level(logging.DEBUG)
    with node.serve() as served:
        password = served.password.reveal()
        monkeypatch.setenv("LAB_PASSWORD", password)
        (mimc.folder / "ca.cer").write_bytes(served.ca_file.read_bytes())
        (mimc.folder / "corpsync.cer").write_bytes(node.encryption_certificate)
        write_spec(mimc, "127.0.0.1", served.port)
        spec = (mimc.folder / "spec.yaml").read_text("utf-8")
        account = r"serviceAccount: {user: contoso\MIMSync, password: {secret: {env: MIMSYNC_PASSWORD}}}"
        run_as = r"runAs: {user: contoso\setup, password: {secret: {env: MIMINSTALL_PASSWORD}}}"
        spec = spec.replace(r"managedServiceAccount: contoso\gmsa$", f"{account}\n  {run_as}")
        (mimc.folder / "spec.yaml").write_text(spec, "utf-8")
        done = mimc("apply", "--target", "corpsync", "--yes", "-vvv")
        assert done.code == 0
        monkeypatch.setenv("LAB_PASSWORD", f"{CANARY}-login")
        refused = mimc("drift", "-vvv")
        assert refused.code == 5
        served.password_file.unlink()  # the one file that has to hold the session's password
        texts = (done.out, done.err, refused.out, refused.err, caplog.text)
        assert_absent(CANARY, mimc.folder, *texts)
        assert_absent(password, mimc.folder, *texts)


def test_a_failed_setup_shows_no_secret(mimc: Mimc, canaries: None) -> None:
    mimc("lab", "tamper", "corpsync", "setup.exitCode=1603")
    done = mimc("apply", CONTOSO, "--target", "corpsync", "--lab", "--yes", "--output", "json", "-vvv")
    assert done.code == 1
    assert_absent(CANARY, mimc.folder, done.out, done.err)


def test_the_lab_resolves_no_reference(mimc: Mimc) -> None:
    """Without any variable set the lab works all the same."""
    assert mimc("compile", CONTOSO, "--lab").code == 0


def test_a_secret_is_masked_however_it_is_looked_at() -> None:
    secret = Secret(CANARY)
    try:
        raise ValueError(f"{secret} {secret!r} {secret:>20} {[secret]}")
    except ValueError:
        text = traceback.format_exc()
    assert CANARY not in text and MASK in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert not hasattr(secret, "__dict__")
