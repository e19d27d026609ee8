"""``mimc mof``: show a document as people can read it; say in what two documents differ."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mimc.compiler.load import dump
from mimc.compiler.mof_literals import Char16
from mimc.compiler.mof_meaning import Difference, check_nesting, differences, visible
from mimc.compiler.mof_reader import Mof, MofError, MofInstance, MofValue, read_mof
from mimc.errors import InputError, UsageError

_EPILOG = """\
show prints one document, embedded instances in their places, passwords masked.
diff compares two by what they mean to the LCM and ends with 0 (the same) or 2 (they differ). It passes over comments,
aliases, the order of properties and of hashtable entries, SourceInfo, Author, GenerationDate, GenerationHost, the text
of sealed passwords, and the case of names and ids; --all compares these, too.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of both forms."""
    parser.usage = "mimc mof show FILE [--output json]\n       mimc mof diff A B [--all] [--output json]"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("form", choices=("show", "diff"), metavar="show|diff", help="what to do")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a document, node or meta")
    parser.add_argument("--all", action="store_true", help="diff: compare what means nothing to the LCM, too")
    parser.add_argument("--output", choices=("text", "json"), default="text", help="form of the output")


def run(arguments: argparse.Namespace) -> int:
    """Show one document, or compare two."""
    wanted = 1 if arguments.form == "show" else 2
    if len(arguments.files) != wanted:
        raise UsageError(f"mimc mof {arguments.form} takes {'one file' if wanted == 1 else 'two files'}")
    if arguments.form == "show" and arguments.all:
        raise UsageError("--all belongs to mimc mof diff")
    documents = [read_document(file) for file in arguments.files]
    if arguments.form == "show":
        sys.stdout.write(_json_of(documents[0]) if arguments.output == "json" else _yaml_of(documents[0]))
        return 0
    found = differences(*documents, everything=arguments.all)
    sys.stdout.write(
        _differences_json(found) if arguments.output == "json" else _told(found, *arguments.files)
    )
    return 2 if found else 0


def read_document(file: Path) -> Mof:
    """Return the document in *file*.

    Raises:
        InputError: it cannot be read, is no MOF, or nests without end.
    """
    try:
        document = read_mof(file.read_bytes())
        check_nesting(document)
    except OSError as error:
        raise InputError(f"{file}: cannot read the file: {error.strerror}") from None
    except MofError as error:
        raise InputError(f"{file}:{error.line}:{error.column}: not a MOF document: {error.reason}") from None
    except InputError as error:
        raise InputError(f"{file}: {error}") from None
    return document


def _yaml_of(document: Mof) -> str:
    return dump([_readable(instance) for instance in document.top_level])


def _readable(instance: MofInstance) -> dict[str, Any]:
    """One key, the class, over the properties."""

    def value(given: MofValue) -> Any:
        if isinstance(given, tuple):
            return [value(item) for item in given]
        if isinstance(given, MofInstance):
            return _readable(given)
        # YAML as we write it has no infinity; the reader makes one of numbers that are too large.
        return str(given) if isinstance(given, str) or given in (float("inf"), float("-inf")) else given

    return {instance.class_name: {name: value(visible(instance, name)) for name in instance.properties}}


def _json_of(document: Mof) -> str:
    content = {"formatVersion": "1.0", "instances": [_exact(instance) for instance in document.top_level]}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _exact(instance: MofInstance) -> dict[str, Any]:
    properties = [{"name": name, **_typed(visible(instance, name))} for name in instance.properties]
    return {
        "class": instance.class_name,
        "alias": instance.alias or None,
        "line": instance.line,
        "properties": properties,
    }


def _typed(value: MofValue) -> dict[str, Any]:
    match value:
        case None:
            return {"type": "null", "value": None}
        case tuple():
            items = [_typed(item) for item in value]
            return {
                "type": f"{items[0]['type'] if items else ''}[]",
                "value": [item["value"] for item in items],
            }
        case MofInstance():
            return {"type": "instance", "value": _exact(value)}
        case bool():
            return {"type": "boolean", "value": value}
        case int():
            return {"type": "integer", "value": value}
        case float():
            return {"type": "real", "value": value if abs(value) != float("inf") else str(value)}
        case Char16():
            return {"type": "char16", "value": str(value)}
        case _:
            return {"type": "string", "value": value}


def _told(found: list[Difference], left: Path, right: Path) -> str:
    if not found:
        return f"{left} and {right} mean the same\n"
    lines = [f"--- {left}", f"+++ {right}"]
    label = None
    for each in found:
        if each.instance != label:
            label = each.instance
            lines.append(label)
        lines.append(f"  {each.property or 'the whole instance'}: {each.left} -> {each.right}")
    # Ids and keys of hashtables may hold what a terminal obeys.
    return "".join(f"{line if line.isprintable() else ascii(line)}\n" for line in lines)


def _differences_json(found: list[Difference]) -> str:
    items = [
        {"instance": each.instance, "property": each.property, "left": each.left, "right": each.right}
        for each in found
    ]
    return json.dumps({"formatVersion": "1.0", "differences": items}, indent=2, ensure_ascii=False) + "\n"
