"""The simulated module on a product that is there: keys, patch, settings, firewall; and its removal."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mimc.state import Status, Verdict

from . import installer
from .node import GROUPS, Tree, put, value_at
from .wanted import ResourceFailed, Wanted

_ACCOUNTS = ("ServiceAccount", "ManagedServiceAccount")
#: What miisactivate ends with when it does not take a key file.
_KEY_REFUSED = 1
_KEY_REASONS = {
    "missing": "there is no such file",
    "empty": "the file is empty",
    "changed": "the file is not the one that was exported: another SHA-256",
}


def check_installer(state: Tree) -> None:
    """Raise ResourceFailed when another installation runs."""
    if value_at(state, "setup.exitCode") == 1618:
        raise ResourceFailed(
            "MimSync.InstallerBusy: another installation is running. Wait until it has ended."
        )


def repair(state: Tree, wanted: Wanted, found: Sequence[Verdict], now: datetime) -> None:
    """Put right what differs and may be put right: keys, version, settings, firewall, in this order."""
    drift = {item.property for item in found if item.status is Status.DRIFT}
    if "KeyBackupPath" in drift:
        if drift & {*_ACCOUNTS}:
            _refuse_change_of_account(state, wanted)
        _export_keys(state, wanted, now)
    if "MinimumVersion" in drift:
        _patch(state, wanted)
    if drift & {*_ACCOUNTS, *GROUPS}:
        _reconfigure(state, wanted)
    if "EnableRpcFirewallRules" in drift:
        state["firewall"] = "on" if wanted.values["EnableRpcFirewallRules"] else "off"


def remove(state: Tree, wanted: Wanted, now: datetime) -> None:
    """Export the keys, then remove the product."""
    path = wanted.text("KeyBackupPath")
    if not path:
        raise ResourceFailed(
            "MimSync.Key: the product is only removed after its keys were exported: KeyBackupPath is needed."
        )
    if path.casefold().startswith(f"{state['directory']}\\Synchronization Service\\".casefold()):
        raise ResourceFailed(
            f"MimSync.Key: {path} lies in the folder that is going to be removed. Name another place as KeyBackupPath."
        )
    check_installer(state)
    _export_keys(state, wanted, now)
    installer.remove(state)


def activate(state: Tree, wanted: Wanted) -> None:
    """Give the key file of an existing database to the product that was installed over it."""
    if state["existingKey"] != "present":
        raise ResourceFailed(
            "MimSync.Activate: the product is installed, and miisactivate did not take the key file "
            f"{wanted.text('ExistingKeyPath')} (exit code '{_KEY_REFUSED}'; -2145188797 is 0x80230443: the database is "
            "of another version than the product). Activate it by hand, then start the service."
        )


def _refuse_change_of_account(state: Tree, wanted: Wanted) -> None:
    path = wanted.text("KeyBackupPath")
    there = str(state["keyBackupPath"]).casefold() == path.casefold()
    reason = _KEY_REASONS[state["keyBackup"] if there else "missing"]
    raise ResourceFailed(
        f"MimSync.Key: the service account is to be changed, and {path} does not hold the keys ({reason}). Export them "
        "to it as the present account first: with miiskmu.exe, or by an apply that names that account."
    )


def _export_keys(state: Tree, wanted: Wanted, now: datetime) -> None:
    put(state, "keyBackup", "present")
    put(state, "keyBackupPath", wanted.text("KeyBackupPath"))
    put(state, "keyBackupTime", now.strftime("%Y-%m-%dT%H:%M:%S.%f0Z"))


def _patch(state: Tree, wanted: Wanted) -> None:
    check_installer(state)
    file = value_at(state, "patch.file")
    if file == "missing":
        raise ResourceFailed(
            f"MimSync.Patch: there is no patch {wanted.text('PatchPath')}, or the installing account cannot see it."
        )
    if file == "wrongSignature":
        raise ResourceFailed(
            "MimSync.MediaSignature: the package is not signed by Microsoft. Nothing was run. For media that you trust, "
            "pin MediaSha256."
        )
    installer.patch(state)


def _reconfigure(state: Tree, wanted: Wanted) -> None:
    if not wanted.text("KeyBackupPath"):
        raise ResourceFailed(
            "MimSync.Key: settings are only changed when there is a backup of the keys: KeyBackupPath is needed."
        )
    check_installer(state)
    kept = {
        "SqlServer": value_at(state, "database.server"),
        "SqlInstance": value_at(state, "database.instance"),
        "DatabaseName": value_at(state, "database.name"),
    }
    installer.configure(state, replace(wanted, values={**wanted.values, **kept}))
