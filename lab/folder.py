"""The lab's folder: closed to other users, ignored by git, and one writer at a time, whichever process it is."""

import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mimc.errors import InputError

_LOCK = ".lock"


def write_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write *data* to *path* under a temporary name first; the file has *mode* from its first moment.

    Raises:
        InputError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot write: {error.strerror or error}") from error


def make_folder(folder: Path) -> None:
    """Make the lab's *folder*, closed to other users and ignored by git, or check the one that is there.

    Raises:
        InputError: it is not ours alone, or cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        check_folder(folder)
        if not (folder / ".gitignore").exists():
            write_file(folder / ".gitignore", b"*\n")
    except OSError as error:
        raise InputError(f"{folder}: cannot make the lab's folder: {error.strerror or error}") from error


def check_folder(folder: Path) -> None:
    """Check that *folder*, which exists, is a folder of ours that nobody else may enter.

    Raises:
        InputError: it is not.
    """
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        raise InputError(f"{folder}: the lab's folder must be a folder, not a link or a file")
    if sys.platform == "win32":
        return
    if facts.st_uid != os.getuid():
        raise InputError(f"{folder}: the lab's folder belongs to another user; choose your own with --folder")
    if facts.st_mode & 0o077:
        raise InputError(
            f"{folder}: other users may enter the lab's folder, which holds private keys\n"
            f"  close it with: chmod 700 {folder}"
        )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every other process of this lab out while the context lasts; *folder* has to be there.

    Where the system has no such lock (Windows) two commands at once are the user's own risk.

    Raises:
        InputError: the lock cannot be had at all.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InputError(f"{folder}: cannot lock the lab's folder: {error.strerror or error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
