"""The rules that the instances of one document have to keep among each other, which the LCM's reader does not check.

Resource ids are unique and keys of a class are, both without case; DependsOn names what is there and goes in no
circle (reference/dsc-mof.md 1.7).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from mimc.errors import Position, Problem

from .document import Instance
from .validate import did_you_mean


@dataclass(frozen=True, slots=True)
class Declaration:
    """An instance as a spec declares it, with what only these checks need.

    ``key`` are names and values of its key properties; empty when its class has none, or one of them is faulty.
    ``dependency_positions`` are the places of ``instance.depends_on``.
    """

    instance: Instance
    key: tuple[tuple[str, object], ...] = ()
    dependency_positions: tuple[Position, ...] = ()


def check_document(declarations: Sequence[Declaration]) -> list[Problem]:
    """Return what is wrong among *declarations*, which are all that one document holds."""
    return [*_ids(declarations), *_keys(declarations), *_dependencies(declarations)]


def _ids(declarations: Sequence[Declaration]) -> Iterator[Problem]:
    first: dict[str, Instance] = {}
    for declaration in declarations:
        instance = declaration.instance
        earlier = first.setdefault(instance.resource_id.lower(), instance)
        if earlier is not instance:
            text = f"{instance.resource_id}: there is one of this id at {earlier.position} already"
            yield Problem(instance.position, text)


def _keys(declarations: Sequence[Declaration]) -> Iterator[Problem]:
    first: dict[tuple[object, ...], Instance] = {}
    for declaration in declarations:
        if not declaration.key:
            continue
        instance = declaration.instance
        values = (value.lower() if isinstance(value, str) else value for _, value in declaration.key)
        earlier = first.setdefault((instance.class_name.lower(), *values), instance)
        # Two of one id have been named for that already.
        if earlier is not instance and earlier.resource_id.lower() != instance.resource_id.lower():
            key = ", ".join(f"{name} {_shown(value)}" for name, value in declaration.key)
            text = (
                f"{instance.resource_id} is about the same thing as {earlier.resource_id} at {earlier.position}: "
                f"both have the key {key}, and a node takes each key once"
            )
            yield Problem(instance.position, text)


def _shown(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value).lower()


def _dependencies(declarations: Sequence[Declaration]) -> Iterator[Problem]:
    known = {each.instance.resource_id.lower(): each for each in declarations}
    graph: dict[str, list[str]] = {resource_id: [] for resource_id in known}
    for declaration in declarations:
        instance = declaration.instance
        own = instance.resource_id.lower()
        for need, position in zip(instance.depends_on, declaration.dependency_positions, strict=True):
            folded = need.lower()
            if folded == own:
                yield Problem(position, f"{instance.resource_id}: it cannot depend on itself")
            elif folded not in known:
                hint = did_you_mean(need, [each.instance.resource_id for each in known.values()])
                yield Problem(
                    position, f"{instance.resource_id}: dependsOn names {need}, which is not there{hint}"
                )
            else:
                graph[own].append(folded)
    if any(graph.values()):
        yield from _circles(graph, known)


def _circles(graph: dict[str, list[str]], known: dict[str, Declaration]) -> Iterator[Problem]:
    """Each circle once, told from the member that is declared first; no two have a member in common."""
    order = {resource_id: at for at, resource_id in enumerate(known)}
    while True:
        try:
            TopologicalSorter(graph).prepare()
            return
        except CycleError as error:
            # graphlib names the dependency first and closes the circle with its first member.
            circle = list(reversed(error.args[1]))[:-1]
        start = min(range(len(circle)), key=lambda at: order[circle[at]])
        circle = circle[start:] + circle[:start]
        head = known[circle[0]]
        named = " -> ".join(known[resource_id].instance.resource_id for resource_id in (*circle, circle[0]))
        yield Problem(_place(head, circle[1]), f"dependsOn goes in a circle: {named}")
        # Without what leads to a member no circle goes through one again.
        graph = {each: [need for need in graph[each] if need not in circle] for each in graph}


def _place(declaration: Declaration, need: str) -> Position:
    names = [name.lower() for name in declaration.instance.depends_on]
    return declaration.dependency_positions[names.index(need)]
