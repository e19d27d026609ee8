"""A report for machines: the object of peers.md C.2, closed by ``schemas/report.schema.json``.

Readers: the same major version of ``formatVersion`` means that unknown keys may be ignored.
"""

import json
import re
from typing import Any

from mimc.errors import Position

from .neutral import is_unsafe
from .outcome import DIFFERING, NodeReport, PropertyResult, Report

FORMAT_VERSION = "1.0"


def render(report: Report) -> str:
    """Return *report* as JSON with a final newline: the same data, the same text.

    Strings keep every character; those that a terminal or a CI job would act on are written as ``\\u`` escapes.
    """
    text = json.dumps(to_object(report), indent=2, ensure_ascii=False)
    # Outside of strings JSON has neither of these but the line feed.
    text = "".join(_escape(character) if is_unsafe(character) else character for character in text)
    return re.sub("#(?=#)", r"\\u0023", text) + "\n"


def to_object(report: Report) -> dict[str, Any]:
    """Return *report* as plain data, keys in the order in which they are written."""
    return {
        "formatVersion": FORMAT_VERSION,
        "command": report.command,
        "engine": report.engine,
        "simulated": bool(report.engine),
        "name": report.name,
        "specHash": report.spec_hash,
        "results": [_node(node) for node in report.nodes],
        "messages": [{"level": message.level, "text": message.text} for message in report.messages],
        "traffic": {
            "requests": report.traffic.requests,
            "bytesSent": report.traffic.bytes_sent,
            "bytesReceived": report.traffic.bytes_received,
        },
        "exitCode": report.exit_code,
        "exitWord": report.exit_word,
    }


def _node(node: NodeReport) -> dict[str, Any]:
    differing = [item for item in node.properties if item.status in DIFFERING]
    return {
        "target": node.target,
        "host": node.address,
        "resource": node.resource,
        "status": str(node.status),
        "inDesiredState": node.in_desired_state,
        "rebootRequired": node.reboot_required,
        "properties": [_property(item) for item in node.properties],
        "differingProperties": [item.property for item in differing],
        "differences": [
            {"path": item.path, "desired": item.desired, "actual": item.actual} for item in differing
        ],
        "facts": dict(sorted(node.facts.items())),
    }


def _property(item: PropertyResult) -> dict[str, Any]:
    return {
        "property": item.property,
        "path": item.path,
        "status": str(item.status),
        "desired": item.desired,
        "actual": item.actual,
        "before": item.before,
        "reason": item.reason,
        "source": _source(item.source),
    }


def _source(position: Position | None) -> dict[str, Any] | None:
    if position is None:
        return None
    return {"file": position.file, "line": position.line, "column": position.column}


def _escape(character: str) -> str:
    if character == "\n":
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
