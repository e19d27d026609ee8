"""The simulated Test and Set of MimSyncService: what the shipped module does, on the simulated server.

It works on what the document says (:class:`Wanted`) and on the state of the node, and knows no spec.
"""

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
    """Return whether the node is in the desired state.

    Raises:
        ResourceFailed: nothing differs, and something could not be read.
    """
    if wanted.text("Ensure", "Present").casefold() != "present":
        raise ResourceFailed("MimSync.NotSimulated: the lab does not simulate Ensure = Absent")
    found = verdicts(state, wanted, reader)
    if any(item.status in _DIFFERS for item in found):
        return False
    unread = "; ".join(f"{item.property}: {item.reason}" for item in found if item.status is Status.UNKNOWN)
    if unread:
        raise ResourceFailed(f"MimSync.Unknown: the state could not be read: {unread}")
    return True


def set_desired(state: Tree, wanted: Wanted, reader: Reader, now: datetime) -> None:
    """Bring the node into the desired state, as far as Set may.

    Raises:
        ResourceFailed: with the reason; what was done until then stays done.
    """
    if wanted.undecrypted:
        raise ResourceFailed(
            f"MimSync.NotDecrypted: the password of {' and '.join(wanted.undecrypted)} arrived as a CMS message: "
            "the LCM could not decrypt it; see that its CertificateID is set and the private key is on the node"
        )
    if state["installed"]:
        _repair(state, wanted, now)
        _require_settable(verdicts(state, wanted, reader))
        return
    for check in (_check_license, _check_accounts, _check_media):
        check(state, wanted)
    _run_setup(state, wanted, reader)
    _repair(state, wanted, now)
    server = wanted.text("SqlServer")
    if not is_local_server(state, server) and is_local_server(state, value_at(state, "database.server")):
        raise ResourceFailed(
            f"MimSync.WrongSqlServer: setup silently used the local SQL Server instead of {server}"
        )
    _require_verified(verdicts(state, wanted, reader))


def _check_license(state: Tree, wanted: Wanted) -> None:
    if wanted.values.get("AcceptLicense") is not True:
        raise ResourceFailed("MimSync.LicenseNotAccepted: AcceptLicense must be true")


def _check_accounts(state: Tree, wanted: Wanted) -> None:
    given = [name for name in ("ServiceAccount", "ManagedServiceAccount") if wanted.text(name)]
    if len(given) != 1:
        raise ResourceFailed(
            "MimSync.ServiceAccount: one of ServiceAccount and ManagedServiceAccount is needed"
        )
    for name in (*given, *GROUPS):
        account = wanted.text(name)
        if account and sid_of(state, account) is None:
            raise ResourceFailed(f"MimSync.AccountNotFound: {name}: the name {account} does not resolve")


def _check_media(state: Tree, wanted: Wanted) -> None:
    package = f"{wanted.text('SourcePath').rstrip(chr(92))}\\Synchronization Service.msi"
    if state["media"] == "missing":
        raise ResourceFailed(f"MimSync.MediaMissing: {package} is not there")
    if state["media"] == "wrongSignature":
        fault = (
            "has another SHA-256 than MediaSha256"
            if wanted.text("MediaSha256")
            else "is not signed by Microsoft"
        )
        raise ResourceFailed(f"MimSync.MediaNotTrusted: {package} {fault}; nothing was run")


def _run_setup(state: Tree, wanted: Wanted, reader: Reader) -> None:
    code = value_at(state, "setup.exitCode")
    if code == 1618:
        raise ResourceFailed(f"MimSync.InstallerBusy: {EXIT_CODES[code]} (exit code 1618); try again later")
    server = wanted.text("SqlServer")
    fault = sql_fault(state, server, reader)
    if fault:
        raise ResourceFailed(
            "MimSync.SetupFailed: setup ended with 1603: Error 25009. Setup cannot configure the specified "
            f"database. {fault}. The installing account needs sysadmin on the instance"
        )
    if code not in SUCCESS_CODES:
        raise ResourceFailed(f"MimSync.SetupFailed: setup ended with {code}: {EXIT_CODES[code]}")
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


def _repair(state: Tree, wanted: Wanted, now: datetime) -> None:
    firewall = wanted.values.get("EnableRpcFirewallRules")
    if firewall is not None:
        state["firewall"] = "on" if firewall else "off"
    path = wanted.text("KeyBackupPath")
    if path and (state["keyBackup"] != "present" or state["keyBackupPath"].casefold() != path.casefold()):
        state["keyBackup"], state["keyBackupPath"] = "present", path
        state["keyBackupTime"] = now.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _require_settable(found: tuple[Verdict, ...]) -> None:
    _require(found, "CannotSet", "differs and cannot be set on an installed product")


def _require_verified(found: tuple[Verdict, ...]) -> None:
    _require(found, "VerifyFailed", "is not as desired after setup")


def _require(found: tuple[Verdict, ...], error_id: str, sentence: str) -> None:
    wrong = [item for item in found if item.status in _DIFFERS]
    if wrong:
        listed = "; ".join(
            f"{item.property} {sentence} (desired {item.desired}, actual {item.actual}): {item.reason}"
            for item in wrong
        )
        raise ResourceFailed(f"MimSync.{error_id}: {listed}")
    unread = "; ".join(f"{item.property}: {item.reason}" for item in found if item.status is Status.UNKNOWN)
    if unread:
        raise ResourceFailed(f"MimSync.Unknown: the state could not be read: {unread}")
