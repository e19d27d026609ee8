"""The simulated server: what is true of it, and the JSON file that keeps it between commands.

The file is small, flat and readable on purpose: ``mimc lab tamper`` names its values by their path in it.
It never holds a password. It is read afresh for each answer, so that tampering works while the lab is served.
"""

import copy
import ipaddress
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from mimc.errors import InputError
from mimc.resources import SYNC_SERVICE

from .folder import write_file

STATE_FORMAT = 1
#: What setup can end with, and what the shipped module says of it (MimSyncDsc.strings.psd1; a test compares them).
EXIT_CODES: Mapping[int, str] = {
    0: "success",
    1602: "setup was cancelled. Nobody should be able to: see the setup log.",
    1603: (
        "setup failed. Error 25009 there means: no sysadmin right, SQL Server not reachable, SQL client missing, "
        "or a database in a wrong state."
    ),
    1612: "the source of an installed version is missing. Put the media back where it was installed from.",
    1618: "another installation is running. Wait until it has ended.",
    1619: "the package cannot be opened. The installing account must be able to read the media folder.",
    1620: "the package is not valid. Copy the media again from the original.",
    1624: "the transform cannot be applied. TransformPath must have been made for this package.",
    1638: "another version of the product is installed. Remove it, or patch it.",
    1642: "the patch does not fit the installed version.",
    1641: "success, a restart was started",
    3010: "success, a restart is required",
}
#: Codes after which the product is installed.
SUCCESS_CODES = frozenset({0, 1641, 3010})

#: The lists of an LCM's settings that mimc could not put back, and the word for a node that has none of them.
MANAGER_LISTS = (
    "ConfigurationDownloadManagers",
    "PartialConfigurations",
    "ReportManagers",
    "ResourceModuleManagers",
    "SignatureValidations",
)
UNMANAGED = "nobody"

#: The state as decoded JSON.
Tree = dict[str, Any]


class Form(StrEnum):
    """What a value that may be tampered with looks like."""

    CHOICE = "choice"
    TEXT = "text"
    ACCOUNT = "DOMAIN\\name"
    ACCOUNTS = "DOMAIN\\name,..."
    NUMBER = "number"
    VERSION = "1.2.3.4"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value of the state that may be tampered with: its path, its value on a new node, and what is allowed.

    ``of_product`` says that the value exists only while the product is installed.
    """

    path: str
    initial: object
    help: str
    choices: tuple[str, ...] = ()
    form: Form = Form.CHOICE
    of_product: bool = False


def _product(path: str, help: str, *choices: str, form: Form = Form.CHOICE, initial: object = "") -> Setting:
    return Setting(path, initial, help, choices, form, of_product=True)


#: The five groups: property of the resource, and path in the state (that of the spec).
GROUPS: Mapping[str, str] = {
    item.name: ".".join(item.spec) for item in SYNC_SERVICE.properties if item.spec[:1] == ("groups",)
}

#: What setup needs on the node.
PREREQUISITES: Mapping[str, str] = {
    "sqlClient": "client of a remote SQL Server",
    "visualCpp": "Visual C++ runtime for x64",
    "dotNet": ".NET Framework 4.6 or later",
}

#: Everything that ``mimc lab tamper`` can change, in the order in which it is shown.
SETTINGS: tuple[Setting, ...] = (
    _product("version", "DisplayVersion of the product", form=Form.VERSION),
    _product("database.server", "SQL Server, empty for the local machine", form=Form.TEXT),
    _product("database.instance", "SQL instance, empty for the default one", form=Form.TEXT),
    _product("database.name", "database of the service", form=Form.TEXT),
    _product("service.account", "account of the service", form=Form.ACCOUNT),
    _product("unfinished", "what Set has begun", "no", "activation", "settings", "patch", initial="no"),
    _product("service.state", "state of the service", "Running", "Stopped"),
    *(_product(path, "group stored in SQL", form=Form.ACCOUNT) for path in GROUPS.values()),
    _product("firewall", "inbound rules of miiserver.exe", "on", "off", initial="off"),
    _product("keyBackup", "exported key file", "present", "missing", "empty", "changed", initial="missing"),
    _product("rebootRequired", "restart pending; no stands for a restart", "yes", "no", initial="no"),
    Setting("sql", "reachable", "what SQL Server does with a login", ("reachable", "refused", "denied")),
    Setting("secondHop", "off", "whether a session reaches a remote SQL Server", ("on", "off")),
    Setting("auditAs.select", "yes", "whether the audit account may read the table", ("yes", "no")),
    Setting("accounts.missing", [], "names that do not resolve, empty for none", (), Form.ACCOUNTS),
    Setting(
        "certificate", "present", "document-encryption certificate", ("present", "noPrivateKey", "missing")
    ),
    Setting(
        "media",
        "present",
        "the installation media",
        ("present", "missing", "wrongSignature", "azureAdConnect"),
    ),
    Setting("existingDatabase", "no", "SQL Server has a database of that name already", ("yes", "no")),
    Setting("existingKey", "present", "key file of that database", ("present", "missing", "wrong")),
    Setting("patch.file", "present", "the patch that a spec names", ("present", "missing", "wrongSignature")),
    Setting("patch.version", "4.6.673.0", "version that it brings", (), Form.VERSION),
    Setting(
        "setup.exitCode", 0, "what setup ends with", tuple(str(code) for code in EXIT_CODES), Form.NUMBER
    ),
    *(
        Setting(f"prerequisites.{name}", "present", help, ("present", "missing"))
        for name, help in PREREQUISITES.items()
    ),
    Setting("setup.seconds", 0, "how long setup takes", (), Form.NUMBER),
    Setting("setup.fallsBackToLocalSql", "no", "setup silently takes the local SQL Server", ("yes", "no")),
    Setting(
        "lcm.state", "Idle", "state of the LCM", ("Idle", "Busy", "PendingReboot", "PendingConfiguration")
    ),
    Setting("lcm.refreshMode", "Push", "refresh mode of the LCM", ("Push", "Pull", "Disabled")),
    Setting(
        "lcm.managedBy",
        UNMANAGED,
        "list of the LCM that somebody manages the node by",
        (UNMANAGED, *MANAGER_LISTS),
    ),
    Setting("document", "", "name of the configuration the LCM holds, empty for none", (), Form.TEXT),
    Setting("slow", 0, "looks at the LCM before an enactment is done", (), Form.NUMBER),
)


def value_at(state: Tree, path: str) -> Any:
    """Return the value at the dotted *path* of *state*."""
    value: Any = state
    for key in path.split("."):
        value = value[key]
    return value


def put(state: Tree, path: str, value: object) -> None:
    """Set the value at the dotted *path* of *state*, making the objects on the way."""
    *parents, last = path.split(".")
    for key in parents:
        state = state.setdefault(key, {})
    state[last] = value


def new_state(target: str, host: str) -> Tree:
    """Return the state of a new node: Windows Server with every prerequisite, a push LCM, no product."""
    state: Tree = {
        "format": STATE_FORMAT,
        "target": target,
        "host": host,
        "computerName": _computer_name(target, host),
        "installed": False,
        "productCode": "",
        "directory": "",
        "keyBackupPath": "",
        "keyBackupTime": "",
        "lcm": default_lcm(),
        "pendingDocument": "",
        "job": None,
        "earlierJobs": [],
        "modules": {},
        "sqlAliases": {},
    }
    for setting in SETTINGS:
        put(state, setting.path, copy.copy(setting.initial))
    return state


def default_lcm() -> Tree:
    """Return the settings of an LCM that nobody configured (reference dsc-mof.md section 2)."""
    return {
        "state": "Idle",
        "certificateId": "",
        "configurationMode": "ApplyAndMonitor",
        "refreshMode": "Push",
        "rebootNodeIfNeeded": False,
        "actionAfterReboot": "ContinueConfiguration",
        "configurationModeFrequencyMins": 15,
        "refreshFrequencyMins": 30,
        "allowModuleOverwrite": False,
        "debugMode": ["NONE"],
        "statusRetentionTimeInDays": 10,
        "maximumDownloadSizeMB": 500,
        "signatureValidationPolicy": "NONE",
        "configurationId": "",
        "managedBy": UNMANAGED,
    }


def _computer_name(target: str, host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.partition(".")[0].upper()[:15]
    return target.upper()[:15]


@dataclass(frozen=True, slots=True)
class NodeFile:
    """Where one simulated node lives: its state file, its certificate, and its folder of received files."""

    folder: Path
    target: str

    @property
    def path(self) -> Path:
        """The state, JSON."""
        return self.folder / f"{self.target}.json"

    @property
    def certificate(self) -> Path:
        """Its document-encryption certificate, DER."""
        return self.folder / f"{self.target}.cer"

    @property
    def key(self) -> Path:
        """The private key of the certificate, PEM."""
        return self.folder / f"{self.target}.key.pem"

    @property
    def files(self) -> Path:
        """Folder of what the node received: staged files, and the documents of its LCM."""
        return self.folder / f"{self.target}.files"

    def load(self) -> Tree:
        """Return the state.

        Raises:
            InputError: it is missing or damaged.
        """
        try:
            state = json.loads(self.path.read_bytes())
        except FileNotFoundError as error:
            raise self._damaged("the file is missing") from error
        except OSError as error:
            raise InputError(f"{self.path}: cannot read the lab node: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise self._damaged("it is not JSON") from error
        fault = next(_shape_faults(state, new_state("", "")), "") or next(_value_faults(state), "")
        if fault:
            raise self._damaged(fault)
        return dict(state)

    def save(self, state: Tree) -> None:
        """Write *state*, whole or not at all."""
        write_file(self.path, (json.dumps(state, indent=2, ensure_ascii=False) + "\n").encode())

    def _damaged(self, fault: str) -> InputError:
        return InputError(
            f"{self.path}: the state of the lab node is damaged: {fault}\n"
            f"  start again with: mimc lab reset {self.target} --folder {self.folder}"
        )


def _shape_faults(value: Any, pattern: Any, path: str = "") -> Iterator[str]:
    """Yield what of *value* has not the shape of *pattern*, where None stands for nothing or an object."""
    if pattern is None:
        if value is not None and not isinstance(value, dict):
            yield f"{path} is not an object"
    elif type(value) is not type(pattern):
        yield f"{path or 'the whole'} is of another type than expected"
    elif isinstance(pattern, dict):
        for key, inner in pattern.items():
            name = f"{path}.{key}".removeprefix(".")
            if key not in value:
                yield f"{name} is missing"
            else:
                yield from _shape_faults(value[key], inner, name)


def _value_faults(state: Tree) -> Iterator[str]:
    if state["format"] != STATE_FORMAT:
        yield f"its format is {state['format']}, this mimc knows {STATE_FORMAT}"
    for job in (state["job"], *state["earlierJobs"]):
        if job is not None and not (isinstance(job, dict) and isinstance(job.get("result"), dict | None)):
            yield "one of its jobs is not an object"
    if not all(isinstance(name, str) for name in state["accounts"]["missing"]):
        yield "accounts.missing is not a list of names"
    for setting in SETTINGS:
        value = value_at(state, setting.path)
        if setting.choices and value != setting.initial and str(value) not in setting.choices:
            yield f"{setting.path} is {value!r}"
