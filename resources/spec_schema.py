"""The spec's JSON Schema part of a resource, made from its declaration."""

from typing import Any

from .base import Kind, Property, ResourceType

_JSON_TYPES = {"String": "string", "Boolean": "boolean", "UInt32": "integer"}
#: Keys of a section that are no properties of the resource, beside those of its declaration.
_CREDENTIALS = {
    "runAs": "Account that setup runs as: local administrator and SQL sysadmin (PsDscRunAsCredential).",
    "auditAs": "Account that may SELECT from mms_server_configuration, to read the groups of a remote SQL Server.",
}


def section_schema(resource: ResourceType) -> dict[str, Any]:
    """Return the JSON Schema of *resource*'s section in the spec: closed, nested as the properties' spec paths."""
    section = _object(resource.friendly_name)
    for item in resource.properties:
        if item.spec:
            _insert(section, item)
    for key, text in _CREDENTIALS.items():
        section["properties"][key] = {"$ref": "#/$defs/credential", "description": text}
    section["properties"]["dependsOn"] = {
        "description": "Ids of resources that come first, such as [WindowsFeature]NetFx.",
        "type": "array",
        "items": {"type": "string"},
    }
    return section


def without_required(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the same schema for a layer: no key has to be there."""
    return {
        key: without_required(value) if isinstance(value, dict) else value
        for key, value in schema.items()
        if key != "required" or not isinstance(value, list)
    }


def _object(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "required": [],
        "properties": {},
    }


def _insert(section: dict[str, Any], item: Property) -> None:
    *parents, key = item.spec
    place = section
    for parent in parents:
        place = place["properties"].setdefault(parent, _object(item.screen))
    if item.kind is Kind.REQUIRED:
        place["required"].append(key)
    place["properties"][key] = _value_schema(item)


def _value_schema(item: Property) -> dict[str, Any]:
    if item.type == "MSFT_Credential":
        return {"$ref": "#/$defs/credential", "description": item.help}
    schema: dict[str, Any] = {"description": item.help, "type": _JSON_TYPES[item.type], **(item.schema or {})}
    if item.values:
        schema["enum"] = list(item.values)
    if item.default is not None:
        schema["default"] = item.default
    return schema
