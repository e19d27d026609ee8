"""The simulated Test and Set of MimSyncService: what the shipped module does, on the simulated server.

It works on what the document says (:class:`Wanted`) and on the state of the node, and knows no spec.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from mimc.resources import SYNC_SERVICE
from mimc.resources.compare import compare
from mimc.resources.media import inspect
from mimc.state import Status, Verdict, parse_state

from . import installer
from .media import PACKAGES
from .node import Tree, put
from .server import DEFAULT_DATABASE, Reader, is_local_server, read_product, sql_fault
from .sync_repair import check_installer, check_names, clear_key_record, initialize_keys, remove, repair
from .wanted import ResourceFailed, Wanted, described

#: What the module says of what setup needs, by its name in the state (en-US/MimSyncDsc.strings.psd1; a test compares).
PREREQUISITES: Mapping[str, str] = {
    "sqlClient": "a SQL Server client (for MIM 2016 up to SP2 get SQL Server Native Client 11 from the Microsoft Download Center, page 'Microsoft SQL Server 2012 Native Client - QFE'; for SP3 get OLE DB Driver 19 from Microsoft Learn, page 'Download Microsoft OLE DB Driver for SQL Server')",
    "visualCpp": "the Visual C++ runtime for x64, of 2013 or of 2015-2022 (get it from Microsoft Learn, page 'Latest supported Visual C++ Redistributable downloads')",
    "dotNet": ".NET Framework 4.6 or later (get it from dotnet.microsoft.com, page 'Download .NET Framework')",
}
_DIFFERS = (Status.DRIFT, Status.CANNOT_SET)


def verdicts(state: Tree, wanted: Wanted, reader: Reader) -> tuple[Verdict, ...]:
    """Return what *reader* finds for each value that the document states."""
    seen = read_product(state, wanted.accounts(), wanted.text("KeyBackupPath"), reader)
    return compare(SYNC_SERVICE, {"Ensure": "Present", **wanted.values}, parse_state(seen))


def is_in_desired_state(state: Tree, wanted: Wanted, reader: Reader) -> bool:
    """Return what Test says.

    Raises:
        ResourceFailed: nothing differs, and something could not be read.
    """
    found = verdicts(state, wanted, reader)
    if any(item.status in _DIFFERS for item in found):
        return False
    unread = "; ".join(f"{item.property}: {item.reason}" for item in found if item.status is Status.UNKNOWN)
    if unread:
        raise ResourceFailed(f"MimSync.Unknown: {unread}")
    return True


def set_desired(state: Tree, wanted: Wanted, reader: Reader, now: datetime) -> None:
    """Do what Set does: install on a fresh node, put right what may be put right, name what may not; or remove.

    Raises:
        ResourceFailed: with the reason; what was done until then stays done.
    """
    if wanted.text("Ensure", "Present").casefold() == "absent":
        if state["installed"]:
            remove(state, wanted, now)
        return
    fresh = not state["installed"]
    if fresh:
        _check_order(wanted)
        _check_node(state, wanted, reader)
        _check_media(state, wanted)
        uses = wanted.text("ExistingDatabase").casefold() == "use"
        put(state, "unfinished", "activation" if uses else "no")
        clear_key_record(state, wanted)
        installer.install(state, wanted)
    new = fresh or state["unfinished"] == "activation"
    if new:
        _check_database(verdicts(state, wanted, reader))
        initialize_keys(state, wanted, now)
    repair(state, wanted, verdicts(state, wanted, reader), now)
    found = verdicts(state, wanted, reader)
    left = [item for item in found if item.status is Status.DRIFT]
    wrong = left + [item for item in found if item.status is Status.CANNOT_SET]
    if wrong and new:
        raise ResourceFailed(f"MimSync.Verify: setup succeeded, but {described(wrong)}.")
    if left:
        raise ResourceFailed(f"MimSync.Repair: put right, and still not as desired: {described(wrong)}.")
    if wrong:
        raise ResourceFailed(f"MimSync.CannotSet: {described(wrong)}")


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
    check_installer(state)
    check_names(state, wanted)
    _check_prerequisites(state, needs_client=not is_local_server(state, wanted.text("SqlServer")))
    fault = sql_fault(state, wanted.text("SqlServer"), reader)
    if fault:
        raise ResourceFailed(
            f"MimSync.Sql: {fault}. Setup runs as the account of runAs: is it set, and may it log in there?"
        )
    _check_existing(state, wanted)


def _check_existing(state: Tree, wanted: Wanted) -> None:
    server = "\\".join(filter(None, (wanted.text("SqlServer") or "(local)", wanted.sql_instance)))
    database = wanted.text("DatabaseName", DEFAULT_DATABASE)
    exists = state["existingDatabase"] == "yes"
    if wanted.text("ExistingDatabase").casefold() != "use":
        if exists:
            raise ResourceFailed(
                f"MimSync.DatabaseExists: {server} already has a database {database}. Name another one; or, to go on with "
                "that one, say ExistingDatabase = Use and where its key file is (ExistingKeyPath)."
            )
        return
    if not exists:
        raise ResourceFailed(
            f"MimSync.DatabaseMissing: ExistingDatabase is Use, and {server} has no database {database}. Check the name, "
            "or restore it first."
        )
    if wanted.text("ExistingKeyPath").casefold() == wanted.text("KeyBackupPath").casefold():
        raise ResourceFailed(
            f"MimSync.Key: {wanted.text('KeyBackupPath')} is both the key file of the existing database and the place of "
            "the backup, and would be written over. Name another place as KeyBackupPath."
        )
    if state["existingKey"] == "missing":
        raise ResourceFailed(
            f"MimSync.ExistingKey: there is no key file {wanted.text('ExistingKeyPath')}, it is empty, or the installing "
            "account cannot see it."
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
            "inspect tells on any machine what a package takes. To try a package of MIM that it is wrong about, pin "
            "MediaSha256."
        )


def _check_database(found: tuple[Verdict, ...]) -> None:
    names = ("SqlServer", "SqlInstance", "DatabaseName")
    wrong = [item for item in found if item.property in names and item.status is not Status.OK]
    if wrong:
        raise ResourceFailed(
            f"MimSync.SqlFallback: setup installed with another database than asked for: {described(wrong)}. Remove "
            "the product, then try a transform (TransformPath) that sets SQLServerStore."
        )
