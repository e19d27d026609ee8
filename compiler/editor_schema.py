"""The JSON Schema of a spec with every resource that it can name, for editors.

mimc itself does not check resources with it: the compiler knows more, and says it better. Where the two differ the
editor is stricter: names and values of lists are matched with their case here.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from mimc import schemas

from .class_schema import CREDENTIAL_CLASS, PAIR_CLASS, CimType, ClassSchema, Qualifier, SchemaProperty
from .load import JOIN, VAR
from .modules import INBOX_MODULE, INBOX_VERSIONS, FoundClass

_Schema = dict[str, Any]

_REFERENCE, _CREDENTIAL = "valueReference", "resourceCredential"
_REAL = {"type": "number"}
_DATETIME = {
    "type": "string",
    "description": "A point in time with its zone (2026-01-02T03:04:05Z), or a CIM date and time of 25 characters.",
}
_SIMPLE: Mapping[CimType, _Schema] = {
    CimType.BOOLEAN: {"type": "boolean"},
    CimType.REAL32: _REAL,
    CimType.REAL64: _REAL,
    CimType.CHAR16: {"type": "string", "minLength": 1, "maxLength": 1},
    CimType.STRING: {"type": "string"},
    CimType.DATETIME: _DATETIME,
}
_META: Mapping[str, _Schema] = {
    "id": {
        "description": "Name of this instance: [type]id is what dependsOn and reports say.",
        "type": "string",
    },
    "dependsOn": {
        "description": "Ids of resources that come first, such as [WindowsFeature]NetFx.",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    },
    "runAs": {
        "description": "Account that the resource runs as (PsDscRunAsCredential).",
        "$ref": f"#/$defs/{_CREDENTIAL}",
    },
}


def editor_schema(classes: Iterable[FoundClass]) -> _Schema:
    """Return the spec's JSON Schema (2020-12) with *classes* as what ``resources`` can hold.

    The same classes in the same order give the same schema.
    """
    schema = schemas.load("spec")
    definitions = schema["$defs"]
    definitions[_REFERENCE] = _reference()
    definitions[_CREDENTIAL] = _credential()
    bodies: dict[str, list[str]] = {}
    for found in classes:
        name = f"{found.module_name}.{found.module_version}.{found.schema.class_name}"
        definitions[name] = _body(found, name)
        for inner_name, inner in found.embedded.items():
            if inner_name != CREDENTIAL_CLASS.lower():
                definitions[f"{name}.{inner_name}"] = _embedded(inner, name)
        bodies.setdefault(found.schema.friendly_name, []).append(name)
    definitions["resource"] = _resource(bodies, definitions, whole=False)
    definitions["wholeResource"] = _resource(bodies, definitions, whole=True)
    definitions["resources"] = _list(definitions.get("resources", {}), "resource")
    # A file that lies over another one, or has groups, may state a part: only a file by itself is known to be whole.
    whole = schema.setdefault("then", {}).setdefault("properties", {})
    whole["resources"] = {"type": "array", "items": {"$ref": "#/$defs/wholeResource"}}
    schema["properties"]["resources"] = {"$ref": "#/$defs/resources"}
    return schema


def _list(static: Mapping[str, Any], item: str) -> _Schema:
    about = static.get(
        "description", "DSC resources: one key each, a type with an id in its block, or [type]id."
    )
    return {"description": about, "type": "array", "items": _pointer(item)}


def _resource(bodies: Mapping[str, list[str]], definitions: Mapping[str, Any], *, whole: bool) -> _Schema:
    """One key: a type, or a whole resource id whose block has no id."""
    properties, patterns = {}, {}
    for name, bodies_of in bodies.items():
        forms = [_form(body, definitions, ("id",) if whole else (), whole=whole) for body in bodies_of]
        by_id = [_form(body, definitions, (), whole=whole) for body in bodies_of]
        properties[name] = _either(forms)
        patterns[rf"^\[{_escaped(name)}\]."] = {**_either(by_id), "not": {"required": ["id"]}}
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": properties,
        "patternProperties": patterns,
    }


def _form(body: str, definitions: Mapping[str, Any], also: tuple[str, ...], *, whole: bool) -> _Schema:
    form = _pointer(body)
    required = [*also, *(definitions[body]["x-required"] if whole else ())]
    return {**form, "required": required} if required else form


def _either(forms: list[_Schema]) -> _Schema:
    return dict(forms[0]) if len(forms) == 1 else {"anyOf": forms}


def _escaped(name: str) -> str:
    return re.sub(r"[\\^$.*+?()\[\]{}|/]", r"\\\g<0>", name)


def _body(found: FoundClass, name: str) -> _Schema:
    """The block of a resource; ``x-required`` are the keys that it has to have in the end, over all layers."""
    own = {
        item.name: _property(item, name)
        for item in found.schema.properties.values()
        if item.qualifier is not Qualifier.READ
    }
    version: _Schema = {"description": "Version of that module.", "const": found.module_version}
    if found.module_name.lower() == INBOX_MODULE.lower():
        version = {"description": version["description"], "enum": list(INBOX_VERSIONS)}
    module = {
        "description": "Module of the resource, when several have one of this name.",
        "const": found.module_name,
    }
    return {
        "description": f"{found.schema.class_name} of {found.module_name} {found.module_version}",
        "type": "object",
        "additionalProperties": False,
        "x-required": _required(found.schema),
        "properties": {**own, **_META, "module": module, "moduleVersion": version},
    }


def _embedded(schema: ClassSchema, prefix: str) -> _Schema:
    own = {
        item.name: _property(item, prefix)
        for item in schema.properties.values()
        if item.qualifier is not Qualifier.READ
    }
    return {
        "description": schema.class_name,
        "type": "object",
        "additionalProperties": False,
        "required": _required(schema),
        "properties": own,
    }


def _required(schema: ClassSchema) -> list[str]:
    needed = (Qualifier.KEY, Qualifier.REQUIRED)
    return [item.name for item in schema.properties.values() if item.qualifier in needed]


def _property(item: SchemaProperty, prefix: str) -> _Schema:
    forms = _forms(item, prefix)
    # PowerShell has no date that is NULL; the LCM has no such key.
    if item.qualifier is Qualifier.WRITE and item.type is not CimType.DATETIME:
        forms.append({"type": "null"})
    forms.append(_pointer(_REFERENCE))
    kind = "" if item.qualifier is Qualifier.WRITE else f" ({item.qualifier.value.lower()})"
    about = f"{item.description or item.name}{kind}"
    return {"description": about, "anyOf": forms}


def _forms(item: SchemaProperty, prefix: str) -> list[_Schema]:
    """What a value may look like; one value alone is taken for a list of one."""
    value = _value(item, prefix)
    if item.embedded.lower() == PAIR_CLASS.lower() and item.is_array:
        texts = {"anyOf": [{"type": ["string", "number", "boolean"]}, _pointer(_REFERENCE)]}
        return [{"type": "object", "additionalProperties": texts}, {"type": "array", "items": value}]
    if not item.is_array:
        return [value]
    items = {"anyOf": [value, _pointer(_REFERENCE)]}
    return [{"type": "array", "items": items}, value]


def _value(item: SchemaProperty, prefix: str) -> _Schema:
    if item.type is CimType.INSTANCE:
        is_credential = item.embedded.lower() == CREDENTIAL_CLASS.lower()
        return _pointer(_CREDENTIAL if is_credential else f"{prefix}.{item.embedded.lower()}")
    if item.type in _SIMPLE:
        if item.type is CimType.STRING and item.value_map:
            return {"enum": list(item.values or item.value_map)}
        return dict(_SIMPLE[item.type])
    if item.value_map:
        numbers = [int(text) for text in item.value_map if re.fullmatch(r"[-+]?\d+", text)]
        return {"enum": [*item.values, *numbers]}
    bits = int(re.sub(r"\D", "", item.type.value))
    low, high = (
        (0, 2**bits - 1) if item.type.value.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )
    return {"type": "integer", "minimum": low, "maximum": high}


def _reference() -> _Schema:
    return {
        "description": f"A variable, {{{VAR}: NAME}}, or texts put together, {{{JOIN}: [...]}}.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {VAR: {"type": "string"}, JOIN: {"type": "array"}},
    }


def _credential() -> _Schema:
    return {
        "description": "An account with a reference to its password.",
        "type": "object",
        "additionalProperties": False,
        "required": ["user", "password"],
        "properties": {
            "user": {
                "description": "Name of the account.",
                "anyOf": [{"type": "string"}, _pointer(_REFERENCE)],
            },
            "password": {
                "description": "The password, as a reference: {secret: {env: NAME}}.",
                "anyOf": [_pointer("secret"), _pointer(_REFERENCE)],
            },
        },
    }


def _pointer(name: str) -> _Schema:
    return {"$ref": f"#/$defs/{quote(name.replace('~', '~0').replace('/', '~1'))}"}
