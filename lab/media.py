"""The packages of the simulated media: what stands on the disk, who signed it, and what its tables say.

They are played: their bytes are a sentence, and their tables say what mimc believes of the real ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mimc.msi import Package, Row, Summary
from mimc.resources.media import CONNECT_UPGRADE_CODE, LANGUAGE, PASSWORD, PRODUCT, SENT

#: The version of MIM that the media hold: 2016 SP2.
MEDIA_VERSION = "4.6.34.0"
_UPGRADE_CODE = "{00000000-0000-0000-0000-000000000000}"
_CONNECT = "Microsoft Azure AD Connect synchronization services"


@dataclass(frozen=True, slots=True)
class PlayedPackage:
    """A package that is not one: its bytes, whether Microsoft signed it, and its tables."""

    content: bytes
    signed: bool
    package: Package


def _package(name: str, version: str, upgrade_code: str) -> Package:
    own = [item.name for item in SENT if not item.standard]
    # Left out, each of these means what mimc takes it to mean.
    defaults = {item.name: item.omitted[-1] for item in SENT if item.omitted}
    values = defaults | {
        "ProductName": name,
        "ProductVersion": version,
        "ProductLanguage": LANGUAGE,
        "UpgradeCode": upgrade_code,
        "MsiHiddenProperties": PASSWORD,
        "SecureCustomProperties": ";".join(own),
    }
    tables: dict[str, tuple[Row, ...]] = {
        "Property": tuple({"Property": key, "Value": value} for key, value in values.items()),
        "LaunchCondition": ({"Condition": 'ACCEPT_EULA = "1" OR Installed', "Description": "License."},),
    }
    return Package(tables, Summary("", "", f"x64;{LANGUAGE}", "", 500))


_MIM = _package(PRODUCT, MEDIA_VERSION, _UPGRADE_CODE)
#: What ``media`` of the state can be, but for missing.
PACKAGES: Mapping[str, PlayedPackage] = {
    "present": PlayedPackage(b"the package of a product that is not there\n", True, _MIM),
    "wrongSignature": PlayedPackage(b"a package that Microsoft has not signed\n", False, _MIM),
    "azureAdConnect": PlayedPackage(
        b"the sync engine of another product, in a file of the same name\n",
        True,
        _package(_CONNECT, "1.6.16.0", CONNECT_UPGRADE_CODE),
    ),
}


def played(content: bytes) -> PlayedPackage | None:
    """Return the package whose bytes are *content*."""
    return next((item for item in PACKAGES.values() if item.content == content), None)
