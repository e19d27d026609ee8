"""Ansible vaults for tests, made of the standard library and ``cryptography``: no line is shared with mimc.vault."""

import hashlib
import hmac
import textwrap

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SALT = bytes(range(32))


def keys(password: str, salt: bytes = SALT) -> tuple[bytes, bytes, bytes]:
    """Return cipher key, authentication key and first counter block."""
    made = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 10000, 80)
    return made[:32], made[32:64], made[64:]


def padded(text: str) -> bytes:
    data = text.encode()
    missing = 16 - len(data) % 16
    return data + bytes([missing]) * missing


def vault(text: str, password: str, label: str = "") -> str:
    """Return *text* encrypted; with a *label* in format 1.2."""
    cipher_key, _, counter = keys(password)
    encryptor = Cipher(algorithms.AES(cipher_key), modes.CTR(counter)).encryptor()
    return armoured(encryptor.update(padded(text)) + encryptor.finalize(), password, label)


def armoured(ciphertext: bytes, password: str, label: str = "") -> str:
    mac = hmac.digest(keys(password)[1], ciphertext, "sha256")
    body = b"\n".join(part.hex().encode() for part in (SALT, mac, ciphertext)).hex()
    header = f"$ANSIBLE_VAULT;1.2;AES256;{label}" if label else "$ANSIBLE_VAULT;1.1;AES256"
    return "\n".join([header, *textwrap.wrap(body, 80), ""])


def inline(text: str, password: str) -> str:
    """Return the same as a YAML value, as ``ansible-vault encrypt_string`` writes it."""
    return "!vault |\n" + textwrap.indent(vault(text, password), " " * 10)
