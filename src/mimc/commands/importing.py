"""``mimc import``: turn a compiled document into a spec that compiles back to it."""

import argparse
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mimc.compiler import meta_mof, mof
from mimc.compiler.expand import node_document
from mimc.compiler.imported import Imported, import_documents
from mimc.compiler.lcm import meta_document
from mimc.compiler.load import dump
from mimc.compiler.modules import ModuleCatalogue
from mimc.compiler.mof_meaning import Difference, differences
from mimc.compiler.mof_reader import Mof, decode, read_mof
from mimc.compiler.spec import read_spec
from mimc.errors import InputError, SpecError
from mimc.resources import module

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
    try:
        imported = import_documents(document, meta, _node(arguments.file), arguments.file.name, schemas)
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
    code, notes = _judged(
        text, str(output or folder / "spec.yaml"), imported, arguments.schemas, (document, meta)
    )
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


def _judged(
    text: str, file: str, imported: Imported, schemas: Sequence[Path], documents: tuple[Mof, Mof | None]
) -> tuple[int, list[str]]:
    """Return the exit code and what is to be said: whether the spec compiles back to the documents."""
    catalogue = ModuleCatalogue(schemas)
    if missing := list(_without_schema(imported.spec, catalogue)):
        return 0, [*missing, "so the spec could not be compiled and compared with the document"]
    try:
        spec = read_spec(text.encode(), file, open_modules=lambda _: catalogue)
        (target,) = spec.targets.values()
        node = spec.node(target)
    except SpecError as error:
        return 3, [str(problem) for problem in error.problems]
    back = mof.write(node_document(spec.name, target.name, node, module.version()), "", "", lambda _: _SEALED)
    found = differences(documents[0], read_mof(back))
    if documents[1]:
        lcm = meta_document(node.lcm, spec.name, target.name, "")
        found += differences(documents[1], read_mof(meta_mof.write(lcm, "", lambda _: _SEALED)))
    told = [
        f"{each.instance}.{each.property}: {each.left} -> {each.right}"
        for each in found
        if not _is_sealing(each)
    ]
    if told:
        return 2, ["what the spec compiles to differs from the document:", *(f"  {text}" for text in told)]
    return 0, ["the spec compiles back to a document that means the same"]


#: Stands for a password: what a spec is imported from has none to compare with.
_SEALED = "-----BEGIN CMS-----"


def _is_sealing(difference: Difference) -> bool:
    """Whether it is only that a password stands in clear in the document, and never in ours."""
    name = difference.property.rpartition(".")[2]
    return name == "Password" or (name == "ContentType" and difference.left == "nothing")


def _without_schema(spec: dict[str, Any], catalogue: ModuleCatalogue) -> Iterator[str]:
    """Say for each module whose schemas are needed what to do."""
    kinds: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for item in spec.get("resources", ()):
        ((key, body),) = item.items()
        kind = key[1:].partition("]")[0] if key.startswith("[") else key
        name, version = body.get("module", ""), body.get("moduleVersion", "")
        if isinstance(why := catalogue.find(kind, name, version), str):
            kinds[name, version][kind] = why
    for (name, version), whys in kinds.items():
        if name:
            types = ", ".join(whys)
            yield (
                f"{name} {version} has no schema here for {types}: put the module's folder into a folder of modules "
                f"and name that: --schemas ./modules, or schemas: [./modules] in the spec"
            )
        else:
            yield from whys.values()
