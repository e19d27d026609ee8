"""``MimSyncService``: the Microsoft Identity Manager 2016 Synchronization Service of one node.

The only declaration of its properties. ``python -m mimc.resources.generate`` writes what follows from it.
Sources of the facts: reference "MIM 2016 Synchronization Service", sections 1 (setup properties), 3 (installed
state), 4 (gMSA), 5 (keys).
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from mimc.state import State, Verdict

from .base import Host, Kind, Property, Reading, ResourceType, Rule
from .compare import LOCAL_NAMES, compare, version_parts

#: MIM 2016 SP2: the first release that installs with a gMSA.
FIRST_VERSION_WITH_GMSA = "4.6.34.0"

_MAINTENANCE = "only the maintenance mode of setup can change it, which maintenance: Reconfigure allows"
#: MIM 2016 SP3: the first release whose patch is no ordinary one (facts 2.2).
_SP3 = "4.6.691.0"
_ABSOLUTE_PATH = {
    "pattern": r"^([A-Za-z]:\\|\\\\[^\\\x00-\x1f]+\\[^\\\x00-\x1f]+)[^\x00-\x1f]*$",
    "x-expected": "an absolute Windows path in one line",
}
_DOMAIN_NAME = {
    "pattern": r'^[^\\/"\[\]:;|=,+*?<>@\x00-\x1f]+\\[^\\/"\[\]:;|=,+*?<>\x00-\x1f]+$',
    "x-expected": "DOMAIN\\name",
}


def _group(name: str, key: str, what: str, default: str) -> Property:
    return Property(
        name,
        "String",
        Kind.WRITE,
        f"{what}, as DOMAIN\\name. Setup's own default is the local group {default}.",
        Rule.ACCOUNT,
        ("groups", key),
        "security groups",
        repaired_by="MaintenancePolicy",
        cannot_set=f"{_MAINTENANCE} (group rights also live in DCOM, the registry and file ACLs)",
        schema=_DOMAIN_NAME,
    )


SYNC_SERVICE = ResourceType(
    class_name="MSFT_MimSyncService",
    friendly_name="MimSyncService",
    module_name="MimSyncDsc",
    section="syncService",
    properties=(
        Property("IsSingleInstance", "String", Kind.KEY, "One a node.", values=("Yes",), fixed="Yes"),
        Property(
            "Ensure",
            "String",
            Kind.WRITE,
            "Whether the product is installed: its Uninstall entry and its service, never one alone. "
            "Absent removes it, after its keys were exported; the database stays.",
            Rule.TEXT,
            ("ensure",),
            values=("Present", "Absent"),
            default="Present",
            repairable=True,
        ),
        Property(
            "SourcePath",
            "String",
            Kind.REQUIRED,
            "Folder or .iso that holds Synchronization Service.msi.",
            spec=("source",),
            screen="unpack the package",
            schema=_ABSOLUTE_PATH,
        ),
        Property(
            "TransformPath",
            "String",
            Kind.WRITE,
            "Transform (.mst) given to setup, which trusts it: keep it where only administrators write.",
            spec=("transform",),
            schema=_ABSOLUTE_PATH,
        ),
        Property(
            "MediaSha256",
            "String",
            Kind.WRITE,
            "SHA-256 that Synchronization Service.msi must have; without it Microsoft's signature is checked.",
            spec=("mediaSha256",),
            schema={"pattern": "^[0-9A-Fa-f]{64}$", "x-expected": "64 hexadecimal digits"},
        ),
        Property(
            "AcceptLicense",
            "Boolean",
            Kind.REQUIRED,
            "Acceptance of the license terms; must be true.",
            spec=("acceptLicense",),
            screen="license",
        ),
        Property(
            "InstallDirectory",
            "String",
            Kind.WRITE,
            "Folder under which setup makes its folder Synchronization Service.",
            Rule.PATH,
            ("installDirectory",),
            "destination folder",
            cannot_set="an installed product does not move",
            schema=_ABSOLUTE_PATH,
        ),
        Property(
            "SqlServer",
            "String",
            Kind.WRITE,
            "Host name or SQL alias of the SQL Server; no port (setup rolls back on one: use an alias).",
            Rule.SERVER,
            ("database", "server"),
            "database connection",
            cannot_set="the product has to be installed again with its database and key file",
            schema={
                "pattern": r"^[^\s\\/,:;'\"]+$",
                "x-expected": "a host name or SQL alias, without instance and port",
            },
        ),
        Property(
            "SqlInstance",
            "String",
            Kind.WRITE,
            "SQL instance; default or MSSQLSERVER for the default instance.",
            Rule.INSTANCE,
            ("database", "instance"),
            "database connection",
            cannot_set="the product has to be installed again with its database and key file",
            schema={
                "pattern": r"^([A-Za-z_#&]|[^\x00-\x7f])([\w#$&@]|[^\x00-\x7f]){0,15}$",
                "x-expected": "the bare name of an instance, or default",
            },
        ),
        Property(
            "DatabaseName",
            "String",
            Kind.WRITE,
            "Database of the Synchronization Service.",
            Rule.TEXT,
            ("database", "name"),
            "database connection",
            cannot_set="the product has to be installed again with its database and key file",
            schema={
                "pattern": r"^[^\x00-\x1f\"]{1,128}$",
                "x-expected": "a database name of 1 to 128 characters without double quotes",
            },
        ),
        Property(
            "ExistingDatabase",
            "String",
            Kind.WRITE,
            "Whether setup may go on with a database that is there already; it then needs that database's key file.",
            spec=("database", "existing"),
            values=("Refuse", "Use"),
        ),
        Property(
            "ExistingKeyPath",
            "String",
            Kind.WRITE,
            "Key file of the existing database, as the node sees it; miisactivate gets it after setup.",
            spec=("database", "existingKey"),
            schema=_ABSOLUTE_PATH,
        ),
        Property(
            "ServiceAccount",
            "MSFT_Credential",
            Kind.WRITE,
            "Account of the service, DOMAIN\\name with a password reference.",
            Rule.ACCOUNT,
            ("serviceAccount",),
            "service account",
            repaired_by="MaintenancePolicy",
            cannot_set=f"{_MAINTENANCE}, with the key file at hand",
        ),
        Property(
            "ManagedServiceAccount",
            "String",
            Kind.WRITE,
            "Group managed service account, DOMAIN\\name$; has no password. From SP2 on.",
            Rule.ACCOUNT,
            ("managedServiceAccount",),
            "service account",
            repaired_by="MaintenancePolicy",
            cannot_set=f"{_MAINTENANCE}, with the key file at hand",
            schema={
                "pattern": r'^[^\\/"\[\]:;|=,+*?<>@\x00-\x1f]+\\[^\\/"\[\]:;|=,+*?<>\x00-\x1f]+\$$',
                "x-expected": "DOMAIN\\name$, a group managed service account",
            },
        ),
        _group("AdministratorsGroup", "administrators", "Administrators", "FIMSyncAdmins"),
        _group("OperatorsGroup", "operators", "Operators", "FIMSyncOperators"),
        _group("JoinersGroup", "joiners", "Joiners", "FIMSyncJoiners"),
        _group("BrowseGroup", "connectorBrowse", "Connector Browse", "FIMSyncBrowse"),
        _group("PasswordResetGroup", "passwordReset", "WMI password management", "FIMSyncPasswordSet"),
        Property(
            "ServiceRunning",
            "Boolean",
            Kind.WRITE,
            "Whether the service runs; that of a standby server does not.",
            Rule.BOOLEAN,
            ("running",),
            repairable=True,
        ),
        Property(
            "EnableRpcFirewallRules",
            "Boolean",
            Kind.WRITE,
            "Inbound RPC rules of Windows Firewall whose program is miiserver.exe.",
            Rule.BOOLEAN,
            ("firewall",),
            "security settings",
            repairable=True,
        ),
        Property(
            "KeyBackupPath",
            "String",
            Kind.WRITE,
            "File on the node that holds the exported encryption keys.",
            Rule.PATH,
            ("encryptionKeyBackup",),
            "key backup",
            repairable=True,
            schema=_ABSOLUTE_PATH,
        ),
        Property(
            "MinimumVersion",
            "String",
            Kind.WRITE,
            "Oldest product version that is good enough.",
            Rule.VERSION,
            ("minimumVersion",),
            repaired_by="PatchPath",
            cannot_set="the product has to be patched: name the patch",
            schema={
                "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9}){1,3}$",
                "x-expected": 'a version such as "4.6.34.0", in quotes',
            },
        ),
        Property(
            "PatchPath",
            "String",
            Kind.WRITE,
            "Patch (.msp) that brings an older product to minimumVersion; Microsoft's signature is checked.",
            spec=("patch",),
            schema={
                "pattern": r"^([A-Za-z]:\\|\\\\[^\\\x00-\x1f]+\\[^\\\x00-\x1f]+)[^\x00-\x1f]*\.[mM][sS][pP]$",
                "x-expected": "an absolute Windows path that ends in .msp",
            },
        ),
        Property(
            "MaintenancePolicy",
            "String",
            Kind.WRITE,
            "Whether Set may change accounts and groups of an installed product by setup's maintenance mode.",
            spec=("maintenance",),
            values=("Refuse", "Reconfigure"),
        ),
        Property(
            "SetupTimeout",
            "UInt32",
            Kind.WRITE,
            "Seconds that setup may take before the report is stillRunning; it is never killed.",
            spec=("setupTimeoutSeconds",),
            schema={"minimum": 60, "maximum": 86400},
        ),
        Property("ProductVersion", "String", Kind.READ, "DisplayVersion of the Uninstall entry."),
        Property("ProductCode", "String", Kind.READ, "Product code of the Uninstall entry."),
        Property("InstallPath", "String", Kind.READ, "Folder of the installed product."),
        Property("ServiceState", "String", Kind.READ, "State of the service."),
        Property("KeyBackupTime", "String", Kind.READ, "Time of the last recorded key export, ISO 8601."),
        Property("RebootRequired", "Boolean", Kind.READ, "A restart is pending for this product."),
        Property(
            "Unknown", "String[]", Kind.READ, "Properties that could not be read, each with the reason."
        ),
        Property("State", "String", Kind.READ, "The whole state as JSON, in the form of docs/contract.md."),
    ),
)


@dataclass(frozen=True, slots=True)
class SyncService:
    """The desired Synchronization Service of one node: Get, Test and Set over a :class:`Host`.

    ``desired`` maps property names to plain values; an account with a password is its user name.
    """

    desired: Mapping[str, object]

    def reading(self) -> Reading:
        """Return what has to be asked of the node to judge these values."""
        accounts = [
            str(value)
            for name, value in self.desired.items()
            if SYNC_SERVICE.property(name).rule is Rule.ACCOUNT
        ]
        return Reading(tuple(dict.fromkeys(accounts)), str(self.desired.get("KeyBackupPath", "")))

    def get(self, host: Host) -> State:
        """Return the node's state; nothing is changed."""
        reading = self.reading()
        return host.read(reading.accounts, reading.key_backup_path)

    def test(self, host: Host) -> tuple[Verdict, ...]:
        """Return a verdict for each desired property; nothing is changed."""
        return compare(SYNC_SERVICE, self.desired, self.get(host))

    def set(self, host: Host) -> None:
        """Let the node enact the desired state."""
        host.enact()


def check(
    section: Mapping[str, Any], computer_names: AbstractSet[str]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with *section* (plain data that fits the schema) as path and sentence.

    Only rules that go beyond one value; each is a way in which setup fails late (facts 1.3, 4, 7.2).
    ``computer_names`` are the short names, without case, of the nodes that the section is for.
    """
    if section["acceptLicense"] is not True:
        yield (
            ("acceptLicense",),
            "setup needs the license accepted: read the terms, then write acceptLicense: true",
        )
    yield from _check_account(section, computer_names)
    yield from _check_keys(section)
    version = section.get("minimumVersion")
    if (
        "managedServiceAccount" in section
        and version
        and version_parts(version) < version_parts(FIRST_VERSION_WITH_GMSA)
    ):
        yield (
            ("minimumVersion",),
            f"a group managed service account installs from {FIRST_VERSION_WITH_GMSA} (SP2) on, not with {version}",
        )


def _check_keys(section: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    database = section.get("database", {})
    if database.get("existing") == "Use" and "existingKey" not in database:
        yield (
            ("database", "existing"),
            "an existing database is of no use without its key file: name it as existingKey",
        )
    if "existingKey" in database and database.get("existing") != "Use":
        yield ("database", "existingKey"), "a key file serves an existing database only: write existing: Use"
    backup = str(section.get("encryptionKeyBackup", ""))
    if backup and str(database.get("existingKey", "")).lower() == backup.lower():
        yield (
            ("encryptionKeyBackup",),
            "this is the key file of the existing database, which would be written over: name another file",
        )
    yield from _check_patch(section)
    if not backup:
        if section.get("ensure") == "Absent":
            yield (
                ("ensure",),
                "the product is only removed after its keys were exported: write encryptionKeyBackup",
            )
        if section.get("maintenance") == "Reconfigure":
            yield (
                ("maintenance",),
                "accounts and groups only change with a backup of the keys: write encryptionKeyBackup",
            )


def _check_patch(section: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    if "patch" not in section:
        return
    version = section.get("minimumVersion")
    if version is None:
        yield (
            ("patch",),
            "nobody could say whether it has been applied: write the version that it brings as minimumVersion",
        )
    elif version_parts(version) >= version_parts(_SP3):
        yield (
            ("patch",),
            "that of SP3 is no ordinary patch (Microsoft Learn has its steps): apply it by hand, then write minimumVersion alone",
        )
    if "encryptionKeyBackup" not in section:
        yield ("patch",), "a patch is only applied after the keys were exported: write encryptionKeyBackup"


def _check_account(
    section: Mapping[str, Any], computer_names: AbstractSet[str]
) -> Iterator[tuple[tuple[str, ...], str]]:
    account, managed = section.get("serviceAccount"), section.get("managedServiceAccount")
    if account and managed:
        yield (
            ("managedServiceAccount",),
            "serviceAccount and managedServiceAccount exclude each other: keep one",
        )
    elif not account and not managed:
        yield (), "the service needs an account: serviceAccount with a password, or managedServiceAccount"
    if account and account["user"].endswith("$"):
        yield (
            ("serviceAccount", "user"),
            "a name that ends in $ is a managed account: write it as managedServiceAccount, without a password",
        )
    local = LOCAL_NAMES | computer_names
    server = str(section.get("database", {}).get("server", ""))
    domain = str(account["user"]).partition("\\")[0].casefold() if account else ""
    if account and domain in local and server.casefold().partition(".")[0] not in local:
        yield (
            ("serviceAccount", "user"),
            f"a local account cannot reach the SQL Server {server}: a remote one needs a domain account",
        )
