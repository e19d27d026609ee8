"""Sessions over WinRM: the only home of pypsrp, and of what is known about its ways (psrp-endpoint 3, peers E).

One thread, one WSMan object, one runspace pool. TLS always, verified always. Only the constant scripts are sent, and
every value is a typed parameter beside them. Errors of four libraries become those of ``mimc.errors``; none keeps
its cause, because a request in there carries an Authorization header.
"""

import contextlib
import logging
import math
import ssl
import struct
import time
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from typing import Any

import requests
from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import AuthenticationError, WinRMError, WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool, RunspacePoolWarning
from pypsrp.serializer import TaggedValue
from pypsrp.wsman import NAMESPACES, OptionSet, SelectorSet, WSMan, WSManAction
from requests.adapters import BaseAdapter
from spnego.exceptions import SpnegoError

from mimc.errors import AuthenticationRefused, DeadlinePassed, InputError, Unreachable
from mimc.state import StateError, decode

from . import scripts
from .network_errors import find, network_reason
from .neutral import neutral
from .session import ScriptFailed, Session, SessionLost, Traffic, refusal
from .target import Auth, Target

_CONNECT_TIMEOUT_S = 10
_OPERATION_TIMEOUT_S, _READ_TIMEOUT_S = 20, 30  # the first has to stay below the second
_STOP_TIMEOUT_S = 5
#: A shell that we lost ends by itself; Windows' own value is two hours, and shells per user are limited.
_IDLE_TIMEOUT_S = 900
#: Finished pipelines left to the end of the pool. Ending each costs a request; a server holds only so many.
_PIPELINES_LEFT = 8
_INT32 = range(-(2**31), 2**31)
#: Codes of WSMan faults (Windows SDK, wsmerror.h) with what they mean to a user.
_ACCESS_DENIED = 5
_FAULT_REASONS = {
    2150858793: "it did not answer in time",
    2150858811: "it has no such PowerShell endpoint",
    2150858843: "it no longer knows our shell (a restart, or it was idle too long)",
    2150859173: "this user has too many shells open there",
    2150859174: "this user has too many operations running there",
}
#: Whatever these libraries raise on a broken connection (OSError covers requests, ssl and sockets), and on an
#: answer that is not what WinRM sends.
_FAULTS = (
    *(WinRMError, OSError, SpnegoError, ImportError),
    *(ET.ParseError, struct.error, ValueError, LookupError, TypeError, AttributeError),
)


def open_session(target: Target, clock: Callable[[], float] = time.monotonic) -> Session:
    """Open a runspace pool on *target*; *clock* gives monotonic seconds.

    Raises:
        InputError: user, password or CA file are missing or not what they should be; nothing was contacted.
        Unreachable: no such host, no listener, no trust in its certificate, not WinRM.
        AuthenticationRefused: it answered and did not let us in.
    """
    _check(target)
    _quiet()
    try:
        wsman = _connection(target)
        adapter = _Counting.under(wsman)
        pool = RunspacePool(wsman, no_profile=True, idle_timeout=_IDLE_TIMEOUT_S)
        pool.open()
    except _FAULTS as error:
        raise _not_opened(target, error) from None
    return WinrmSession(target, wsman, pool, adapter, clock)


class WinrmSession:
    """A :class:`~mimc.pusher.session.Session` over one runspace pool."""

    def __init__(
        self,
        target: Target,
        wsman: WSMan,
        pool: RunspacePool,
        adapter: "_Counting",
        clock: Callable[[], float],
    ) -> None:
        self._target, self._wsman, self._pool, self._adapter = target, wsman, pool, adapter
        self._clock, self._pipelines = clock, 0

    @property
    def traffic(self) -> Traffic:
        """What the session has cost so far, log-in included."""
        return self._adapter.traffic

    def run(self, script: str, parameters: Mapping[str, object], timeout_s: float) -> dict[str, Any]:
        """Send a constant script; see :meth:`mimc.pusher.session.Session.run`."""
        deadline = self._clock() + timeout_s
        pipeline = PowerShell(self._pool)
        pipeline.add_script(scripts.read(script))
        pipeline.add_parameters({name: _wire(value) for name, value in parameters.items()})
        try:
            pipeline.begin_invoke()
            while pipeline.state == PSInvocationState.RUNNING:
                left_s = deadline - self._clock()
                if left_s <= 0:
                    raise self._stopped(pipeline, script, timeout_s)
                pipeline.poll_invoke(timeout=min(_OPERATION_TIMEOUT_S, math.ceil(left_s)))
            self._pipelines += 1
            if self._pipelines > _PIPELINES_LEFT:
                pipeline.close()
        except _FAULTS as error:
            raise _lost(self._target, error) from None
        return self._answer(pipeline, script)

    def close(self) -> None:
        """Delete the pool on the node and close the connection; a lost session is given up silently."""
        self._wsman.transport.read_timeout = _STOP_TIMEOUT_S
        with contextlib.suppress(*_FAULTS):
            self._pool.close()
        with contextlib.suppress(*_FAULTS):
            self._wsman.transport.close()

    def _stopped(self, pipeline: PowerShell, script: str, timeout_s: float) -> DeadlinePassed:
        self._wsman.transport.read_timeout = _STOP_TIMEOUT_S
        with contextlib.suppress(*_FAULTS):
            pipeline.stop()
        return DeadlinePassed(
            self._target.name,
            f"{script}.ps1 did not answer within {timeout_s:.0f} s and was told to stop",
            "try again, or give the target more timeLimitSeconds in the spec",
        )

    def _answer(self, pipeline: PowerShell, script: str) -> dict[str, Any]:
        name = self._target.name
        # had_errors is set only when the pipeline failed; an error that did not end it stands in the stream.
        if pipeline.had_errors or pipeline.streams.error:
            error = pipeline.streams.error[-1] if pipeline.streams.error else None
            fq_error = str(getattr(error, "fq_error", None) or "no error id")
            raise ScriptFailed(name, script, fq_error, str(error) if error else "it gives no reason")
        output = pipeline.output
        if len(output) != 1 or not isinstance(output[0], str):
            raise StateError(f"{name}: {script}.ps1 wrote {len(output)} objects, one string was expected")
        answer = decode(output[0])
        refused = answer.get("refused")
        if isinstance(refused, dict):
            raise refusal(name, refused)
        return answer


class _Connection(WSMan):  # type: ignore[misc, unused-ignore]
    """pypsrp repeats a Receive that timed out five times, up to two minutes; our deadline and our rule forbid it."""

    def receive(
        self,
        resource_uri: str,
        resource: ET.Element,
        option_set: OptionSet | None = None,
        selector_set: SelectorSet | None = None,
        timeout: int | None = None,
    ) -> ET.Element:
        """Send one Receive, once."""
        reply = self.invoke(WSManAction.RECEIVE, resource_uri, resource, option_set, selector_set, timeout)
        body = reply.find("s:Body", namespaces=NAMESPACES)
        if body is None:
            raise ET.ParseError("a reply without a body")
        return body


class _Counting(BaseAdapter):
    """Counts what passes an adapter of requests, the requests of a log-in included."""

    def __init__(self, inner: BaseAdapter) -> None:
        super().__init__()
        self._inner = inner
        self.traffic = Traffic()

    @classmethod
    def under(cls, wsman: WSMan) -> "_Counting":
        """Put a counter under *wsman*, before its first request."""
        transport = wsman.transport
        session = transport.session = transport._build_session()
        counting = cls(session.get_adapter(transport.endpoint))
        session.mount("https://", counting)
        return counting

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Pass on and count. Bodies up are measured, down taken from Content-Length: reading them here would
        take the socket from under the channel binding of Negotiate."""
        body = request.body if isinstance(request.body, bytes) else b""
        self.traffic += Traffic(1, len(body), 0)
        response = self._inner.send(request, *args, **kwargs)
        length = response.headers.get("Content-Length", "")
        self.traffic += Traffic(0, 0, int(length) if length.isdecimal() else 0)
        # Negotiate sends its further legs by this attribute.
        response.connection = self  # type: ignore[assignment]
        return response

    def close(self) -> None:
        """Close the adapter below."""
        self._inner.close()


def _as_sent(target: Target, text: str) -> Any:
    # requests writes text for Basic in Latin-1, which has no euro sign: as bytes it goes out in UTF-8 (RFC 7617).
    return text.encode() if target.auth == Auth.BASIC else text


def _connection(target: Target) -> WSMan:
    return _Connection(
        target.host,
        port=target.port,
        username=_as_sent(target, target.user) or None,
        password=_as_sent(target, target.password.reveal()) if target.password else None,
        ssl=True,
        auth=target.auth,
        # A path is as good as a bool (psrp-endpoint 3), whatever the annotation says.
        cert_validation=str(target.ca_file) if target.ca_file else True,  # type: ignore[arg-type]
        # Proxy variables of the environment would apply even to 127.0.0.1.
        no_proxy=True,
        connection_timeout=_CONNECT_TIMEOUT_S,
        operation_timeout=_OPERATION_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
    )


def _check(target: Target) -> None:
    if target.auth not in list(Auth):
        raise InputError(f"{target.name}: no such way to log in: {target.auth}; known are {', '.join(Auth)}")
    has_ticket = target.auth in (Auth.KERBEROS, Auth.NEGOTIATE) and not target.user and not target.password
    if not has_ticket and not (target.user and target.password):
        raise InputError(
            f"{target.name}: {target.auth} needs a user and a password: write both under connection"
        )
    if target.ca_file is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(target.ca_file)
    except OSError as error:
        reason = "no CA certificates (PEM) in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise InputError(f"{target.ca_file}: {reason}; {target.name} is verified with this file") from None


def _quiet() -> None:
    """Keep messages and tracebacks of the libraries out of every log.

    At DEBUG they print whole messages with their parameters. pypsrp also logs the traceback of each time-out as
    an error; what went wrong is told by our own exceptions.
    """
    logging.getLogger("pypsrp").setLevel(logging.CRITICAL)
    for name in ("psrpcore", "urllib3", "requests", "spnego"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.simplefilter("ignore", RunspacePoolWarning)


def _not_opened(target: Target, error: BaseException) -> Unreachable:
    refused = _refused(target, error)
    if refused:
        return refused
    fault, status = find(error, WSManFaultError), find(error, WinRMTransportError)
    if fault:
        reason, step = _fault_reason(fault), "check the service WinRM and its quotas on the node"
    elif status:
        reason = f"{target.address} answered with HTTP status {neutral(status.code)}"
        step = "check that WinRM, and no other web server, listens there"
    else:
        reason, step = network_reason(target, error) or (
            f"what answers at {target.address} is not WinRM as we know it",
            "check host and port",
        )
    return Unreachable(target.name, reason, step)


def _lost(target: Target, error: BaseException) -> Unreachable:
    refused = _refused(target, error)
    if refused:
        return refused
    fault = find(error, WSManFaultError)
    if fault:
        what = _fault_reason(fault)
    else:
        what = "no answer came in time" if find(error, TimeoutError) else "the connection broke"
    step = f"try again; mimc drift --target {target.name} tells what is there"
    return SessionLost(target.name, f"the session was lost: {what}", step)


def _refused(target: Target, error: BaseException) -> AuthenticationRefused | None:
    who = f"{neutral(target.user)} by {target.auth}" if target.user else f"your ticket by {target.auth}"
    refusal, fault = find(error, AuthenticationError), find(error, WSManFaultError)
    if find(error, ImportError):
        reason = "a Kerberos library is missing on this machine"
        step = "install it: pip install 'mimc[kerberos]' (it needs your system's Kerberos headers)"
    elif refusal and str(refusal).startswith("The server did not"):
        reason, step = f"it does not offer to log in by {target.auth}", "choose another connection.auth"
    elif refusal:
        reason, step = f"it refused {who}", "check user and password, and that the account is not locked"
    elif find(error, SpnegoError):
        reason = f"logging in {who} failed on this machine"
        step = "for Kerberos get a ticket (kinit), use the full host name, and compare the clocks"
    elif fault and fault.code == _ACCESS_DENIED:
        reason = f"it knows {who} and denies access"
        step = "the account has to be in the node's group Administrators, or allowed on the endpoint"
    else:
        return None
    return AuthenticationRefused(target.name, reason, step)


def _fault_reason(fault: WSManFaultError) -> str:
    text = f"it answered with fault {neutral(fault.code)}: {neutral(fault.reason or 'no reason given')}"
    return _FAULT_REASONS.get(fault.code, text)


def _wire(value: object) -> object:
    """Return *value* in a type that pypsrp serialises rightly: it sends every int as 32 bits, and no tuple."""
    if isinstance(value, bool | bytes):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return value if value in _INT32 else TaggedValue("I64", value)
    if isinstance(value, list | tuple):
        return [_wire(item) for item in value]
    raise TypeError(f"a {type(value).__name__} does not travel as a parameter")
