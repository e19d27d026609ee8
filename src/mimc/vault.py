"""Ansible Vault: opening what ``ansible-vault encrypt`` and ``encrypt_string`` wrote.

The format is that of Ansible's documentation ("Vault format", 1.1 and 1.2): after the header line, in hex, the hex
of salt, HMAC and ciphertext, one a line. PBKDF2-HMAC-SHA256 makes a cipher key, an authentication key and a first
counter block of the password; HMAC-SHA256 is taken of the ciphertext, which is AES-256 in counter mode with PKCS#7
padding. A home of ``cryptography``, beside ``certificates`` and ``cms``.
"""

import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from mimc.secret import Secret

_MARK = "$ANSIBLE_VAULT"
_ROUNDS, _KEY_BYTES, _BLOCK_BYTES = 10_000, 32, 16


class VaultError(Exception):
    """A text is no vault, or its password is another; says nothing of what is in it."""


def is_vault(text: str) -> bool:
    """Whether *text* says of itself that it is encrypted by Ansible Vault."""
    return text.startswith(f"{_MARK};")


def check_vault(text: str) -> None:
    """Look at *text* as far as one can without its password.

    Raises:
        VaultError: another version or cipher, or damaged.
    """
    _parts(text)


def open_vault(text: str, password: Secret) -> bytes:
    """Return what *text* holds. As Ansible does, blanks around the password are not part of it.

    Raises:
        VaultError: the form is another, or the password is.
    """
    label = (*_header(text), "")[3]
    data = _opened(*_parts(text), password)
    if data is None:
        name = f"(vault id {label}) " if label and label.isprintable() else ""
        raise VaultError(f"{name}cannot be opened: its password is another one, or it was changed")
    return data


def _header(text: str) -> list[str]:
    fields = text.partition("\n")[0].strip().split(";")
    if fields[0] != _MARK or len(fields) < 3:
        raise VaultError("is not encrypted by Ansible Vault")
    if fields[1] not in ("1.1", "1.2") or fields[2] != "AES256":
        raise VaultError(
            f"has the form {fields[1]} {fields[2]} of Ansible Vault; mimc knows 1.1 and 1.2 with AES256"
        )
    return fields


def _parts(text: str) -> tuple[bytes, bytes, bytes]:
    _header(text)
    try:
        body = binascii.unhexlify("".join(text.split()[1:]))
        salt, mac, ciphertext = (binascii.unhexlify(part) for part in body.split(b"\n"))
    except ValueError:
        raise VaultError("is damaged: a line of its vault is missing or cut") from None
    return salt, mac, ciphertext


def _opened(salt: bytes, mac: bytes, ciphertext: bytes, password: Secret) -> bytes | None:
    keys = hashlib.pbkdf2_hmac(
        "sha256", password.reveal().strip().encode(), salt, _ROUNDS, 2 * _KEY_BYTES + _BLOCK_BYTES
    )
    cipher_key, mac_key, counter = (
        keys[:_KEY_BYTES],
        keys[_KEY_BYTES : 2 * _KEY_BYTES],
        keys[2 * _KEY_BYTES :],
    )
    if not hmac.compare_digest(hmac.digest(mac_key, ciphertext, "sha256"), mac):
        return None
    decryptor = Cipher(algorithms.AES(cipher_key), modes.CTR(counter)).decryptor()
    unpadder = padding.PKCS7(_BLOCK_BYTES * 8).unpadder()
    try:
        return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()
    except ValueError:
        return None
