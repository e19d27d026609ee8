"""Spec to documents: what each node is told, through the resource's declaration."""

from mimc.resources import SYNC_SERVICE, Rule

from .document import Document, Instance, MetaDocument, Value
from .spec import Spec, Target

INSTANCE_ID = "Sync"
RUN_AS = "PsDscRunAsCredential"


def node_document(spec: Spec, target: Target, module_version: str) -> Document:
    """Return the document that installs what *spec* says on *target*."""
    values = {name: _value(value) for name, value in spec.service.items()}
    if spec.run_as:
        values[RUN_AS] = spec.run_as
    return _document(spec, target, module_version, values)


def audit_document(spec: Spec, target: Target, module_version: str) -> Document | None:
    """Return the document for the LCM's GetConfiguration under ``auditAs``, None without one.

    It names what has to be read, and no password but the auditor's: accounts as plain names.
    """
    if not spec.audit_as:
        return None
    values: dict[str, Value] = {}
    for name, value in spec.service.items():
        item = SYNC_SERVICE.property(name)
        # Get-TargetResource demands the key and the required ones; accounts and the key file are to be looked up.
        wanted = item.kind in ("Key", "Required") or item.name == "KeyBackupPath" or item.rule is Rule.ACCOUNT
        if wanted and item.type != "MSFT_Credential":
            values[name] = _value(value)
    values[RUN_AS] = spec.audit_as
    return _document(spec, target, module_version, values)


def meta_document(spec: Spec, target: Target, thumbprint: str) -> MetaDocument:
    """Return the LCM settings of *target*; without a thumbprint the LCM's certificate stays as it is."""
    settings: dict[str, str | bool | int] = {
        "ActionAfterReboot": "ContinueConfiguration",
        "ConfigurationMode": spec.lcm_mode,
        "RebootNodeIfNeeded": False,
        "RefreshMode": "Push",
    }
    if thumbprint:
        settings["CertificateID"] = thumbprint
    return MetaDocument(spec.name, target.name, settings)


def _document(spec: Spec, target: Target, module_version: str, values: dict[str, Value]) -> Document:
    instance = Instance(
        class_name=SYNC_SERVICE.class_name,
        friendly_name=SYNC_SERVICE.friendly_name,
        id=INSTANCE_ID,
        module_name=SYNC_SERVICE.module_name,
        module_version=module_version,
        values=values,
        position=spec.service_position,
    )
    return Document(spec.name, target.name, (instance,))


def _value(value: object) -> Value:
    assert isinstance(value, Value)
    return value
