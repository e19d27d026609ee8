"""References to secrets as the spec writes them: ``{secret: {<provider>: ...}}``."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from mimc.errors import Position
from mimc.secret import DEFAULT_TIME_LIMIT_S, SecretReference

from .load import Path


def read_reference(
    data: Mapping[str, Any], path: Path, position: Callable[[Path], Position]
) -> SecretReference:
    """Return the reference *data*, which has passed the schema and stands at *path*; *position* tells places."""
    source: Mapping[str, Any] = data["secret"]
    place = position(path)
    kind = next(key for key in source if key != "timeoutSeconds")
    value = source[kind]
    match kind:
        case "command":
            # The last part of either system's path: the text of a reference is the same everywhere.
            program = re.split(r"[\\/]", value[0])[-1]
            limit_s = source.get("timeoutSeconds", DEFAULT_TIME_LIMIT_S)
            return SecretReference(kind, program, place, tuple(value), limit_s)
        case "keyring":
            return SecretReference(kind, value["service"], place, (value["user"],))
        case "ansibleVault":
            steps = tuple(value["key"].split(".")) if "key" in value else ()
            password = read_reference(value["password"], (*path, "secret", kind, "password"), position)
            return SecretReference(kind, value["file"], place, steps, password=password)
        case _:
            return SecretReference(kind, value, place)
