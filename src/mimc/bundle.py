"""What the compiler makes and the pusher takes: the only noun that both halves share.

A bundle can lie in a folder between them; ``write`` puts it there whole or not at all.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    an ``auditAs``. ``thumbprint`` is that of the document-encryption certificate, "" when nothing is sealed.
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


def write(bundle: Bundle, folder: Path) -> None:
    """Write *bundle* into *folder*, each file under a temporary name first, the manifest last.

    Raises:
        InputError: the folder cannot be made or written.
    """
    files = {**bundle.files, "manifest.json": manifest_text(bundle.manifest)}
    temporary = {name: folder / f".{name}.{secrets.token_hex(4)}" for name in files}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for name, data in files.items():
                temporary[name].write_bytes(data)
            for name, path in temporary.items():
                path.replace(folder / name)
        finally:
            for path in temporary.values():
                path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot write the bundle: {error.strerror or error}") from error
