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
    shown = server or "(local)"
    if state["sql"] == "refused":
        return f"cannot connect to the SQL Server {shown}: the connection was refused"
    if state["sql"] == "denied" or not (reader.may_log_on or is_local_server(state, server)):
        return f"the SQL Server {shown} refused the login: login failed for {reader.name}"
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
    result["properties"] = {
        "Ensure": {"value": "Present"},
        "InstallDirectory": {"value": state["directory"]},
        "SqlServer": {"value": value_at(state, "database.server")},
        "SqlInstance": {"value": value_at(state, "database.instance")},
        "DatabaseName": {"value": value_at(state, "database.name")},
        "ServiceAccount": _logon_account(state),
        "ManagedServiceAccount": _logon_account(state),
        **_groups(state, reader),
        "ServiceRunning": {"value": value_at(state, "service.state") == "Running"},
        "EnableRpcFirewallRules": {"value": state["firewall"] == "on"},
        "MinimumVersion": {"value": state["version"]},
    }
    result["facts"] = {
        "ProductVersion": state["version"],
        "ProductCode": state["productCode"],
        "InstallPath": f"{state['directory']}\\Synchronization Service\\",
        "ServiceState": value_at(state, "service.state"),
        "ServiceStartType": "Automatic",
        "Unfinished": "" if state["unfinished"] == "no" else state["unfinished"],
        "RebootRequired": state["rebootRequired"] == "yes",
        **({"KeyBackupTime": state["keyBackupTime"]} if state["keyBackupTime"] else {}),
    }
    if key_backup_path:
        _read_key_backup(state, key_backup_path, result)
    return result


def _logon_account(state: Tree) -> dict[str, Any]:
    name = value_at(state, "service.account")
    if sid_of(state, name) is None:
        return {"unknown": f"the service's logon account '{name}' does not resolve"}
    return account_value(state, name)


def _groups(state: Tree, reader: Reader) -> dict[str, Any]:
    server, instance = value_at(state, "database.server"), value_at(state, "database.instance")
    shown = "\\".join(filter(None, (server or "(local)", instance)))
    fault = sql_fault(state, server, reader)
    if state["sql"] != "refused" and not reader.has_network_identity and not is_local_server(state, server):
        reason = f"no second hop: this session has no identity that the SQL Server {shown} would accept"
        return {name: {"notChecked": reason} for name in GROUPS}
    if not fault and not reader.may_select:
        database = value_at(state, "database.name")
        fault = f"no permission to read mms_server_configuration in {database} on {shown}: SELECT was denied to {reader.name}"
    if fault:
        return {name: {"unknown": fault} for name in GROUPS}
    return {name: account_value(state, value_at(state, path)) for name, path in GROUPS.items()}


def _read_key_backup(state: Tree, path: str, result: Tree) -> None:
    found = str(state["keyBackupPath"]).casefold() == path.casefold()
    status = state["keyBackup"] if found else "missing"
    if status == "present":
        result["properties"]["KeyBackupPath"] = {"value": path}
        return
    result["properties"]["KeyBackupPath"] = {"value": None, "display": ""}
    result["facts"]["KeyBackupReason"] = {
        "missing": "there is no such file",
        "empty": "the file is empty",
        "changed": "the file is not the one that was exported: another SHA-256",
    }[status]
