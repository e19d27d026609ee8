"""``mimc explain``: say where a value of the spec comes from, and what it means."""

import argparse
import json
import sys

from mimc.compiler.explain import DescribeProperty, Explanation, Statement, explain
from mimc.compiler.spec import Spec
from mimc.compiler.validate import did_you_mean
from mimc.errors import UsageError

from .source import choose_target, load_spec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument(
        "path",
        nargs="?",
        default="",
        metavar="PATH",
        help="such as syncService.database; none for everything",
    )
    parser.add_argument("--spec", metavar="SPEC", help="the spec; without it spec.yaml or mimc.yaml")
    parser.add_argument("--target", metavar="T", help="the node, by its name in the spec")
    parser.add_argument("--output", choices=("text", "json"), default="text", help="form of the output")


def run(arguments: argparse.Namespace) -> int:
    """Explain every value at PATH or below it, in the effective spec of one target."""
    spec = load_spec(arguments.spec)
    target = choose_target(spec, arguments.target)
    found = explain(spec, target, arguments.path, _describer(spec))
    if not found:
        known = [item.path for item in explain(spec, target, "")]
        raise UsageError(
            f"{target.name} has no value {arguments.path}{did_you_mean(arguments.path, known)}\n"
            "  mimc explain, without a path, lists all of them"
        )
    render = _json if arguments.output == "json" else _text if arguments.path else _list
    sys.stdout.write(render(found))
    return 0


def _describer(spec: Spec) -> DescribeProperty:
    """Return what tells of a resource's property what its class does."""

    def describe(kind: str, name: str) -> dict[str, str]:
        found = spec.catalogue.find(kind, "", "")
        item = None if isinstance(found, str) else found.schema.find(name)
        if isinstance(found, str) or item is None:
            return {}
        facts = {
            "means": item.description,
            "type": f"{item.embedded or item.type}{'[]' if item.is_array else ''}, {item.qualifier}",
            "allowed": " | ".join(item.values or item.value_map),
            "property": f"{item.name} of {found.schema.friendly_name} ({found.module_name} {found.module_version})",
        }
        return {label: text for label, text in facts.items() if text}

    return describe


def _list(found: tuple[Explanation, ...]) -> str:
    width = max(len(item.path) for item in found)
    rows = (f"{item.path:<{width}}  {_shown(item.value)}  ({_from(item.statements[-1])})\n" for item in found)
    return "".join(rows)


def _text(found: tuple[Explanation, ...]) -> str:
    return "\n".join("".join(f"{line}\n" for line in _lines(item)) for item in found)


def _lines(item: Explanation) -> list[str]:
    *beneath, last = item.statements
    lines = [f"{item.path} = {_shown(item.value)}", f"  {'from':<13} {_from(last)}"]
    if last.value != item.value:
        lines.append(f"  {'written as':<13} {_shown(last.value)}")
    lines += [f"  {'over':<13} {_shown(one.value)}, {_from(one)}" for one in reversed(beneath)]
    return lines + [f"  {label:<13} {text}" for label, text in item.meaning.items()]


def _from(statement: Statement) -> str:
    return f"{statement.layer}, {statement.position}"


def _shown(value: object) -> str:
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value, ensure_ascii=False)


def _json(found: tuple[Explanation, ...]) -> str:
    items = [
        {
            "path": item.path,
            "value": item.value,
            "statements": [
                {
                    "layer": one.layer,
                    "value": one.value,
                    "file": one.position.file,
                    "line": one.position.line,
                    "column": one.position.column,
                }
                for one in item.statements
            ],
            "meaning": dict(item.meaning),
        }
        for item in found
    ]
    return json.dumps({"formatVersion": "1.0", "values": items}, indent=2, ensure_ascii=False) + "\n"
