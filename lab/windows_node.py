"""A simulated node that a real PowerShell works on: what the stand-ins of ``lab/windows`` ask, answered from its state.

The rules are those of the simulated engine wherever it has one (``server``, ``sync_setup``, ``lcm``).
"""

import base64
import contextlib
import json
import os
import re
import signal
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mimc.certificates import read_encryption_certificate

from . import installer, registry
from .answers import utc_now
from .bridge import EVERYONE_SID, NETWORK_SID, SYSTEM_SID, USERS_SID, Bridge, Caller, marked
from .drives import VARIABLES, Drives
from .folder import locked
from .locate import PowerShell, clean_environment
from .node import GROUPS, SUCCESS_CODES, NodeFile, Tree, put, value_at
from .powershell import PowerShellEngine
from .server import Reader, account_value, is_local_server, sid_of, sql_fault
from .wanted import Wanted
from .windows_lcm import CimError, WindowsLcm

#: Constant text that every pool runs first.
_STARTUP = "Import-Module -Name $env:MIMC_LAB_MODULE -Global -ErrorAction Stop"
_RESULT = "mimc:result "
_SERVICE = "FIMSynchronizationService"
#: Numbers of SQL Server's refusals, as the module tells them apart.
_NO_SERVER, _LOGIN_FAILED, _NO_PERMISSION = 10061, 18456, 229
#: Properties of setup by the property of the resource that they come from (MimSyncDsc.Setup.psm1).
_SETUP_PROPERTIES: Mapping[str, str] = {
    "STORESERVER": "SqlServer",
    "SQLINSTANCE": "SqlInstance",
    "SQLDB": "DatabaseName",
    "INSTALLDIR": "InstallDirectory",
    "GROUPADMINS": "AdministratorsGroup",
    "GROUPOPERATORS": "OperatorsGroup",
    "GROUPACCOUNTJOINERS": "JoinersGroup",
    "GROUPBROWSE": "BrowseGroup",
    "GROUPPASSWORDSET": "PasswordResetGroup",
}
_PROPERTY = re.compile(r'(?:\A| )([A-Z_][A-Z0-9_.]*)="((?:[^"]|"")*)"')
#: What secedit exports of a server whose rights nobody has changed: of a service account nothing.
_RIGHTS = """[Unicode]\r
Unicode=yes\r
[Privilege Rights]\r
SeNetworkLogonRight = *S-1-1-0,*S-1-5-11,*S-1-5-32-544\r
SeServiceLogonRight = *S-1-5-80-0\r
SeDenyInteractiveLogonRight = Guest\r
[Version]\r
signature="$CHICAGO$"\r
Revision=1\r
"""
_GROUP_COLUMNS: Mapping[str, str] = {
    "administrators_sid": "AdministratorsGroup",
    "operators_sid": "OperatorsGroup",
    "account_joiners_sid": "JoinersGroup",
    "browse_sid": "BrowseGroup",
    "passwordset_sid": "PasswordResetGroup",
}


class WindowsNode:
    """The node of one lab while it is served; ``engine`` makes its pools. Entered once."""

    def __init__(
        self,
        node: NodeFile,
        powershell: PowerShell,
        environment: Mapping[str, str],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._node, self._powershell = node, powershell
        self._environment, self._now = clean_environment(environment), now
        self._drives = Drives(node)
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._processes: set[subprocess.Popen[str]] = set()
        self._closing = False
        self._bridge = Bridge(self._answer)
        self._lcm = WindowsLcm(node, self._drives, self._transaction, self._run_resource, now)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        windows = files(__package__) / "windows"
        self._windows = Path(str(windows))
        self._open.enter_context(self._bridge)
        self._drives.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lcm.recover()
        with self._transaction() as state:
            session = Caller(Reader(f"{state['computerName']}\\lab"), over_network=True)
            self._environment |= {
                **VARIABLES,
                "COMPUTERNAME": str(state["computerName"]),
                "MIMC_LAB_DRIVES": str(self._drives.root),
                "MIMC_LAB_MODULE": str(self._windows / "MimcLab.psm1"),
                "MIMC_LAB_PWSH": str(self._powershell.path),
                "MIMC_LAB_SOCKET": str(self._bridge.path),
            }
        self.engine = PowerShellEngine(self._powershell.path, self._as(session)[0], _STARTUP)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closing = True
            processes = list(self._processes)
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        self._lcm.wait()
        self._open.close()

    # ---- the state, and PowerShells beside those of the pools

    @contextmanager
    def _transaction(self) -> Iterator[Tree]:
        with self._lock, locked(self._node.folder):
            state = self._node.load()
            before = json.dumps(state)
            yield state
            if json.dumps(state) != before:
                self._node.save(state)
            self._drives.agree(state)

    def _as(self, caller: Caller) -> tuple[dict[str, str], str]:
        token = self._bridge.admit(caller)
        return {**self._environment, "MIMC_LAB_CALLER": token}, token

    def _run_resource(self, task: Mapping[str, object], caller: Caller) -> Tree:
        """Call a resource in a PowerShell of its own; the task, which holds passwords, goes by pipe."""
        environment, token = self._as(caller)
        command = [
            str(self._powershell.path),
            "-NoProfile",
            "-NonInteractive",
            "-File",
            str(self._windows / "Enact.ps1"),
        ]
        with self._lock:
            if self._closing:
                return {"error": "the lab is being closed", "reboot": False}
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                encoding="utf-8",
                start_new_session=True,
            )
            self._processes.add(process)
        try:
            output, _ = process.communicate(json.dumps(marked(task)) + "\n")
        finally:
            self._processes.discard(process)
            self._bridge.dismiss(token)
        told = [line for line in output.splitlines() if line.startswith(_RESULT)]
        if not told:
            return {"error": f"the resource's process ended with {process.returncode}", "reboot": False}
        result: Tree = json.loads(told[-1].removeprefix(_RESULT))
        return result

    # ---- what the stand-ins ask

    def _answer(self, caller: Caller, call: str, given: Mapping[str, Any]) -> object:
        if call == "lcm":
            try:
                return self._lcm.call(given["method"], given["arguments"])
            except CimError as error:
                return {"cimError": str(error)}
        answers: Mapping[str, Callable[[Tree, Caller, Mapping[str, Any]], object]] = {
            "registry.values": lambda state, _, given: registry.values(state, given["path"]),
            "registry.children": lambda state, _, given: registry.children(state, given["path"]),
            "registry.write": lambda state, _, given: registry.write(state, given["path"], given["values"]),
            "registry.remove": lambda state, _, given: registry.remove(state, given["path"]),
            "service": self._service,
            "service.set": lambda state, _, given: put(
                state, "service.state", "Running" if given["running"] else "Stopped"
            ),
            "account.sid": lambda state, _, given: self._sid(state, given["name"]),
            "account.name": lambda state, _, given: self._name(state, given["sid"]),
            "account.groups": lambda state, _, given: self._groups(state, given["name"]),
            "rights": lambda *_: _RIGHTS,
            "identity": self._identity,
            "network": self._network,
            "certificates": self._certificates,
            "installer.busy": lambda state, _, __: value_at(state, "setup.exitCode") == 1618,
            "signature": self._signature,
            "package": self._package,
            "image.mount": lambda _, __, given: self._drives.mount(given["path"]),
            "image.dismount": lambda _, __, ___: self._drives.dismount(),
            "firewall.set": lambda state, _, given: registry.set_rule(state, given["name"], given["enabled"]),
            "firewall.new": lambda state, _, given: registry.add_rule(
                state, given["name"], given["display"], given["program"], given["port"]
            ),
            "firewall.remove": lambda state, _, given: registry.remove_rule(state, given["name"]),
            "sql.open": self._sql_open,
            "sql.query": self._sql_query,
            "setup": self._setup,
            "setup.seconds": lambda state, _, __: value_at(state, "setup.seconds"),
            "keys": self._keys,
            "activate": self._activate,
        }
        with self._transaction() as state:
            return answers[call](state, caller, given)

    def _service(self, state: Tree, caller: Caller, given: Mapping[str, Any]) -> object:
        there = state["installed"] and given["name"] == _SERVICE
        return value_at(state, "service.state") if there else None

    def _sid(self, state: Tree, name: str) -> str | None:
        sid = sid_of(state, name)
        if sid is not None:
            self._names[sid] = name
        return sid

    def _name(self, state: Tree, sid: str) -> str | None:
        """Return the name of *sid*: the node knows those in its state, and those that it was asked for."""
        known = (value_at(state, path) for path in ("service.account", *GROUPS.values()))
        for name in (*known, self._names.get(sid, "")):
            if name and sid_of(state, name) == sid:
                return str(account_value(state, name)["display"])
        return None

    def _groups(self, state: Tree, name: str) -> list[str] | None:
        """Return the SIDs of the groups of an account; what the state does not know of is none."""
        return None if sid_of(state, name) is None else [EVERYONE_SID, USERS_SID]

    def _identity(self, state: Tree, caller: Caller, given: Mapping[str, Any]) -> Tree:
        system = caller.reader.name == f"{state['computerName']}$"
        sid = SYSTEM_SID if system else sid_of(state, caller.reader.name)
        return {"sid": sid, "groups": [EVERYONE_SID, *([NETWORK_SID] if caller.over_network else [])]}

    def _network(self, state: Tree, caller: Caller, given: Mapping[str, Any]) -> Tree:
        name, _, domain = str(state["host"]).partition(".")
        # An address has no domain.
        return (
            {"host": name, "domain": domain} if not name.isdigit() else {"host": state["host"], "domain": ""}
        )

    def _certificates(self, state: Tree, caller: Caller, given: Mapping[str, Any]) -> list[Tree]:
        if state["certificate"] == "missing":
            return []
        own = read_encryption_certificate(self._node.certificate.read_bytes(), self._node.certificate)
        expires = own.certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
        key = state["certificate"] == "present"
        return [{"thumbprint": own.thumbprint, "hasPrivateKey": key, "notAfter": expires}]

    def _signature(self, state: Tree, caller: Caller, given: Mapping[str, Any]) -> Tree:
        package = self._drives.package(given["path"])
        if package is None or not package.signed:
            return {"status": "NotSigned", "subject": ""}
        subject = "CN=Microsoft Corporation, O=Microsoft Corporation, L=Redmond, S=Washington, C=US"
        return {"status": "Valid", "subject": subject}

    def _package(self, state: Tree, caller: Caller, given: Mapping[str, Any]) -> Tree | None:
        """Return every table of a package as columns, their kinds, and rows of text; None when it is none."""
        found = self._drives.package(given["path"])
        if found is None:
            return None
        tables = {**found.package.tables, "_Tables": tuple({"Name": name} for name in found.package.tables)}
        return {
            name: {
                "columns": list(rows[0]),
                "kinds": ["s0" for _ in rows[0]],
                "rows": [["" if cell is None else str(cell) for cell in row.values()] for row in rows],
            }
            for name, rows in tables.items()
        }

    # ---- SQL Server

    def _sql_open(self, state: Tree, caller: Caller, given: Mapping[str, Any]) -> Tree | None:
        server = _server(given)
        reader = caller.reader
        if caller.over_network:
            reader = Reader(reader.name, has_network_identity=state["secondHop"] == "on")
        if (
            state["sql"] != "refused"
            and not reader.has_network_identity
            and not is_local_server(state, server)
        ):
            return _refusal(_LOGIN_FAILED, r"login failed for NT AUTHORITY\ANONYMOUS LOGON")
        fault = sql_fault(state, server, reader)
        if fault:
            number = _NO_SERVER if state["sql"] == "refused" else _LOGIN_FAILED
            return _refusal(number, fault.partition(": ")[2])
        return None

    def _sql_query(self, state: Tree, caller: Caller, given: Mapping[str, Any]) -> object:
        if given["database"] == "master":
            server, name = value_at(state, "database.server"), value_at(state, "database.name")
            same = state["installed"] and (server, name) == (_server(given), given["argument"])
            exists = same or (not state["installed"] and state["existingDatabase"] == "yes")
            return [_column("id", 5 if exists else None), _column("sysadmin", 1)]
        if not caller.reader.may_select:
            return _refusal(_NO_PERMISSION, f"SELECT was denied to {caller.reader.name}")
        # Names that do not resolve now did when setup stored their SIDs.
        then = {**state, "accounts": {"missing": []}}
        return [
            {
                "name": column,
                "kind": "binary",
                "value": _binary(str(sid_of(then, value_at(state, GROUPS[group])))),
            }
            for column, group in _GROUP_COLUMNS.items()
        ]

    # ---- setup and miiskmu

    def _setup(self, state: Tree, caller: Caller, given: Mapping[str, Any]) -> Tree:
        properties = {
            match[1]: match[2].replace('""', '"') for match in _PROPERTY.finditer(given["properties"])
        }
        code = int(value_at(state, "setup.exitCode"))
        log = ["MSI (s) (0C:5C) [12:00:00:000]: the lab plays Windows Installer"]
        if given["action"] == "install" and properties.get("ACCEPT_EULA") != "1":
            code = 1603
        if given["action"] != "install" and given["product"] != state["productCode"]:
            code = 1605
        if code in SUCCESS_CODES:
            self._do(state, given["action"], properties)
        else:
            log.append("Action ended 12:00:01: ConfigureStore. Return value 3.")
        return {"code": code, "log": log}

    def _do(self, state: Tree, action: str, properties: Mapping[str, str]) -> None:
        if action == "patch":
            installer.patch(state)
        elif action == "remove":
            registry.remove_rule(state, registry.SETUP_RULE)
            installer.remove(state)
        else:
            values: dict[str, object] = {
                name: properties[key] for key, name in _SETUP_PROPERTIES.items() if key in properties
            }
            values["ServiceAccount"] = f"{properties['SERVICEDOMAIN']}\\{properties['SERVICEACCOUNT']}"
            (installer.install if action == "install" else installer.configure)(state, Wanted(values))
        if properties.get("FIREWALL_CONF") == "1":
            registry.add_setup_rule(state)

    def _keys(self, state: Tree, caller: Caller, given: Mapping[str, Any]) -> str | None:
        return base64.b64encode(registry.KEY_FILE).decode() if _is_there(state, given, "miiskmu") else None

    def _activate(self, state: Tree, caller: Caller, given: Mapping[str, Any]) -> int:
        fits = base64.b64decode(given["keys"]) == registry.KEY_FILE
        return 0 if fits and _is_there(state, given, "miisactivate") else 1


def _is_there(state: Tree, given: Mapping[str, Any], program: str) -> bool:
    path = f"{state['directory']}\\Synchronization Service\\Bin\\{program}.exe"
    return bool(state["installed"]) and path.casefold() == str(given["program"]).casefold()


def _server(given: Mapping[str, Any]) -> str:
    name = str(given["server"]).partition("\\")[0]
    return "" if name == "(local)" else name


def _refusal(number: int, message: str) -> Tree:
    return {"number": number, "message": message}


def _column(name: str, value: object) -> Tree:
    return {"name": name, "kind": "scalar", "value": value}


def _binary(sid: str) -> str:
    """Return *sid* as SQL Server stores it (MS-DTYP 2.4.2.2), in base64."""
    revision, authority, *parts = (int(part) for part in sid.split("-")[1:])
    head = bytes([revision, len(parts)]) + authority.to_bytes(6, "big")
    return base64.b64encode(head + struct.pack(f"<{len(parts)}I", *parts)).decode()
