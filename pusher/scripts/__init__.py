"""The constant scripts that the pusher sends: every value travels beside them as a typed parameter."""

import hashlib
from functools import cache
from importlib.resources import files

#: Scripts that only read. ``drift``, ``get`` and ``test`` send nothing else.
READING = ("read", "audit", "preflight", "follow")
#: Scripts that change the node. Only ``apply`` sends them, after the user agreed.
CHANGING = ("stage", "install-module", "configure-lcm", "enact", "withdraw")


@cache
def read(name: str) -> str:
    """Return the text of the script *name*, as it is sent: no BOM, every other character as in the file."""
    return files(__name__).joinpath(f"{name}.ps1").read_bytes().decode("utf-8-sig")


@cache
def sha256(name: str) -> str:
    """Return the SHA-256 (lower-case hex) of the text that :func:`read` gives, by which the lab knows it."""
    return hashlib.sha256(read(name).encode()).hexdigest()
