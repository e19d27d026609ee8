"""Documents as MOF text, in the forms that Windows PowerShell writes and its LCM reads.

Source of the forms: reference/dsc-mof.md sections 1 and 2, and reference/oracle/. Built from values, never by
editing text. A file is UTF-16LE with BOM and CRLF: the only form proven safe for text beyond ASCII. Nothing of
the day, the machine or the user goes in.
"""

import codecs
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from .document import Document, Instance, MetaDocument, Value
from .literals import mof as literal
from .spec import Credential

#: Gives the sealed text of a credential's password.
Seal = Callable[[Credential], str]

#: WMF shows Author, Name, Version, GenerationDate and GenerationHost in the status of a configuration; the date
#: is a constant so that the same input gives the same bytes, and the host carries the specHash.
_AUTHOR, _GENERATION_DATE = "mimc", "01/01/2026 00:00:00"
_COMMON = ("ResourceID", "ModuleName", "ModuleVersion", "SourceInfo", "ConfigurationName")


def write(document: Document, spec_hash: str, source: str, seal: Seal) -> bytes:
    """Return the node MOF of *document*; *source* is the spec's file name, which SourceInfo points at."""
    writer = _Writer()
    for instance in document.instances:
        _resource(writer, document, instance, source, seal)
    run_as = any("PsDscRunAsCredential" in instance.values for instance in document.instances)
    writer.instance(
        "OMI_ConfigurationDocument",
        {
            "Version": literal("2.0.0"),
            "MinimumCompatibleVersion": literal("2.0.0" if run_as else "1.0.0"),
            "CompatibleVersionAdditionalProperties": '{"Omi_BaseResource:ConfigurationName"}',
            "Author": literal(_AUTHOR),
            "GenerationDate": literal(_GENERATION_DATE),
            "GenerationHost": literal(spec_hash),
            **({"ContentType": literal("PasswordEncrypted")} if document.credentials() else {}),
            "Name": literal(document.configuration),
        },
        aliased=False,
    )
    return writer.file(document.node)


def write_meta(document: MetaDocument) -> bytes:
    """Return the meta MOF of *document*, in the form of a ``[DSCLocalConfigurationManager()]`` configuration."""
    writer = _Writer()
    settings = {name: literal(value) for name, value in document.settings.items()}
    writer.instance("MSFT_DSCMetaConfiguration", settings)
    writer.instance(
        "OMI_ConfigurationDocument",
        {
            "Version": literal("2.0.0"),
            "MinimumCompatibleVersion": literal("1.0.0"),
            "CompatibleVersionAdditionalProperties": '{"MSFT_DSCMetaConfiguration:StatusRetentionTimeInDays"}',
            "Author": literal(_AUTHOR),
            "GenerationDate": literal(_GENERATION_DATE),
            "GenerationHost": literal(_AUTHOR),
            "Name": literal(document.configuration),
        },
        aliased=False,
    )
    return writer.file(document.node)


def _resource(writer: "_Writer", document: Document, instance: Instance, source: str, seal: Seal) -> None:
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


def _literals(writer: "_Writer", values: Mapping[str, Value], seal: Seal) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Credential):
            body = {"UserName": literal(value.user), "Password": literal(seal(value))}
            yield name, writer.instance("MSFT_Credential", body)
        else:
            yield name, literal(value)


class _Writer:
    """The text of one document: instances in order of definition, aliases counted per class."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._counts: Counter[str] = Counter()

    def instance(self, class_name: str, properties: Mapping[str, str], *, aliased: bool = True) -> str:
        """Add an instance of literals; return its alias."""
        self._counts[class_name] += 1
        alias = f"${class_name}{self._counts[class_name]}ref"
        head = f"instance of {class_name} as {alias}" if aliased else f"instance of {class_name}"
        body = "\n ".join(f"{name} = {text};" for name, text in properties.items())
        self._parts.append(f"{head}\n{{\n{body}\n}};\n")
        return alias

    def file(self, node: str) -> bytes:
        """Return the bytes of the document's file."""
        header = f"/*\n@TargetNode='{node}'\n@GeneratedBy={_AUTHOR}\n*/\n\n"
        text = header + "\n".join(self._parts)
        return codecs.BOM_UTF16_LE + text.replace("\n", "\r\n").encode("utf-16-le")
