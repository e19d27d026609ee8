"""The module's real Send-Order in a PowerShell that answers one request after another."""

import base64
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

SCRIPT = Path(__file__).parent / "engine" / "send-order.ps1"
MODULE = Path(__file__).parent.parent / "resources" / "dsc-modules" / "MimSyncDsc"


def encoded(text: str) -> str:
    """Return *text* as it travels: Base64 of UTF-8."""
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


def decoded(line: str | bytes) -> str:
    """Return the text of a line that travelled."""
    return base64.b64decode(line, validate=True).decode("utf-8")


class OrderRefused(Exception):
    """Send-Order threw."""


class OrderSender:
    """A PowerShell process that answers requests of tests/engine/send-order.ps1; a context manager."""

    def __init__(self, engine: Path) -> None:
        command = [str(engine), "-NoProfile", "-NonInteractive", "-File", str(SCRIPT), "-Module", str(MODULE)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def lines(
        self, properties: Mapping[str, str], password: str | None = None, texts: Sequence[str] = ()
    ) -> list[str]:
        """Return the lines that Send-Order writes: the texts, the properties, and the password when there is one.

        The password is SERVICEPASSWORD of the properties, and a line of its own, as Invoke-Setup has it.

        Raises:
            OrderRefused: it threw.
        """
        request = {
            "texts": [encoded(text) for text in texts],
            "names": list(properties),
            "values": [encoded(value) for value in properties.values()],
            "password": None if password is None else encoded(password),
        }
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(encoded(json.dumps(request)).encode() + b"\n")
        self._process.stdin.flush()
        answer = decoded(self._process.stdout.readline().strip())
        if answer.startswith("!"):
            raise OrderRefused(answer[1:])
        return answer.splitlines()
