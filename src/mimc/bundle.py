"""What the compiler makes and the pusher takes: the only noun that both halves share.

A bundle can lie in a folder between them; :class:`BundleFolder` puts it there whole or not at all.
"""

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from mimc.errors import InputError, Position

FORMAT_VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the spec says a property: its path there (``database.server``) and its place."""

    path: str
    position: Position


@dataclass(frozen=True, slots=True)
class NodeDocuments:
    """What one node gets: its documents as bytes, and what is needed to talk about them.

    ``desired`` maps property names of the resource to plain values (an account is its name), ``origins`` the same
    names to their place in the spec. ``audit_mof`` is the document for the LCM's GetConfiguration, None without
    an ``auditAs``. ``others`` are the ids of resources that nobody can compare here, with their places.
    ``thumbprint`` is that of the document-encryption certificate, "" when nothing is sealed.
    """

    configuration: str
    node: str
    resource_id: str
    spec_hash: str
    thumbprint: str
    mof: bytes
    meta_mof: bytes
    audit_mof: bytes | None
    keep_document: bool
    setup_timeout_s: int
    desired: Mapping[str, object]
    origins: Mapping[str, Origin] = field(default_factory=dict)
    others: Mapping[str, Position] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModuleArchive:
    """A PowerShell module as it travels: a zip of its files (``/`` paths), and the hash over them (docs/contract.md)."""

    name: str
    version: str
    archive: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of one compile: configuration, documents, checksums, and the manifest that names them all."""

    name: str
    files: Mapping[str, bytes]
    nodes: Mapping[str, NodeDocuments]
    manifest: Mapping[str, Any]


def sha256(data: bytes) -> str:
    """Return the SHA-256 of *data* in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def manifest_text(manifest: Mapping[str, Any]) -> bytes:
    """Return the manifest as it stands in its file: sorted keys, LF, UTF-8."""
    return (json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


class BundleFolder:
    """A folder that a bundle is written into: whole or not at all, and without holding it in memory.

    Files are put into a folder beside their place first; :meth:`finish` moves them, the manifest last. Leaving the
    context without it leaves nothing of them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stage = folder / f".mimc-{secrets.token_hex(4)}"

    def __enter__(self) -> Self:
        with self._errors():
            self._stage.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._stage, ignore_errors=True)

    def put(self, name: str, data: bytes) -> str:
        """Keep *data* as the file *name*; return its SHA-256. Several processes may do so at once."""
        with self._errors():
            (self._stage / name).write_bytes(data)
        return sha256(data)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Move every file that *manifest* names to its place, then write the manifest."""
        self.put("manifest.json", manifest_text(manifest))
        names = (*manifest["files"], "manifest.json")
        for name in names:
            # The one thing that would stop a move half-way.
            if (self.folder / name).is_dir():
                raise InputError(
                    f"{self.folder / name}: a folder is in the place of a file; nothing was written"
                )
        with self._errors():
            for name in names:
                (self._stage / name).replace(self.folder / name)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(f"{self.folder}: cannot write the bundle: {reason}") from error


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest in *folder*, None when there is none that this version reads."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(manifest, dict) or manifest.get("formatVersion") != FORMAT_VERSION:
        return None
    return manifest


def holds(folder: Path, files: Mapping[str, str]) -> bool:
    """Whether every file of *files* lies in *folder* with the SHA-256 that stands there."""
    try:
        return all(sha256((folder / name).read_bytes()) == expected for name, expected in files.items())
    except OSError:
        return False
