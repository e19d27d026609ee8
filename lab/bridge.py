"""The socket on which the stand-ins in ``lab/windows`` ask what is true of the simulated Windows.

A socket of this machine's file system, in a folder of its own that nobody else may enter. Each PowerShell says who it
is with its first line; each line after that is a question in JSON, and gets one line of JSON back.
"""

import contextlib
import json
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .server import Reader

_JOIN_S = 2.0
#: Well-known SIDs (MS-DTYP 2.4.2.4): everyone, whoever came over the network, the account SYSTEM, and the local users.
EVERYONE_SID, NETWORK_SID, SYSTEM_SID, USERS_SID = "S-1-1-0", "S-1-5-2", "S-1-5-18", "S-1-5-32-545"


@dataclass(frozen=True, slots=True)
class Caller:
    """As whom a PowerShell works: what it may read, and whether it came over the network."""

    reader: Reader
    over_network: bool = False


#: Given the caller, the name of a call and its arguments, returns what goes back as JSON.
Answer = Callable[[Caller, str, Mapping[str, Any]], object]


class Bridge:
    """Answers the stand-ins with *answer*, as long as it is entered; *answer* is called from several threads."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._callers: dict[str, Caller] = {}
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        # In the system's own folder: the path of a socket may have about a hundred characters.
        self._folder = Path(tempfile.mkdtemp(prefix="mimc-"))
        self.path = self._folder / "lab"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._begin(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as waking:
            waking.connect(str(self.path))
        self._threads[0].join(_JOIN_S)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(_JOIN_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def admit(self, caller: Caller) -> str:
        """Return the word by which a PowerShell says that it is *caller*."""
        token = secrets.token_urlsafe(24)
        self._callers[token] = caller
        return token

    def dismiss(self, token: str) -> None:
        """Let nobody else come with *token*."""
        self._callers.pop(token, None)

    def _begin(self, work: Callable[..., None], *arguments: object) -> None:
        name = f"mimc-lab-bridge-{len(self._threads)}"
        thread = threading.Thread(target=work, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._closed.is_set():
                connection.close()
                return
            self._connections.append(connection)
            self._begin(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError), connection.makefile("rwb") as stream:
            caller = self._callers.get(stream.readline().decode("ascii", "replace").strip().lstrip("\ufffd"))
            if caller is None:
                return
            for line in stream:
                stream.write(json.dumps(self._reply(caller, line)).encode() + b"\n")
                stream.flush()

    def _reply(self, caller: Caller, line: bytes) -> object:
        try:
            asked = json.loads(line)
            return {"answer": marked(self._answer(caller, asked["call"], asked["with"]))}
        except Exception as error:  # noqa: BLE001  # a bug must not end the conversation
            return {"failed": marked(f"the lab failed: {type(error).__name__}: {error}")}


def marked(value: object) -> object:
    """Return *value* with a mark before each text: PowerShell would read one that looks like a date as a date."""
    if isinstance(value, str):
        return "'" + value
    if isinstance(value, Mapping):
        return {str(key): marked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [marked(item) for item in value]
    return value
