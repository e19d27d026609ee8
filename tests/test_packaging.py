"""What ships: every file of every mapped folder is in the installed package, and nothing but them."""

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
FOLDERS: dict[str, str] = PYPROJECT["tool"]["setuptools"]["package-dir"]


@pytest.mark.parametrize(("package", "folder"), FOLDERS.items())
def test_every_file_of_the_folder_ships(package: str, folder: str) -> None:
    for file in (ROOT / folder).rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            inside = file.relative_to(ROOT / folder)
            installed = files(package).joinpath(*inside.parts)
            assert installed.is_file(), f"{package} does not ship {inside}"
            assert installed.read_bytes() == file.read_bytes(), f"{package} ships an older {inside}"


def test_every_package_is_in_the_map() -> None:
    for package in PYPROJECT["tool"]["setuptools"]["packages"]:
        folder = FOLDERS.get(package) or f"{FOLDERS[package.rpartition('.')[0]]}/{package.rpartition('.')[2]}"
        assert (ROOT / folder / "__init__.py").is_file(), package
