"""The spec's section ``syncService`` as a noun: what MimSyncService is to be on a node."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mimc.bundle import Origin
from mimc.errors import Position, Problem
from mimc.resources import SYNC_SERVICE
from mimc.resources.sync_service import check
from mimc.secret import Credential

from .dependencies import Declaration
from .document import Instance
from .load import Loaded, Path

SECTION = SYNC_SERVICE.section
#: The service's name in a document: [MimSyncService]Sync.
INSTANCE_ID = "Sync"
#: Reads the credential at a path, whose data the schema has checked.
ReadCredential = Callable[[Loaded, Path, Mapping[str, Any]], Credential]


@dataclass(frozen=True, slots=True)
class Service:
    """The desired MimSyncService of a node.

    ``values`` maps property names to plain values or a :class:`Credential`, ``origins`` the same names to their
    place in the spec.
    """

    values: Mapping[str, object]
    origins: Mapping[str, Origin]
    position: Position
    run_as: Credential | None
    audit_as: Credential | None
    depends_on: tuple[str, ...]
    dependency_positions: tuple[Position, ...]

    @property
    def desired(self) -> dict[str, object]:
        """What is to be compared: the values, with an account in the place of its credential."""
        return {name: v.user if isinstance(v, Credential) else v for name, v in self.values.items()}

    @property
    def declaration(self) -> Declaration:
        """The service as one of the resources of a document, for the rules among them."""
        instance = Instance(
            SYNC_SERVICE.class_name,
            SYNC_SERVICE.friendly_name,
            INSTANCE_ID,
            SYNC_SERVICE.module_name,
            "",
            {},
            self.position,
            self.depends_on,
        )
        key = (("IsSingleInstance", "Yes"),)
        return Declaration(instance, key, self.dependency_positions)


def service_problems(loaded: Loaded, computer_names: frozenset[str]) -> Iterator[Problem]:
    """Yield what is wrong with the section beyond the schema; *computer_names* are the node's, in lower case."""
    for steps, text in check(loaded.data[SECTION], computer_names):
        yield Problem(loaded.position((SECTION, *steps)), f"{'.'.join((SECTION, *steps))}: {text}")


def read_service(loaded: Loaded, read_credential: ReadCredential) -> Service:
    """Return the service in *loaded*, an effective spec that has passed its checks."""
    section: Mapping[str, Any] = loaded.data[SECTION]
    values: dict[str, object] = {}
    origins: dict[str, Origin] = {}
    for item in SYNC_SERVICE.properties:
        path: Path = (SECTION, *item.spec)
        if item.fixed is not None:
            values[item.name] = item.fixed
            origins[item.name] = Origin(SECTION, loaded.position(path, key=True))
            continue
        value = _value(section, item.spec)
        if value is None and item.default is not None:
            values[item.name] = item.default
            origins[item.name] = Origin(".".join(item.spec), loaded.position((SECTION,), key=True))
            continue
        if value is None:
            continue
        if item.type == "MSFT_Credential":
            value = read_credential(loaded, path, value)
        elif item.name == "SqlInstance" and value.lower() == "default":
            value = "MSSQLSERVER"
        values[item.name] = value
        origins[item.name] = Origin(".".join(item.spec), loaded.position(path))
    run_as, audit_as = (
        read_credential(loaded, (SECTION, key), section[key]) if key in section else None
        for key in ("runAs", "auditAs")
    )
    return Service(
        values,
        origins,
        loaded.position((SECTION,), key=True),
        run_as,
        audit_as,
        tuple(section.get("dependsOn", ())),
        tuple(
            loaded.position((SECTION, "dependsOn", at)) for at, _ in enumerate(section.get("dependsOn", ()))
        ),
    )


def _value(section: Mapping[str, Any], steps: tuple[str, ...]) -> Any:
    value: Any = section if steps else None
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value
