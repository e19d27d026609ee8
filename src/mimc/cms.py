"""CMS enveloped data exactly as Windows PowerShell 5.1 writes it into a MOF: seal and open.

ContentInfo with EnvelopedData version 0: one KeyTransRecipientInfo (issuerAndSerialNumber, RSAES-OAEP with its
default parameters, that is SHA-1 and MGF1-SHA-1, as an empty SEQUENCE), content encrypted by AES-256-CBC
(RFC 5652 section 6, RFC 8017 section 7.1, RFC 3560). ``cryptography`` writes and reads only PKCS#1 v1.5 key
transport, so the few dozen bytes of DER around its primitives are ours.
"""

import base64
import os
import textwrap
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from mimc.certificates import EncryptionCertificate
from mimc.errors import MimcError
from mimc.secret import Secret

BEGIN, END = "-----BEGIN CMS-----", "-----END CMS-----"
_LINE_COLUMNS = 76
_KEY_BYTES, _BLOCK_BYTES = 32, 16

_SEQUENCE, _SET, _INTEGER, _OCTETS, _CONTEXT_0, _IMPLICIT_0 = 0x30, 0x31, 0x02, 0x04, 0xA0, 0x80
# The object identifiers, DER-encoded with their tags.
_ENVELOPED_DATA = bytes.fromhex("06092a864886f70d010703")  # 1.2.840.113549.1.7.3
_DATA = bytes.fromhex("06092a864886f70d010701")  # 1.2.840.113549.1.7.1
_RSAES_OAEP = bytes.fromhex("06092a864886f70d010107")  # 1.2.840.113549.1.1.7
_AES_256_CBC = bytes.fromhex("060960864801650304012a")  # 2.16.840.1.101.3.4.1.42
# SHA-1 is what the format fixes here: OAEP does not rest on its collision resistance.
_OAEP = rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)


class CmsError(MimcError):
    """A text is not a CMS message of the one form above, or not for this key."""


def seal(
    secret: Secret, certificate: EncryptionCertificate, random: Callable[[int], bytes] = os.urandom
) -> str:
    """Return *secret* sealed for *certificate*: armoured, base64 in 76 columns, lines joined by LF."""
    key, vector = random(_KEY_BYTES), random(_BLOCK_BYTES)
    padder = padding.PKCS7(_BLOCK_BYTES * 8).padder()
    padded = padder.update(secret.reveal().encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    content = encryptor.update(padded) + encryptor.finalize()
    recipient = _der(
        _SEQUENCE,
        _integer(0),
        _der(_SEQUENCE, *_issuer_and_serial(certificate)),
        _der(_SEQUENCE, _RSAES_OAEP, _der(_SEQUENCE)),
        _der(_OCTETS, certificate.public_key.encrypt(key, _OAEP)),
    )
    encrypted = _der(
        _SEQUENCE,
        _DATA,
        _der(_SEQUENCE, _AES_256_CBC, _der(_OCTETS, vector)),
        _der(_IMPLICIT_0, content),
    )
    enveloped = _der(_SEQUENCE, _integer(0), _der(_SET, recipient), encrypted)
    message = _der(_SEQUENCE, _ENVELOPED_DATA, _der(_CONTEXT_0, enveloped))
    lines = textwrap.wrap(base64.b64encode(message).decode(), _LINE_COLUMNS)
    return "\n".join([BEGIN, *lines, END])


def _issuer_and_serial(certificate: EncryptionCertificate) -> tuple[bytes, bytes]:
    """Return both as they stand in the certificate: written anew, a name of old string types could come out otherwise."""
    fields = _children(_only(certificate.certificate.tbs_certificate_bytes))
    if fields[0][0] == _CONTEXT_0:  # the version; absent in version 1
        del fields[0]
    serial, _algorithm, issuer = fields[:3]
    return issuer[1], serial[1]


def is_sealed(text: str) -> bool:
    """Whether *text* looks like an armoured CMS message."""
    return text.startswith(BEGIN)


def open_sealed(text: str, key_pem: bytes) -> Secret:
    """Return the secret that :func:`seal` put into *text*, by the private key in *key_pem*.

    Raises:
        CmsError: another form, or sealed for another key.
    """
    key = serialization.load_pem_private_key(key_pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CmsError("the private key is not an RSA key")
    try:
        return _open(text, key)
    except (ValueError, IndexError) as error:
        raise CmsError("not a CMS message of the form Windows writes, or sealed for another key") from error


def _open(text: str, key: rsa.RSAPrivateKey) -> Secret:
    armour = text.split("\n")
    if armour[0] != BEGIN or armour[-1] != END:
        raise ValueError("no CMS armour")
    message = base64.b64decode("".join(armour[1:-1]), validate=True)
    oid, wrapped = _children(_only(message))
    _require(oid[1] == _ENVELOPED_DATA)
    _version, recipients, encrypted = _children(_content(_only(wrapped[2])))
    _recipient_version, _issuer_and_serial, transport, sealed_key = _children(_content(_only(recipients[2])))
    _require(_content(transport).startswith(_RSAES_OAEP))
    _type, cipher, content = _children(_content(encrypted))
    cipher_oid, vector = _children(_content(cipher))
    _require(cipher_oid[1] == _AES_256_CBC)
    content_key = key.decrypt(_content(sealed_key), _OAEP)
    decryptor = Cipher(algorithms.AES(content_key), modes.CBC(_content(vector))).decryptor()
    padded = decryptor.update(_content(content)) + decryptor.finalize()
    unpadder = padding.PKCS7(_BLOCK_BYTES * 8).unpadder()
    return Secret((unpadder.update(padded) + unpadder.finalize()).decode())


#: One DER element: tag, the element's own bytes, and its content.
_Element = tuple[int, bytes, bytes]


def _content(element: _Element) -> bytes:
    return element[2]


def _only(data: bytes) -> _Element:
    (element,) = _elements(data)
    return element


def _children(data: bytes | _Element) -> list[_Element]:
    return list(_elements(data if isinstance(data, bytes) else data[2]))


def _elements(data: bytes) -> Iterator[_Element]:
    at = 0
    while at < len(data):
        length, start = data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, start = int.from_bytes(data[start : start + size]), start + size
        _require(start + length <= len(data))
        yield data[at], data[at : start + length], data[start : start + length]
        at = start + length


def _require(claim: bool) -> None:
    if not claim:
        raise ValueError("unexpected DER")


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def _integer(value: int) -> bytes:
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1))
