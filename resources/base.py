"""What a DSC resource is made of: properties, each declared once, and the host it is enacted on.

From a declaration come the schema.mof, the spec's JSON Schema part, the module's comparison table and the
documentation table (``generate``); nothing about a property is written a second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from mimc.state import State


class Rule(StrEnum):
    """How desired and actual are compared; ``compare`` has one function a rule, the module another."""

    NONE = "none"  # serves setup only, or cannot be read back
    TEXT = "text"  # letters without case
    BOOLEAN = "boolean"
    ACCOUNT = "account"  # by SID
    SERVER = "server"  # names of the local machine, short and full names, SQL aliases
    INSTANCE = "instance"  # MSSQLSERVER and nothing are the default instance
    PATH = "path"  # letters without case, no trailing backslash
    VERSION = "version"  # at least


class Kind(StrEnum):
    """The qualifier of a property in the schema.mof."""

    KEY = "Key"
    REQUIRED = "Required"
    WRITE = "Write"
    READ = "Read"


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a resource.

    ``spec`` is its path in the resource's section of the spec, ``screen`` the wizard's screen that asks for it.
    ``fixed`` is what it always is, ``default`` what a document says when the spec says nothing.
    ``repairable`` says that Set may correct it on an installed product, ``repaired_by`` that it may when that other
    property is given (and is not Refuse), ``cannot_set`` why it may not.
    ``schema`` is what the spec's JSON Schema says of the value beyond its type.
    """

    name: str
    type: str
    kind: Kind
    help: str
    rule: Rule = Rule.NONE
    spec: tuple[str, ...] = ()
    screen: str = ""
    values: tuple[str, ...] = ()
    fixed: object = None
    default: object = None
    repairable: bool = False
    repaired_by: str = ""
    cannot_set: str = ""
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of DSC resource: names as in its schema.mof, and its properties in reading order."""

    class_name: str
    friendly_name: str
    module_name: str
    section: str
    properties: tuple[Property, ...]

    def property(self, name: str) -> Property:
        """Return the property *name*."""
        return next(item for item in self.properties if item.name == name)


@dataclass(frozen=True, slots=True)
class Reading:
    """What ``read.ps1`` is asked for: names to resolve to SIDs, and the file to look at."""

    accounts: tuple[str, ...]
    key_backup_path: str


class Host(Protocol):
    """A node, as far as a resource sees it; the pusher implements it without knowing this module."""

    def read(self, accounts: tuple[str, ...], key_backup_path: str) -> State:
        """Return what the node says of itself; nothing on it is changed."""

    def enact(self) -> None:
        """Let the node's LCM enact the document that was prepared for it; raise when that failed."""
