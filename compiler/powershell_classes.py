"""Class-based resources as schema.mof: what PowerShell itself makes of the attributes of their classes.

The rules are those of PowerShell's own mapping (PowerShell/PowerShell, DscSupport/CimDSCParser.cs): an enum is a
string with its names as values, even when the property is an array of it; a hashtable is an array of
MSFT_KeyValuePair; a credential is MSFT_Credential; only properties with DscProperty count, in embedded classes too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .class_schema import CREDENTIAL_CLASS, PAIR_CLASS, CimType, Qualifier, SchemaProperty

_TYPES = {
    "System.Boolean": CimType.BOOLEAN,
    "System.Byte": CimType.UINT8,
    "System.SByte": CimType.SINT8,
    "System.UInt16": CimType.UINT16,
    "System.Int16": CimType.SINT16,
    "System.UInt32": CimType.UINT32,
    "System.Int32": CimType.SINT32,
    "System.UInt64": CimType.UINT64,
    "System.Int64": CimType.SINT64,
    "System.Single": CimType.REAL32,
    "System.Double": CimType.REAL64,
    "System.Char": CimType.CHAR16,
    "System.String": CimType.STRING,
    "System.DateTime": CimType.DATETIME,
}
_HASHTABLE = "System.Collections.Hashtable"
_CREDENTIAL = "System.Management.Automation.PSCredential"


@dataclass(frozen=True, slots=True)
class PowerShellClass:
    """A class or enum as the parser sees it (``resources/export-module.ps1``); ``kind`` is class, enum, interface."""

    name: str
    kind: str
    file: str
    line: int
    is_resource: bool
    bases: tuple[str, ...]
    values: tuple[str, ...]
    properties: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Export:
    """What became of a module's classes: the text of a schema.mof for each resource, notes, and problems."""

    schemas: Mapping[str, str]
    notes: tuple[str, ...]
    problems: tuple[str, ...]


class _Unmapped(Exception):
    """A property has a type that DSC cannot carry."""


def read_facts(facts: Iterable[Mapping[str, Any]]) -> tuple[PowerShellClass, ...]:
    """Return the classes in the JSON that the script writes, one entry for each file."""
    return tuple(
        PowerShellClass(
            item["name"],
            item["kind"],
            file["file"],
            item["line"],
            item["isResource"],
            tuple(item["bases"]),
            tuple(item["values"]),
            tuple(item["properties"]),
        )
        for file in facts
        for item in file["classes"]
    )


def export(classes: Iterable[PowerShellClass]) -> Export:
    """Return a schema.mof for every class of *classes* that is a resource."""
    return _Exporter({item.name.lower(): item for item in classes}).export()


class _Exporter:
    def __init__(self, classes: Mapping[str, PowerShellClass]) -> None:
        self._classes = classes
        self._notes: dict[str, None] = {}
        self._problems: list[str] = []

    def export(self) -> Export:
        schemas: dict[str, str] = {}
        for item in self._classes.values():
            if item.is_resource:
                schemas[item.name] = self._schema(item)
        return Export(schemas, tuple(self._notes), tuple(dict.fromkeys(self._problems)))

    def _schema(self, resource: PowerShellClass) -> str:
        properties = {resource.name: self._properties(resource)}
        waiting = [resource.name]
        while waiting:
            for item in properties[waiting.pop()]:
                inner = self._classes.get(item.embedded.lower())
                if inner and inner.name not in properties:
                    properties[inner.name] = self._properties(inner)
                    waiting.append(inner.name)
        if not any(item.qualifier is Qualifier.KEY for item in properties[resource.name]):
            self._problem(resource, resource.line, f"{resource.name} has no [DscProperty(Key)]")
        # An embedded class comes before the one that embeds it.
        texts = [_class_text(name, resource.name, items) for name, items in reversed(properties.items())]
        return "\n".join(texts)

    def _properties(self, item: PowerShellClass) -> tuple[SchemaProperty, ...]:
        found: dict[str, SchemaProperty] = {}
        for level in self._lineage(item):
            for fact in level.properties:
                if fact["name"].lower() in found:
                    continue
                try:
                    found[fact["name"].lower()] = self._property(fact)
                except _Unmapped as fault:
                    self._problem(level, fact["line"], f"{level.name}.{fact['name']}: {fault}")
        return tuple(found.values())

    def _lineage(self, item: PowerShellClass) -> Iterator[PowerShellClass]:
        """Yield the class and its bases, as far as they are known."""
        seen: set[str] = set()
        current: PowerShellClass | None = item
        while current and current.name not in seen:
            seen.add(current.name)
            yield current
            following = None
            for base in current.bases:
                known = self._classes.get(base.lower())
                if known is None:
                    self._notes[
                        f"{current.name} : {base}: {base} is not in the module; without its properties"
                    ] = None
                elif known.kind == "class":
                    following = known
            current = following

    def _property(self, fact: Mapping[str, Any]) -> SchemaProperty:
        kind = fact["type"]
        if kind is None:
            raise _Unmapped("it has no type; DSC needs one")
        qualifier = _qualifier(fact)
        name, full_name, is_array = fact["name"], kind["fullName"], kind["isArray"]
        own = self._classes.get(kind["name"].lower())
        choices = own.values if own and own.kind == "enum" else tuple(kind["values"])
        if choices:
            return SchemaProperty(name, CimType.STRING, qualifier, value_map=choices)
        if own and own.kind == "class":
            return SchemaProperty(name, CimType.INSTANCE, qualifier, is_array, embedded=own.name)
        if full_name == _CREDENTIAL:
            return SchemaProperty(name, CimType.INSTANCE, qualifier, is_array, embedded=CREDENTIAL_CLASS)
        if full_name == _HASHTABLE:
            return SchemaProperty(name, CimType.INSTANCE, qualifier, True, embedded=PAIR_CLASS)
        if full_name not in _TYPES:
            raise _Unmapped(f"[{kind['name']}{'[]' * is_array}] is no type that DSC can carry")
        choices = tuple(fact["validateSet"])
        return SchemaProperty(name, _TYPES[full_name], qualifier, is_array, value_map=choices)

    def _problem(self, item: PowerShellClass, line: int, text: str) -> None:
        self._problems.append(f"{item.file}:{line}: {text}")


def _qualifier(fact: Mapping[str, Any]) -> Qualifier:
    if fact["key"]:
        return Qualifier.KEY
    if fact["mandatory"]:
        return Qualifier.REQUIRED
    return Qualifier.READ if fact["notConfigurable"] else Qualifier.WRITE


def _class_text(name: str, resource: str, properties: Iterable[SchemaProperty]) -> str:
    friendly = f", FriendlyName({_string(name)})" if name == resource else ""
    base = " : OMI_BaseResource" if name == resource else ""
    lines = [f'[ClassVersion("1.0.0"){friendly}]', f"class {name}{base}", "{"]
    lines += [f"  {_property_text(item)}" for item in properties]
    return "".join(f"{line}\n" for line in (*lines, "};"))


def _property_text(item: SchemaProperty) -> str:
    qualifiers = [item.qualifier.value]
    if item.value_map:
        values = ", ".join(map(_string, item.value_map))
        qualifiers += [f"ValueMap{{{values}}}", f"Values{{{values}}}"]
    if item.embedded:
        qualifiers.append(f"EmbeddedInstance({_string(item.embedded)})")
    kind = CimType.STRING if item.type is CimType.INSTANCE else item.type
    return f"[{', '.join(qualifiers)}] {kind.value} {item.name}{'[]' * item.is_array};"


def _string(text: str) -> str:
    return '"' + re.sub(r'["\\]', r"\\\g<0>", text) + '"'
