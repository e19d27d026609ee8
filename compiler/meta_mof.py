"""What a node's LCM is told as a meta MOF, in the form of a ``[DSCLocalConfigurationManager()]`` configuration.

The managers come first; the meta instance names every one of them in its arrays, which the LCM insists on
(reference/oracle, lcm-*).
"""

from collections.abc import Iterator

from mimc.secret import Credential

from .class_schema import CREDENTIAL_CLASS
from .document import Instance, MetaDocument
from .lcm_classes import ARRAYS, SETTINGS, VERSION_1
from .literals import mof as literal
from .literals import mof_array
from .mof import Seal
from .mof_writer import MofWriter, source_info


def write(document: MetaDocument, seal: Seal | None = None) -> bytes:
    """Return the meta MOF of *document*; *seal* is needed when a manager has a credential."""
    writer = MofWriter()
    aliases: dict[str, list[str]] = {array: [] for array in ARRAYS}
    for manager in document.managers:
        alias = writer.instance(manager.class_name, dict(_manager(writer, manager, seal)))
        array = next(name for name, classes in ARRAYS.items() if manager.class_name in classes)
        aliases[array].append(alias)
    settings = {name: literal(value) for name, value in document.settings.items()}
    settings |= {array: mof_array(items) for array, items in aliases.items() if items}
    writer.instance(SETTINGS.class_name, settings)
    writer.document(
        document.configuration,
        minimum_version="1.0.0" if settings.keys() <= VERSION_1 else "2.0.0",
        ignored="MSFT_DSCMetaConfiguration:StatusRetentionTimeInDays",
        host="mimc",
        encrypted=bool(document.credentials()),
    )
    return writer.file(document.node)


def _manager(writer: MofWriter, manager: Instance, seal: Seal | None) -> Iterator[tuple[str, str]]:
    yield "ResourceID", literal(manager.resource_id)
    for name, value in manager.values.items():
        if isinstance(value, Credential):
            assert seal, "a document with credentials is written with a seal"
            body = {"UserName": literal(value.user), "Password": literal(seal(value))}
            yield name, writer.instance(CREDENTIAL_CLASS, body)
        else:
            yield name, literal(value)
    yield "SourceInfo", literal(source_info(manager.position, manager.friendly_name))
