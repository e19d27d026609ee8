"""The settings of a node's LCM as a meta MOF, in the form of a ``[DSCLocalConfigurationManager()]`` configuration."""

from .document import MetaDocument
from .literals import mof as literal
from .mof_writer import MofWriter


def write(document: MetaDocument) -> bytes:
    """Return the meta MOF of *document*."""
    writer = MofWriter()
    settings = {name: literal(value) for name, value in document.settings.items()}
    writer.instance("MSFT_DSCMetaConfiguration", settings)
    writer.document(
        document.configuration,
        minimum_version="1.0.0",
        ignored="MSFT_DSCMetaConfiguration:StatusRetentionTimeInDays",
        host="mimc",
    )
    return writer.file(document.node)
