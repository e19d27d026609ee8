"""Who may import whom: the table is the design, changed on purpose or not at all."""

import ast
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"][
    "package-dir"
]
#: Room: what of mimc it may lean on. Rooms that are not here (cli, commands) may lean on everything.
MAY_IMPORT = {
    "errors": set(),
    "secret": {"errors"},
    "state": {"errors"},
    "bundle": {"errors"},
    "certificates": {"errors"},
    "cms": {"errors", "secret", "certificates"},
    "vault": {"secret"},
    "msi": {"errors"},
    "schemas": set(),
    "templates": set(),
    "resources": {"errors", "state", "bundle", "msi", "schemas"},
    "compiler": {"errors", "secret", "bundle", "certificates", "cms", "vault", "schemas", "templates", "resources"},
    "pusher": {"errors", "secret", "state", "bundle", "schemas"},
    "lab": {"errors", "secret", "state", "bundle", "certificates", "cms", "msi", "resources",
            "compiler.mof_reader", "compiler.mof_rules", "pusher.scripts"},
}  # fmt: skip
#: Rooms that only verbs and tests lean on.
FRONT = {"lab", "commands", "cli"}
#: Library: the modules that may import it.
HOMES = {
    "yaml": {"mimc.compiler.load"},
    "jsonschema": {"mimc.compiler.validate"},
    "jinja2": {"mimc.compiler.ps1"},
    "cryptography": {"mimc.certificates", "mimc.cms", "mimc.vault"},
    "olefile": {"mimc.msi"},
    "pypsrp": {"mimc.pusher.winrm"},
    "requests": {"mimc.pusher.winrm"},
    "psrpcore": {"mimc.lab.powershell", "mimc.lab.psrp", "mimc.lab.traffic"},
}


def _modules() -> dict[str, Path]:
    found = {}
    for package, folder in FOLDERS.items():
        for file in (ROOT / folder).rglob("*.py"):
            parts = file.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = file
    return found


MODULES = _modules()


def _imports(module: str) -> Iterator[str]:
    file = MODULES[module]
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level < 2, f"{module}:{node.lineno} leaves its folder with '..'"
            origin = ".".join(part for part in (package if node.level else "", node.module) if part)
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield inner if inner in MODULES else origin


def _room(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_room_may(module: str) -> None:
    room = _room(module)
    for name in _imports(module):
        library = name.partition(".")[0]
        assert f"mimc.{library}" not in FOLDERS, f"write mimc.{name}: {name} would be a second copy"
        assert module in HOMES.get(library, {module}), f"{library} lives in {HOMES[library]} only"
        if library != "mimc" or name == "mimc":
            continue
        other = _room(name)
        if room in MAY_IMPORT and other != room:
            allowed = MAY_IMPORT[room]
            assert other in allowed or name.removeprefix("mimc.") in allowed, f"{room} may not import {name}"
        if other in FRONT:
            assert room in {"commands", "cli", "__main__", other}, f"{room} may not import {name}"


def test_no_modules_import_each_other_in_a_loop() -> None:
    graph = {m: {n for n in _imports(m) if n in MODULES and n != m} for m in MODULES}
    TopologicalSorter(graph).prepare()


def test_no_module_hides_an_import_behind_type_checking() -> None:
    for module, file in MODULES.items():
        assert "TYPE_CHECKING" not in file.read_text("utf-8"), module


@pytest.mark.parametrize("module", MODULES)
def test_no_file_is_a_drawer_for_everything(module: str) -> None:
    assert not {"utils", "helpers", "manager", "common"} & set(module.split(".")), module
    lines = MODULES[module].read_text("utf-8").count("\n")
    assert lines <= 420, f"{module} has {lines} lines: find the missing noun"
