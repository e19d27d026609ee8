"""The endpoint: HTTP/1.1 over TLS on 127.0.0.1, Basic authentication, and the WSMan service behind it.

One thread a connection, which the TLS handshake belongs to: a client that does not shake hands holds up nobody.
Nothing is logged: a request's headers hold a password, its body values.
"""

import base64
import contextlib
import hmac
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Self

from .engine import Engine
from .service import MAX_SHELLS, Reply, Service

ADDRESS = "127.0.0.1"

#: MaxEnvelopeSizekb of Windows Server 2012 and later, in bytes: a longer request is answered with 413.
MAX_REQUEST_BYTES = 500 * 1024

# Windows' http.sys closes a connection that is idle for two minutes.
_IDLE_S = 120.0
_HANDSHAKE_S = 10.0
_LAST_REPLY_S = 1.0
_CLOSE_WAIT_S = 5.0


class Endpoint:
    """A WSMan endpoint in front of *engine*; it listens while it is entered.

    *certificate* and *key* are PEM files, *user* is compared without case. *port* 0 takes a free one.
    ``service`` holds the traffic record and takes fault rules.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        certificate: Path,
        key: Path,
        user: str,
        password: str,
        port: int = 0,
        max_shells: int = MAX_SHELLS,
    ) -> None:
        self.service = Service(engine, max_shells=max_shells)
        self.port = port
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate, key)
        self._user, self._password = user.casefold().encode(), password.encode()
        self._closing = threading.Event()
        self._closed = contextlib.ExitStack()
        # Written by the accepting thread, read when that has ended.
        self._served: list[tuple[threading.Thread, ssl.SSLSocket]] = []

    @property
    def url(self) -> str:
        """The address that a client posts to."""
        return f"https://{ADDRESS}:{self.port}/wsman"

    def __enter__(self) -> Self:
        listener = socket.create_server((ADDRESS, self.port), backlog=256)
        self.port = listener.getsockname()[1]
        accepting = threading.Thread(
            target=self._accept, args=(listener,), name="mimc-lab-accept", daemon=True
        )
        accepting.start()
        # Run backwards: no new connections, then no shells (which ends the Receives that wait), then no old ones.
        self._closed.callback(self._hang_up)
        self._closed.callback(self.service.close)
        self._closed.callback(self._stop_accepting, listener, accepting)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.close()

    def _stop_accepting(self, listener: socket.socket, accepting: threading.Thread) -> None:
        self._closing.set()
        # A connection wakes accept() on every system; closing the listener does so on some only.
        with listener, contextlib.suppress(OSError):
            socket.create_connection((ADDRESS, self.port), timeout=_CLOSE_WAIT_S).close()
            accepting.join(_CLOSE_WAIT_S)

    def _hang_up(self) -> None:
        # First no more requests, so that a reply under way is still sent, then nothing at all.
        for how, wait_s in ((socket.SHUT_RD, _LAST_REPLY_S), (socket.SHUT_RDWR, _CLOSE_WAIT_S)):
            for _, connection in self._served:
                with contextlib.suppress(OSError):
                    # Not SSLSocket.shutdown: it takes the TLS state away from under the other thread.
                    socket.socket.shutdown(connection, how)
            deadline = time.monotonic() + wait_s
            for thread, _ in self._served:
                thread.join(max(0.0, deadline - time.monotonic()))

    def _accept(self, listener: socket.socket) -> None:
        while not self._closing.is_set():
            try:
                plain, peer = listener.accept()
                # Wrapping detaches the plain socket: the wrapped one is the one to hang up.
                wrapped = self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
            except OSError:  # a client that has gone again, or no descriptor left: not faster than this
                self._closing.wait(0.01)
                continue
            thread = threading.Thread(
                target=self._serve, args=(wrapped, peer), name="mimc-lab-connection", daemon=True
            )
            self._served = [pair for pair in self._served if pair[0].is_alive()]
            self._served.append((thread, wrapped))
            thread.start()

    def _serve(self, connection: ssl.SSLSocket, peer: tuple[str, int]) -> None:
        # What goes wrong on one connection ends that connection and is nobody else's business.
        with connection, contextlib.suppress(OSError, ValueError):
            connection.settimeout(_HANDSHAKE_S)
            connection.do_handshake()
            _Handler(connection, peer, self._admitted, self.service.handle)

    def _admitted(self, authorization: str) -> str | None:
        """Return the user that an Authorization header proves, None when it proves nobody."""
        scheme, _, credentials = authorization.partition(" ")
        try:
            user, _, password = base64.b64decode(credentials, validate=True).partition(b":")
            name = user.decode()
        except ValueError:
            return None
        # Both are compared always, so that the time tells nothing.
        known = hmac.compare_digest(name.casefold().encode(), self._user)
        proved = hmac.compare_digest(password, self._password)
        return name if scheme.lower() == "basic" and known and proved else None


class _Handler(BaseHTTPRequestHandler):
    """One connection: requests are answered one after another until the client or the endpoint hangs up."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "mimc-lab", ""
    timeout = _IDLE_S
    # Replies leave in one packet, at once: unbuffered with Nagle's algorithm a pipeline takes 13 times as long.
    wbufsize = -1
    disable_nagle_algorithm = True

    def __init__(
        self,
        connection: ssl.SSLSocket,
        peer: tuple[str, int],
        admitted: Callable[[str], str | None],
        handle: Callable[[bytes, str], Reply],
    ) -> None:
        self._admitted, self._handle = admitted, handle
        super().__init__(connection, peer, None)  # type: ignore[arg-type]  # it never looks at its server

    def do_POST(self) -> None:
        """Answer one request. The body is read first in any case: the next request begins behind it."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            return self._send(411)
        body = self._read(int(length))
        if body is None:
            return self._send(413)
        if self.path.partition("?")[0] != "/wsman":
            return self._send(404)
        user = self._admitted(self.headers.get("Authorization", ""))
        if user is None:
            return self._send(401)
        reply = self._handle(body, user)
        if reply.dropped:
            self.close_connection = True
        else:
            self._send(reply.status, reply.body)

    def _read(self, length: int) -> bytes | None:
        """Return the body, or None for one that is too long; that is read too, so that the client hears it."""
        body = self.rfile.read(min(length, MAX_REQUEST_BYTES))
        rest = length - len(body)
        while rest > 0:
            skipped = len(self.rfile.read(min(rest, MAX_REQUEST_BYTES)))
            if not skipped:
                raise ConnectionError("the client went away within its request")
            rest -= skipped
        return body if length <= MAX_REQUEST_BYTES else None

    def _send(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="WSMAN"')
        if self.close_connection:
            self.send_header("Connection", "close")
        self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def finish(self) -> None:
        """Close both files also when the client has gone: the socket stays open as long as one of them."""
        for file in (self.wfile, self.rfile):
            with contextlib.suppress(OSError):
                file.close()

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""
