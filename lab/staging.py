"""What reached the simulated server: staged files, and the PowerShell modules among them (docs/contract.md)."""

import hashlib
import io
import re
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from .folder import write_file

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ENTRY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Refused(Exception):
    """An expected refusal, which is an answer: its short word and its sentence."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(code, message)


@dataclass(frozen=True, slots=True)
class Stage:
    """The staging folder of one node."""

    folder: Path

    def look(self, name: str, sha256: str) -> tuple[bool, int]:
        """Return whether the file is there with that hash, and how many bytes there are, finished or not."""
        path, part = self._paths(name, sha256)
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return True, path.stat().st_size
        return False, part.stat().st_size if part.is_file() else 0

    def append(self, name: str, sha256: str, length: int, offset: int, data: bytes) -> tuple[bool, int]:
        """Append *data*; return as :meth:`look` does. The last chunk makes the file.

        Raises:
            Refused: ``StageOffset``, or ``StageHash`` (what was there is dropped).
        """
        path, part = self._paths(name, sha256)
        if self.look(name, sha256)[0]:
            return self.look(name, sha256)
        present = part.read_bytes() if part.is_file() else b""
        if offset != len(present):
            raise Refused("StageOffset", f"{name} has {len(present)} bytes, the chunk begins at {offset}")
        whole = present + data
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if len(whole) < length:
            write_file(part, whole)
            return False, len(whole)
        part.unlink(missing_ok=True)
        if len(whole) > length or hashlib.sha256(whole).hexdigest() != sha256:
            raise Refused("StageHash", f"{name} arrived with another SHA-256 or length than announced")
        write_file(path, whole)
        return True, length

    def read(self, name: str, sha256: str) -> bytes:
        """Return the staged file.

        Raises:
            Refused: ``StageMissing`` or ``StageHash``.
        """
        path, _ = self._paths(name, sha256)
        if not path.is_file():
            raise Refused("StageMissing", f"no file {name} is staged")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Refused("StageHash", f"the staged file {name} has another SHA-256 than asked for")
        return data

    def remove(self, names: Collection[str]) -> None:
        """Remove the files *names*, finished or not."""
        for name in names:
            self._check(name)
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if re.sub(r"\.[0-9a-f]{64}\.part$", "", path.name) in names:
                    path.unlink()

    def _check(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a staged file")

    def _paths(self, name: str, sha256: str) -> tuple[Path, Path]:
        self._check(name)
        if not _SHA256.fullmatch(sha256):
            raise ValueError("Sha256 is not 64 lower-case hexadecimal digits")
        return self.folder / name, self.folder / f"{name}.{sha256}.part"


def module_sha256(archive: bytes) -> str:
    """Return the hash over the files of a module in the zip *archive*, as docs/contract.md defines it.

    Raises:
        ValueError: not a zip, or an entry whose name is not that of a module's file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            names = packed.namelist()
            for name in names:
                if not _ENTRY.fullmatch(name):
                    raise ValueError(f"the archive has an entry {name!r}")
            return files_sha256({name: packed.read(name) for name in names})
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError("the staged file is not a zip archive") from error


def files_sha256(files: Mapping[str, bytes]) -> str:
    """Return the hash over *files* by their names with ``/``, as docs/contract.md defines it."""
    lines = (f"{name} {hashlib.sha256(files[name]).hexdigest()}\n" for name in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
