"""The shapes of mimc's files and outputs, one JSON Schema each."""

import json
from importlib.resources import files
from typing import Any


def load(name: str) -> dict[str, Any]:
    """Return the JSON Schema *name* (``spec``, ``bundle``, ``report``)."""
    schema: dict[str, Any] = json.loads(files(__name__).joinpath(f"{name}.schema.json").read_text("utf-8"))
    return schema
