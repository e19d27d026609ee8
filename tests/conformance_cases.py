"""The cases of tests/conformance: what is desired, what a node says, and the verdicts that both comparers must give."""

import json
import random
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "conformance"


def cases() -> list[dict[str, Any]]:
    """Return every case: name, desired, state (docs/contract.md), verdicts (property, status, actual, reason)."""
    return [
        {**case, "name": f"{path.stem}: {case['name']}"}
        for path in sorted(FOLDER.glob("*.json"))
        for case in json.loads(path.read_text("utf-8"))
    ]


_SERVERS = (
    "",
    ".",
    "LocalHost",
    "corpsync",
    "CORPSYNC.contoso.com",
    "corpsql",
    "corpsql.contoso.com",
    "alias",
    "Alias2",
)
_ALIASES = (
    "DBMSSOCN,corpsql,1433",
    "DBMSSOCN, tcp:corpsql.contoso.com\\X",
    "(local)",
    "CORPSQL",
    "DBMSSOCN,",
)
_TEXTS = ("", "default", "MSSQLSERVER", "MIM", "mim", "M\u00fcller", "M\u00dcLLER", "a b", "x\\", "X\\\\")
_VERSIONS = (
    "",
    "1",
    "4.6.34.0",
    "4.6.34",
    "4.06.34.0",
    "4.10",
    "x.1",
    "4..6",
    "99999999999999999999.1",
    "1.2.3.4.5",
)
_SIDS = ("S-1-5-1", "s-1-5-1", "S-1-5-2", None)
_PROPERTIES = {
    "SqlServer": _SERVERS,
    "SqlInstance": _TEXTS,
    "DatabaseName": _TEXTS,
    "InstallDirectory": _TEXTS,
    "MinimumVersion": _VERSIONS,
    "EnableRpcFirewallRules": (True, False, 1, "True"),
    "AdministratorsGroup": ("d\\one", "D\\ONE", "d\\two", "d\\three"),
}

#: What is desired and read back from nowhere, or set apart below.
_POLICIES = {
    "Ensure": (*("Present",) * 9, "Absent", "absent"),
    "PatchPath": ("", "D:\\h.msp"),
    "MaintenancePolicy": ("Refuse", "refuse", "Reconfigure"),
}


def random_cases(count: int) -> list[dict[str, Any]]:
    """Return *count* cases without verdicts, the same ones at every call."""
    source = random.Random(20161004)
    return [_random_case(source) for _ in range(count)]


def _random_case(source: random.Random) -> dict[str, Any]:
    properties: dict[str, Any] = {"Ensure": {"value": source.choice(("Present",) * 9 + ("Absent",))}}
    for name, values in _PROPERTIES.items():
        value = source.choice(_SIDS if name == "AdministratorsGroup" else (*values, None))
        kinds: tuple[dict[str, Any], ...] = (
            {"unknown": "why"},
            {"notChecked": "why"},
            {"value": value, "display": "D"},
        )
        properties[name] = source.choice((*kinds, *[{"value": value}] * 9))
    aliases = {name: source.choice(_ALIASES) for name in ("alias", "ALIAS2") if source.random() < 0.5}
    state = {
        "version": 1,
        "node": {
            "computerName": "CORPSYNC",
            "fqdn": source.choice(("", "corpsync.contoso.com")),
            "sqlAliases": aliases,
        },
        "sids": {"d\\one": "S-1-5-1", "d\\two": source.choice(_SIDS), "d\\three": None},
        "properties": properties,
        "facts": {"Unfinished": source.choice(("", "patch", "settings"))},
    }
    desired = {name: source.choice(values) for name, values in (_PROPERTIES | _POLICIES).items()}
    desired["EnableRpcFirewallRules"] = source.random() < 0.5
    return {"desired": desired, "state": state}
