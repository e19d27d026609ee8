"""The simulated Test and Set of MimSyncService: what the shipped module does, on the simulated server.

It works on what the document says (:class:`Wanted`) and on the state of the node, and knows no spec.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mimc.resources import SYNC_SERVICE, Rule
from mimc.resources.compare import compare
from mimc.state import Status, Verdict, parse_state

from .node import EXIT_CODES, GROUPS, SUCCESS_CODES, Tree, put, value_at
from .server import DEFAULT_DATABASE, Reader, is_local_server, read_product, sid_of, sql_fault

DEFAULT_DIRECTORY = r"C:\Program Files\Microsoft Forefront Identity Manager\2010"
#: What the simulated media holds: MIM 2016 SP2.
MEDIA_VERSION = "4.6.34.0"
#: The local groups that setup makes when none are named (facts 1.1).
_LOCAL_GROUPS = {
    "AdministratorsGroup": "FIMSyncAdmins",
    "OperatorsGroup": "FIMSyncOperators",
    "JoinersGroup": "FIMSyncJoiners",
    "BrowseGroup": "FIMSyncBrowse",
    "PasswordResetGroup": "FIMSyncPasswordSet",
}
#: What the module says of what setup needs, by its name in the state (MimSyncDsc.Prerequisite.psm1; a test compares).
PREREQUISITES: Mapping[str, str] = {
    "sqlClient": "a SQL Server client (for MIM 2016 up to SP2 get SQL Server Native Client 11 from the Microsoft Download Center, page 'Microsoft SQL Server 2012 Native Client - QFE'; for SP3 get OLE DB Driver 19 from Microsoft Learn, page 'Download Microsoft OLE DB Driver for SQL Server')",
    "visualCpp": "the Visual C++ runtime for x64, of 2013 or of 2015-2022 (get it from Microsoft Learn, page 'Latest supported Visual C++ Redistributable downloads')",
    "dotNet": ".NET Framework 4.6 or later (get it from dotnet.microsoft.com, page 'Download .NET Framework')",
}
_DIFFERS = (Status.DRIFT, Status.CANNOT_SET)


class ResourceFailed(Exception):
    """Test or Set threw; the text is what the LCM reports."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One MimSyncService of a document: plain values, an account is its name; no password is in here.

    ``undecrypted`` names the credentials whose password came as the text of a CMS message.
    """

    values: Mapping[str, object]
    undecrypted: tuple[str, ...] = ()

    def text(self, name: str, default: str = "") -> str:
        """Return the property *name* as text."""
        value = self.values.get(name)
        return default if value is None else str(value)

    def accounts(self) -> list[str]:
        """Return the names of accounts and groups, as the document writes them."""
        return [
            str(value)
            for name, value in self.values.items()
            if SYNC_SERVICE.property(name).rule is Rule.ACCOUNT
        ]


def verdicts(state: Tree, wanted: Wanted, reader: Reader) -> tuple[Verdict, ...]:
    """Return what *reader* finds for each value that the document states."""
    seen = read_product(state, wanted.accounts(), wanted.text("KeyBackupPath"), reader)
    return compare(SYNC_SERVICE, {"Ensure": "Present", **wanted.values}, parse_state(seen))


def is_in_desired_state(state: Tree, wanted: Wanted, reader: Reader) -> bool:
    """Return what Test says.

    Raises:
        ResourceFailed: nothing differs, and something could not be read.
    """
    if wanted.text("Ensure", "Present").casefold() == "absent":
        return not state["installed"]
    found = verdicts(state, wanted, reader)
    if any(item.status in _DIFFERS for item in found):
        return False
    unread = "; ".join(f"{item.property}: {item.reason}" for item in found if item.status is Status.UNKNOWN)
    if unread:
        raise ResourceFailed(f"MimSync.Unknown: {unread}")
    return True


def set_desired(state: Tree, wanted: Wanted, reader: Reader, now: datetime) -> None:
    """Do what Set does: install on a fresh node, put right what may be put right, name what may not.

    Raises:
        ResourceFailed: with the reason; what was done until then stays done.
    """
    if wanted.text("Ensure", "Present").casefold() == "absent":
        raise ResourceFailed(
            "MimSync.NotSupported: removing the product is not supported yet by this version. Nothing was changed."
        )
    fresh = not state["installed"]
    if fresh:
        _check_order(wanted)
        _check_node(state, wanted, reader)
        _check_media(state, wanted)
        run_setup(state, wanted)
        _check_database(verdicts(state, wanted, reader))
    _repair(state, wanted, now)
    wrong = [item for item in verdicts(state, wanted, reader) if item.status in _DIFFERS]
    if wrong and fresh:
        raise ResourceFailed(f"MimSync.Verify: setup succeeded, but {_described(wrong)}.")
    if wrong:
        raise ResourceFailed(f"MimSync.CannotSet: {_described(wrong)}")


def _check_order(wanted: Wanted) -> None:
    if wanted.values.get("AcceptLicense") is not True:
        raise ResourceFailed(
            "MimSync.License: AcceptLicense must be true to install. Read the license terms, then say so in the spec."
        )
    if bool(wanted.text("ServiceAccount")) == bool(wanted.text("ManagedServiceAccount")):
        raise ResourceFailed(
            "MimSync.Account: exactly one of ServiceAccount and ManagedServiceAccount is needed."
        )
    if wanted.undecrypted:
        raise ResourceFailed(
            "MimSync.Undecrypted: the LCM gave a password that it could not decrypt. Is CertificateID set, and does "
            "the node have the private key of that certificate?"
        )
    for name in ("SqlServer", "SqlInstance"):
        if re.search(r"[\\/,:;]", wanted.text(name)):
            raise ResourceFailed(
                f"MimSync.SqlPort: {name} '{wanted.text(name)}' is more than a name, and setup rolls back on a port. "
                "For a port make a SQL alias on the node (cliconfg.exe, 64-bit) and name it as SqlServer without an "
                "instance; else the server is SqlServer and the instance SqlInstance."
            )


def _check_node(state: Tree, wanted: Wanted, reader: Reader) -> None:
    if value_at(state, "setup.exitCode") == 1618:
        raise ResourceFailed(
            "MimSync.InstallerBusy: another installation is running. Wait until it has ended."
        )
    lost = [name for name in wanted.accounts() if sid_of(state, name) is None]
    if lost:
        raise ResourceFailed(
            f"MimSync.Unresolved: the node cannot resolve {', '.join(lost)}. Check the names, and that the node "
            "reaches a domain controller."
        )
    _check_prerequisites(state, needs_client=not is_local_server(state, wanted.text("SqlServer")))
    fault = sql_fault(state, wanted.text("SqlServer"), reader)
    if fault:
        raise ResourceFailed(
            f"MimSync.Sql: {fault}. Setup runs as the account of runAs: is it set, and may it log in there?"
        )


def _check_prerequisites(state: Tree, *, needs_client: bool) -> None:
    missing = [
        text
        for name, text in PREREQUISITES.items()
        if state["prerequisites"][name] == "missing" and (needs_client or name != "sqlClient")
    ]
    if missing:
        raise ResourceFailed(
            f"MimSync.Prerequisite: the node lacks {', and '.join(missing)}. Install what is missing first."
        )


def _check_media(state: Tree, wanted: Wanted) -> None:
    if state["media"] == "missing":
        raise ResourceFailed(
            f"MimSync.Media: there is no Synchronization Service.msi in {wanted.text('SourcePath')}, or the "
            "installing account cannot see it."
        )
    if state["media"] == "wrongSignature":
        raise ResourceFailed(
            "MimSync.MediaHash: the package has another SHA-256 than the pinned one. Nothing was run."
            if wanted.text("MediaSha256")
            else "MimSync.MediaSignature: the package is not signed by Microsoft. Nothing was run. For media that "
            "you trust, pin MediaSha256."
        )


def run_setup(state: Tree, wanted: Wanted) -> None:
    """Do what setup does with the values of *wanted*: install, or raise ResourceFailed with its exit code."""
    code, server = value_at(state, "setup.exitCode"), wanted.text("SqlServer")
    if code not in SUCCESS_CODES:
        raise ResourceFailed(f"MimSync.SetupFailed: exit code {code}: {EXIT_CODES[code]}")
    if state["setup"]["fallsBackToLocalSql"] == "yes" or is_local_server(state, server):
        server = ""
    instance = wanted.text("SqlInstance")
    installed = {
        "installed": True,
        "version": MEDIA_VERSION,
        "productCode": "{" + str(uuid.uuid5(uuid.NAMESPACE_DNS, f"mimc lab {MEDIA_VERSION}")).upper() + "}",
        "directory": wanted.text("InstallDirectory", DEFAULT_DIRECTORY).rstrip("\\"),
        "database.server": server,
        "database.instance": "" if instance.casefold() in ("default", "mssqlserver") else instance,
        "database.name": wanted.text("DatabaseName", DEFAULT_DATABASE),
        "service.account": wanted.text("ServiceAccount") or wanted.text("ManagedServiceAccount"),
        "service.state": "Running",
        "rebootRequired": "yes" if code else "no",
    }
    for path, value in installed.items():
        put(state, path, value)
    for name, path in GROUPS.items():
        put(state, path, wanted.text(name) or f"{state['computerName']}\\{_LOCAL_GROUPS[name]}")


def _check_database(found: tuple[Verdict, ...]) -> None:
    names = ("SqlServer", "SqlInstance", "DatabaseName")
    wrong = [item for item in found if item.property in names and item.status is not Status.OK]
    if wrong:
        raise ResourceFailed(
            f"MimSync.SqlFallback: setup installed with another database than asked for: {_described(wrong)}. Remove "
            "the product, then try a transform (TransformPath) that sets SQLServerStore."
        )


def _repair(state: Tree, wanted: Wanted, now: datetime) -> None:
    firewall = wanted.values.get("EnableRpcFirewallRules")
    if firewall is not None:
        state["firewall"] = "on" if firewall else "off"
    path = wanted.text("KeyBackupPath")
    if path and (state["keyBackup"] != "present" or state["keyBackupPath"].casefold() != path.casefold()):
        state["keyBackup"], state["keyBackupPath"] = "present", path
        state["keyBackupTime"] = now.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _described(wrong: list[Verdict]) -> str:
    return "; ".join(
        f"{item.property} should be '{item.desired}' and is '{item.actual}'"
        + (f" ({item.reason})" if item.reason else "")
        for item in wrong
    )
