"""Files on their way to a node: chunks with offset and SHA-256, taken up again where they broke off."""

from collections.abc import Callable, Mapping
from typing import Any

from mimc.bundle import sha256
from mimc.errors import NodeRefused

#: Bytes of one chunk: the size from which larger ones gain little (psrp-endpoint 5), and far below the 10 MB that
#: Windows takes as one object.
CHUNK_BYTES = 256 * 1024
#: Times in a row that a chunk may be refused for its offset before the node is believed to have another writer.
_OFFSET_REFUSALS = 3

#: Sends a script with its parameters and returns its answer; reconnects by itself.
Run = Callable[[str, Mapping[str, object]], dict[str, Any]]


def stage(run: Run, name: str, data: bytes, chunk_bytes: int = CHUNK_BYTES) -> str:
    """Bring *data* to the node as the staged file *name* and return its SHA-256.

    Nothing is sent when the node has it. After a lost connection *run* sends a chunk again, though the node may
    have it already: it then refuses the offset, and what it has is asked for.
    """
    digest = sha256(data)

    def send(offset: int, chunk: bytes) -> int:
        parameters = {"Name": name, "Sha256": digest, "Length": len(data), "Offset": offset, "Data": chunk}
        answer = run("stage", parameters)
        return len(data) if answer.get("present") is True else int(answer.get("length") or 0)

    refusals, offset = 0, send(0, b"")
    while offset < len(data):
        try:
            offset = send(offset, data[offset : offset + chunk_bytes])
            refusals = 0
        except NodeRefused as error:
            refusals += 1
            if error.code != "StageOffset" or refusals == _OFFSET_REFUSALS:
                raise
            offset = send(0, b"")
    return digest
