"""The registry of the simulated server: derived from its state, so that tampering shows there at once.

What no value of the state stands for (``SOFTWARE\\mimc\\Document``, say) is kept in the state under ``registry``.
"""

import hashlib
import re
from collections.abc import Mapping

from .node import Tree, put, value_at
from .server import account_value

#: Values of a key by their names.
Values = dict[str, str]

#: What an exported key file of the lab holds.
KEY_FILE = b"the encryption keys of a service that is not there\n"
#: A key file that somebody else has put in its place.
OTHER_KEY_FILE = b"other keys\n"

_SERVICE = r"SYSTEM\CurrentControlSet\Services\FIMSynchronizationService"
_UNINSTALL = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
_UNINSTALL_32 = _UNINSTALL.replace("SOFTWARE", r"SOFTWARE\WOW6432Node")
#: The keys of what setup needs, by its name in the state.
_PREREQUISITES: Mapping[str, dict[str, Values]] = {
    "sqlClient": {r"SOFTWARE\Classes\SQLNCLI11": {"": "SQL Server Native Client 11.0"}},
    "visualCpp": {
        rf"{_UNINSTALL_32}\{{042d26ef-3dbe-4c25-95d3-4c1b11b235a7}}": {
            "DisplayName": "Microsoft Visual C++ 2013 Redistributable (x64) - 12.0.40664"
        }
    },
    "dotNet": {
        r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v3.5": {"Install": "1"},
        r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full": {"Release": "528049"},
    },
}
_RECORD = r"SOFTWARE\mimc\MimSyncDsc"
_RULES = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules"
_PROGRAM = re.compile(r"\|App=[^|]*\\miiserver\.exe\|")
#: The rule that setup makes (its real name is unknown).
SETUP_RULE = "{6F1C5B9E-4A39-4C2F-9E5B-0D5C5B8E7A11}"


def values(state: Tree, path: str) -> Values | None:
    """Return the values of the key *path*, none for one that only has subkeys, None when there is no such key."""
    tree = _tree(state)
    asked = path.casefold()
    for key, found in tree.items():
        if key.casefold() == asked:
            return found
    return {} if any(key.casefold().startswith(asked + "\\") for key in tree) else None


def children(state: Tree, path: str) -> list[str]:
    """Return the names of the subkeys of *path*."""
    start = path.casefold() + "\\"
    below = (key[len(start) :] for key in _tree(state) if key.casefold().startswith(start))
    return list(dict.fromkeys(rest.partition("\\")[0] for rest in below))


def write(state: Tree, path: str, given: Mapping[str, str]) -> None:
    """Write values into the key *path*, which is made when it is missing."""
    if path == rf"{_RECORD}\RebootPending":
        state["rebootRequired"] = "yes"
    elif path == rf"{_RECORD}\KeyBackup":
        _record_key_backup(state, given)
    elif path == rf"{_RECORD}\Unfinished" and "What" in given:
        state["unfinished"] = given["What"] or "no"
    else:
        state.setdefault("registry", {}).setdefault(path, {}).update(given)


def remove(state: Tree, path: str) -> None:
    """Remove the key *path*, when it is there."""
    state.setdefault("registry", {}).pop(path, None)


def set_rule(state: Tree, name: str, enabled: bool) -> None:
    """Enable or disable the firewall rule *name*."""
    rules = _rules(state)
    rules[name] = re.sub(r"\|Active=\w+\|", f"|Active={str(enabled).upper()}|", rules[name])
    _keep_rules(state, rules)


def add_rule(state: Tree, name: str, display: str, program: str, port: str) -> None:
    """Make an enabled inbound rule ([MS-GPFAS] 2.2.2.19 has the form)."""
    text = f"v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort={port}|App={program}|Name={display}|"
    _keep_rules(state, {**_rules(state), name: text})


def remove_rule(state: Tree, name: str) -> None:
    """Remove the firewall rule *name*."""
    _keep_rules(state, {other: text for other, text in _rules(state).items() if other != name})


def add_setup_rule(state: Tree) -> None:
    """Make the rule that setup makes when it is asked for one."""
    program = f"{state['directory']}\\Synchronization Service\\Bin\\miiserver.exe"
    add_rule(state, SETUP_RULE, "Forefront Identity Manager Synchronization Service", program, "RPC")


def _keep_rules(state: Tree, rules: Values) -> None:
    state.setdefault("registry", {})[_RULES] = rules
    active = [text for text in rules.values() if _PROGRAM.search(text) and "|Active=TRUE|" in text]
    state["firewall"] = "on" if active else "off"


def _rules(state: Tree) -> Values:
    """Return the rules as ``firewall`` of the state has them: it is what ``mimc lab tamper`` changes."""
    rules: Values = dict(state.get("registry", {}).get(_RULES, {}))
    programs = [name for name, text in rules.items() if _PROGRAM.search(text)]
    if state["firewall"] == "on" and not programs:
        with_rule: Tree = {**state, "firewall": "off", "registry": {_RULES: rules}}
        add_setup_rule(with_rule)
        return dict(with_rule["registry"][_RULES])
    active = str(state["firewall"] == "on").upper()
    return {
        name: re.sub(r"\|Active=\w+\|", f"|Active={active}|", text) if name in programs else text
        for name, text in rules.items()
    }


def _tree(state: Tree) -> dict[str, Values]:
    tree: dict[str, Values] = {
        **{
            path: found
            for name, keys in _PREREQUISITES.items()
            if state["prerequisites"][name] == "present"
            for path, found in keys.items()
        },
        **state.get("registry", {}),
    }
    if state["sqlAliases"]:
        tree[r"SOFTWARE\Microsoft\MSSQLServer\Client\ConnectTo"] = dict(state["sqlAliases"])
    if state["keyBackupPath"]:
        sha256 = hashlib.sha256(KEY_FILE).hexdigest()
        tree[rf"{_RECORD}\KeyBackup"] = {
            "Path": state["keyBackupPath"],
            "Sha256": sha256,
            "Time": state["keyBackupTime"],
        }
    unfinished = "" if state["unfinished"] == "no" else state["unfinished"]
    tree[rf"{_RECORD}\Unfinished"] = {**tree.get(rf"{_RECORD}\Unfinished", {}), "What": unfinished}
    if state["rebootRequired"] == "yes":
        tree[rf"{_RECORD}\RebootPending"] = {"SetupExitCode": "3010"}
    if state["installed"]:
        tree |= _product(state)
    return tree


def _product(state: Tree) -> dict[str, Values]:
    account = str(account_value({**state, "accounts": {"missing": []}}, _account(state))["display"])
    machine = f"{state['computerName']}\\"
    if account.startswith(machine):
        account = ".\\" + account.removeprefix(machine)
    parameters = {
        "Path": f"{state['directory']}\\Synchronization Service\\",
        "Server": value_at(state, "database.server"),
        "SQLInstance": value_at(state, "database.instance"),
        "DBName": value_at(state, "database.name"),
    }
    code = state["productCode"]
    return {
        _SERVICE: {"ObjectName": account, "Start": "2"},
        rf"{_SERVICE}\Parameters": {name: value for name, value in parameters.items() if value},
        rf"{_UNINSTALL}\{code}": {
            "DisplayName": "Microsoft Identity Manager Synchronization Service",
            "DisplayVersion": state["version"],
            "UninstallString": f"MsiExec.exe /X{code}",
        },
        _RULES: _rules(state),
    }


def _account(state: Tree) -> str:
    return str(value_at(state, "service.account"))


def _record_key_backup(state: Tree, given: Mapping[str, str]) -> None:
    # The names one after the other, as the module writes them; the hash is that of the file, always the same one, or
    # nothing: then the file that is there is no backup any more.
    for name, path in (("Path", "keyBackupPath"), ("Time", "keyBackupTime")):
        if name in given:
            put(state, path, given[name])
    if given.get("Sha256"):
        put(state, "keyBackup", "present")
    elif "Sha256" in given and state["keyBackup"] == "present":
        put(state, "keyBackup", "changed")
