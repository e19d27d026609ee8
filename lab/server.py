"""What can be read on the simulated server: names and their SIDs, and the state of the product."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mimc.resources.compare import LOCAL_NAMES

from .node import GROUPS, Tree, value_at

DEFAULT_DATABASE = "FIMSynchronizationService"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: its name, and what it may do on a SQL Server.

    Without ``has_network_identity`` another machine does not see it at all (no second hop); without
    ``may_log_on`` another machine refuses it; without ``may_select`` it may log on and read nothing.
    """

    name: str
    has_network_identity: bool = True
    may_log_on: bool = True
    may_select: bool = True


def canonical_name(state: Tree, name: str) -> str:
    """Return the one spelling of an account: ``domain\\\\name`` in lower case, the machine's name for local ones."""
    folded = name.strip().casefold()
    if "@" in folded and "\\" not in folded:
        account, _, domain = folded.partition("@")
    else:
        domain, _, account = folded.rpartition("\\")
    domain = domain.partition(".")[0]
    return f"{domain or str(state['computerName']).casefold()}\\{account}"


def sid_of(state: Tree, name: str) -> str | None:
    """Return the SID of the account *name*, always the same one; None when the name does not resolve."""
    canonical = canonical_name(state, name)
    missing = {canonical_name(state, item) for item in value_at(state, "accounts.missing")}
    domain, _, account = canonical.partition("\\")
    if not account or canonical in missing:
        return None
    authority = hashlib.sha256(domain.encode()).digest()
    parts = [int.from_bytes(authority[at : at + 4], "big") for at in (0, 4, 8)]
    relative = 1000 + int.from_bytes(hashlib.sha256(canonical.encode()).digest()[:3], "big")
    return "-".join(["S-1-5-21", *map(str, parts), str(relative)])


def account_value(state: Tree, name: str) -> Tree:
    """Return the account *name* as a property of the state: its SID, and the name to show."""
    known = sid_of(state, name)
    if known is None:
        sid = sid_of({**state, "accounts": {"missing": []}}, name)
        return {"value": sid, "display": sid}
    domain, _, account = name.rpartition("\\")
    return {"value": known, "display": f"{(domain or str(state['computerName'])).upper()}\\{account}"}


def is_local_server(state: Tree, server: str) -> bool:
    """Whether *server* is a name of this machine."""
    names = {str(state["computerName"]).casefold(), str(state["host"]).casefold()}
    return server.casefold() in LOCAL_NAMES | names


def sql_fault(state: Tree, server: str, reader: Reader) -> str:
    """Return why *reader* gets nothing from SQL *server*, or an empty text."""
    shown = server or state["computerName"]
    if state["sql"] == "refused":
        return f"SQL Server {shown} refused the connection"
    if state["sql"] == "denied" or not (reader.may_log_on or is_local_server(state, server)):
        return f"SQL Server {shown} refused the login of {reader.name}"
    return ""


def read_product(state: Tree, accounts: Iterable[str], key_backup_path: str, reader: Reader) -> Tree:
    """Return the ``state`` of docs/contract.md as *reader* sees it."""
    result: Tree = {
        "version": 1,
        "node": {
            "computerName": state["computerName"],
            "fqdn": state["host"],
            "sqlAliases": dict(state["sqlAliases"]),
        },
        "sids": {name: sid_of(state, name) for name in accounts},
        "properties": {"Ensure": {"value": "Absent"}},
        "facts": {},
    }
    if not state["installed"]:
        return result
    backup, reason = _key_backup(state, key_backup_path)
    account = account_value(state, value_at(state, "service.account"))
    result["properties"] = {
        "Ensure": {"value": "Present"},
        "InstallDirectory": {"value": state["directory"]},
        "SqlServer": {"value": value_at(state, "database.server")},
        "SqlInstance": {"value": value_at(state, "database.instance")},
        "DatabaseName": {"value": value_at(state, "database.name")},
        "ServiceAccount": account,
        "ManagedServiceAccount": account,
        **_groups(state, reader),
        "EnableRpcFirewallRules": {"value": state["firewall"] == "on"},
        "KeyBackupPath": backup,
        "MinimumVersion": {"value": state["version"]},
    }
    result["facts"] = {
        "ProductVersion": state["version"],
        "ProductCode": state["productCode"],
        "InstallPath": f"{state['directory']}\\Synchronization Service\\",
        "ServiceState": value_at(state, "service.state"),
        "KeyBackupTime": state["keyBackupTime"],
        "RebootRequired": state["rebootRequired"] == "yes",
        **({"KeyBackupReason": reason} if reason else {}),
    }
    return result


def _groups(state: Tree, reader: Reader) -> dict[str, Any]:
    server = value_at(state, "database.server")
    shown = server or state["computerName"]
    if not reader.has_network_identity and not is_local_server(state, server):
        reason = f"no second hop: the session cannot log on to SQL Server {shown}"
        return {name: {"notChecked": reason} for name in GROUPS}
    fault = sql_fault(state, server, reader)
    if not fault and not reader.may_select:
        fault = f"SQL Server {shown}: SELECT permission was denied to {reader.name} on mms_server_configuration"
    if fault:
        return {name: {"unknown": fault} for name in GROUPS}
    return {name: account_value(state, value_at(state, path)) for name, path in GROUPS.items()}


def _key_backup(state: Tree, path: str) -> tuple[Tree, str]:
    """Return the property KeyBackupPath, and why it has no value."""
    found = str(state["keyBackupPath"]).casefold() == path.casefold() and path
    status = state["keyBackup"] if found else "missing"
    if status == "present":
        return {"value": path}, ""
    reasons = {
        "missing": "the file is not there" if path else "no path was asked for",
        "empty": "the file is empty",
        "changed": "the file is not the one that was exported: its SHA-256 is another",
    }
    return {"value": None, "display": ""}, reasons[status]
