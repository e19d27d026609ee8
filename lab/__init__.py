"""The lab: a simulated server behind a loopback WSMan endpoint, kept in a folder between commands.

Everything else outside this folder needs only what is in here. Nothing but commands and tests imports it.
"""

import os
import re
import secrets
import shutil
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mimc.certificates import (
    issue_authority,
    issue_document_encryption,
    issue_server,
    read_encryption_certificate,
)
from mimc.errors import InputError, UsageError
from mimc.secret import Secret

from .engine import Engine
from .folder import check_folder, locked, make_folder, write_file
from .locate import PowerShell
from .node import NodeFile, Tree, new_state
from .traffic import Recorder

#: Where the lab lives, under the current folder.
DEFAULT_FOLDER = Path(".mimc", "lab")
DEFAULT_TARGET, DEFAULT_HOST = "corpsync", "corpsync.contoso.com"
ADDRESS = "127.0.0.1"
USER = "lab"

_KEY_SUFFIX = ".key.pem"
_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HOST = re.compile(r"[\w:][\w.:-]{0,254}")


@dataclass(frozen=True, slots=True)
class Served:
    """An endpoint that listens: where, and how to get in. ``recorder`` knows what was sent."""

    host: str
    port: int
    user: str
    password: Secret
    ca_file: Path
    password_file: Path
    recorder: Recorder


@dataclass(frozen=True, slots=True)
class Lab:
    """The lab with one simulated node; made by :func:`open_lab`."""

    node: NodeFile

    @property
    def encryption_certificate(self) -> bytes:
        """The node's document-encryption certificate, DER."""
        try:
            return self.node.certificate.read_bytes()
        except OSError as error:
            raise _damaged(self.node.folder, self.node.certificate, error) from error

    @property
    def state(self) -> Tree:
        """The node's state as it is now; changing it changes nothing."""
        return self.node.load()

    @contextmanager
    def serve(self, port: int = 0, powershell: PowerShell | None = None) -> Iterator[Served]:
        """Serve the node at 127.0.0.1:*port* (0 for a free one) under a password made for this time.

        With *powershell* that engine runs the scripts, else they are recognised and answered by Python.

        Raises:
            InputError: the port cannot be had.
        """
        # Wanted by nobody who does not serve.
        from .httpd import Endpoint

        password = secrets.token_urlsafe(24)
        with locked(self.node.folder):
            tls = _tls(self.node.folder)
        with ExitStack() as stack:
            endpoint = Endpoint(
                stack.enter_context(self._engine(powershell)),
                certificate=tls / "server.pem",
                key=tls / "server.key.pem",
                user=USER,
                password=password,
                port=port,
            )
            try:
                stack.enter_context(endpoint)
            except ssl.SSLError as error:
                raise _damaged(self.node.folder, tls, error) from error
            except OSError as error:
                raise InputError(
                    f"{ADDRESS}:{port}: the lab cannot listen there: {error.strerror or error}"
                ) from error
            try:
                self.node.files.mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                raise _damaged(self.node.folder, self.node.files, error) from error
            password_file = self.node.files / f"password-{endpoint.port}"
            write_file(password_file, password.encode())
            stack.callback(password_file.unlink, missing_ok=True)
            recorder = endpoint.service.recorder
            yield Served(
                ADDRESS, endpoint.port, USER, Secret(password), tls / "ca.cer", password_file, recorder
            )

    @contextmanager
    def _engine(self, powershell: PowerShell | None) -> Iterator[Engine]:
        # psrpcore, and more, is wanted by nobody who does not serve.
        if powershell is None:
            from .answers import Answers
            from .psrp import SimulatedEngine

            yield SimulatedEngine(Answers(self.node))
            return
        from .windows_node import WindowsNode

        with WindowsNode(self.node, powershell, os.environ) as node:
            yield node.engine


def open_lab(folder: Path, target: str, host: str = "") -> Lab:
    """Return the lab in *folder* with the node *target*, made new when it is not there yet.

    *host* is the name of the node when it is made, and must be that name when it is there; "" takes what is
    there, else :data:`DEFAULT_HOST` for the default target, else *target*.

    Raises:
        UsageError: *target* or *host* cannot be a name.
        InputError: the folder is not ours alone, or the node is damaged or has another host name.
    """
    node = _node(folder, target)
    if host and not _HOST.fullmatch(host):
        raise UsageError(f"{host!r} cannot be the host name of a lab node")
    make_folder(folder)
    with locked(folder):
        _make(node, host)
    return Lab(node)


def _make(node: NodeFile, host: str) -> None:
    """Make what is missing of *node*, and check that it is the one with the name *host*."""
    folder, target = node.folder, node.target
    if node.path.exists():
        present = str(node.load()["host"])
        if host and host.casefold() != present.casefold():
            raise InputError(
                f"{node.path}: the lab's {target} is {present}, not {host}\n"
                f"  start again with: mimc lab reset {target}{_option(folder)}"
            )
    if not node.key.exists() or not node.certificate.exists():
        issued = issue_document_encryption(target)
        write_file(node.key, issued.key_pem)
        certificate = read_encryption_certificate(issued.certificate_pem, node.certificate)
        write_file(node.certificate, certificate.der, 0o644)
    if not node.path.exists():
        node.save(new_state(target, host or (DEFAULT_HOST if target == DEFAULT_TARGET else target)))


def find_node(folder: Path, target: str) -> NodeFile:
    """Return the node *target* of the lab in *folder*.

    Raises:
        UsageError: there is no such node; the ones that are there are named.
        InputError: the folder is not ours alone.
    """
    node = _node(folder, target)
    present = targets(folder)
    if target not in present:
        others = f"there are: {', '.join(present)}" if present else "it is empty"
        raise UsageError(
            f"the lab in {folder} has no node {target!r}; {others}\n"
            f"  make it with: mimc lab serve --target {target}, or mimc apply --target {target} --lab"
        )
    return node


def targets(folder: Path) -> list[str]:
    """Return the names of the lab nodes in *folder*, sorted.

    Raises:
        InputError: the folder is not ours alone.
    """
    if not folder.exists() and not folder.is_symlink():
        return []
    check_folder(folder)
    # By the keys: a foreign .json in the folder is no node.
    names = (path.name.removesuffix(_KEY_SUFFIX) for path in folder.glob(f"*{_KEY_SUFFIX}"))
    return sorted(name for name in names if _TARGET.fullmatch(name))


def reset(folder: Path, target: str = "") -> list[str]:
    """Remove the node *target* from the lab in *folder*, without one the whole lab; return what was removed.

    Only the lab's own files are removed; other ones, and a folder that holds some, stay.

    Raises:
        UsageError: there is no such node.
        InputError: the folder is not ours alone, or a file cannot be removed.
    """
    nodes = [find_node(folder, target)] if target else [_node(folder, name) for name in targets(folder)]
    own = [path for node in nodes for path in (node.path, node.certificate, node.key, node.files)]
    if not target:
        own += [folder / name for name in ("tls", "build", ".gitignore", ".lock")]
    removed = []
    try:
        for path in own:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.is_symlink() or path.exists():
                path.unlink()
            else:
                continue
            removed.append(str(path))
        if not target and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be removed: {error.strerror or error}") from error
    return removed


def _node(folder: Path, target: str) -> NodeFile:
    if not _TARGET.fullmatch(target):
        raise UsageError(
            f"{target!r} cannot be the name of a lab node: letters, digits, dot, hyphen, underscore"
        )
    return NodeFile(folder, target)


def _damaged(folder: Path, path: Path, error: OSError) -> InputError:
    reason = error.strerror or type(error).__name__
    return InputError(
        f"{path}: the lab is damaged: {reason}\n  start again with: mimc lab reset{_option(folder)}"
    )


def _option(folder: Path) -> str:
    return "" if folder == DEFAULT_FOLDER else f" --folder {folder}"


def _tls(folder: Path) -> Path:
    """Return the folder of the TLS files, made when it is not there; the authority's key is kept nowhere."""
    tls = folder / "tls"
    try:
        return _tls_files(tls)
    except OSError as error:
        raise _damaged(folder, tls, error) from error


def _tls_files(tls: Path) -> Path:
    if not all((tls / name).exists() for name in ("ca.cer", "server.pem", "server.key.pem")):
        tls.mkdir(mode=0o700, exist_ok=True)
        authority = issue_authority("mimc lab")
        server = issue_server(authority, ADDRESS)
        write_file(tls / "server.key.pem", server.key_pem)
        write_file(tls / "server.pem", server.certificate_pem, 0o644)
        write_file(tls / "ca.cer", authority.certificate_pem, 0o644)
    return tls
