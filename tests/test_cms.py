"""CMS: what we seal opens for openssl, and what openssl seals opens for us."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimc.certificates import (
    Issued,
    issue_authority,
    issue_document_encryption,
    issue_server,
    read_encryption_certificate,
)
from mimc.cms import BEGIN, END, CmsError, open_sealed, seal
from mimc.errors import InputError
from mimc.secret import Secret

PASSWORD = 'Pä$$ "w" \\ 😀'
ISSUED = issue_document_encryption("corpsync")
CERTIFICATE = read_encryption_certificate(ISSUED.certificate_pem, "corpsync.cer")
needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl on PATH")


def _message(text: str) -> bytes:
    return base64.b64decode("".join(text.split("\n")[1:-1]))


def _armoured(message: bytes) -> str:
    return "\n".join([BEGIN, base64.b64encode(message).decode(), END])


def _openssl(*arguments: str | Path, stdin: bytes = b"") -> bytes:
    command = ["openssl", "cms", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(ISSUED.certificate_pem)
    key.write_bytes(ISSUED.key_pem)
    return certificate, key


@needs_openssl
def test_openssl_opens_what_we_seal(files: tuple[Path, Path]) -> None:
    message = _message(seal(Secret(PASSWORD), CERTIFICATE))
    certificate, key = files
    opened = _openssl("-decrypt", "-inform", "DER", "-recip", certificate, "-inkey", key, stdin=message)
    assert opened == PASSWORD.encode()


@needs_openssl
def test_we_open_what_openssl_seals_in_the_same_form(files: tuple[Path, Path]) -> None:
    message = _openssl(
        "-encrypt", "-aes-256-cbc", "-binary", "-outform", "DER",
        "-recip", files[0], "-keyopt", "rsa_padding_mode:oaep", stdin=PASSWORD.encode(),
    )  # fmt: skip
    assert open_sealed(_armoured(message), ISSUED.key_pem).reveal() == PASSWORD


@needs_openssl
def test_our_structure_is_openssls_structure(files: tuple[Path, Path]) -> None:
    theirs = _openssl(
        "-encrypt", "-aes-256-cbc", "-binary", "-outform", "DER",
        "-recip", files[0], "-keyopt", "rsa_padding_mode:oaep", stdin=b"same length",
    )  # fmt: skip
    ours = _message(seal(Secret("same length"), CERTIFICATE))
    assert _shape(ours) == _shape(theirs)


def _shape(message: bytes) -> list[str]:
    """Return the outline of a message as openssl sees it, without the random parts."""
    command = ["openssl", "asn1parse", "-inform", "DER"]
    text = subprocess.run(command, input=message, capture_output=True, check=True).stdout.decode()
    return [line.partition("[HEX DUMP]")[0].rstrip() for line in text.splitlines()]


def test_the_armour_is_that_of_windows() -> None:
    lines = seal(Secret("x" * 400), CERTIFICATE).split("\n")
    assert (lines[0], lines[-1]) == (BEGIN, END)
    assert {len(line) for line in lines[1:-2]} == {76}


def test_key_transport_is_oaep_and_content_aes_256() -> None:
    message = _message(seal(Secret("x"), CERTIFICATE))
    assert bytes.fromhex("300d06092a864886f70d0101073000") in message, "RSAES-OAEP with an empty SEQUENCE"
    assert bytes.fromhex("060960864801650304012a0410") in message, "AES-256-CBC with its vector"


def test_two_seals_of_one_secret_differ() -> None:
    assert seal(Secret("x"), CERTIFICATE) != seal(Secret("x"), CERTIFICATE)


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text: str) -> None:
    assert open_sealed(seal(Secret(text), CERTIFICATE), ISSUED.key_pem).reveal() == text


def test_another_key_does_not_open_it() -> None:
    other = issue_document_encryption("other")
    with pytest.raises(CmsError, match="sealed for another key"):
        open_sealed(seal(Secret(PASSWORD), CERTIFICATE), other.key_pem)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_message_is_refused_and_never_more_than_that(data: st.DataObject) -> None:
    message = bytearray(_message(seal(Secret(PASSWORD), CERTIFICATE)))
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] ^= data.draw(st.integers(1, 255))
    try:
        opened = open_sealed(_armoured(bytes(message)), ISSUED.key_pem).reveal()
    except CmsError:
        return
    # Bytes that the form ignores (issuer, serial) may change; CBC has no integrity, so the text may too.
    assert isinstance(opened, str)


@pytest.mark.parametrize("text", ["", "hunter2", BEGIN, f"{BEGIN}\n{END}", f"{BEGIN}\n!!!!\n{END}"])
def test_text_that_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(CmsError):
        open_sealed(text, ISSUED.key_pem)


def _server() -> Issued:
    return issue_server(issue_authority("lab"), "127.0.0.1")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"hello", "not an X.509 certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not an X.509 certificate"),
        (_server().certificate_pem, "lacks the enhanced key usage Document Encryption"),
        (issue_authority("lab").certificate_pem, "lacks the enhanced key usage Document Encryption"),
    ],
)
def test_a_certificate_that_cannot_serve_is_refused_with_its_fault(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=rf"x\.cer: .*{reason}"):
        read_encryption_certificate(data, "x.cer")


def test_a_certificate_is_read_as_der_and_as_pem() -> None:
    again = read_encryption_certificate(CERTIFICATE.der, "x.cer")
    assert again.thumbprint == CERTIFICATE.thumbprint
    assert len(again.thumbprint) == 40 and again.thumbprint == again.thumbprint.upper()
