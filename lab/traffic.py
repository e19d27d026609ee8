"""What went over the wire: a record without contents, and the reading of fragments that it needs.

It works on the bytes that a client sent, before any engine sees them, so it is evidence of what was asked
whichever engine answers.
"""

import hashlib
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

# MS-PSRP 2.2.4: object id, fragment id, start and end bits, length of the data; big endian.
_FRAGMENT = struct.Struct(">QQBI")
_START, _END = 1, 2
# MS-PSRP 2.2.1: destination, message type, pool, pipeline; little endian.
_MESSAGE = struct.Struct("<II16s16s")

#: The message type of MS-PSRP 2.2.2.10, which carries the commands of a pipeline.
CREATE_PIPELINE = 0x00021006


@dataclass(frozen=True, slots=True)
class Exchange:
    """One WSMan request and its reply.

    ``script`` is the SHA-256 (hex) of the text of the script that the request completed, else None.
    Sizes are of the SOAP bodies, without HTTP headers and TLS; ``bytes_out`` is 0 when no reply was sent.
    """

    operation: str
    script: str | None
    bytes_in: int
    bytes_out: int


class Recorder:
    """The exchanges of an endpoint, in the order in which they ended. Locks itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exchanges: list[Exchange] = []

    def add(self, exchange: Exchange) -> None:
        """Append *exchange*."""
        with self._lock:
            self._exchanges.append(exchange)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Return all exchanges so far."""
        with self._lock:
            return tuple(self._exchanges)

    def scripts(self) -> tuple[str, ...]:
        """Return the SHA-256 of every script that was sent to an open pool, with repetitions.

        A pipeline that is not one script has a value here that is no script's.
        """
        return tuple(exchange.script for exchange in self.exchanges() if exchange.script is not None)

    def clear(self) -> None:
        """Forget all exchanges."""
        with self._lock:
            self._exchanges.clear()


class FragmentError(ValueError):
    """Bytes that are not whole fragments in their order."""


class MessageReader:
    """Puts the fragments of one pool's client together. Not for several threads at once."""

    def __init__(self) -> None:
        self._parts: dict[int, list[bytes]] = {}

    def feed(self, fragments: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield type and data of each message that *fragments* complete.

        Raises :class:`FragmentError` for a fragment that is cut off or out of turn: psrpcore would take the
        one that is cut for a whole one.
        """
        at = 0
        while at < len(fragments):
            if len(fragments) - at < _FRAGMENT.size:
                raise FragmentError("a fragment's header is cut off")
            object_id, fragment_id, bits, length = _FRAGMENT.unpack_from(fragments, at)
            at += _FRAGMENT.size
            data = fragments[at : at + length]
            if len(data) < length:
                raise FragmentError("a fragment is cut off")
            at += length
            parts = self._parts.setdefault(object_id, [])
            if fragment_id != len(parts) or bool(bits & _START) != (fragment_id == 0):
                raise FragmentError("a fragment is out of turn")
            parts.append(data)
            if bits & _END:
                message = b"".join(self._parts.pop(object_id))
                if len(message) < _MESSAGE.size:
                    raise FragmentError("a message's header is cut off")
                yield _MESSAGE.unpack_from(message)[1], message[_MESSAGE.size :]


def script_sha256(create_pipeline: bytes) -> str:
    """Return the SHA-256 (hex) of the script in a CREATE_PIPELINE message's data.

    Several commands, and data that cannot be read, give a hash that is no script's: nobody can hide behind them.
    """
    # Late: whoever only asks what was recorded needs none of it.
    from psrpcore import PSRemotingCrypto
    from psrpcore.types import deserialize

    try:
        elements = list(ElementTree.fromstring(create_pipeline).iter())
    except ElementTree.ParseError:
        elements = []
    cipher = PSRemotingCrypto()  # asked for, not used: a text is no secure string
    commands = [str(deserialize(element, cipher)) for element in elements if element.get("N") == "Cmd"]
    kinds = [element.text for element in elements if element.get("N") == "IsScript"]
    one_script = len(commands) == 1 and kinds == ["true"]
    text = commands[0].encode("utf-8", "surrogatepass") if one_script else create_pipeline
    return hashlib.sha256(text).hexdigest()
