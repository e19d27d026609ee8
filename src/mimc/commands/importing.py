"""``mimc import``: turn a compiled document into a spec that compiles back to it."""

import argparse
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mimc.cms import BEGIN
from mimc.compiler import meta_mof, mof
from mimc.compiler.expand import node_document
from mimc.compiler.imported import Imported, import_documents
from mimc.compiler.lcm import meta_document
from mimc.compiler.load import dump
from mimc.compiler.modules import INBOX_MODULE, ModuleCatalogue
from mimc.compiler.mof_meaning import NOTHING, Difference, differences
from mimc.compiler.mof_reader import DOCUMENT_CLASS, Mof, decode, read_mof
from mimc.compiler.mof_rules import META_CLASS
from mimc.compiler.spec import read_spec
from mimc.errors import InputError, SpecError
from mimc.resources import module
from mimc.secret import Credential

from .mof import read_document

_TARGET_NODE = re.compile(r"@TargetNode\s*=\s*'([^'\r\n]*)'")
_HEADER_CHARACTERS = 2000
_ENDINGS = (".mof", ".meta")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.epilog = (
        "The spec is compiled at once and compared with the document: exit code 0 when both mean the same, 2 when they "
        "differ, 3 when the spec is not valid as it stands. Resources of modules that no --schemas folder describes "
        "cannot be compared; the spec is written nevertheless."
    )
    parser.add_argument("file", type=Path, metavar="FILE.mof", help="the document of a node")
    parser.add_argument("meta", type=Path, nargs="?", metavar="FILE.meta.mof", help="that of its LCM")
    parser.add_argument("-o", "--output", type=Path, metavar="SPEC", help="where to write (default: stdout)")
    parser.add_argument("--force", action="store_true", help="overwrite SPEC")
    parser.add_argument(
        "--schemas",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="a folder of modules, as on a PSModulePath; may be given again",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the spec and say what it lacks."""
    output: Path | None = arguments.output
    if output and output.exists() and not arguments.force:
        raise InputError(f"{output}: is there already; --force overwrites it")
    document = read_document(arguments.file)
    meta = read_document(arguments.meta) if arguments.meta else None
    folder = output.parent if output else Path()
    schemas = [Path(os.path.relpath(each, folder)).as_posix() for each in arguments.schemas]
    catalogue = ModuleCatalogue(arguments.schemas)
    try:
        imported = import_documents(
            document, meta, _node(arguments.file), arguments.file.name, schemas, partial(_order, catalogue)
        )
    except InputError as error:
        raise InputError(f"{arguments.file}: {error}") from None
    text = dump(imported.spec, imported.comment)
    if output:
        try:
            output.write_text(text, "utf-8", newline="\n")
        except OSError as error:
            raise InputError(f"{output}: cannot write the spec: {error.strerror}") from None
    else:
        sys.stdout.write(text)
    file = str(output or folder / "spec.yaml")
    code, notes = _judged(text, file, imported, catalogue, (document, meta))
    for note in (*imported.notes, *notes):
        sys.stderr.write(f"{note if note.isprintable() else ascii(note)}\n")
    return code


def _node(file: Path) -> str:
    """The name of the node: from the head that PowerShell writes, or from the file's name."""
    head = _TARGET_NODE.search(decode(file.read_bytes())[:_HEADER_CHARACTERS])
    name = file.name
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return head[1] if head and head[1] else name


def _order(catalogue: ModuleCatalogue, kind: str, name: str, version: str) -> Sequence[str]:
    """The properties of a class in its own order, none when it is not known."""
    found = catalogue.find(kind, name, version)
    return () if isinstance(found, str) else tuple(found.schema.properties)


def _judged(
    text: str, file: str, imported: Imported, catalogue: ModuleCatalogue, documents: tuple[Mof, Mof | None]
) -> tuple[int, list[str]]:
    """Return the exit code and what is to be said: whether the spec compiles back to the documents."""
    if missing := list(_without_schema(imported.spec, catalogue)):
        return 0, missing
    try:
        spec = read_spec(text.encode(), file, open_modules=lambda _: catalogue)
        (target,) = spec.targets.values()
        node = spec.node(target)
    except SpecError as error:
        return 3, [str(problem) for problem in error.problems]
    back = node_document(spec.name, target.name, node, module.version())
    found = differences(documents[0], read_mof(mof.write(back, "", seal=_seal)))
    if documents[1]:
        lcm = meta_document(node.lcm, spec.name, target.name, "")
        of_lcm = differences(documents[1], read_mof(meta_mof.write(lcm, seal=_seal)))
        # Its name is that of the whole spec here, and its form always that of WMF 5.
        found += [each for each in of_lcm if each.instance != DOCUMENT_CLASS]
    if told := [_told(each) for each in found if not _is_meant(each)]:
        return 2, ["what the spec compiles to differs from the document:", *told]
    return 0, ["the spec compiles back to a document that means the same"]


def _seal(credential: Credential) -> str:
    """Stand in for a sealed password: the document has none that could be compared."""
    return BEGIN


def _is_meant(difference: Difference) -> bool:
    """Whether it is something in which every document of ours differs.

    A password never stands in clear; an LCM is always told what mimc relies on, and which certificate it has is known
    only when it compiles.
    """
    name = difference.property.rpartition(".")[2]
    if difference.instance == META_CLASS:
        return difference.left == NOTHING or name == "CertificateID"
    return name == "Password" or (name == "ContentType" and difference.left == NOTHING)


def _told(difference: Difference) -> str:
    what = f"{difference.instance}.{difference.property}".rstrip(".")
    return f"  {what}: {difference.left} -> {difference.right}"


def _without_schema(spec: dict[str, Any], catalogue: ModuleCatalogue) -> Iterator[str]:
    """Say which modules no schema describes, and what to do."""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for item in spec.get("resources", ()):
        ((key, body),) = item.items()
        kind = key[1:].partition("]")[0] if key.startswith("[") else key
        module_name, version = body.get("module", ""), body.get("moduleVersion", "")
        if isinstance(catalogue.find(kind, module_name, version), str):
            kinds[f"{module_name or INBOX_MODULE} {version}".rstrip()].append(kind)
    for name, types in kinds.items():
        yield f"{name}: there is no schema for {', '.join(dict.fromkeys(types))}"
    if kinds:
        yield (
            "put the folders of these modules into one folder and name it: --schemas ./modules, or schemas: [./modules] "
            "in the spec; until then it can neither be compiled nor compared with the document"
        )
