"""The simulated module on a product that is there: keys, patch, settings, firewall; and its removal."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mimc.resources.compare import version_parts
from mimc.state import Status, Verdict

from . import installer
from .node import GROUPS, Tree, put, value_at
from .server import sid_of
from .wanted import ResourceFailed, Wanted

_ACCOUNTS = ("ServiceAccount", "ManagedServiceAccount")
#: What miisactivate ends with when it does not take a key file.
_KEY_REFUSED = 1
#: The first version that can run under a group managed service account.
_FIRST_VERSION_FOR_GMSA = "4.5.26.0"


def check_installer(state: Tree) -> None:
    """Raise ResourceFailed when another installation runs, or a restart is pending."""
    if value_at(state, "setup.exitCode") == 1618:
        raise ResourceFailed(
            "MimSync.InstallerBusy: another installation is running. Wait until it has ended."
        )
    if state["rebootRequired"] == "yes":
        raise ResourceFailed(
            "MimSync.Reboot: setup has asked for a restart of this node. Restart it, then apply again."
        )


def check_names(state: Tree, wanted: Wanted) -> None:
    """Raise ResourceFailed when an account or a group does not resolve."""
    lost = [name for name in wanted.accounts() if sid_of(state, name) is None]
    if lost:
        raise ResourceFailed(
            f"MimSync.Unresolved: the node cannot resolve {', '.join(lost)}. Check the names, and that the node "
            "reaches a domain controller."
        )


def clear_key_record(state: Tree, wanted: Wanted) -> None:
    """A new product has keys of its own: whatever file there is, it is not their backup."""
    put(state, "keyBackupPath", wanted.text("KeyBackupPath"))
    put(state, "keyBackupTime", "")
    if state["keyBackup"] == "present":
        put(state, "keyBackup", "changed")


def initialize_keys(state: Tree, wanted: Wanted, now: datetime) -> None:
    """Activate the keys of an existing database, then export all of them."""
    if state["unfinished"] == "activation":
        _activate(state, wanted)
    if wanted.text("KeyBackupPath"):
        _export_keys(state, wanted, now)


def repair(state: Tree, wanted: Wanted, found: Sequence[Verdict], now: datetime) -> None:
    """Put right what differs and may be put right: keys, version, settings, firewall, in this order."""
    drift = {item.property for item in found if item.status is Status.DRIFT}
    account = bool(drift & {*_ACCOUNTS})
    settings = bool(drift & {*_ACCOUNTS, *GROUPS})
    if settings or "MinimumVersion" in drift:
        _save_keys(state, wanted, now, account=account)
    elif "KeyBackupPath" in drift:
        _export_keys(state, wanted, now)
    if state["unfinished"] in ("patch", "settings"):
        # Nothing has moved here, and a service that is started runs.
        put(state, "service.state", "Running")
        put(state, "unfinished", "no")
    if "MinimumVersion" in drift:
        _patch(state, wanted)
    if settings:
        _reconfigure(state, wanted)
    firewall = wanted.values.get("EnableRpcFirewallRules")
    if firewall is not None and (settings or "EnableRpcFirewallRules" in drift):
        state["firewall"] = "on" if firewall else "off"
    if "ServiceRunning" in drift:
        put(state, "service.state", "Running" if wanted.values["ServiceRunning"] else "Stopped")


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
    if state["unfinished"] != "activation":
        _export_keys(state, wanted, now)
    installer.remove(state)
    put(state, "unfinished", "no")


def _activate(state: Tree, wanted: Wanted) -> None:
    if not wanted.text("ExistingKeyPath"):
        raise ResourceFailed(
            "MimSync.Activate: the product was installed over an existing database, whose key file was not activated yet. "
            "Say where it is: ExistingKeyPath."
        )
    if state["existingKey"] != "present":
        raise ResourceFailed(
            "MimSync.Activate: the product is installed, and miisactivate did not take the key file "
            f"{wanted.text('ExistingKeyPath')} (exit code '{_KEY_REFUSED}'; -2145188797 is 0x80230443: the database is "
            "of another version than the product). Name the right file and apply again; or activate it by hand, start the "
            "service, and remove the key HKLM:/SOFTWARE/mimc/MimSyncDsc/Unfinished."
        )
    put(state, "unfinished", "no")


def _save_keys(state: Tree, wanted: Wanted, now: datetime, *, account: bool) -> None:
    path = wanted.text("KeyBackupPath")
    if not path:
        raise ResourceFailed(
            "MimSync.Key: patches and settings are only applied after the keys were exported: KeyBackupPath is needed."
        )
    if not account:
        _export_keys(state, wanted, now)
        return
    recorded = state["keyBackupTime"] and str(state["keyBackupPath"]).casefold() == path.casefold()
    if not recorded or state["keyBackup"] != "present":
        raise ResourceFailed(
            f"MimSync.Key: the service account is to be changed, and {path} is not a key file that was exported here as "
            "the present one. Move that file away and apply once with the present account, then with the new one."
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
            "MimSync.PatchSignature: the patch is not signed by Microsoft. Nothing was run. Copy it again from where "
            "Microsoft offers it."
        )
    installer.patch(state)


def _reconfigure(state: Tree, wanted: Wanted) -> None:
    check_installer(state)
    check_names(state, wanted)
    version = str(state["version"])
    if wanted.text("ManagedServiceAccount") and version_parts(version) < version_parts(
        _FIRST_VERSION_FOR_GMSA
    ):
        raise ResourceFailed(
            f"MimSync.Account: a group managed service account needs {_FIRST_VERSION_FOR_GMSA} at least, and {version} is "
            "installed. Patch it first."
        )
    kept = {name: value_at(state, path) for name, path in GROUPS.items() if not wanted.text(name)} | {
        "SqlServer": value_at(state, "database.server"),
        "SqlInstance": value_at(state, "database.instance"),
        "DatabaseName": value_at(state, "database.name"),
    }
    installer.configure(state, replace(wanted, values={**wanted.values, **kept}))
