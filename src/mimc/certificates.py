"""X.509 certificates: reading a node's document-encryption certificate, and issuing the lab's own.

Together with ``cms`` the only home of ``cryptography``.
"""

import datetime
import ipaddress
import re
from dataclasses import dataclass
from pathlib import PurePath

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mimc.errors import InputError

#: Enhanced key usage "Document Encryption" (Microsoft, "Securing the MOF file").
DOCUMENT_ENCRYPTION = x509.ObjectIdentifier("1.3.6.1.4.1.311.80.1")
_KEY_BITS = 2048
#: Time enough to make a new one and to apply again.
_SOON = datetime.timedelta(days=30)
#: Certificates of the lab outlive any rehearsal and are made anew with the lab's folder.
_LAB_VALIDITY = datetime.timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key, both PEM; the key is not encrypted."""

    certificate_pem: bytes
    key_pem: bytes


@dataclass(frozen=True, slots=True)
class EncryptionCertificate:
    """The public half of a node's document-encryption certificate."""

    certificate: x509.Certificate

    @property
    def thumbprint(self) -> str:
        """SHA-1 of the certificate in upper-case hex: what the LCM calls CertificateID."""
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """The RSA key that content keys are sealed for."""
        key = self.certificate.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        return key

    @property
    def der(self) -> bytes:
        """The certificate itself, DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)


def read_encryption_certificate(data: bytes, name: PurePath | str) -> EncryptionCertificate:
    """Return the document-encryption certificate in *data* (DER or PEM); *name* stands in errors.

    The rules are those of Protect-CmsMessage: an RSA key, the Document Encryption usage, and a key usage that
    allows encipherment. A private key has no business here, so a file with one is refused.

    Raises:
        InputError: not a certificate, or one that cannot serve.
    """
    if re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----", data):
        raise InputError(
            f"{name}: the file holds a private key, which stays on the node; export its public half only"
        )
    try:
        load = x509.load_pem_x509_certificate if b"-----BEGIN" in data else x509.load_der_x509_certificate
        certificate = load(data)
        fault = _unfit(certificate)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise InputError(
            f"{name}: not an X.509 certificate (DER or PEM) that can be used: {error}"
        ) from error
    if fault:
        raise InputError(
            f"{name}: {fault}; make one on the node with New-SelfSignedCertificate -Type "
            "DocumentEncryptionCertLegacyCsp and export its public half"
        )
    return EncryptionCertificate(certificate)


def _unfit(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        kind = (
            f"an ECDSA key ({key.curve.name})" if isinstance(key, ec.EllipticCurvePublicKey) else "no RSA key"
        )
        return f"the certificate has {kind}; document encryption needs RSA"
    if key.key_size < _KEY_BITS:
        return f"the RSA key has {key.key_size} bits, document encryption needs {_KEY_BITS} or more"
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    if DOCUMENT_ENCRYPTION not in usage:
        number = DOCUMENT_ENCRYPTION.dotted_string
        instead = (
            " (Any Purpose is not enough)" if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage else ""
        )
        return f"the certificate lacks the enhanced key usage Document Encryption, {number}{instead}"
    try:
        key_usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return "the certificate has no key usage; it needs Key Encipherment or Data Encipherment"
    if not (key_usage.key_encipherment or key_usage.data_encipherment):
        return "the certificate's key usage allows neither Key Encipherment nor Data Encipherment"
    return ""


def expiry_fault(certificate: EncryptionCertificate, now: datetime.datetime) -> str:
    """Return why *certificate* is not valid at *now* (aware), or an empty text."""
    if now < certificate.certificate.not_valid_before_utc:
        since = certificate.certificate.not_valid_before_utc
        return f"is not valid before {since:%Y-%m-%d %H:%M} UTC; is the clock of this machine right?"
    if now > certificate.certificate.not_valid_after_utc:
        return f"expired on {certificate.certificate.not_valid_after_utc:%Y-%m-%d}"
    return ""


def expiry_warning(certificate: EncryptionCertificate, now: datetime.datetime) -> str:
    """Return that *certificate*, valid at *now* (aware), expires within 30 days, or an empty text."""
    left = certificate.certificate.not_valid_after_utc - now
    if left > _SOON:
        return ""
    days = "today" if left.days < 1 else f"in {left.days} day{'s' if left.days > 1 else ''}"
    return f"expires on {certificate.certificate.not_valid_after_utc:%Y-%m-%d}, {days}; make a new one on the node"


def issue_authority(common_name: str) -> Issued:
    """Return a new self-signed authority, good for signing :func:`issue_server`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    builder = (
        _builder(common_name, common_name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(sign_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _issued(builder.sign(key, hashes.SHA256()), key)


def issue_server(authority: Issued, address: str) -> Issued:
    """Return a TLS server certificate whose only name is the IP *address*, signed by *authority*."""
    issuer = x509.load_pem_x509_certificate(authority.certificate_pem)
    issuer_key = serialization.load_pem_private_key(authority.key_pem, None)
    assert isinstance(issuer_key, rsa.RSAPrivateKey)
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    issuer_name = issuer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    builder = (
        _builder(address, str(issuer_name), key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    return _issued(builder.sign(issuer_key, hashes.SHA256()), key)


def issue_document_encryption(common_name: str) -> Issued:
    """Return a self-signed document-encryption certificate, as a node would make for itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    builder = (
        _builder(common_name, common_name, key)
        .add_extension(_key_usage(data_encipherment=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([DOCUMENT_ENCRYPTION]), critical=False)
    )
    return _issued(builder.sign(key, hashes.SHA256()), key)


def _builder(subject: str, issuer: str, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _LAB_VALIDITY)
    )


def _key_usage(*, sign_certificates: bool = False, data_encipherment: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not data_encipherment and not sign_certificates,
        content_commitment=False,
        key_encipherment=not sign_certificates,
        data_encipherment=data_encipherment,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _issued(certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> Issued:
    return Issued(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
