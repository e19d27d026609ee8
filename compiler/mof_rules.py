"""What the LCM checks once a document is read, as far as that needs no schema of a class.

Rules as in the LCM engine (public source: microsoft/PowerShell-DSC-for-Linux, ModuleValidator.c, CAValidate.c,
LocalConfigManagerHelper.c). Left to those who have the schemas: types, key and required properties, equal keys,
and whether the module is there.
"""

import re
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from .mof_reader import DOCUMENT_CLASS, Mof, MofInstance, MofValue

META_CLASS = "MSFT_DSCMetaConfiguration"

_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_META_VERSIONS = ("1.0.0", "2.0.0")


def check_rules(mof: Mof, *, meta: bool | None = None) -> list[str]:
    """Return a sentence for each rule of the LCM that the document breaks; none when it would be taken.

    ``meta`` says what the document is given as: False to SendConfiguration, True to SendMetaConfiguration. With
    None the document decides: it is a meta document when it has a meta instance and no resource of any module.
    """
    top = [instance for instance in mof.top_level if not instance.is_a(DOCUMENT_CLASS)]
    if meta is None:
        meta = any(map(_is_meta, mof.instances)) and not any(instance.get("ModuleName") for instance in top)
    return [*_document_faults(mof, meta), *(_meta_faults(top) if meta else _node_faults(mof, top))]


def _is_meta(instance: MofInstance) -> bool:
    # The V2 name is that of the schema; PowerShell writes the first.
    return instance.is_a(META_CLASS) or instance.is_a(f"{META_CLASS}V2")


def _document_faults(mof: Mof, meta: bool) -> Iterator[str]:
    documents = [instance for instance in mof.instances if instance.is_a(DOCUMENT_CLASS)]
    if len(documents) != 1:
        yield f"the document needs exactly one {DOCUMENT_CLASS} instance and has {len(documents)}"
    for document in documents:
        version = document.get("Version")
        place = f"line {document.line}: {DOCUMENT_CLASS}"
        if not isinstance(version, str):
            yield f"{place} has no Version"
        elif meta and version not in _META_VERSIONS:
            yield f"{place} has Version '{version}'; a meta document takes {' or '.join(_META_VERSIONS)}"
        elif not _VERSION.fullmatch(version):
            yield f"{place} has Version '{version}', which is not of the form 1.2.3"


def _meta_faults(top: Sequence[MofInstance]) -> Iterator[str]:
    found = sum(map(_is_meta, top))
    if found != 1:
        yield f"a meta document needs exactly one {META_CLASS} instance that no other names, and has {found}"
    for instance in top:
        if not _is_meta(instance):
            yield f"line {instance.line}: {instance.class_name} is not named by the meta instance"


def _node_faults(mof: Mof, top: Sequence[MofInstance]) -> Iterator[str]:
    for instance in filter(_is_meta, mof.instances):
        yield f"line {instance.line}: a node document cannot hold {instance.class_name}"
    resources = [instance for instance in top if not _is_meta(instance)]
    if not resources:
        yield "the document has no resource"
    for resource in resources:
        for name in ("ResourceID", "ModuleName", "ModuleVersion"):
            if not isinstance(resource.get(name), str):
                yield f"line {resource.line}: {resource.class_name} has no {name}"
    yield from _id_faults(resources)
    yield from _dependency_faults(resources)


def _id(resource: MofInstance) -> str:
    """The ResourceID in the form it is compared in: without case; empty when there is none."""
    value = resource.get("ResourceID")
    return value.lower() if isinstance(value, str) else ""


def _id_faults(resources: Sequence[MofInstance]) -> Iterator[str]:
    first: dict[str, MofInstance] = {}
    for resource in resources:
        earlier = first.setdefault(_id(resource), resource)
        if earlier is not resource and _id(resource):
            yield (
                f"line {resource.line}: ResourceID '{resource.get('ResourceID')}' is already that of the resource "
                f"in line {earlier.line}"
            )


def _dependency_faults(resources: Sequence[MofInstance]) -> Iterator[str]:
    written = {_id(resource): resource.get("ResourceID") for resource in resources if _id(resource)}
    graph: dict[str, list[str]] = {resource_id: [] for resource_id in written}
    for resource in resources:
        needs = resource.get("DependsOn")
        if not isinstance(needs, tuple) and needs is not None:
            yield f"line {resource.line}: DependsOn of {resource.class_name} is not an array"
            continue
        for need in needs or ():
            if not isinstance(need, str) or need.lower() not in written:
                yield f"line {resource.line}: DependsOn names {_shown(need)}, which is not in the document"
            elif _id(resource):
                graph[_id(resource)].append(need.lower())
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as fault:
        # graphlib lists every node before the one that depends on it; the reader's arrow goes the other way.
        circle = " -> ".join(str(written[resource_id]) for resource_id in reversed(fault.args[1]))
        yield f"DependsOn goes in a circle: {circle}"


def _shown(value: MofValue) -> str:
    return f"'{value}'" if isinstance(value, str) else "something that is no text"
