"""Secrets: a reference in the spec, a masked value for the short time it is needed.

Nothing here prints, logs or compares a value; :meth:`Secret.reveal` is the one way to it, so that a search
for that word finds every place that sees one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Never

from mimc.errors import Position

MASK = "********"


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is to be had: ``kind`` (``env``), the name there, and the place in the spec."""

    kind: str
    name: str
    position: Position

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name and where its password is to be had."""

    user: str
    password: SecretReference


class Secret:
    """A value that every ordinary way of looking at shows masked."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the value itself, to be used at once and kept nowhere."""
        return self.__value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return MASK

    def __reduce__(self) -> Never:
        raise TypeError("a secret is not pickled")


#: Finds the secret behind a reference; raises :class:`~mimc.errors.InputError` naming it when there is none.
ReadSecret = Callable[[SecretReference], Secret]
