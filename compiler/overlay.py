"""One layer of a spec over another, and variables: what a node's effective spec is made of.

The merge rule, whole: a block goes over a block key by key; ``resources`` go over ``resources`` by their ids, new ones
at the end; null takes a key away; anything else replaces what was there. Places travel with values, so every value of
the result still knows its file and line. Nothing here knows what the keys mean.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mimc.errors import Problem

from .load import JOIN, VAR, Loaded, Place, is_reference
from .validate import did_you_mean

RESOURCES = "resources"
#: Two providers are no reference: what stands under this key is replaced as a whole.
SECRET = "secret"
_Node = tuple[Any, Place]


def merge(base: Loaded, over: Loaded) -> Loaded:
    """Return *over* laid over *base*; neither is changed."""
    data, place = _merge((base.data, base.root), (over.data, over.root), "")
    return Loaded(over.file, data, place)


def _merge(base: _Node, over: _Node, key: str) -> _Node:
    if key == SECRET:
        return over
    if isinstance(base[0], dict) and isinstance(over[0], dict) and not is_reference(over[0]):
        return _merge_blocks(base, over)
    if key == RESOURCES and isinstance(base[0], list) and isinstance(over[0], list):
        return _merge_resources(base, over)
    return over


def _merge_blocks(base: _Node, over: _Node) -> _Node:
    data, place = dict(base[0]), base[1].copy()
    for key, value in over[0].items():
        place.keys[key] = over[1].keys[key]
        if value is None and key in data:
            del data[key]
            continue
        node = (value, over[1].children[key])
        if key in data:
            node = _merge((data[key], place.children[key]), node, key)
        data[key], place.children[key] = node
    return data, place


def _merge_resources(base: _Node, over: _Node) -> _Node:
    items, place = list(base[0]), base[1].copy()
    index = {identity(item): at for at, item in enumerate(items)}
    for at, item in enumerate(over[0]):
        name, item_place = identity(item), over[1].children[at]
        found = index.get(name) if name else None
        if found is None:
            place.children[len(items)] = item_place
            index[name] = len(items)
            items.append(item)
            continue
        (key, body), (over_key, over_body) = next(iter(items[found].items())), next(iter(item.items()))
        old = place.children[found]
        merged, merged_place = _merge(
            (body, old.children[key]), (over_body, item_place.children[over_key]), ""
        )
        place.children[found] = old.copy()
        place.children[found].children[key] = merged_place
        items[found] = {key: merged}
    return items, place


def identity(item: object) -> str:
    """Return the id of a resource as it stands in a list, in lower case; "" when it has none."""
    if not isinstance(item, dict) or len(item) != 1:
        return ""
    kind, body = next(iter(item.items()))
    if str(kind).startswith("["):
        return str(kind).lower()
    if isinstance(body, dict) and isinstance(body.get("id"), str):
        return f"[{kind}]{body['id']}".lower()
    return ""


def uses_variables(value: object) -> bool:
    """Whether a reference stands anywhere in *value*."""
    if is_reference(value):
        return True
    if isinstance(value, dict):
        return any(map(uses_variables, value.values()))
    return isinstance(value, list) and any(map(uses_variables, value))


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of one node; ``file`` and ``place`` of a use are for the problem when there is no such one."""

    values: Mapping[str, object]

    def resolve(self, loaded: Loaded) -> tuple[Loaded, list[Problem]]:
        """Return *loaded* with every reference replaced by its value, which keeps the place of the reference."""
        problems: list[Problem] = []
        data = self._resolved(loaded.data, loaded.root, problems)
        return Loaded(loaded.file, data, loaded.root), problems

    def _resolved(self, value: Any, place: Place, problems: list[Problem]) -> Any:
        if isinstance(value, dict):
            if is_reference(value):
                return self._value(value, place, problems)
            return {key: self._resolved(item, place.children[key], problems) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item, place.children[at], problems) for at, item in enumerate(value)]
        return value

    def _value(self, reference: dict[str, Any], place: Place, problems: list[Problem]) -> Any:
        if VAR in reference:
            return self._variable(reference[VAR], place, problems)
        parts = reference[JOIN]
        if not isinstance(parts, list):
            problems.append(Problem(place.position, f"{JOIN} takes a list of texts"))
            return None
        return "".join(self._texts(parts, place.children[JOIN], problems))

    def _texts(self, parts: list[Any], place: Place, problems: list[Problem]) -> Iterator[str]:
        for at, part in enumerate(parts):
            value = self._resolved(part, place.children[at], problems)
            if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
                yield str(value)
            elif value is not None:
                problems.append(
                    Problem(place.children[at].position, f"{JOIN} puts texts and whole numbers together")
                )

    def _variable(self, name: object, place: Place, problems: list[Problem]) -> Any:
        if isinstance(name, str) and name in self.values:
            return self.values[name]
        hint = did_you_mean(name, self.values)
        problems.append(Problem(place.position, f"there is no variable {name}{hint}"))
        return None
