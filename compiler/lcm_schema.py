"""The part of the spec's JSON Schema that describes ``localConfigurationManager``, made from ``lcm_classes``.

``python -m mimc.compiler.lcm_schema [ROOT]`` writes the part into
schemas/spec.schema.json; a test fails when the two differ.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .class_schema import CREDENTIAL_CLASS, CimType, ClassSchema, Qualifier, SchemaProperty
from .lcm import SECTION
from .lcm_classes import (
    FORMS,
    MANAGERS,
    NULLABLE,
    RANGES,
    REFUSED,
    REFUSED_SETTINGS,
    SETTINGS,
    SINGLE,
    UINT32_MAX,
)

_ARRAYS = {True: "one value, or a list of one", False: "a list"}


def section() -> dict[str, Any]:
    """Return the definition of the section."""
    mode = SETTINGS.properties["ConfigurationMode"]
    kinds = "|".join(schema.friendly_name for schema in MANAGERS.values())
    return {
        "description": "What the node's LCM is told.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "mode": {
                "description": "ConfigurationMode while the document is on the node.",
                "enum": list(mode.value_map),
                "default": "ApplyOnly",
            },
            "keepDocument": {
                "description": "Leave the document on the node after it was verified (its passwords are encrypted there).",
                "type": "boolean",
                "default": False,
            },
            "settings": {
                "description": "Settings of the LCM by its own names. What is left out falls back to the LCM's default.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": _properties(SETTINGS, REFUSED_SETTINGS),
                "examples": [{"RefreshFrequencyMins": 30, "DebugMode": ["ForceModuleImport"]}],
            },
            "managers": {
                "description": "Servers and shares to pull from and report to, parts of the configuration, checks of "
                "signatures: one key each, the kind with an id in its block, or [kind]id.",
                "type": "array",
                "items": {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                    "x-expected": "one key, such as ReportServerWeb, with a block",
                    "properties": {schema.friendly_name: _block(schema) for schema in MANAGERS.values()},
                    # Another way to say the id; the kinds are described above.
                    "patternProperties": {f"^\\[({kinds})\\].": {"type": "object"}},
                },
                "examples": [
                    [{"ReportServerWeb": {"id": "Report", "ServerURL": "https://pull.contoso.com/report"}}]
                ],
            },
        },
    }


def _block(schema: ClassSchema) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["id", *schema.keys],
        "properties": {
            "id": {"description": "Name of the block.", "type": "string", "minLength": 1},
            **_properties(schema, REFUSED),
        },
    }


def _properties(schema: ClassSchema, refused: Mapping[str, str]) -> dict[str, Any]:
    found = {
        name: _property(item)
        for name, item in schema.properties.items()
        if item.qualifier is not Qualifier.READ and name not in refused
    }
    # No more than described: the reason why it is refused is better than that of a schema.
    reasons = {
        name: {"description": f"Not here: {why}.", "deprecated": True}
        for name, why in refused.items()
        if schema is SETTINGS or name in schema.properties
    }
    return found | reasons


def _property(item: SchemaProperty) -> dict[str, Any]:
    described: dict[str, Any] = {"description": item.description}
    if item.embedded == CREDENTIAL_CLASS:
        return described | _CREDENTIAL
    if item.type is CimType.INSTANCE:
        return described | {"type": "array", "maxItems": 0, "x-expected": "[], for none"}
    value = _scalar(item)
    if not item.is_array:
        return described | value
    array: dict[str, Any] = {"type": "array", "items": value}
    if item.name in SINGLE:
        array |= {"minItems": 1, "maxItems": 1}
    words = value.get("x-expected") or " or ".join(item.value_map) or "text"
    expected = f"{words}, {_ARRAYS[item.name in SINGLE]}"
    return described | {"anyOf": [value, array], "x-expected": expected}


def _scalar(item: SchemaProperty) -> dict[str, Any]:
    if item.type is CimType.BOOLEAN:
        return {"type": "boolean"}
    if item.type is CimType.UINT32:
        low, high = RANGES.get(item.name, (0, UINT32_MAX))
        return {"type": "integer", "minimum": low, "maximum": high}
    if item.value_map:
        return {"enum": list(item.value_map)}
    kind: dict[str, Any] = {"type": "string"}
    words = "text"
    if item.name in FORMS:
        kind["pattern"], words = FORMS[item.name]
        kind["x-expected"] = words
    if item.name in NULLABLE:
        kind |= {"type": ["string", "null"], "x-expected": f"{words}, or null"}
    return kind


_CREDENTIAL: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["user", "password"],
    "properties": {
        "user": {"description": "The account.", "type": "string", "minLength": 1},
        "password": {"$ref": "#/$defs/secret", "description": "The password, as a reference."},
    },
}


def main(root: Path) -> None:
    """Write the definition into the spec's schema below *root*."""
    file = root / "schemas" / "spec.schema.json"
    schema = json.loads(file.read_text("utf-8"))
    schema["$defs"][SECTION] = section()
    file.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
