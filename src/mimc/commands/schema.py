"""``mimc schema``: print the JSON Schema of a spec; ``mimc schema export-module``: describe PowerShell classes."""

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from mimc.compiler.editor_schema import editor_schema
from mimc.compiler.load import Loaded, load
from mimc.compiler.manifest import Manifest, read_manifest
from mimc.compiler.modules import ModuleCatalogue
from mimc.compiler.powershell_classes import Export, export, read_facts
from mimc.errors import InputError, UsageError

from .source import DEFAULT_FILES, beside

_EXPORT = "export-module"
#: The parser reads a module in about a second; a machine under load gets some air.
_ENGINE_TIMEOUT_S = 120
_MAX_BASES = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of both forms; a spec that is called export-module is ./export-module."""
    parser.usage = f"mimc schema [SPEC]\n       mimc schema {_EXPORT} PATH [-o FOLDER] [--force]"
    parser.epilog = (
        f"{_EXPORT} writes a schema.mof for each class-based resource of the module PATH (its folder, .psd1 or .psm1); "
        "PowerShell parses the module and runs nothing of it."
    )
    parser.add_argument(
        "spec",
        nargs="?",
        metavar="SPEC",
        help="add the resources of its schemas folders (default: spec.yaml)",
    )
    parser.add_argument("path", nargs="?", metavar="PATH", help=argparse.SUPPRESS)
    parser.add_argument(
        "-o",
        "--output-folder",
        type=Path,
        metavar="FOLDER",
        help=f"{_EXPORT}: where to write <Module>/<version>/... (default: DSCResources beside the module)",
    )
    parser.add_argument("--force", action="store_true", help=f"{_EXPORT}: overwrite files that differ")


def run(arguments: argparse.Namespace) -> int:
    """Do what *arguments* ask for and return the exit code."""
    if arguments.spec == _EXPORT:
        if arguments.path is None:
            raise UsageError(f"name the module: mimc schema {_EXPORT} PATH")
        try:
            return _export(Path(arguments.path), arguments.output_folder, arguments.force)
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}") from None
    if arguments.path is not None or arguments.output_folder or arguments.force:
        raise UsageError(f"mimc schema takes one spec; PATH, -o and --force belong to mimc schema {_EXPORT}")
    catalogue = ModuleCatalogue(tuple(_folders(arguments.spec)))
    schema = editor_schema(catalogue.classes())
    sys.stdout.write(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
    return 0


def _folders(name: str | None) -> Iterator[Path]:
    """Yield the folders of modules that the spec and the files below it name.

    The spec is not checked further: its schema is wanted while it is being written.
    """
    path = Path(name) if name else next((p for p in map(Path, DEFAULT_FILES) if p.is_file()), None)
    for _ in range(_MAX_BASES):
        if path is None:
            return
        loaded = _load(path)
        data: Mapping[str, Any] = loaded.data if isinstance(loaded.data, dict) else {}
        folders = data.get("schemas")
        for at, folder in enumerate(folders if isinstance(folders, list) else ()):
            if isinstance(folder, str):
                yield beside(loaded.position(("schemas", at)), folder)
        below = data.get("base")
        path = path.parent / below if isinstance(below, str) else None


def _load(path: Path) -> Loaded:
    try:
        return load(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot read the spec: {error.strerror}") from None


def _export(path: Path, output: Path | None, force: bool) -> int:
    manifest_file = _manifest_file(path)
    data = manifest_file.read_bytes()
    manifest = read_manifest(data, str(manifest_file))
    made = _described(_code_files(manifest_file, manifest), manifest_file)
    folder, texts = manifest_file.parent, dict[Path, bytes]()
    if output:
        folder = output / manifest_file.stem / manifest.version
        texts[folder / manifest_file.name] = data
    for name, text in made.schemas.items():
        texts[folder / "DSCResources" / name / f"{name}.schema.mof"] = text.encode("utf-8")
    _write(texts, force)
    for note in made.notes:
        sys.stderr.write(f"{note}\n")
    if not output:
        sys.stderr.write("these files are for mimc; a node has the classes and must not get them\n")
    return 0


def _manifest_file(path: Path) -> Path:
    """Return the manifest of the module that *path* is: its folder, its manifest or its code."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; name the folder of a module")
    folder = path if path.is_dir() else path.parent
    wanted = path.stem if path.is_file() else ""
    manifests = sorted(
        p for p in folder.iterdir() if p.suffix.lower() == ".psd1" and (not wanted or p.stem == wanted)
    )
    if not wanted and len(manifests) > 1:
        absolute = folder.absolute()
        manifests = [
            p for p in manifests if p.stem.lower() in (absolute.name.lower(), absolute.parent.name.lower())
        ]
    if len(manifests) != 1:
        raise InputError(f"{path}: no module manifest <Module>.psd1 here; name the folder of one module")
    return manifests[0]


def _code_files(manifest_file: Path, manifest: Manifest) -> list[Path]:
    names = [name.replace("\\", "/") for name in (manifest.root_module, *manifest.nested_modules)]
    found = [manifest_file.parent / name for name in names if name.lower().endswith((".psm1", ".ps1"))]
    if not found:
        raise InputError(
            f"{manifest_file}: it names no RootModule with PowerShell code, so no class of it is a resource"
        )
    for file in found:
        if not file.is_file():
            raise InputError(f"{manifest_file}: it names {file.name}, and there is no such file")
    return found


def _described(code: list[Path], manifest_file: Path) -> Export:
    facts = _parse(code)
    faults = [
        f"{file['file']}:{fault['line']}: {fault['text']}" for file in facts for fault in file["errors"]
    ]
    made = export(read_facts(facts))
    if faults or made.problems:
        raise InputError("\n".join((*faults, *made.problems)))
    if not made.schemas:
        raise InputError(f"{manifest_file}: no class of this module has [DscResource()]")
    return made


def _parse(code: list[Path]) -> list[dict[str, Any]]:
    """Return what the PowerShell parser says of the files; the script is the same always, they are arguments."""
    engine = os.environ.get("MIMC_PWSH") or shutil.which("pwsh")
    if not engine:
        raise InputError(
            "reading PowerShell classes takes a PowerShell 7: none is on the PATH\n"
            "  install PowerShell, or say where one is: export MIMC_PWSH=/path/to/pwsh\n"
            "  or run this command where there is one, and keep the files that it writes"
        )
    with as_file(files("mimc.resources").joinpath("export-module.ps1")) as script:
        command = [engine, "-NoProfile", "-NonInteractive", "-File", str(script)]
        try:
            done = subprocess.run(
                [*command, *(str(path.absolute()) for path in code)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_ENGINE_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"{engine}: cannot run this PowerShell: {error}") from None
    try:
        facts: list[dict[str, Any]] = json.loads(base64.b64decode(done.stdout, validate=False))
    except ValueError:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise InputError(
            f"{engine}: PowerShell could not read the module (exit code {done.returncode})\n  {said}"
        ) from None
    return facts


def _write(texts: Mapping[Path, bytes], force: bool) -> None:
    differ = [path for path, data in texts.items() if path.is_file() and path.read_bytes() != data]
    if differ and not force:
        names = "\n  ".join(map(str, differ))
        raise InputError(f"these files are there already and differ; --force overwrites them:\n  {names}")
    for path, data in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        sys.stdout.write(f"{path}\n")
