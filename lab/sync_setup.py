"""The simulated Test and Set of MimSyncService: what the shipped module does, on the simulated server.

It works on what the document says (:class:`Wanted`) and on the state of the node, and knows no spec.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mimc.resources import SYNC_SERVICE, Rule
from mimc.resources.compare import compare
from mimc.resources.media import inspect
from mimc.state import Status, Verdict, parse_state

from .media import MEDIA_VERSION, PACKAGES
from .node import EXIT_CODES, GROUPS, SUCCESS_CODES, Tree, put, value_at
from .server import DEFAULT_DATABASE, Reader, is_local_server, read_product, sid_of, sql_fault

DEFAULT_DIRECTORY = r"C:\Program Files\Microsoft Forefront Identity Manager\2010"
#: The local groups that setup makes when none are named (facts 1.1).
_LOCAL_GROUPS = {
    "AdministratorsGroup": "FIMSyncAdmins",
    "OperatorsGroup": "FIMSyncOperators",
    "JoinersGroup": "FIMSyncJoiners",
    "BrowseGroup": "FIMSyncBrowse",
    "PasswordResetGroup": "FIMSyncPasswordSet",
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
    fault = sql_fault(state, wanted.text("SqlServer"), reader)
    if fault:
        raise ResourceFailed(
            f"MimSync.Sql: {fault}. Setup runs as the account of runAs: is it set, and may it log in there?"
        )


def _check_media(state: Tree, wanted: Wanted) -> None:
    if state["media"] == "missing":
        raise ResourceFailed(
            f"MimSync.Media: there is no Synchronization Service.msi in {wanted.text('SourcePath')}, or the "
            "installing account cannot see it."
        )
    media = PACKAGES[state["media"]]
    if not media.signed or (media is not PACKAGES["present"] and wanted.text("MediaSha256")):
        raise ResourceFailed(
            "MimSync.MediaHash: the package has another SHA-256 than the pinned one. Nothing was run."
            if wanted.text("MediaSha256")
            else "MimSync.MediaSignature: the package is not signed by Microsoft. Nothing was run. For media that "
            "you trust, pin MediaSha256."
        )
    reasons = inspect(media.package).reasons
    if reasons:
        raise ResourceFailed(
            f"MimSync.MediaPackage: {'; '.join(reasons)}. Nothing was run. Name the right media as SourcePath; mimc "
            "inspect tells on any machine what a package takes."
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
