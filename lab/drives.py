"""The drives and shares of the simulated server, as folders: what its state says of files, made true on the disk.

``C:\\...`` is ``C/...``, ``\\\\server\\share`` is ``UNC/server/share``; ``LabPath`` in lab/windows has the same rule.
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .folder import write_file
from .media import PACKAGES, PlayedPackage, played
from .node import NodeFile, Tree, value_at
from .registry import KEY_FILE, OTHER_KEY_FILE
from .staging import files_sha256
from .wanted import Wanted

#: The environment variables of Windows that the scripts and the module read.
VARIABLES: Mapping[str, str] = {
    "ProgramData": r"C:\ProgramData",
    "ProgramFiles": r"C:\Program Files",
    "SystemRoot": r"C:\Windows",
}
MSI_NAME = "Synchronization Service.msi"

#: The drives that there are; an image is mounted as Z:.
_LETTERS = "CDE"
_CONFIGURATION = r"C:\Windows\System32\Configuration"
_MODULES = r"C:\Program Files\WindowsPowerShell\Modules"


@dataclass(frozen=True, slots=True)
class Drives:
    """The drives of one node."""

    node: NodeFile

    @property
    def root(self) -> Path:
        """The folder of all drives."""
        return self.node.files.absolute() / "drives"

    def real(self, path: str) -> Path:
        """Return where the Windows path *path* lies on this machine."""
        rest = path.replace("\\", "/")
        drive = re.fullmatch(r"([A-Za-z]):(.*)", rest, re.DOTALL)
        below = self.root / (drive[1].upper() if drive else "UNC")
        parts: list[str] = []
        for part in (drive[2] if drive else rest).split("/"):
            if part == "..":
                # As on Windows it ends at the root: nothing leads out of the lab.
                del parts[-1:]
            elif part not in ("", "."):
                parts.append(part)
        return below.joinpath(*parts)

    def agree(self, state: Tree) -> None:
        """Make documents and key file what *state* says; it may have been tampered with."""
        for letter in _LETTERS:
            self.real(f"{letter}:").mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self.real(_CONFIGURATION)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for stage, key in (("Current", "document"), ("Pending", "pendingDocument")):
            self._put(folder / f"{stage}.mof", self._document(stage, state[key]))
        if state["keyBackupPath"]:
            contents = {"present": KEY_FILE, "empty": b"", "changed": OTHER_KEY_FILE}
            self._put(self.real(state["keyBackupPath"]), contents.get(state["keyBackup"]))

    def put_media(self, state: Tree, wanted: Wanted) -> None:
        """Put the media of *state* where a document wants them: a folder, or an image; patch and key file too."""
        source = wanted.text("SourcePath")
        media = PACKAGES.get(state["media"])
        package = media.content if media else None
        image = source.lower().endswith(".iso")
        self._put(self.real(source) if image else self.real(f"{source}\\{MSI_NAME}"), package)
        patch = PACKAGES.get(value_at(state, "patch.file"))
        key = {"present": KEY_FILE, "wrong": OTHER_KEY_FILE}.get(state["existingKey"])
        for name, content in (
            ("TransformPath", b"a transform\n"),
            ("PatchPath", patch.content if patch else None),
            ("ExistingKeyPath", key),
        ):
            if path := wanted.text(name):
                self._put(self.real(path), content)

    def mount(self, path: str) -> None:
        """Let Z: be what is in the image *path*."""
        package = self.real(r"Z:\Synchronization Service") / MSI_NAME
        self._put(package, self.real(path).read_bytes())

    def dismount(self) -> None:
        """Take Z: away."""
        shutil.rmtree(self.real("Z:"), ignore_errors=True)

    def package(self, path: str) -> PlayedPackage | None:
        """Return what package the file *path* is, None when it is none of the lab's."""
        file = self.real(path)
        return played(file.read_bytes()) if file.is_file() else None

    def modules(self) -> dict[str, str]:
        """Return the modules that are installed, ``name/version`` with the hash of docs/contract.md."""
        folders = sorted(self.real(_MODULES).glob("*/*/*.psd1"))
        return {"/".join(file.parts[-3:-1]): files_sha256(_files(file.parent)) for file in folders}

    def resource_module(self, module: str, version: str, class_name: str) -> str:
        """Return the Windows path of the file that implements a resource."""
        return rf"{_MODULES}\{module}\{version}\DSCResources\{class_name}\{class_name}.psm1"

    def _document(self, stage: str, name: str) -> bytes | None:
        if not name:
            return None
        file = self.node.files / "documents" / f"{stage.lower()}.mof"
        return file.read_bytes() if file.exists() else f"somebody's configuration {name}\n".encode()

    def _put(self, file: Path, content: bytes | None) -> None:
        """Let *file* have *content*, or not be there."""
        if content is None:
            file.unlink(missing_ok=True)
        elif not file.is_file() or file.read_bytes() != content:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(file, content)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }
