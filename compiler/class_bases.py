"""From classes as their files declare them to classes as a configuration sees them: bases, embedded classes.

Three classes need no declaration: the base of all resources, credentials, and the entries of a hashtable
(PowerShell/PSDesiredStateConfiguration, BaseResource.schema.mof).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from mimc.errors import Position

from .class_schema import CREDENTIAL_CLASS, PAIR_CLASS, CimType, ClassSchema, Qualifier, SchemaProperty
from .schema_mof import DeclaredClass, SchemaError

BASE_RESOURCE = "OMI_BaseResource"
#: What every resource has from its base class. A configuration says it in other words, or not at all.
COMMON_PROPERTIES = frozenset(
    {"resourceid", "sourceinfo", "dependson", "modulename", "moduleversion", "configurationname"}
    | {"psdscrunascredential"}
)

#: Finds a declared class by its name, case ignored.
FindDeclared = Callable[[str], DeclaredClass | None]


def _built_in(name: str, *properties: SchemaProperty) -> DeclaredClass:
    return DeclaredClass(name, "", "", "1.0.0", properties, Position(name, 1, 1))


def _text(name: str, qualifier: Qualifier, description: str) -> SchemaProperty:
    return SchemaProperty(name, CimType.STRING, qualifier, description=description)


#: Classes that every schema may name without declaring them, by lower-case name (BaseResource.schema.mof).
BUILT_IN: Mapping[str, DeclaredClass] = {
    found.name.lower(): found
    for found in (
        _built_in(BASE_RESOURCE),
        _built_in(
            CREDENTIAL_CLASS,
            _text("UserName", Qualifier.REQUIRED, "Name of the account."),
            _text("Password", Qualifier.REQUIRED, "Its password."),
        ),
        _built_in(
            PAIR_CLASS,
            _text("Key", Qualifier.KEY, "Name of the entry."),
            _text("Value", Qualifier.WRITE, "Value of the entry, as text."),
        ),
    )
}


def is_resource(declared: DeclaredClass, find: FindDeclared) -> bool:
    """Whether *declared* is a resource, not a class that can only be embedded."""
    return bool(declared.friendly_name) or any(
        base.name.lower() == BASE_RESOURCE.lower() for base in _bases(declared, find)
    )


def resolve(declared: DeclaredClass, find: FindDeclared) -> ClassSchema:
    """Return *declared* with the properties of its bases, which come first; *find* knows the other classes.

    A resource without FriendlyName is called by its class name, as PowerShell does. The properties that all
    resources have from their base class are left out.

    Raises:
        SchemaError: a base is not known, or the bases go in a circle.
    """
    chain = [declared, *_bases(declared, find)]
    resource = is_resource(declared, find)
    properties: dict[str, SchemaProperty] = {}
    names: dict[str, str] = {}
    for item in (item for level in reversed(chain) for item in level.properties):
        folded = item.name.lower()
        if resource and folded in COMMON_PROPERTIES:
            continue
        name = names.setdefault(folded, item.name)
        properties[name] = replace(item, name=name)
    friendly_name = declared.friendly_name or (declared.name if resource else "")
    return ClassSchema(declared.name, friendly_name, properties)


def embedded_classes(
    schema: ClassSchema, declared: DeclaredClass, find: FindDeclared
) -> dict[str, ClassSchema]:
    """Return every class that *schema* embeds, inner ones too, by lower-case name.

    Raises:
        SchemaError: one of them is not known.
    """
    found: dict[str, ClassSchema] = {}
    open_ends = [schema]
    while open_ends:
        for item in open_ends.pop().properties.values():
            name = item.embedded.lower()
            if not name or name in found:
                continue
            inner = _find(name, find)
            if inner is None:
                reason = f"{item.name} embeds {item.embedded}, a class that this module does not declare"
                raise _error(declared.position, reason)
            found[name] = resolve(inner, find)
            open_ends.append(found[name])
    return found


def _find(name: str, find: FindDeclared) -> DeclaredClass | None:
    return find(name) or BUILT_IN.get(name.lower())


def _bases(declared: DeclaredClass, find: FindDeclared) -> Iterator[DeclaredClass]:
    seen = {declared.name.lower()}
    while declared.base:
        base = _find(declared.base, find)
        if base is None:
            raise _error(declared.position, f"the base class {declared.base} is not known")
        if base.name.lower() in seen:
            raise _error(declared.position, f"the base classes of {declared.name} go in a circle")
        seen.add(base.name.lower())
        yield base
        declared = base


def _error(position: Position, reason: str) -> SchemaError:
    return SchemaError(position.file, position.line, position.column, reason)
