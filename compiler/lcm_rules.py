"""What the settings and blocks of an LCM say of each other: ids, references, and what pulling needs.

Sources: Microsoft's pages on configuring the LCM, the refusals of the real compiler (reference/oracle, refuse-lcm-*).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from .document import Instance
from .lcm_classes import ARRAYS, MANAGERS
from .load import Path
from .validate import did_you_mean


@dataclass(frozen=True, slots=True)
class Block:
    """A block of properties that was read: where it stands, and the spelling of its keys by their proper names."""

    path: Path
    instance: Instance
    keys: Mapping[str, str]

    def to(self, name: str) -> Path:
        """Return the path to the property *name*."""
        return (*self.path, self.keys[name]) if name in self.keys else self.path

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of an array property."""
        value = self.instance.values.get(name)
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, tuple) else ()


def faults(settings: Block, blocks: list[Block]) -> Iterator[tuple[Path, str]]:
    """Yield the place and a sentence for everything that does not fit together."""
    yield from _twice(blocks)
    yield from _unresolved(blocks)
    yield from _circles(blocks)
    yield from _unprotected(blocks)
    yield from _sources_of_pull(settings, blocks)
    for array, classes in ARRAYS.items():
        if array in settings.keys:
            for block in blocks:
                if block.instance.class_name in classes:
                    yield (
                        settings.to(array),
                        f"there is to be none, and managers has {block.instance.resource_id}",
                    )


def _twice(blocks: list[Block]) -> Iterator[tuple[Path, str]]:
    ids: dict[str, Block] = {}
    keys: dict[tuple[str, str], Block] = {}
    for block in blocks:
        instance = block.instance
        first = ids.setdefault(instance.resource_id.lower(), block)
        if first is not block:
            yield (
                block.path,
                f"the id {instance.resource_id} stands twice, first at {first.instance.position}",
            )
            continue
        for name in MANAGERS[instance.friendly_name.lower()].keys:
            text = str(instance.values.get(name, "")).lower()
            first = keys.setdefault((instance.class_name, text), block) if text else block
            if first is not block:
                other = f"{first.instance.resource_id} at {first.instance.position}"
                yield block.to(name), f"is also that of {other}; two blocks of a kind need two of them"


#: Properties that name other blocks, with the array of the meta instance that those belong to.
_NAMES_BLOCKS = {
    "ConfigurationSource": "ConfigurationDownloadManagers",
    "ResourceModuleSource": "ResourceModuleManagers",
    "DependsOn": "PartialConfigurations",
}


def _unresolved(blocks: list[Block]) -> Iterator[tuple[Path, str]]:
    for name, array in _NAMES_BLOCKS.items():
        known = [b.instance.resource_id for b in blocks if b.instance.class_name in ARRAYS[array]]
        folded = {each.lower() for each in known}
        for block in blocks:
            for text in block.texts(name):
                if text.lower() not in folded:
                    hint = did_you_mean(text, [each for each in known if each != block.instance.resource_id])
                    yield block.to(name), f"there is no {text} among the managers{hint}"


def _circles(blocks: list[Block]) -> Iterator[tuple[Path, str]]:
    parts = {block.instance.resource_id.lower(): block for block in blocks if block.texts("DependsOn")}
    graph = {name: [text.lower() for text in block.texts("DependsOn")] for name, block in parts.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib lists every node before the one that depends on it; the reader's arrow goes the other way.
        circle = list(reversed(error.args[1]))
        names = " -> ".join(parts[name].instance.resource_id for name in circle)
        yield parts[circle[0]].to("DependsOn"), f"the parts wait for each other: {names}"


def _unprotected(blocks: list[Block]) -> Iterator[tuple[Path, str]]:
    for block in blocks:
        values = block.instance.values
        address = str(values.get("ServerURL", ""))
        if address.lower().startswith("http:") and values.get("AllowUnsecureConnection") is not True:
            yield (
                block.to("ServerURL"),
                "http needs AllowUnsecureConnection: true; https protects what is pulled",
            )


def _sources_of_pull(settings: Block, blocks: list[Block]) -> Iterator[tuple[Path, str]]:
    values = settings.instance.values
    by_id = values.get("ConfigurationID") is not None
    named = next((block for block in blocks if block.instance.values.get("ConfigurationNames")), None)
    if by_id and named:
        where = f"{named.instance.resource_id} at {named.instance.position}"
        yield (
            settings.to("ConfigurationID"),
            f"does not go with the ConfigurationNames of {where}; use one of them",
        )
    repositories = [b for b in blocks if b.instance.class_name in ARRAYS["ConfigurationDownloadManagers"]]
    if values.get("RefreshMode") == "Pull" and not by_id and not repositories:
        yield (
            settings.to("RefreshMode"),
            "Pull needs a ConfigurationRepositoryWeb or ConfigurationRepositoryShare in managers, or a ConfigurationID",
        )
    for block in blocks:
        is_pulled = block.instance.values.get("RefreshMode") == "Pull"
        if is_pulled and "ConfigurationSource" not in block.keys:
            yield block.to("RefreshMode"), "Pull needs a ConfigurationSource"
