"""Document-encryption certificates: real ones, each with one thing wrong, and what is said of it."""

import datetime
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mimc.certificates import (
    DOCUMENT_ENCRYPTION,
    EncryptionCertificate,
    expiry_fault,
    expiry_warning,
    issue_document_encryption,
    read_encryption_certificate,
)
from mimc.errors import InputError

from .conftest import CONTOSO, Mimc

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def certificate(
    key: Key = KEY,
    usages: Sequence[x509.ObjectIdentifier] | None = (DOCUMENT_ENCRYPTION,),
    key_usage: str | None = "key_encipherment",
    since: datetime.datetime = NOW - DAY,
    until: datetime.datetime = NOW + 100 * DAY,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "corpsync")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), since, until)
    if usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), critical=False)
    if key_usage is not None:
        names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
                 "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
        builder = builder.add_extension(
            x509.KeyUsage(**{each: each == key_usage for each in names}), critical=True
        )
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def pem(made: x509.Certificate) -> bytes:
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("key_usage", ["key_encipherment", "data_encipherment"])
@pytest.mark.parametrize(
    "others", [(), (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), (ExtendedKeyUsageOID.SERVER_AUTH,)]
)
def test_a_certificate_with_the_usage_and_encipherment_serves(
    key_usage: str, others: tuple[x509.ObjectIdentifier, ...]
) -> None:
    made = certificate(usages=(*others, DOCUMENT_ENCRYPTION), key_usage=key_usage)
    read = read_encryption_certificate(pem(made), "x.cer")
    assert read.der == made.public_bytes(serialization.Encoding.DER)
    assert read.thumbprint == made.fingerprint(hashes.SHA1()).hex().upper()


UNFIT = {
    "ecdsa": (certificate(ec.generate_private_key(ec.SECP256R1())), "an ECDSA key (secp256r1); document encryption needs RSA"),
    "ed25519": (certificate(ed25519.Ed25519PrivateKey.generate()), "no RSA key; document encryption needs RSA"),
    "small": (certificate(rsa.generate_private_key(65537, 1024)), "the RSA key has 1024 bits, document encryption needs 2048"),
    "no-usage": (certificate(usages=None), "lacks the enhanced key usage Document Encryption, 1.3.6.1.4.1.311.80.1;"),
    "server": (certificate(usages=(ExtendedKeyUsageOID.SERVER_AUTH,)), "lacks the enhanced key usage Document Encryption"),
    "any": (certificate(usages=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)), "1.3.6.1.4.1.311.80.1 (Any Purpose is not enough);"),
    "no-key-usage": (certificate(key_usage=None), "has no key usage; it needs Key Encipherment or Data Encipherment"),
    "signs": (certificate(key_usage="digital_signature"), "allows neither Key Encipherment nor Data Encipherment"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNFIT)
def test_a_certificate_that_cannot_serve_is_refused_with_its_fault_and_a_way_out(kind: str) -> None:
    made, fault = UNFIT[kind]
    with pytest.raises(InputError) as caught:
        read_encryption_certificate(pem(made), "x.cer")
    assert str(caught.value).startswith("x.cer: the ") and fault in str(caught.value)
    assert "New-SelfSignedCertificate -Type DocumentEncryptionCertLegacyCsp" in str(caught.value)


@pytest.mark.parametrize(
    "form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
)
def test_a_file_with_a_private_key_is_refused_without_a_word_of_it(form: serialization.PrivateFormat) -> None:
    key = KEY.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    with pytest.raises(InputError, match="holds a private key, which stays on the node") as caught:
        read_encryption_certificate(pem(certificate()) + key, "x.cer")
    assert key.splitlines()[1].decode() not in str(caught.value)


@pytest.mark.parametrize(
    ("since", "until", "fault"),
    [
        (NOW - DAY, NOW + DAY, ""),
        (NOW, NOW, ""),
        (NOW + DAY, NOW + 2 * DAY, f"is not valid before {NOW + DAY:%Y-%m-%d %H:%M} UTC; is the clock"),
        (NOW - 2 * DAY, NOW - DAY, f"expired on {NOW - DAY:%Y-%m-%d}"),
    ],
)
def test_a_certificate_is_valid_between_its_two_moments(
    since: datetime.datetime, until: datetime.datetime, fault: str
) -> None:
    found = expiry_fault(EncryptionCertificate(certificate(since=since, until=until)), NOW)
    assert found.startswith(fault) and bool(found) is bool(fault)


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (31 * DAY, ""),
        (30 * DAY + datetime.timedelta(seconds=1), ""),
        (30 * DAY, "in 30 days"),
        (DAY, "in 1 day;"),
        (datetime.timedelta(hours=2), "today"),
    ],
)
def test_a_certificate_is_warned_of_from_thirty_days_before_its_end(
    left: datetime.timedelta, words: str
) -> None:
    found = expiry_warning(EncryptionCertificate(certificate(until=NOW + left)), NOW)
    assert words in found and bool(found) is bool(words)
    assert not found or f"expires on {NOW + left:%Y-%m-%d}" in found


def write(mimc: Mimc, data: bytes) -> None:
    file = mimc.folder / "examples/contoso/certs/corpsync.cer"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)


def test_validate_warns_of_a_near_end_on_stderr_with_its_place_and_still_is_content(mimc: Mimc) -> None:
    write(mimc, pem(certificate(until=NOW + 10 * DAY + datetime.timedelta(hours=1))))
    done = mimc("validate", CONTOSO)
    assert (done.code, done.err.count("\n")) == (0, 1)
    assert done.err.startswith(f"{CONTOSO}:15:18: warning: certs/corpsync.cer: the certificate expires on ")
    assert "in 10 days" in done.err and "warning" not in done.out


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (pem(certificate(until=NOW - datetime.timedelta(hours=1))), "the certificate expired on"),
        (pem(certificate(since=NOW + DAY)), "the certificate is not valid before"),
        (pem(UNFIT["ecdsa"][0]), "an ECDSA key"),
        (b"\x30\x80CANARY", "not an X.509 certificate"),
    ],
)
@pytest.mark.parametrize("verb", ["validate", "compile"])
def test_a_spec_with_a_certificate_that_cannot_serve_is_invalid(
    mimc: Mimc, monkeypatch: pytest.MonkeyPatch, verb: str, data: bytes, fault: str
) -> None:
    for name in ("MIMINSTALL_PASSWORD", "MIMAUDIT_PASSWORD", "MIMSYNC_PASSWORD"):
        monkeypatch.setenv(name, "x")
    write(mimc, data)
    done = mimc(verb, CONTOSO)
    assert done.code == 3 and fault in done.err and f"{CONTOSO}:15:18: certs/corpsync.cer: " in done.err
    assert "CANARY" not in done.err and "Traceback" not in done.err
    assert not (mimc.folder / "build").exists()


def test_the_certificate_a_node_makes_itself_serves_for_years() -> None:
    made = read_encryption_certificate(issue_document_encryption("corpsync").certificate_pem, Path("x.cer"))
    assert (expiry_fault(made, NOW), expiry_warning(made, NOW)) == ("", "")
