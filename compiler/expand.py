"""A node's spec to documents: what the node is told, through the resource's declaration."""

from mimc.resources import SYNC_SERVICE, Kind, Rule
from mimc.secret import Credential

from .document import Document, Instance, Value
from .mof import RUN_AS
from .service import INSTANCE_ID, Service
from .spec import NodeSpec


def node_document(configuration: str, node: str, spec: NodeSpec, module_version: str) -> Document:
    """Return the document that makes *node* what *spec* says; other resources come before the service."""
    instances = spec.resources
    if spec.service:
        values = {name: _value(value) for name, value in spec.service.values.items()}
        if spec.service.run_as:
            values[RUN_AS] = spec.service.run_as
        instances = (*instances, _instance(spec.service, values, module_version, spec.service.depends_on))
    return Document(configuration, node, instances)


def audit_document(configuration: str, node: str, spec: NodeSpec, module_version: str) -> Document | None:
    """Return the document for the LCM's GetConfiguration under ``auditAs``, None without one.

    It names what has to be read, and no password but the auditor's: accounts as plain names.
    """
    service = spec.service
    if not service or not service.audit_as:
        return None
    values: dict[str, Value] = {}
    for name, value in service.values.items():
        item = SYNC_SERVICE.property(name)
        # Get-TargetResource demands the key and the required ones; accounts and the key file are to be looked up.
        needed = item.kind in (Kind.KEY, Kind.REQUIRED)
        looked_up = item.name == "KeyBackupPath" or item.rule is Rule.ACCOUNT
        if (needed or looked_up) and item.type != "MSFT_Credential":
            values[name] = _value(value)
    values[RUN_AS] = service.audit_as
    return Document(configuration, node, (_instance(service, values, module_version),))


def _instance(
    service: Service, values: dict[str, Value], module_version: str, depends_on: tuple[str, ...] = ()
) -> Instance:
    return Instance(
        class_name=SYNC_SERVICE.class_name,
        friendly_name=SYNC_SERVICE.friendly_name,
        id=INSTANCE_ID,
        module_name=SYNC_SERVICE.module_name,
        module_version=module_version,
        values=values,
        position=service.position,
        depends_on=depends_on,
    )


def _value(value: object) -> Value:
    assert isinstance(value, str | bool | int | Credential)
    return value
