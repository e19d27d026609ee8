"""The PowerShell module that travels with the push."""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from mimc.bundle import ModuleArchive

from .sync_service import SYNC_SERVICE

_NAME = SYNC_SERVICE.module_name
#: Every entry's time, so that the same files give the same archive: the oldest a zip can say.
_ENTRY_TIME = (1980, 1, 1, 0, 0, 0)


@cache
def version() -> str:
    """Return the ModuleVersion of the shipped module."""
    manifest = _folder().joinpath(f"{_NAME}.psd1").read_text("utf-8-sig")
    found = re.search(r"^\s*ModuleVersion\s*=\s*'([^']+)'", manifest, re.MULTILINE)
    assert found, "the manifest has its ModuleVersion"
    return found[1]


def archive() -> ModuleArchive:
    """Return the module as it travels; the same files give the same bytes."""
    contents = dict(sorted(_contents(_folder(), "")))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, data in contents.items():
            packed.writestr(zipfile.ZipInfo(path, _ENTRY_TIME), data, zipfile.ZIP_DEFLATED)
    lines = "".join(f"{path} {hashlib.sha256(data).hexdigest()}\n" for path, data in contents.items())
    return ModuleArchive(_NAME, version(), buffer.getvalue(), hashlib.sha256(lines.encode()).hexdigest())


def _folder() -> Traversable:
    return files(__package__).joinpath("dsc-modules", _NAME)


def _contents(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _contents(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()
