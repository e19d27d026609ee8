"""One long-lived PowerShell that evaluates what our templates write."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any, Self

SCRIPT = Path(__file__).parent / "engine" / "Evaluate.ps1"


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
        """Return the value of a PowerShell expression as str, bool, int or tuple."""
        return plain(self.ask({"expression": expression}))


def plain(answer: dict[str, Any]) -> object:
    """Return the Python value of an answer with type and value."""
    if isinstance(answer["value"], list):
        return tuple(plain(item) for item in answer["value"])
    text = base64.b64decode(answer["value"]).decode("utf-16-le", "surrogatepass")
    match answer["type"]:
        case "System.String":
            return text
        case "System.Boolean":
            return text == "True"
        case "System.Int32" | "System.Int64":
            return int(text)
    raise AssertionError(f"a literal evaluated to {answer['type']}")
