"""What setup is sent, and whether a package of the media takes it.

The names are those of public scripts that install the Synchronization Service; its real tables were not at hand.
That is why a package is asked before it is trusted: Windows Installer ignores a property that it does not know.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mimc.msi import Package

PRODUCT = "Microsoft Identity Manager Synchronization Service"
PREDECESSOR = "Forefront Identity Manager Synchronization Service"
#: The sync engine of Azure AD Connect comes in a package of the same file name. Its upgrade code stands in the
#: traces that its wizard writes (versions 1.0 to 1.6), beside the older of the two names.
CONNECT_UPGRADE_CODE = "{545334D7-13CD-4BAB-8DA1-2775FA8CF7C2}"
CONNECT_NAME = "(Azure AD|Entra) Connect synchronization services"
#: English: what is known of setup was read in scripts and logs of that one.
LANGUAGE = "1033"

#: The version of a package as it was published; a patch changes what is installed, not the package.
_RELEASES = {
    "4.3.1935.0": "MIM 2016",
    "4.4.1302.0": "MIM 2016 SP1",
    "4.6.34.0": "MIM 2016 SP2",
    "4.6.421.0": "MIM 2016 SP2, Entra ID edition",
    "4.6.691.0": "MIM 2016 SP3",
    "4.7.3.0": "MIM 2016 SP3",
}


@dataclass(frozen=True, slots=True)
class SetupProperty:
    """A property that Set may send to setup; ``meaning`` is plain text, for it travels in the module too.

    ``needed`` says that something desired would not come about if setup ignored it, ``standard`` that it is one of
    Windows Installer's own, which every package knows. ``omitted`` holds the package's defaults with which leaving
    the property out means what mimc takes it to mean; nothing when leaving it out means nothing.
    """

    name: str
    meaning: str
    needed: bool = True
    standard: bool = False
    omitted: tuple[str, ...] = ()


#: What Get-SetupProperty and Install-MimSync of MimSyncDsc.Setup.psm1 write, in their order.
SENT: tuple[SetupProperty, ...] = (
    SetupProperty("ACCEPT_EULA", "acceptLicense", needed=False),
    SetupProperty("INSTALLDIR", "installDirectory"),
    SetupProperty("STORESERVER", "database.server", omitted=("", ".", "localhost", "(local)")),
    SetupProperty("SQLINSTANCE", "database.instance", omitted=("", "MSSQLSERVER")),
    SetupProperty("SQLDB", "database.name", omitted=("", "FIMSynchronizationService")),
    SetupProperty("SERVICEACCOUNT", "name of the service account"),
    SetupProperty("SERVICEDOMAIN", "domain of the service account"),
    SetupProperty("SERVICEPASSWORD", "password of the service account"),
    SetupProperty("GROUPADMINS", "groups.administrators"),
    SetupProperty("GROUPOPERATORS", "groups.operators"),
    SetupProperty("GROUPACCOUNTJOINERS", "groups.joiners"),
    SetupProperty("GROUPBROWSE", "groups.connectorBrowse"),
    SetupProperty("GROUPPASSWORDSET", "groups.passwordReset"),
    SetupProperty("FIREWALL_CONF", "firewall", omitted=("", "0")),
    SetupProperty("SQMOPTINSETTING", "no usage reports to Microsoft", needed=False),
    SetupProperty("ADDLOCAL", "all features", standard=True),
    SetupProperty("REBOOT", "no restart by setup", standard=True),
    SetupProperty("TRANSFORMS", "transform", standard=True),
)
_SENT_NAMES = frozenset(item.name for item in SENT)
PASSWORD = "SERVICEPASSWORD"
_MASK = "********"
_NAME = re.compile(r"(?<![A-Za-z0-9_.])[A-Z_][A-Z0-9_.]*(?![A-Za-z0-9_.])")
#: Public properties of Windows Installer itself: nobody's settings.
_STANDARD = re.compile(
    "(ARP|MSI).*|ALLUSERS|DISABLEADVTSHORTCUTS|INSTALLLEVEL|LIMITUI|REINSTALLMODE|ROOTDRIVE"
)
#: The kind of custom action that sets the property in its Source to its Target.
_SETS_PROPERTY, _ACTION_KIND = 51, 0x3F


@dataclass(frozen=True, slots=True)
class Finding:
    """What a package says of a property that mimc may send.

    ``known`` says that some table mentions it, ``standard`` that it is Windows Installer's own and need not be
    mentioned. ``default`` is its value in the Property table, None when it is not there; ``secure`` and ``hidden``
    say that SecureCustomProperties and MsiHiddenProperties list it.
    """

    name: str
    meaning: str
    standard: bool
    known: bool
    default: str | None
    secure: bool
    hidden: bool


@dataclass(frozen=True, slots=True)
class LaunchCondition:
    """A condition without which setup ends at once, its message, and what it asks for of all that is sent."""

    condition: str
    message: str
    sent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a package; it fits when there are no ``reasons`` against it."""

    name: str
    version: str
    release: str
    language: str
    manufacturer: str
    platform: str
    product_code: str
    upgrade_code: str
    package_code: str
    conditions: tuple[LaunchCondition, ...]
    findings: tuple[Finding, ...]
    others: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def inspect(package: Package) -> Inspection:
    """Compare *package* with what Set sends to setup."""
    properties = package.properties()
    secure, hidden = _listed(properties, "SecureCustomProperties"), _listed(properties, "MsiHiddenProperties")
    findings = _findings(package, properties, secure, hidden)
    version = properties.get("ProductVersion", "")
    foreign = _foreign(properties)
    return Inspection(
        name=properties.get("ProductName", ""),
        version=version,
        release="" if foreign else _RELEASES.get(version, ""),
        language=properties.get("ProductLanguage", ""),
        manufacturer=properties.get("Manufacturer", ""),
        platform=package.summary.template.partition(";")[0],
        product_code=properties.get("ProductCode", ""),
        upgrade_code=properties.get("UpgradeCode", ""),
        package_code=package.summary.package_code,
        conditions=tuple(_conditions(package)),
        findings=findings,
        others=tuple(_others(properties, secure, hidden)),
        reasons=(foreign,) if foreign else tuple(_reasons(version, findings)),
        notes=() if foreign else tuple(_notes(package, properties, findings)),
    )


def _listed(properties: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(item.strip() for item in properties.get(name, "").split(";")) - {""}


def _findings(
    package: Package, properties: Mapping[str, str], secure: frozenset[str], hidden: frozenset[str]
) -> tuple[Finding, ...]:
    # A property need not stand in the Property table: a condition, a registry value, a dialog may lean on it.
    mentioned = {name for text in package.texts() for name in _NAME.findall(text)}
    return tuple(
        Finding(
            item.name,
            item.meaning,
            item.standard,
            item.standard or item.name in mentioned,
            _shown(item.name, properties, hidden),
            item.name in secure,
            item.name in hidden,
        )
        for item in SENT
    )


def _shown(name: str, properties: Mapping[str, str], hidden: frozenset[str]) -> str | None:
    value = properties.get(name)
    return _MASK if value and (name == PASSWORD or name in hidden) else value


def _others(
    properties: Mapping[str, str], secure: frozenset[str], hidden: frozenset[str]
) -> Iterator[tuple[str, str]]:
    for name in sorted({*properties, *secure} - _SENT_NAMES):
        if _NAME.fullmatch(name) and not _STANDARD.fullmatch(name):
            yield name, _shown(name, properties, hidden) or ""


def _conditions(package: Package) -> Iterator[LaunchCondition]:
    for row in package.rows("LaunchCondition"):
        condition = str(row.get("Condition") or "")
        # What stands in quotes is text that a property is compared with.
        names = dict.fromkeys(_NAME.findall(re.sub('"[^"]*"', "", condition)))
        sent = tuple(name for name in names if name in _SENT_NAMES)
        yield LaunchCondition(condition, str(row.get("Description") or ""), sent)


def _foreign(properties: Mapping[str, str]) -> str:
    """Return what this is when it is not the package of MIM's Synchronization Service, else nothing."""
    name = properties.get("ProductName", "")
    upgrade_code = properties.get("UpgradeCode", "").upper()
    if re.search(CONNECT_NAME, name, re.IGNORECASE) or upgrade_code == CONNECT_UPGRADE_CODE:
        return (
            f"this is the sync engine of Azure AD Connect (ProductName '{name}'), whose package has the same file name; "
            "take the one of the folder Synchronization Service on the MIM 2016 media"
        )
    if name == PREDECESSOR:
        return f"this is FIM 2010 (ProductName '{name}'); mimc installs MIM 2016"
    if name != PRODUCT:
        return f"ProductName is '{name}', not '{PRODUCT}'"
    return ""


def _reasons(version: str, findings: tuple[Finding, ...]) -> Iterator[str]:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+){2,3}", version):
        yield f"ProductVersion is '{version}', which is no version"
    for item, finding in zip(SENT, findings, strict=True):
        if item.needed and not finding.known:
            yield f"setup would ignore {item.name} ({item.meaning}): no table of the package mentions it"


def _notes(package: Package, properties: Mapping[str, str], findings: tuple[Finding, ...]) -> Iterator[str]:
    for item, finding in zip(SENT, findings, strict=True):
        if not item.needed and not finding.known:
            yield f"setup will ignore {item.name} ({item.meaning}): no table of the package mentions it"
        if item.omitted and properties.get(item.name, "") not in item.omitted:
            yield (
                f"the default of {item.name} is '{finding.default}' where mimc expects '{item.omitted[-1]}': "
                f"it holds when the spec says nothing of {item.meaning}, or the same as without it"
            )
    pairs = [pair for pair in zip(SENT, findings, strict=True) if not pair[0].standard]
    if exposed := [item.name for item, finding in pairs if finding.known and not finding.secure]:
        yield (
            f"not in SecureCustomProperties: {', '.join(exposed)}; "
            "an elevated administrator, as whom mimc installs, may set them all the same"
        )
    yield from _password_notes(package, _listed(properties, "MsiHiddenProperties"))
    language = properties.get("ProductLanguage", "")
    if language != LANGUAGE:
        yield f"ProductLanguage is '{language}'; what mimc knows of setup comes from the English one, {LANGUAGE}"
    store = properties.get("SQLServerStore")
    if store is not None and store != "RemoteMachine":
        yield (
            f"SQLServerStore is '{store}', and only a transform can change it (its name has small letters); "
            "mimc verifies after the installation whether a remote SQL Server took effect"
        )


def _password_notes(package: Package, hidden: frozenset[str]) -> Iterator[str]:
    names = [PASSWORD, *_carriers(package)]
    if exposed := sorted(set(names) - hidden):
        yield (
            f"not in MsiHiddenProperties: {', '.join(exposed)}; "
            "Windows Installer may write the password into its log, and mimc takes it out again"
        )


def _carriers(package: Package) -> Iterator[str]:
    """Yield the properties that a custom action fills with the password: each would have to be hidden too."""
    for row in package.rows("CustomAction"):
        kind, value = row.get("Type"), str(row.get("Target") or "")
        if isinstance(kind, int) and kind & _ACTION_KIND == _SETS_PROPERTY and f"[{PASSWORD}]" in value:
            yield str(row.get("Source"))
