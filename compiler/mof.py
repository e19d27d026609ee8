"""The document of a node as MOF, in the forms that Windows PowerShell writes and its LCM reads."""

from collections.abc import Callable, Iterator, Mapping

from mimc.secret import Credential

from .document import Document, Instance, Value
from .literals import mof as literal
from .mof_writer import MofWriter

#: Gives the sealed text of a credential's password.
Seal = Callable[[Credential], str]
_COMMON = ("ResourceID", "ModuleName", "ModuleVersion", "SourceInfo", "ConfigurationName")


def write(document: Document, spec_hash: str, source: str, seal: Seal) -> bytes:
    """Return the node MOF of *document*; *source* is the spec's file name, which SourceInfo points at."""
    writer = MofWriter()
    for instance in document.instances:
        _resource(writer, document, instance, source, seal)
    run_as = any("PsDscRunAsCredential" in instance.values for instance in document.instances)
    writer.document(
        document.configuration,
        minimum_version="2.0.0" if run_as else "1.0.0",
        ignored="Omi_BaseResource:ConfigurationName",
        host=spec_hash,
        encrypted=bool(document.credentials()),
    )
    return writer.file(document.node)


def _resource(writer: MofWriter, document: Document, instance: Instance, source: str, seal: Seal) -> None:
    values = dict(_literals(writer, instance.values, seal))
    position = instance.position
    info = f"{source}::{position.line}::{position.column}::{instance.friendly_name}"
    common = (
        instance.resource_id,
        instance.module_name,
        instance.module_version,
        info,
        document.configuration,
    )
    named = dict(zip(_COMMON, map(literal, common), strict=True))
    last = named.pop("ConfigurationName")
    resource_id = named.pop("ResourceID")
    writer.instance(
        instance.class_name, {"ResourceID": resource_id, **values, **named, "ConfigurationName": last}
    )


def _literals(writer: MofWriter, values: Mapping[str, Value], seal: Seal) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Credential):
            body = {"UserName": literal(value.user), "Password": literal(seal(value))}
            yield name, writer.instance("MSFT_Credential", body)
        else:
            yield name, literal(value)
