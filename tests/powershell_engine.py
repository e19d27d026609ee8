"""A PowerShell that runs once, and a long-lived one that evaluates what our templates write."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from mimc.compiler.mof_literals import Char16

SCRIPT = Path(__file__).parent / "engine" / "Evaluate.ps1"


def run(engine: Path, *arguments: str | Path, **environment: str) -> str:
    """Return the stdout of one run of the engine."""
    done = subprocess.run(
        [engine, "-NoProfile", "-NonInteractive", *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
        timeout=300,
    )
    output = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, output + done.stderr.decode("utf-8", "replace")
    return output


class Evaluator:
    """A PowerShell process that answers requests of tests/engine/Evaluate.ps1; a context manager."""

    def __init__(self, engine: Path) -> None:
        command = [str(engine), "-NoProfile", "-NonInteractive", "-File", str(SCRIPT)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, request: dict[str, str]) -> Any:
        """Return the answer to *request*."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(base64.b64encode(json.dumps(request).encode()) + b"\n")
        self._process.stdin.flush()
        answer = json.loads(base64.b64decode(self._process.stdout.readline()))
        assert "error" not in answer, answer["error"]
        return answer

    def evaluate(self, expression: str) -> object:
        """Return the value of a PowerShell expression, as :func:`plain` does."""
        return plain(self.ask({"expression": expression}))


def plain(answer: dict[str, Any]) -> object:
    """Return the Python value of an answer: scalars, tuples, dicts, and (class, properties) for an instance.

    A variable, which in what we write is a credential, is the word "credential".
    """
    match answer:
        case {"variable": _}:
            return "credential"
        case {"array": items}:
            return tuple(plain(item) for item in items)
        case {"hashtable": pairs}:
            return {plain(key): plain(value) for key, value in pairs}
        case {"class": name, "properties": properties}:
            return name, {key: plain(value) for key, value in properties.items()}
    text = base64.b64decode(answer["value"]).decode("utf-16-le", "surrogatepass")
    return _SCALARS[answer["type"]](text)


def _moment(text: str) -> datetime:
    assert text.endswith("0Z"), "UTC, and no finer than microseconds"
    return datetime.fromisoformat(text.removesuffix("0Z")).replace(tzinfo=UTC)


def _interval(text: str) -> timedelta:
    match = re.fullmatch(r"(?:([0-9]+)\.)?([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{6})0)?", text)
    assert match, text
    days, hours, minutes, seconds, microseconds = (int(part or 0) for part in match.groups())
    return timedelta(days, seconds, microseconds, 0, minutes, hours)


_SCALARS: dict[str, Callable[[str], object]] = {
    "System.String": str,
    "System.Boolean": lambda text: text == "True",
    "System.Int32": int,
    "System.Int64": int,
    "System.Decimal": int,
    "System.Double": float,
    "System.Char": Char16,
    "System.DateTime": _moment,
    "System.TimeSpan": _interval,
}
