"""What a node is told: instances of resources, in an order, with the place in the spec that each comes from."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mimc.errors import Position
from mimc.secret import Credential

from .mof_literals import Char16


@dataclass(frozen=True, slots=True)
class DateTime:
    """A point in time or an interval in CIM form: 25 characters (reference/dsc-mof.md 1.3)."""

    text: str


class NamedNumber(int):
    """A number with a name: a document holds the number, a configuration says ``name`` (ValueMap and Values)."""

    name: str

    @classmethod
    def of(cls, number: int, name: str) -> "NamedNumber":
        """Return *number* called *name*."""
        made = cls(number)
        made.name = name
        return made


@dataclass(frozen=True, slots=True)
class Embedded:
    """An instance of a class inside another one."""

    class_name: str
    values: Mapping[str, "Value"]


#: One thing that a property can hold; None is NULL.
Scalar = str | bool | int | float | Char16 | DateTime | Credential | Embedded | None
_PLAIN = frozenset((str, bool, int, float, type(None)))
#: What an instance's property can hold. A tuple is an array.
Value = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a resource: class and friendly name, module with version, properties in reading order."""

    class_name: str
    friendly_name: str
    id: str
    module_name: str
    module_version: str
    values: Mapping[str, Value]
    position: Position
    depends_on: tuple[str, ...] = ()

    @property
    def resource_id(self) -> str:
        """The name by which documents, the LCM and people refer to it."""
        return f"[{self.friendly_name}]{self.id}"

    def credentials(self) -> tuple[Credential, ...]:
        """Return the credentials among the values, inner ones too, in the order in which they are written."""
        return tuple(_credentials(self.values))


@dataclass(frozen=True, slots=True)
class Document:
    """The configuration of one node."""

    configuration: str
    node: str
    instances: tuple[Instance, ...]

    def credentials(self) -> tuple[Credential, ...]:
        """Return every credential of every instance, in their order."""
        return tuple(credential for instance in self.instances for credential in instance.credentials())


@dataclass(frozen=True, slots=True)
class MetaDocument:
    """What one node's LCM is told.

    ``settings`` are by the names of MSFT_DSCMetaConfiguration. ``managers`` are the blocks beside them: servers and
    shares to pull from and report to, parts of the configuration, checks of signatures; no module has them.
    """

    configuration: str
    node: str
    settings: Mapping[str, object]
    managers: tuple[Instance, ...] = ()

    def credentials(self) -> tuple[Credential, ...]:
        """Return the credentials of the managers, in their order."""
        return tuple(credential for manager in self.managers for credential in manager.credentials())


def spec_hash(document: Document, meta: MetaDocument) -> str:
    """Return the identity of a configuration (DESIGN 4): SHA-256 of what it means, in lower-case hex.

    A sealed password stands in it as its reference; the certificate's thumbprint is part of *meta*. Positions are
    not part of the meaning: moving a line in the spec changes nothing on the node.
    """
    meaning = {
        "configuration": document.configuration,
        "node": document.node,
        "instances": [
            {
                "class": instance.class_name,
                "id": instance.resource_id,
                "module": [instance.module_name, instance.module_version],
                "values": {name: _meaning(value) for name, value in instance.values.items()},
                "dependsOn": list(instance.depends_on),
            }
            for instance in document.instances
        ],
        "meta": dict(meta.settings),
        # Left out without managers, so that the identity of a spec is what it was before there were any.
        **({"managers": [_manager_meaning(manager) for manager in meta.managers]} if meta.managers else {}),
    }
    text = json.dumps(meaning, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _manager_meaning(manager: Instance) -> dict[str, object]:
    values = {name: _meaning(value) for name, value in manager.values.items()}
    return {"class": manager.class_name, "id": manager.resource_id, "values": values}


def _credentials(values: Mapping[str, Value]) -> Iterator[Credential]:
    for value in values.values():
        # Most values are plain, and a document has hundreds: they are passed over first.
        if type(value) in _PLAIN:
            continue
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Credential):
                yield item
            elif isinstance(item, Embedded):
                yield from _credentials(item.values)


def _meaning(value: Value) -> object:
    if type(value) in _PLAIN:
        return value
    match value:
        case tuple():
            return [_meaning(item) for item in value]
        case Credential():
            return {"user": value.user, "password": str(value.password)}
        case Embedded():
            return {"class": value.class_name, "values": {k: _meaning(v) for k, v in value.values.items()}}
        case DateTime():
            return {"datetime": value.text}
        case Char16():
            return {"char16": str(value)}
        case _:
            return value
