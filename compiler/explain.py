"""Where a value of a node's effective spec comes from, and what it means.

A path is what the spec says, joined by dots; a resource is one step, its id: ``resources.[File]Notes.Contents``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mimc import schemas
from mimc.errors import Position
from mimc.resources import SYNC_SERVICE, Rule

from .load import Place, is_reference
from .overlay import RESOURCES, identity
from .service import SECTION
from .spec import Spec, Target

Steps = tuple[str, ...]
#: Gives type, description and the like of a property of a resource, by the resource's type and the property's name.
DescribeProperty = Callable[[str, str], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Statement:
    """One layer that says something of a value."""

    layer: str
    value: object
    position: Position


@dataclass(frozen=True, slots=True)
class Explanation:
    """One value: every layer that states it, the last of which counts, and what is known of its meaning."""

    path: str
    value: object
    statements: tuple[Statement, ...]
    meaning: Mapping[str, str]


def explain(
    spec: Spec, target: Target, prefix: str, describe: DescribeProperty | None = None
) -> tuple[Explanation, ...]:
    """Return an explanation of every value of *target* whose path is *prefix* or lies below it.

    Raises:
        SpecError: the effective spec of the target cannot be made.
    """
    layers = [(name, dict(_leaves(layer.data, layer.root, ()))) for name, layer in spec.layers(target)]
    effective = spec.effective(target)
    return tuple(
        Explanation(
            ".".join(steps),
            value,
            tuple(
                Statement(name, *leaves[_key(steps)][1:]) for name, leaves in layers if _key(steps) in leaves
            ),
            _meaning(steps, describe),
        )
        for _, (steps, value, _position) in _leaves(effective.data, effective.root, ())
        if _is_below(steps, prefix)
    )


def _is_below(steps: Steps, prefix: str) -> bool:
    path = ".".join(steps).lower()
    wanted = prefix.lower().rstrip(".")
    return not wanted or path == wanted or path.startswith(f"{wanted}.")


def _key(steps: Steps) -> Steps:
    """Return the path under which layers that write an id in other letters meet."""
    return tuple(step.lower() if step.startswith("[") else step for step in steps)


def _leaves(value: Any, place: Place, steps: Steps) -> Iterator[tuple[Steps, tuple[Steps, object, Position]]]:
    if isinstance(value, dict) and value and not is_reference(value) and "secret" not in value:
        for key, item in value.items():
            yield from _leaves(item, place.children[key], (*steps, key))
    elif steps == (RESOURCES,) and isinstance(value, list):
        for at, item in enumerate(value):
            if name := identity(item):
                kind, body = next(iter(item.items()))
                shown = kind if kind.startswith("[") else f"[{kind}]{body['id']}"
                assert name == shown.lower()
                yield from _leaves(body, place.children[at].children[kind], (*steps, shown))
    else:
        yield _key(steps), (steps, value, place.position)


def _meaning(steps: Steps, describe: DescribeProperty | None) -> dict[str, str]:
    if steps[0] == RESOURCES and len(steps) > 2:
        kind = steps[1][1:].partition("]")[0]
        return dict(describe(kind, steps[2])) if describe else {}
    meaning = _from_schema(steps)
    if steps[0] == SECTION:
        for item in SYNC_SERVICE.properties:
            if item.spec and item.spec == steps[1 : 1 + len(item.spec)]:
                meaning["property"] = f"{item.name} of {SYNC_SERVICE.friendly_name}"
                meaning["compared"] = "no" if item.rule is Rule.NONE else item.rule.value
                if item.screen:
                    meaning["wizard screen"] = item.screen
                if item.cannot_set:
                    meaning["apply"] = f"cannot change it later: {item.cannot_set}"
    return meaning


def _from_schema(steps: Steps) -> dict[str, str]:
    root = schemas.load("spec")
    schema: dict[str, Any] = root
    found: dict[str, str] = {}
    for step in steps:
        schema = schema.get("properties", {}).get(step) or schema.get("additionalProperties") or {}
        if not isinstance(schema, dict):
            return found
        own = schema
        if "$ref" in schema:
            schema = {**root["$defs"][schema["$ref"].rpartition("/")[2]], **schema}
        found = _described(schema | own)
    return found


def _described(schema: Mapping[str, Any]) -> dict[str, str]:
    names = {"description": "means", "type": "type", "x-expected": "form", "default": "default"}
    found = {label: str(schema[key]) for key, label in names.items() if key in schema}
    if "enum" in schema:
        found["allowed"] = " | ".join(map(str, schema["enum"]))
    if "minimum" in schema:
        found["range"] = f"{schema['minimum']} to {schema['maximum']}"
    return found
