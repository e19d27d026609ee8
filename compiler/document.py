"""What a node is told: instances of resources, in an order, with the place in the spec that each comes from."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from mimc.errors import Position

from .spec import Credential

#: What an instance's property can hold. A tuple is an array.
Value = str | bool | int | Credential | tuple[str, ...]


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

    @property
    def resource_id(self) -> str:
        """The name by which documents, the LCM and people refer to it."""
        return f"[{self.friendly_name}]{self.id}"

    def credentials(self) -> tuple[Credential, ...]:
        """Return the credentials among the values, in their order."""
        return tuple(value for value in self.values.values() if isinstance(value, Credential))


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
    """The settings of one node's LCM, by the names of MSFT_DSCMetaConfiguration."""

    configuration: str
    node: str
    settings: Mapping[str, object]


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
            }
            for instance in document.instances
        ],
        "meta": dict(meta.settings),
    }
    text = json.dumps(meaning, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _meaning(value: Value) -> object:
    if isinstance(value, Credential):
        return {"user": value.user, "password": str(value.password)}
    return value
