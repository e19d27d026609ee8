"""The ``resources`` list of a spec as instances: any DSC resource, by its class from a schema file.

An item is a block of one key: a resource type with its ``id`` in the body, or the whole resource id. The keys of a
body that are no properties are written with a small letter, exactly so; all others are properties, without case.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from mimc.errors import MimcError, Position, Problem, SpecError
from mimc.secret import SecretReference

from .class_schema import ClassSchema
from .dependencies import Declaration
from .document import Instance, Value
from .load import Path
from .modules import FoundClass
from .mof import RUN_AS
from .typed import Fault, Surroundings, type_credential, type_properties
from .wording import kind, shown

#: What the keys of a body mean that are no properties of the class.
META_KEYS = frozenset(("id", "dependsOn", "runAs", "module", "moduleVersion"))
_EXAMPLE = "Service: {id: Spooler, Name: Spooler}"
_RESOURCE_ID = re.compile(r"\[([^\[\]]+)\](.+)", re.DOTALL)
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
#: The properties that every resource has from its base class, and how a spec says them.
_SAID_OTHERWISE = {
    "dependson": "write dependsOn",
    "psdscrunascredential": "write runAs",
    "modulename": "write module",
    "moduleversion": "write moduleVersion",
    "resourceid": "write id",
    "sourceinfo": "mimc writes it from the place in the spec",
    "configurationname": "it is the spec's name",
}


class Catalogue(Protocol):
    """The classes that a spec can use: :class:`mimc.compiler.modules.ModuleCatalogue`."""

    @property
    def fingerprint(self) -> str:
        """A hash over all that the classes are read from."""

    def find(self, resource_type: str, module: str, version: str) -> FoundClass | str:
        """Return the class of *resource_type*, or why there is none; *module* and *version* are "" when not said.

        Raises:
            MimcError: a schema file that has to be read for it is not valid.
        """


class Place(Protocol):
    """Tells where a value of the spec stands, or its key: :meth:`mimc.compiler.load.Loaded.position`."""

    def __call__(self, path: Path, *, key: bool = False) -> Position:
        """Return the place of the value at *path*, of the nearest parent when it is missing."""


#: Reads ``{secret: ...}`` at a path of the spec; raises SpecError when that is not a reference.
ReadReference = Callable[[Any, Path], SecretReference]


def read_resources(
    items: object, base: Path, place: Place, catalogue: Catalogue, reference: ReadReference
) -> tuple[tuple[Declaration, ...], list[Problem]]:
    """Return the resources that *items*, which stand at *base*, declare, and all that is wrong with each.

    A faulty one is among the declarations as far as it is known, so that what depends on it is not called wrong for
    that. With a problem none of them is for a document. What they must keep among each other is for
    :func:`mimc.compiler.dependencies.check_document`, with all the instances of a document.
    """
    reader = _Reader(place, catalogue, reference, [])
    if not isinstance(items, list):
        reader.problem(
            base, f"{_dotted(base)}: expected a list of resources, such as - {_EXAMPLE}, got {kind(items)}"
        )
        return (), reader.problems
    read = [reader.item(item, (*base, at)) for at, item in enumerate(items)]
    return tuple([declaration for declaration in read if declaration]), reader.problems


@dataclass(frozen=True, slots=True)
class _Reader:
    """What reading an item leans on, and the problems that it finds."""

    place: Place
    catalogue: Catalogue
    reference: ReadReference
    problems: list[Problem]

    def problem(self, path: Path, text: str, *, key: bool = False) -> None:
        self.problems.append(Problem(self.place(path, key=key), text))

    def item(self, item: object, path: Path) -> Declaration | None:
        if not isinstance(item, dict) or len(item) != 1:
            got = f"{len(item)} keys" if isinstance(item, dict) else kind(item)
            self.problem(path, f"{_dotted(path)}: expected a resource, such as {_EXAMPLE}, got {got}")
            return None
        ((key, body),) = item.items()
        path = (*path, key)
        if not isinstance(body, dict):
            self.problem(path, f"{_dotted(path)}: expected a block of keys, got {kind(body)}")
            return None
        found = self.name(key, body, path)
        return self.declaration(*found, body, path) if found else None

    def name(self, key: str, body: Mapping[str, Any], path: Path) -> tuple[str, str] | None:
        """The resource type and the id."""
        if key.startswith("["):
            match = _RESOURCE_ID.fullmatch(key)
            if match is None:
                self.problem(path, f"{key}: expected [Type]Id, such as '[Service]Spooler'", key=True)
                return None
            if "id" in body:
                text = f"{key}: the id stands in front already; take id out, or write a property with a capital: Id"
                self.problem((*path, "id"), text, key=True)
            kind_of, name = match.groups()
        elif "id" not in body:
            self.problem(path, f"{_dotted(path)} lacks the key id: how the spec calls this one", key=True)
            return None
        else:
            kind_of, name = key, body["id"]
        if not isinstance(name, str) or not name or _CONTROL.search(name):
            quotes = " (put it in quotes)" if isinstance(name, bool | int | float) else ""
            got = shown(name) if name != "" else "nothing"
            self.problem((*path, "id"), f"{_dotted(path)}.id: expected text in one line, got {got}{quotes}")
            return None
        return kind_of, name

    def declaration(self, kind_of: str, name: str, body: Mapping[str, Any], path: Path) -> Declaration:
        label = f"[{kind_of}]{name}"
        module, version = (self.text(body, meta, path, label) for meta in ("module", "moduleVersion"))
        needs, places = self.needs(body.get("dependsOn", []), (*path, "dependsOn"), label)
        position = self.place(path, key=True)
        found = self.found(kind_of, module, version)
        if isinstance(found, str):
            self.problems.append(Problem(position, f"{label}: {found}"))
            return Declaration(Instance("", kind_of, name, "", "", {}, position, needs), (), places)
        schema = found.schema
        values = self.values(found, body, path, label)
        instance = Instance(
            class_name=schema.class_name,
            friendly_name=schema.friendly_name,
            id=name,
            module_name=found.module_name,
            module_version=found.module_version,
            values=values,
            position=position,
            depends_on=needs,
        )
        keys = schema.keys
        known = all(key in values for key in keys)
        return Declaration(instance, tuple([(key, values[key]) for key in keys]) if known else (), places)

    def found(self, kind_of: str, module: str, version: str) -> FoundClass | str:
        try:
            return self.catalogue.find(kind_of, module, version)
        except MimcError as error:
            return str(error)

    def values(self, found: FoundClass, body: Mapping[str, Any], path: Path, label: str) -> dict[str, Value]:
        faults: list[Fault | SpecError] = []
        reference = partial(self.below, path)
        around = Surroundings(label, partial(_embedded, found), reference, faults, _SAID_OTHERWISE)
        values = type_properties(body, found.schema, (), around, META_KEYS)
        if "runAs" in body:
            values[RUN_AS] = type_credential(body["runAs"], ("runAs",), around)
        for fault in faults:
            if isinstance(fault, Fault):
                self.problem((*path, *fault.path), fault.text, key=fault.at_key)
            else:
                self.problems.extend(fault.problems)
        return values

    def below(self, path: Path, raw: Any, inner: Path) -> SecretReference:
        return self.reference(raw, (*path, *inner))

    def text(self, body: Mapping[str, Any], key: str, path: Path, label: str) -> str:
        value = body.get(key, "")
        if isinstance(value, str) and (value or key not in body):
            return value
        quotes = " (put it in quotes)" if isinstance(value, bool | int | float) else ""
        got = shown(value) if value != "" else "nothing"
        self.problem((*path, key), f"{label}.{key}: expected text, got {got}{quotes}")
        return ""

    def needs(self, raw: object, path: Path, label: str) -> tuple[tuple[str, ...], tuple[Position, ...]]:
        """The resource ids of dependsOn, as they are written, with their places."""
        items = list(enumerate(raw)) if isinstance(raw, list) else [(None, raw)]
        names: list[str] = []
        places: list[Position] = []
        for at, item in items:
            here = path if at is None else (*path, at)
            if not isinstance(item, str) or not _RESOURCE_ID.fullmatch(item) or _CONTROL.search(item):
                text = f"{label}.dependsOn: expected [Type]Id, such as '[Service]Spooler', got {shown(item)}"
                self.problem(here, text)
                continue
            names.append(item)
            places.append(self.place(here))
        return tuple(names), tuple(places)


def _embedded(found: FoundClass, name: str) -> ClassSchema | None:
    return found.embedded.get(name.lower())


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
