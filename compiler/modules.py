"""The DSC resources that a spec can name: those of Windows itself, and those of modules in folders.

Folders are laid out as on a PSModulePath: ``<Module>/<Module>.psd1`` or ``<Module>/<version>/<Module>.psd1`` with
``DSCResources/<Class>/<Class>.schema.mof``; a folder may as well be one module. Nothing is read before it is asked
for, and no schema is read twice. Names are compared without case.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from mimc.errors import InputError

from .class_bases import embedded_classes, is_resource, resolve
from .class_schema import ClassSchema
from .manifest import Manifest, read_manifest
from .schema_mof import DeclaredClass, decode_schema, read_schema
from .validate import did_you_mean

INBOX_MODULE = "PSDesiredStateConfiguration"
#: Versions that the inbox module goes by; the first is what PowerShell writes when nothing is said.
INBOX_VERSIONS = ("1.0", "1.1")
#: Composites of the inbox: PowerShell writes their parts, so a spec does too.
_COMPOSITES = {
    "groupset": "Group",
    "processset": "WindowsProcess",
    "serviceset": "Service",
    "windowsfeatureset": "WindowsFeature",
    "windowsoptionalfeatureset": "WindowsOptionalFeature",
}
_FRIENDLY = re.compile(r'\bFriendlyName\s*\(\s*"([^"\\]*)"', re.IGNORECASE)
_CLASS = re.compile(r"\bclass\s+(\w+)", re.IGNORECASE | re.ASCII)
_VERSION = re.compile(r"\d+(\.\d+){0,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class FoundClass:
    """A resource class with the module that has it; ``embedded`` are the classes it embeds, by lower-case name."""

    schema: ClassSchema
    module_name: str
    module_version: str
    embedded: Mapping[str, ClassSchema]


class _SchemaFile:
    """One schema.mof: scanned for names when a name is looked for, parsed when one of its classes is wanted."""

    def __init__(self, file: str, data: bytes) -> None:
        self.file, self._data = file, data

    @cached_property
    def _text(self) -> str:
        return decode_schema(self._data, self.file)

    @cached_property
    def friendly_names(self) -> dict[str, str]:
        return {name.lower(): name for name in _FRIENDLY.findall(self._text)}

    @cached_property
    def class_names(self) -> dict[str, str]:
        return {name.lower(): name for name in _CLASS.findall(self._text)}

    @cached_property
    def classes(self) -> dict[str, DeclaredClass]:
        return {found.name.lower(): found for found in read_schema(self._text, self.file)}


class _Module:
    """One version of one module."""

    def __init__(self, name: str, folder: Path | None, manifest_file: Path | None) -> None:
        self.name, self.folder, self._manifest_file = name, folder, manifest_file
        self._resources: dict[str, FoundClass | None] = {}

    @cached_property
    def manifest(self) -> Manifest:
        assert self._manifest_file, "the inbox is asked for no manifest"
        return read_manifest(_read(self._manifest_file), str(self._manifest_file))

    @property
    def is_inbox(self) -> bool:
        return self.name.lower() == INBOX_MODULE.lower()

    @cached_property
    def versions(self) -> tuple[str, ...]:
        own = (self.manifest.version,) if self._manifest_file else ()
        return tuple(dict.fromkeys((*INBOX_VERSIONS, *own))) if self.is_inbox else own

    @cached_property
    def _folders(self) -> tuple[Path, ...]:
        parent = self.folder and _child(self.folder, "dscresources")
        return tuple(_subfolders(parent)) if parent else ()

    @cached_property
    def schema_files(self) -> tuple[_SchemaFile, ...]:
        if self.folder is None:
            inbox = files("mimc.resources").joinpath("inbox.schema.mof")
            return (_SchemaFile("inbox.schema.mof", inbox.read_bytes()),)
        paths = (path for folder in self._folders for path in _files(folder, ".schema.mof"))
        return tuple(_SchemaFile(str(path), _read(path)) for path in paths)

    @cached_property
    def composites(self) -> frozenset[str]:
        """Names of composite resources, in lower case."""
        return frozenset(
            path.name.lower().removesuffix(".schema.psm1")
            for folder in self._folders
            for path in _files(folder, ".schema.psm1")
        )

    @cached_property
    def classes_without_schema(self) -> frozenset[str]:
        """Names in lower case of what the manifest exports and no file describes; ``*`` stands for some."""
        if self._manifest_file is None or not self.manifest.root_module:
            return frozenset()
        described = self.composites | {name for file in self.schema_files for name in file.friendly_names}
        described |= {name for file in self.schema_files for name in file.class_names}
        return frozenset(name.lower() for name in self.manifest.resources) - described

    def names(self) -> Iterator[str]:
        """Yield the names that its resources go by, unsorted."""
        for file in self.schema_files:
            yield from file.friendly_names.values()

    def resource(self, name: str) -> FoundClass | None:
        """Return the resource *name* (lower case).

        Raises:
            SchemaError: its file is not valid.
        """
        if name not in self._resources:
            self._resources[name] = next(self._found(name), None)
        return self._resources[name]

    def all(self) -> Iterator[FoundClass]:
        """Yield every resource of the module."""
        for file in self.schema_files:
            for declared in file.classes.values():
                if is_resource(declared, self._finder(file)):
                    yield self._made(declared, file)

    def friendly_name_of(self, class_name: str) -> str:
        """Return the name of the resource with *class_name* (lower case), "" when there is none."""
        for file in self.schema_files:
            if class_name in file.class_names and (declared := file.classes.get(class_name)):
                return declared.friendly_name
        return ""

    def _found(self, name: str) -> Iterator[FoundClass]:
        for file in self.schema_files:
            if name not in file.friendly_names and name not in file.class_names:
                continue
            for declared in file.classes.values():
                called = declared.friendly_name or declared.name
                if called.lower() == name and is_resource(declared, self._finder(file)):
                    yield self._made(declared, file)

    def _made(self, declared: DeclaredClass, file: _SchemaFile) -> FoundClass:
        find = self._finder(file)
        schema = resolve(declared, find)
        version = INBOX_VERSIONS[0] if self.is_inbox else self.manifest.version
        return FoundClass(schema, self.name, version, embedded_classes(schema, declared, find))

    def _finder(self, file: _SchemaFile) -> "_Finder":
        return _Finder(self, file)


@dataclass(frozen=True, slots=True)
class _Finder:
    """Finds classes for a file: its own ones first, then those of the module's other files."""

    module: _Module
    file: _SchemaFile

    def __call__(self, name: str) -> DeclaredClass | None:
        name = name.lower()
        for file in (self.file, *self.module.schema_files):
            if name in file.class_names and (declared := file.classes.get(name)):
                return declared
        return None


class ModuleCatalogue:
    """Every resource class that can be named: the inbox, and the modules in *folders*, where the first one wins."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._roots = tuple(folders)

    @cached_property
    def _modules(self) -> tuple[_Module, ...]:
        found = [module for root in self._roots for module in _modules(root)]
        return (*found, _Module(INBOX_MODULE, None, None))

    @property
    def fingerprint(self) -> str:
        """A hash over every file of the folders that a resource may be read from."""
        digest = hashlib.sha256()
        for root in self._roots:
            for path in sorted(path for ending in ("*.psd1", "*.mof") for path in root.rglob(ending)):
                digest.update(f"{path}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
        return digest.hexdigest()

    def find(self, resource_type: str, module: str = "", version: str = "") -> FoundClass | str:
        """Return the resource *resource_type*, or a text that says why there is none, or not only one.

        Raises:
            SchemaError, InputError: a file or folder that has to be read for it is not what it should be.
        """
        within = [item for item in self._modules if not module or item.name.lower() == module.lower()]
        if not within:
            return self._no_module(module)
        if version:
            right = [item for item in within if version in item.versions]
            if not right:
                return _no_version(within, module, version)
            within = right
        hits = self._hits(resource_type.lower(), within)
        if not hits:
            return self._no_type(resource_type, within, module)
        if len(hits) > 1:
            return _several(resource_type, [found for _, found in hits])
        chosen, found = hits[0]
        if chosen.is_inbox and version:
            return FoundClass(found.schema, found.module_name, version, found.embedded)
        return found

    def classes(self) -> tuple[FoundClass, ...]:
        """Return every resource, by name, module and version.

        Raises:
            SchemaError, InputError: any file or folder is not what it should be.
        """
        found = {
            (item.schema.friendly_name.lower(), item.module_name.lower(), item.module_version): item
            for module in reversed(self._modules)
            for item in module.all()
        }
        return tuple(found[key] for key in sorted(found))

    def _hits(self, name: str, within: Sequence[_Module]) -> list[tuple[_Module, FoundClass]]:
        """Return what *name* means, one for each version of each module; the first folder wins."""
        found: dict[tuple[str, str], tuple[_Module, FoundClass]] = {}
        for module in within:
            if resource := module.resource(name):
                key = (module.name.lower(), resource.module_version)
                found.setdefault(key, (module, resource))
        return list(found.values())

    def _no_module(self, module: str) -> str:
        if not self._roots:
            return f"no module {module}: the spec names no folder of modules (schemas: [./modules])"
        hint = did_you_mean(module, {item.name for item in self._modules})
        return f"no module {module} in {_list(map(str, self._roots), 'and')}{hint}"

    def _no_type(self, name: str, within: Sequence[_Module], module: str) -> str:
        folded = name.lower()
        if (simple := _COMPOSITES.get(folded)) and any(item.is_inbox for item in within):
            return f"{name} is a composite resource: name each part of it, as {simple}"
        for item in within:
            if folded in item.composites:
                return f"{name} of {item.name} is a composite resource: name the resources that it is made of"
            if folded in item.classes_without_schema:
                return (
                    f"{name} of {item.name} {item.manifest.version} is a PowerShell class without a schema.mof; "
                    f"make one, once: mimc schema export-module {item.folder}"
                )
        for item in within:
            if friendly := item.friendly_name_of(folded):
                return f"{name} is the class of a resource that is called {friendly}: write {friendly}"
        known = {known for item in within for known in item.names()}
        where = f" in {within[0].name} {_list(_all_versions(within), 'and')}" if module else ""
        return f"no resource {name}{where}{did_you_mean(name, known)}{_hidden(within)}"


def _hidden(within: Sequence[_Module]) -> str:
    """Say which modules may have what was looked for, in classes that nothing describes."""
    for item in within:
        if "*" in item.classes_without_schema and not item.schema_files:
            return f"; if it is a PowerShell class of {item.name}: mimc schema export-module {item.folder}"
    return ""


def _no_version(within: Sequence[_Module], module: str, version: str) -> str:
    if not module:
        return f"no module has the version {version}; name the module, too: module: NAME"
    has = _list(_all_versions(within), "and")
    return f"no version {version} of the module {within[0].name}; there is {has}"


def _several(name: str, hits: Sequence[FoundClass]) -> str:
    modules = sorted({item.module_name for item in hits})
    if len(modules) > 1:
        return f"{name} is in the modules {_list(modules, 'and')}: say which, module: {modules[0]}"
    versions = sorted({item.module_version for item in hits}, key=_order)
    return (
        f"{name} is in the versions {_list(versions, 'and')} of {modules[0]}: "
        f"say which, moduleVersion: '{versions[-1]}'"
    )


def _all_versions(within: Sequence[_Module]) -> list[str]:
    return sorted({version for item in within for version in item.versions}, key=_order)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _list(words: "Iterator[str] | Sequence[str]", last: str) -> str:
    *first, final = words
    return f"{', '.join(first)} {last} {final}" if first else final


def _modules(root: Path) -> Iterator[_Module]:
    """Yield the modules in *root*, or the one that it is, sorted by folder."""
    if not root.is_dir():
        what = "is a file; name a folder of modules" if root.exists() else "no such folder"
        raise InputError(f"schemas: {root}: {what}")
    if module := _module(root):
        yield module
        return
    for folder in _subfolders(root):
        if module := _module(folder):
            yield module
        for inner in _subfolders(folder):
            if _VERSION.fullmatch(inner.name) and (module := _module(inner)):
                yield module


def _module(folder: Path) -> _Module | None:
    """Return the module in *folder*: its manifest is called like the folder, or like the one above a version."""
    absolute = folder.absolute()
    name = absolute.parent.name if _VERSION.fullmatch(absolute.name) else absolute.name
    manifest = _child(folder, f"{name}.psd1".lower())
    return _Module(manifest.stem, folder, manifest) if manifest else None


def _child(folder: Path, name: str) -> Path | None:
    """Return the entry *name* (lower case) of *folder*, whatever its case, as Windows does."""
    return next((path for path in _entries(folder) if path.name.lower() == name), None)


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir()]


def _files(folder: Path, ending: str) -> list[Path]:
    return [path for path in _entries(folder) if path.name.lower().endswith(ending)]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot read the folder: {error.strerror}") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read the file: {error.strerror}") from None
