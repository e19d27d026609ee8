"""Secrets: a reference in the spec, a masked value for the short time it is needed.

Nothing here prints, logs or compares a value; :meth:`Secret.reveal` is the one way to it, so that a search
for that word finds every place that sees one.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Never

from mimc.errors import Position

MASK = "********"
_LINE_END = re.compile(r"\r?\n\Z")
#: No password is longer; whatever is, is the wrong file.
MAX_SECRET_BYTES = 64 * 1024
DEFAULT_TIME_LIMIT_S = 30


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is to be had, and the place in the spec that says so.

    ``kind`` is the provider's key in the spec. ``name`` and ``words`` are what that provider looks for: a variable
    (``env``), a path (``file``), a credential (``systemd``), a program and its whole argument list (``command``), a
    question (``prompt``), a service and its user (``keyring``), a file and the steps of a key (``ansibleVault``).
    ``password`` opens a vault, ``time_limit_s`` bounds a command; neither is part of what is referred to.
    """

    kind: str
    name: str
    position: Position
    words: tuple[str, ...] = ()
    time_limit_s: int = DEFAULT_TIME_LIMIT_S
    password: "SecretReference | None" = None

    @property
    def asks(self) -> bool:
        """Whether a person has to type something for it."""
        return self.kind == "prompt" or (self.password is not None and self.password.asks)

    def __str__(self) -> str:
        """Return one line that is the same for the same reference: it goes into specHash, manifest and ``.ps1``.

        A command is its program and a digest: an argument list may be long, and is for the spec's readers only.
        """
        text = f"{self.kind}:{self.name}"
        match self.kind:
            case "command":
                text += "#" + hashlib.sha256("\0".join(self.words).encode()).hexdigest()[:12]
            case "keyring":
                text += "/" + self.words[0].replace("%", "%25").replace("/", "%2F")
            case "ansibleVault" if self.words:
                text += "#" + ".".join(self.words).replace("%", "%25").replace("#", "%23")
        return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name and where its password is to be had."""

    user: str
    password: SecretReference


class Secret:
    """A value that every ordinary way of looking at shows masked."""

    __slots__ = ("__give",)
    __give: Callable[[], str]

    def __init__(self, value: str) -> None:
        # In a closure: what lists the attributes of an object finds a function, not the value.
        self.__give = lambda: value

    @classmethod
    def asked(cls, ask: "Callable[[], Secret]") -> "Secret":
        """Return a secret that *ask* is called for once, when it is first revealed; what *ask* raises comes out there."""
        secret = cls("")

        def first() -> str:
            given = ask()
            secret.__give = given.__give
            return given.reveal()

        secret.__give = first
        return secret

    def reveal(self) -> str:
        """Return the value itself, to be used at once and kept nowhere."""
        return self.__give()

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return MASK

    def __reduce__(self) -> Never:
        raise TypeError("a secret is not pickled")


#: Finds the secret behind a reference; raises :class:`~mimc.errors.SpecError` naming it when there is none.
ReadSecret = Callable[[SecretReference], Secret]


class UnfitSecret(Exception):
    """A value cannot serve as a secret; the text goes after "the file X" and never holds a part of the value."""


def secret_of_bytes(data: bytes, limit_bytes: int = MAX_SECRET_BYTES) -> Secret:
    """Return the secret in *data*: UTF-8, a byte-order mark and one line end after it are not part of it.

    Raises:
        UnfitSecret: too large, not UTF-8, empty, or with a NUL character.
    """
    fault = f"is larger than {limit_bytes // 1024} KiB" if len(data) > limit_bytes else ""
    text = _decoded(data)
    # What lies in the frame of an exception may be printed by a debugger: nothing of the value does.
    del data
    if text is None:
        fault = fault or "is not UTF-8 text (Windows PowerShell writes UTF-16 by >: save it as UTF-8)"
    secret = None if fault or text is None else Secret(_LINE_END.sub("", text))
    del text
    if secret is None:
        raise UnfitSecret(fault)
    return checked_secret(secret)


def checked_secret(secret: Secret) -> Secret:
    """Return *secret*.

    Raises:
        UnfitSecret: it is empty, or no document can carry it.
    """
    if fault := _fault(secret.reveal()):
        raise UnfitSecret(fault)
    return secret


def _fault(text: str) -> str:
    if not text:
        return "is empty"
    if "\0" in text:
        return "holds a NUL character"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "is not UTF-8 text"
    return ""


def _decoded(data: bytes) -> str | None:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
