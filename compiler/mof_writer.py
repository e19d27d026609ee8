"""The text of one MOF document: instances in order of definition, aliases counted per class.

Source of the forms: reference/dsc-mof.md section 1 and reference/oracle/. Built from values, never by editing text.
A file is UTF-16LE with BOM and CRLF: the only form proven safe for text beyond ASCII. Nothing of the day, the
machine or the user goes in.
"""

import codecs
from collections import defaultdict
from collections.abc import Mapping
from pathlib import PurePath

from mimc.errors import Position

from .literals import mof as literal

DOCUMENT_CLASS = "OMI_ConfigurationDocument"
_AUTHOR = "mimc"
#: A constant, so that the same input gives the same bytes.
_GENERATION_DATE = "01/01/2026 00:00:00"


class MofWriter:
    """Collects the instances of one document."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._aliases: set[str] = set()

    def instance(self, class_name: str, properties: Mapping[str, str], *, aliased: bool = True) -> str:
        """Add an instance of literals; return its alias."""
        return self.add(class_name, body(properties), aliased=aliased)

    def add(self, class_name: str, text: str, *, aliased: bool = True) -> str:
        """Add an instance whose body is written already (see :func:`body`); return its alias."""
        alias = self._alias(class_name) if aliased else ""
        head = f"instance of {class_name} as {alias}" if aliased else f"instance of {class_name}"
        self._parts.append(f"{head}\n{{\n{text}\n}};\n")
        return alias

    def _alias(self, class_name: str) -> str:
        """The next free one: the 11th of class X and the first of class X1 would have the same."""
        while True:
            self._counts[class_name] += 1
            alias = f"${class_name}{self._counts[class_name]}ref"
            if (key := alias.lower()) not in self._aliases:
                self._aliases.add(key)
                return alias

    def document(
        self, name: str, *, minimum_version: str, ignored: str, host: str, encrypted: bool = False
    ) -> None:
        """Add the document instance, which comes last.

        WMF shows Author, Name, Version, GenerationDate and GenerationHost in the status of a configuration, so *host*
        can say which build it was. *ignored* is the class and property that an older LCM is to pass over.
        """
        self.instance(
            DOCUMENT_CLASS,
            {
                "Version": literal("2.0.0"),
                "MinimumCompatibleVersion": literal(minimum_version),
                "CompatibleVersionAdditionalProperties": f"{{{literal(ignored)}}}",
                "Author": literal(_AUTHOR),
                "GenerationDate": literal(_GENERATION_DATE),
                "GenerationHost": literal(host),
                **({"ContentType": literal("PasswordEncrypted")} if encrypted else {}),
                "Name": literal(name),
            },
            aliased=False,
        )

    def file(self, node: str) -> bytes:
        """Return the bytes of the document's file."""
        header = f"/*\n@TargetNode='{node}'\n@GeneratedBy={_AUTHOR}\n*/\n\n"
        text = header + "\n".join(self._parts)
        return codecs.BOM_UTF16_LE + text.replace("\n", "\r\n").encode("utf-16-le")


def source_info(position: Position, keyword: str) -> str:
    """Return SourceInfo: the place in the spec, which the LCM repeats in its messages.

    The file without its folder, which is this machine's, and as text, whatever the bytes of its name are.
    """
    name = PurePath(position.file.replace("\\", "/")).name.encode("utf-8", "backslashreplace").decode()
    return f"{name}::{position.line}::{position.column}::{keyword}"


def body(properties: Mapping[str, str]) -> str:
    """Return the text between the braces of an instance with *properties*, which are literals."""
    return "\n ".join([f"{name} = {text};" for name, text in properties.items()])
