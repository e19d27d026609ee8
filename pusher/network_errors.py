"""Why a connection could not be had, in one sentence and a next step: from what the standard library raises.

HTTP libraries wrap these errors in several layers of their own; what they wrap is what tells the cause.
"""

import socket
import ssl
from collections.abc import Iterator
from typing import TypeVar

from .neutral import neutral
from .target import Target

_Found = TypeVar("_Found", bound=BaseException)

#: OpenSSL's X509_V_ERR numbers for a certificate that is for another name or address, or out of its time.
_OTHER_NAME, _OUT_OF_TIME = (62, 64), (9, 10)


def network_reason(target: Target, error: BaseException) -> tuple[str, str] | None:
    """Return reason and next step for *error*, None when it is not the network's."""
    certificate = find(error, ssl.SSLCertVerificationError)
    if certificate:
        return _certificate_reason(target, certificate)
    if find(error, ssl.SSLError):
        return (
            f"{target.address} does not speak TLS as we do",
            "check that the port is the HTTPS listener (5986) and that it offers TLS 1.2 or later",
        )
    if find(error, socket.gaierror):
        return f"the name {neutral(target.host)} does not resolve", "check host in the spec, and the DNS"
    if find(error, ConnectionRefusedError):
        return (
            f"nothing listens at {target.address}",
            "check that the node is up and has a WinRM HTTPS listener (winrm quickconfig -transport:https)",
        )
    if find(error, TimeoutError):
        return (
            f"no answer from {target.address} in time",
            "check that the node and its service WinRM are up, and the firewalls on the way",
        )
    if isinstance(error, OSError):
        return f"{target.address} closed the connection", "check that the port is the WinRM HTTPS listener"
    return None


def _certificate_reason(target: Target, error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    if error.verify_code in _OTHER_NAME:
        return (
            f"its TLS certificate is for another name than {neutral(target.host)}",
            "write the name that stands in the certificate as host",
        )
    if error.verify_code in _OUT_OF_TIME:
        return "its TLS certificate is not valid today", "renew it on the node, or set the clock right"
    return (
        "its TLS certificate is not signed by an authority that is trusted here",
        "name the file with that authority's certificate as connection.ca",
    )


def find(error: BaseException, kind: type[_Found]) -> _Found | None:
    """Return the first error of *kind* among *error* and all that it wraps."""
    return next((item for item in _chain(error) if isinstance(item, kind)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    # urllib3 keeps a cause as ``reason`` or as an argument.
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        item = pending.pop(0)
        if isinstance(item, BaseException) and id(item) not in seen:
            seen.add(id(item))
            yield item
            pending += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
