"""WSMan envelopes: a request read into a dataclass, replies and faults written from templates.

Element names and namespaces are those of MS-WSMV 2.2 and DSP0226; the shapes follow recorded replies of real
servers, without the descriptive fields that no client reads.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid4
from xml.etree import ElementTree
from xml.sax.saxutils import escape

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
POWERSHELL = "http://schemas.microsoft.com/powershell"
_TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
_ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
_WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
_FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
_NAMES = {"s": _ENVELOPE, "a": _ADDRESSING, "w": _WSMAN, "rsp": SHELL, "p": POWERSHELL}

#: What a request may take when it does not say (DSP0226 leaves it open; Windows' MaxTimeoutms default).
_OPERATION_TIMEOUT_S = 60.0


class Operation(StrEnum):
    """The WSMan operations that a runspace pool needs."""

    CREATE = f"{_TRANSFER}/Create"
    GET = f"{_TRANSFER}/Get"
    DELETE = f"{_TRANSFER}/Delete"
    COMMAND = f"{SHELL}/Command"
    SEND = f"{SHELL}/Send"
    RECEIVE = f"{SHELL}/Receive"
    SIGNAL = f"{SHELL}/Signal"


_ACTIONS = frozenset(Operation)


class Malformed(ValueError):
    """A request that is no envelope, or lacks what its operation needs; the text says what."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A WSMan fault: ``code`` as Windows counts them, ``subcode`` a qualified name, ``reason`` a sentence."""

    code: int
    subcode: str
    reason: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request: header fields, and the body's only element (None when it is empty)."""

    action: str
    message_id: str
    resource_uri: str
    operation_timeout_s: float
    shell: str
    body: ElementTree.Element | None

    @property
    def word(self) -> str:
        """The action's last part: ``Create``, ``Receive`` and so on."""
        return self.action.rpartition("/")[2]

    @property
    def operation(self) -> Operation | None:
        """The operation that the action asks for, None for one that the lab does not know."""
        return Operation(self.action) if self.action in _ACTIONS else None

    @property
    def shell_id(self) -> UUID:
        """The shell that the request is for; raises :class:`Malformed` when it names none."""
        return _uuid(self.shell)

    def attribute_id(self, name: str, path: str = ".") -> UUID | None:
        """Return the identifier in attribute *name* of the element at *path*, None when there is none."""
        element = self._find(path)
        value = None if element is None else element.get(name)
        return None if value is None else _uuid(value)

    def text(self, path: str) -> str:
        """Return the text of the element at *path*; raises :class:`Malformed` when it is missing."""
        element = self._find(path)
        if element is None or not element.text:
            raise Malformed(f"the body has no {path}")
        return element.text

    def fragments(self, path: str) -> bytes:
        """Return the bytes of the base64 text at *path*; raises :class:`Malformed`."""
        try:
            return base64.b64decode(self.text(path), validate=True)
        except binascii.Error:
            raise Malformed(f"{path} is not base64") from None

    def _find(self, path: str) -> ElementTree.Element | None:
        return None if self.body is None else self.body.find(path, _NAMES)


def parse(data: bytes) -> Request:
    """Read the envelope *data*; raises :class:`Malformed`."""
    try:
        envelope = ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError):
        raise Malformed("the request is not XML") from None

    def header(name: str) -> str:
        return (envelope.findtext(f"s:Header/{name}", "", _NAMES) or "").strip()

    body = envelope.find("s:Body", _NAMES)
    if body is None or not header("a:Action") or not header("a:MessageID"):
        raise Malformed("the request is not a WSMan envelope")
    duration = re.fullmatch(r"PT(\d+(?:\.\d+)?)S", header("w:OperationTimeout"))
    return Request(
        action=header("a:Action"),
        message_id=header("a:MessageID"),
        resource_uri=header("w:ResourceURI"),
        operation_timeout_s=float(duration[1]) if duration else _OPERATION_TIMEOUT_S,
        shell=header("w:SelectorSet/w:Selector[@Name='ShellId']"),
        body=next(iter(body), None),
    )


def reply(request: Request, body: str) -> bytes:
    """Return the envelope that answers *request* with the XML *body*."""
    return _envelope(f"{request.action}Response", request.message_id, body)


def fault(message_id: str, fault: Fault) -> bytes:
    """Return the envelope of *fault* as the answer to the request *message_id*."""
    reason = escape(fault.reason)
    return _envelope(
        f"{_WSMAN.rpartition('/')[0]}/fault",
        message_id,
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value>"
        f"<s:Subcode><s:Value>{escape(fault.subcode)}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{reason}</s:Text></s:Reason>'
        f'<s:Detail><f:WSManFault xmlns:f="{_FAULT}" Code="{fault.code}" Machine="127.0.0.1">'
        f"<f:Message>{reason}</f:Message></f:WSManFault></s:Detail></s:Fault>",
    )


def shell_created(request: Request, shell_id: UUID, owner: str) -> bytes:
    """Return the reply to Create."""
    selector = f'<w:SelectorSet><w:Selector Name="ShellId">{_text(shell_id)}</w:Selector></w:SelectorSet>'
    uri = escape(request.resource_uri)
    return reply(
        request,
        f'<x:ResourceCreated xmlns:x="{_TRANSFER}"><a:Address>{_ADDRESSING}/role/anonymous</a:Address>'
        f"<a:ReferenceParameters><w:ResourceURI>{uri}</w:ResourceURI>{selector}</a:ReferenceParameters>"
        f"</x:ResourceCreated>{_shell(shell_id, owner, uri)}",
    )


def shell_described(request: Request, shell_id: UUID, owner: str) -> bytes:
    """Return the reply to Get of a shell."""
    return reply(request, _shell(shell_id, owner, f"{POWERSHELL}/Microsoft.PowerShell"))


def command_made(request: Request, command_id: UUID) -> bytes:
    """Return the reply to Command."""
    identifier = f"<rsp:CommandId>{_text(command_id)}</rsp:CommandId>"
    return reply(request, f"<rsp:CommandResponse>{identifier}</rsp:CommandResponse>")


def received(request: Request, command_id: UUID | None, chunks: tuple[bytes, ...], done: bool) -> bytes:
    """Return the reply to Receive: one Stream a fragment, and the state of the command if it is for one."""
    whose = "" if command_id is None else f' CommandId="{_text(command_id)}"'
    streams = "".join(
        f'<rsp:Stream Name="stdout"{whose}>{base64.b64encode(chunk).decode("ascii")}</rsp:Stream>'
        for chunk in chunks
    )
    state = f"{SHELL}/CommandState/{'Done' if done else 'Running'}"
    state = "" if command_id is None else f'<rsp:CommandState{whose} State="{state}"/>'
    return reply(request, f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>")


def _shell(shell_id: UUID, owner: str, uri: str) -> str:
    return (
        f"<rsp:Shell><rsp:ShellId>{_text(shell_id)}</rsp:ShellId><rsp:ResourceUri>{uri}</rsp:ResourceUri>"
        f"<rsp:Owner>{escape(owner)}</rsp:Owner><rsp:ClientIP>127.0.0.1</rsp:ClientIP>"
        "<rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout</rsp:OutputStreams>"
        "<rsp:State>Connected</rsp:State></rsp:Shell>"
    )


def _envelope(action: str, message_id: str, body: str) -> bytes:
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _NAMES.items())
    return (
        f'<s:Envelope xml:lang="en-US" {names}><s:Header><a:Action>{escape(action)}</a:Action>'
        f"<a:MessageID>uuid:{_text(uuid4())}</a:MessageID><a:To>{_ADDRESSING}/role/anonymous</a:To>"
        f"<a:RelatesTo>{escape(message_id)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def _text(identifier: UUID) -> str:
    return str(identifier).upper()


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Malformed("an identifier is missing or is no GUID") from None
