"""The real sources of secrets: this process's environment, its files, child processes, terminal and keyring."""

import errno
import os
import shutil
import stat
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import IO

from mimc.compiler.providers import Finished, KeyringUnusable, Sources, secret_reader
from mimc.secret import MAX_SECRET_BYTES, ReadSecret, Secret, UnfitSecret, secret_of_bytes

_CHUNK_BYTES = 64 * 1024


def real_secrets() -> ReadSecret:
    """Return what reads secrets of this process's surroundings; each is read, run or asked for once."""
    terminal = sys.stdin is not None and sys.stdin.isatty()
    return secret_reader(
        Sources(
            environment=os.environ,
            read_file=read_file,
            is_exposed=is_exposed,
            run=run,
            ask=ask if terminal else None,
            keyring=look_up_keyring,
            note=_note,
        )
    )


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def read_file(path: PurePath, limit_bytes: int) -> Secret:
    """Return the secret in the file *path*.

    Raises:
        OSError: not there, no regular file (a pipe could keep us waiting for ever), not readable.
        UnfitSecret: its content cannot be a secret.
    """
    mode = Path(path).stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file")
    with Path(path).open("rb") as file:
        return secret_of_bytes(file.read(limit_bytes + 1), limit_bytes)


def is_exposed(path: PurePath) -> bool:
    """Whether group or others may read the file *path*, on a file system where that can be changed."""
    if os.name != "posix":
        return False
    mode = Path(path).stat().st_mode
    # Mounted secrets (containers) have a mode that nobody here chose, and lie on read-only mounts.
    return bool(mode & 0o077) and not os.statvfs(path).f_flag & os.ST_RDONLY


def run(argv: Sequence[str], folder: PurePath, time_limit_s: int) -> Finished:
    """Run *argv* in *folder*, no shell, nothing on its stdin; what it writes on stderr is counted only.

    Raises:
        OSError: it is not there or cannot be started.
        TimeoutError: *time_limit_s* passed; it was ended.
    """
    import subprocess  # late: few secrets come from a command, and every verb that reads one loads this module

    until = time.monotonic() + time_limit_s
    process = subprocess.Popen(
        [_program(argv[0], folder), *argv[1:]],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdout and process.stderr
    output = _Collected(process.stdout, MAX_SECRET_BYTES + 1)
    errors = _Collected(process.stderr, 0)
    try:
        # A child of the child may hold the pipes open: the time limit is for all of it.
        output.join(until)
        errors.join(until)
        code = process.wait(max(0.0, until - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired):
        raise TimeoutError from None
    finally:
        process.kill()
        process.wait()
    try:
        return Finished(code, secret_of_bytes(bytes(output.data)), "", errors.count)
    except UnfitSecret as fault:
        return Finished(code, None, str(fault), errors.count)


def _program(name: str, folder: PurePath) -> str:
    """Return the path of the program *name*: one with a slash is relative to *folder*, others are on PATH."""
    path = str(Path(folder, name).absolute()) if PurePath(name).name != name else name
    found = shutil.which(path)
    if found is None:
        code = errno.EACCES if Path(path).is_absolute() and Path(path).exists() else errno.ENOENT
        raise OSError(code, os.strerror(code))
    return found


class _Collected:
    """What a thread reads from a pipe: all of it is counted, the first *keep_bytes* are kept."""

    __slots__ = ("_stream", "_thread", "count", "data", "keep_bytes")

    def __init__(self, stream: IO[bytes], keep_bytes: int) -> None:
        self.data, self.count, self.keep_bytes = bytearray(), 0, keep_bytes
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def join(self, until: float) -> None:
        """Wait for the end of the pipe; raises TimeoutError, and forgets what was read, when *until* passes."""
        self._thread.join(max(0.0, until - time.monotonic()))
        if self._thread.is_alive():
            self.keep_bytes = 0
            self.data.clear()
            raise TimeoutError

    def _read(self) -> None:
        # Whoever reads closes: a number that another thread frees may be the next command's pipe already.
        with self._stream as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                self.count += len(chunk)
                self.data += chunk[: max(0, self.keep_bytes - len(self.data))]


def ask(text: str) -> Secret:
    """Ask for *text* at the terminal, without echo; raises EOFError when nothing was typed."""
    import getpass  # late: few specs ask
    import warnings

    with warnings.catch_warnings():
        # Rather no answer than one that everybody can read on the screen.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return Secret(getpass.getpass(f"{text}: "))
        except getpass.GetPassWarning:
            pass
    raise EOFError


def look_up_keyring(service: str, user: str) -> Secret | None:
    """Return the password of *user* for *service* from the keyring of the desktop or the system."""
    import importlib

    try:
        keyring = importlib.import_module("keyring")
    except ModuleNotFoundError:
        text = "the library keyring is not installed; type: pip install 'mimc[keyring]'"
        raise KeyringUnusable(text) from None
    try:
        value = keyring.get_password(service, user)
    except Exception as error:  # noqa: BLE001 - any backend raises its own kinds
        # Not its text: whose library it is, and what it quotes, nobody knows.
        name = type(error).__name__
    else:
        return None if value is None else Secret(value)
    raise KeyringUnusable(f"the keyring says {name}; type: keyring diagnose")
