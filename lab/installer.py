"""What Windows Installer does to the simulated server: install, patch, reconfigure, remove."""

import uuid

from .media import MEDIA_VERSION
from .node import EXIT_CODES, GROUPS, SUCCESS_CODES, Tree, put, value_at
from .server import DEFAULT_DATABASE, is_local_server
from .wanted import ResourceFailed, Wanted

#: What the module grants setup when the document says nothing.
DEFAULT_TIMEOUT_S = 7200
DEFAULT_DIRECTORY = r"C:\Program Files\Microsoft Forefront Identity Manager\2010"
#: The local groups that setup makes when none are named (facts 1.1).
_LOCAL_GROUPS = {
    "AdministratorsGroup": "FIMSyncAdmins",
    "OperatorsGroup": "FIMSyncOperators",
    "JoinersGroup": "FIMSyncJoiners",
    "BrowseGroup": "FIMSyncBrowse",
    "PasswordResetGroup": "FIMSyncPasswordSet",
}


def install(state: Tree, wanted: Wanted) -> None:
    """Install the product with the values of *wanted*.

    Raises:
        ResourceFailed: with setup's exit code, here and below; or setup takes longer than it may.
    """
    limit_s = int(wanted.text("SetupTimeout") or DEFAULT_TIMEOUT_S)
    if value_at(state, "setup.seconds") > limit_s:
        raise ResourceFailed(
            f"MimSync.StillRunning: setup has not ended within {limit_s} seconds. It goes on; ask again later."
        )
    _end(state)
    server = wanted.text("SqlServer")
    if state["setup"]["fallsBackToLocalSql"] == "yes" or is_local_server(state, server):
        server = ""
    installed = {
        "installed": True,
        "version": MEDIA_VERSION,
        "productCode": "{" + str(uuid.uuid5(uuid.NAMESPACE_DNS, f"mimc lab {MEDIA_VERSION}")).upper() + "}",
        "directory": wanted.text("InstallDirectory", DEFAULT_DIRECTORY).rstrip("\\"),
        "database.server": server,
        "database.instance": wanted.sql_instance,
        "database.name": wanted.text("DatabaseName", DEFAULT_DATABASE),
        "existingDatabase": "yes",
    }
    for path, value in installed.items():
        put(state, path, value)
    if wanted.values.get("EnableRpcFirewallRules") is True:
        state["firewall"] = "on"
    _settings(state, wanted)


def configure(state: Tree, wanted: Wanted) -> None:
    """Give the values of *wanted* to maintenance mode: accounts and groups, never the database."""
    _end(state)
    _settings(state, wanted)


def patch(state: Tree) -> None:
    """Apply the patch that lies on the server."""
    _end(state)
    state["version"] = value_at(state, "patch.version")
    put(state, "service.state", "Running")


def remove(state: Tree) -> None:
    """Remove the product; database, key file and what is recorded of it stay."""
    _end(state)
    state["installed"] = False
    state["firewall"] = "off"


def _end(state: Tree) -> None:
    code = value_at(state, "setup.exitCode")
    if code not in SUCCESS_CODES:
        raise ResourceFailed(f"MimSync.SetupFailed: exit code {code}: {EXIT_CODES[code]}")
    if code:
        state["rebootRequired"] = "yes"


def _settings(state: Tree, wanted: Wanted) -> None:
    put(state, "service.account", wanted.text("ServiceAccount") or wanted.text("ManagedServiceAccount"))
    put(state, "service.state", "Running")
    for name, path in GROUPS.items():
        put(state, path, wanted.text(name) or f"{state['computerName']}\\{_LOCAL_GROUPS[name]}")
