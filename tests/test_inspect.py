"""`mimc inspect`, on packages of our own that wixl builds: real files of the format, none of them Microsoft's."""

import hashlib
import io
import json
import random
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from mimc.errors import InputError
from mimc.msi import Package, read_package, read_rows, read_strings
from mimc.resources.media import SENT, inspect

from .conftest import Mimc
from .wine_prefix import PRODUCT, SOURCES, build_package, change_package

MODULE = Path(__file__).parent.parent / "resources" / "dsc-modules" / "MimSyncDsc"
CONNECT_UPGRADE_CODE = "545334D7-13CD-4BAB-8DA1-2775FA8CF7C2"

_MISSING = [tool for tool in ("wixl", "msibuild", "msiinfo") if not shutil.which(tool)]
needs_wixl = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}")


@pytest.fixture
def package(mimc: Mimc) -> Path:
    """A package that fits, in the folder of the command line."""
    return build_package(mimc.folder / "Synchronization Service.msi")


def inspected(mimc: Mimc, package: Path, code: int) -> dict[str, object]:
    """Return what ``mimc inspect --output json`` says of a package, after it ended with *code*."""
    done = mimc("inspect", package.name, "--output", "json")
    assert (done.code, done.err) == (code, "")
    answer: dict[str, object] = json.loads(done.out)
    assert answer["fits"] is (code == 0) is (not answer["reasons"])
    return answer


def finding(answer: dict[str, object], name: str) -> dict[str, object]:
    properties = answer["properties"]
    assert isinstance(properties, list)
    return next(item for item in properties if item["name"] == name)


def read(package: Path) -> Package:
    with package.open("rb") as file:
        return read_package(file, package.name)


@needs_wixl
def test_a_package_that_fits_is_described(mimc: Mimc, package: Path) -> None:
    done = mimc("inspect", package.name)
    assert (done.code, done.err) == (0, "")
    for words in (
        f"product              {PRODUCT}",
        "version              4.6.34.0 (MIM 2016 SP2)",
        "platform             x64",
        'ACCEPT_EULA = "1" OR Installed',
        "else it says: ACCEPT_EULA must be 1. (mimc sends ACCEPT_EULA)",
        "SERVICEPASSWORD      no default, secure, hidden",
        "GROUPADMINS          default FIMSyncAdmins, secure",
        "REBOOT               Windows Installer's own",
        "note: not in SecureCustomProperties: INSTALLDIR;",
        "fits: ",
    ):
        assert words in done.out
    assert "does not fit" not in done.out


@needs_wixl
def test_the_json_has_codes_hash_and_conditions(mimc: Mimc, package: Path) -> None:
    answer = inspected(mimc, package, 0)
    product = answer["product"]
    assert isinstance(product, dict)
    guid = r"\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}"
    assert all(re.fullmatch(guid, product[code]) for code in ("productCode", "upgradeCode", "packageCode"))
    assert (product["language"], product["manufacturer"]) == ("1033", "mimc stand-in")
    assert answer["sha256"] == hashlib.sha256(package.read_bytes()).hexdigest()
    assert answer["launchConditions"] == [
        {
            "condition": 'ACCEPT_EULA = "1" OR Installed',
            "message": "ACCEPT_EULA must be 1.",
            "sent": ["ACCEPT_EULA"],
        },
        {
            "condition": "SERVICEACCOUNT OR Installed",
            "message": "SERVICEACCOUNT is missing.",
            "sent": ["SERVICEACCOUNT"],
        },
    ]
    assert finding(answer, "SERVICEACCOUNT") == {
        "name": "SERVICEACCOUNT",
        "meaning": "name of the service account",
        "standard": False,
        "known": True,
        "default": None,
        "secure": True,
        "hidden": False,
    }


@needs_wixl
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"NAME": "Microsoft Azure AD Connect synchronization services"}, "Azure AD Connect"),
        ({"NAME": "Microsoft Entra Connect synchronization services"}, "Azure AD Connect"),
        ({"UPGRADE_CODE": CONNECT_UPGRADE_CODE}, "Azure AD Connect"),
        ({"NAME": "Forefront Identity Manager Synchronization Service"}, "FIM 2010"),
        ({"NAME": "Microsoft Identity Manager Service and Portal"}, "ProductName is"),
        ({"NAME": PRODUCT.lower()}, "ProductName is"),
    ],
)
def test_another_product_of_the_same_file_name_is_refused(
    mimc: Mimc, variables: dict[str, str], words: str
) -> None:
    package = build_package(mimc.folder / "Synchronization Service.msi", variables)
    reasons = inspected(mimc, package, 1)["reasons"]
    assert isinstance(reasons, list) and len(reasons) == 1
    assert words in reasons[0]
    done = mimc("inspect", package.name)
    assert done.code == 1
    assert f"does not fit: {reasons[0]}" in done.out and "(MIM 2016" not in done.out


@needs_wixl
def test_a_property_that_no_table_mentions_is_a_reason(mimc: Mimc, package: Path) -> None:
    change_package(
        package,
        "UPDATE Registry SET Value = 'v:[GROUPBROWSER][myGROUPBROWSE]' WHERE Name = 'GroupBrowse'",
        "DELETE FROM Property WHERE Property = 'GROUPBROWSE'",
        "DELETE FROM Property WHERE Property = 'SQMOPTINSETTING'",
        "UPDATE Property SET Value = 'SERVICEPASSWORD;OTHER' WHERE Property = 'SecureCustomProperties'",
    )
    answer = inspected(mimc, package, 1)
    assert answer["reasons"] == [
        "setup would ignore GROUPBROWSE (groups.connectorBrowse): no table of the package mentions it"
    ]
    assert finding(answer, "GROUPBROWSE")["known"] is False
    assert "setup will ignore SQMOPTINSETTING" in str(answer["notes"])
    assert answer["otherProperties"] == {"OTHER": ""}
    assert "GROUPBROWSE          unknown to the package" in mimc("inspect", package.name).out


@needs_wixl
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "DELETE FROM Property WHERE Property = 'MsiHiddenProperties'",
            "not in MsiHiddenProperties: SERVICEPASSWORD;",
        ),
        (
            "INSERT INTO CustomAction (Action, Type, Source, Target) VALUES ('Data', 51, 'ConfigDB', 'x;[SERVICEPASSWORD]')",
            "not in MsiHiddenProperties: ConfigDB;",
        ),
        (
            "UPDATE Property SET Value = 'ServerX' WHERE Property = 'STORESERVER'",
            "the default of STORESERVER is 'ServerX'",
        ),
        (
            "UPDATE Property SET Value = '1' WHERE Property = 'FIREWALL_CONF'",
            "the default of FIREWALL_CONF is '1' where mimc expects '0'",
        ),
        (
            "INSERT INTO Property (Property, Value) VALUES ('SQLServerStore', 'LocalMachine')",
            "SQLServerStore is 'LocalMachine', and only a transform can change it",
        ),
        (
            "UPDATE Property SET Value = 'SERVICEPASSWORD' WHERE Property = 'SecureCustomProperties'",
            "not in SecureCustomProperties: ACCEPT_EULA, INSTALLDIR, STORESERVER",
        ),
        (
            "UPDATE Property SET Value = '1031' WHERE Property = 'ProductLanguage'",
            "ProductLanguage is '1031'; what mimc knows of setup comes from the English one, 1033",
        ),
    ],
)
def test_what_is_worth_knowing_is_noted_and_fits_all_the_same(
    mimc: Mimc, package: Path, statement: str, words: str
) -> None:
    # Text of these words that stands nowhere else, so that everything stays known.
    change_package(
        package,
        "INSERT INTO Property (Property, Value) VALUES ('Mentioned', 'SQLINSTANCE SERVICEDOMAIN FIREWALL_CONF')",
    )
    assert words not in str(inspected(mimc, package, 0)["notes"])
    change_package(package, statement)
    notes = inspected(mimc, package, 0)["notes"]
    assert isinstance(notes, list) and any(words in note for note in notes)


@needs_wixl
def test_a_default_that_is_secret_is_not_shown(mimc: Mimc, package: Path) -> None:
    change_package(
        package, "INSERT INTO Property (Property, Value) VALUES ('SERVICEPASSWORD', 'CANARY-default')"
    )
    assert finding(inspected(mimc, package, 0), "SERVICEPASSWORD")["default"] == "********"
    assert "CANARY" not in mimc("inspect", package.name).out


@needs_wixl
def test_a_terminal_is_not_given_orders_by_a_package(mimc: Mimc, package: Path) -> None:
    change_package(package, "UPDATE Property SET Value = 'a\x1b[2Jb' WHERE Property = 'GROUPADMINS'")
    out = mimc("inspect", package.name).out
    assert "\x1b" not in out and "default a [2Jb" in out


@needs_wixl
def test_the_reader_finds_what_msitools_finds(package: Path) -> None:
    read_tables = read(package).tables
    listed = subprocess.check_output(["msiinfo", "tables", package], text=True).split()
    assert set(read_tables) == {name for name in listed if not name.startswith("_")}
    for name, rows in read_tables.items():
        text = subprocess.check_output(["msiinfo", "export", package, name], text=True, encoding="utf-8")
        lines = [line.split("\t") for line in text.replace("\r\n", "\n").splitlines()]
        exported = [dict(zip(lines[0], line, strict=True)) for line in lines[3:]]
        ours = [{column: "" if cell is None else str(cell) for column, cell in row.items()} for row in rows]
        streams = {column for column, kind in zip(lines[0], lines[1], strict=True) if kind[0] in "vV"}
        drop = [{k: v for k, v in row.items() if k not in streams} for row in exported]
        assert [{k: v for k, v in row.items() if k not in streams} for row in ours] == drop, name
    assert sum(map(len, read_tables.values())) > 80


@needs_wixl
def test_text_outside_ascii_is_read_in_the_packages_code_page(tmp_path: Path) -> None:
    text = (SOURCES / "vector.wxs").read_text("utf-8")
    changed = text.replace('Name="vector"', 'Codepage="1252" Name="Zürich €"')
    (tmp_path / "a.wxs").write_text(changed, "utf-8")
    package = build_package(tmp_path / "a.msi", source=tmp_path / "a.wxs")
    assert read(package).properties()["ProductName"] == "Zürich €"


@needs_wixl
def test_a_damaged_package_never_ends_in_a_traceback(package: Path) -> None:
    data, dice = package.read_bytes(), random.Random(5)
    refused = 0
    for _ in range(600):
        broken = bytearray(data)
        for _ in range(dice.choice((1, 4, 60))):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        del broken[len(broken) if dice.random() < 0.7 else dice.randrange(len(broken)) :]
        try:
            found = read_package(io.BytesIO(broken), "x.msi")
        except InputError as error:
            refused += 1
            assert str(error).startswith("x.msi: ")
        else:
            inspect(found)
    assert 100 < refused < 600


@needs_wixl
def test_a_list_of_four_thousand_million_values_takes_no_time(package: Path) -> None:
    data = package.read_bytes()
    title = struct.pack("<II", 30, 22) + b"Installation Database"
    assert data.count(title) == 1
    data = data.replace(title, struct.pack("<II", 0x101E, 0xFFFFFFFF) + title[8:])
    assert read_package(io.BytesIO(data), "x.msi").summary.template == "x64;1033"


@needs_wixl
@pytest.mark.parametrize(
    ("kind", "word"),
    [(0x86, "a patch (.msp)"), (0x82, "a transform (.mst)"), (0x01, "another compound file")],
)
def test_3_another_file_of_the_installer_is_named(mimc: Mimc, package: Path, kind: int, word: str) -> None:
    data = package.read_bytes()
    mark = struct.pack("<IHH", 0x000C1084, 0, 0)
    assert data.count(mark) == 1
    package.write_bytes(data.replace(mark, bytes([kind]) + mark[1:]))
    done = mimc("inspect", package.name)
    assert (done.code, done.out) == (3, "")
    assert f"this is {word}, not a Windows Installer package" in done.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot read the package: No such file or directory"),
        (b"", "not a Windows Installer package (.msi)"),
        (b"MZ" + bytes(4000), "not a Windows Installer package (.msi)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4000), "x.msi: "),
    ],
)
def test_3_a_file_that_is_no_package(mimc: Mimc, content: bytes | None, words: str) -> None:
    if content is not None:
        (mimc.folder / "x.msi").write_bytes(content)
    done = mimc("inspect", "x.msi")
    assert (done.code, done.out) == (3, "")
    assert words in done.err and "Traceback" not in done.err


def test_3_a_folder_is_no_package(mimc: Mimc) -> None:
    done = mimc("inspect", "examples")
    assert done.code == 3
    assert "examples: cannot read the package" in done.err


def test_what_mimc_may_send_is_what_the_module_writes() -> None:
    text = (MODULE / "MimSyncDsc.Setup.psm1").read_text("utf-8-sig")
    assigned = re.findall(r"\$order\['([A-Z_]+)'\] =", text)
    literals = re.findall(r"\b([A-Z][A-Z_]+) = '", text)
    assert {item.name for item in SENT} == {*assigned, *literals}


def test_long_strings_and_wide_references_are_read() -> None:
    long = "x" * 70000
    parts = ("P", "é", long)
    pool = struct.pack("<I", 65001 | 1 << 31)
    pool += struct.pack("<HH", 1, 2) + struct.pack("<HH", 2, 1) + struct.pack("<HH", 0, 0)
    pool += struct.pack("<HHI", 0, 1, len(long))
    strings, wide = read_strings(pool, "".join(parts).encode())
    assert strings == ["", "P", "é", "", long] and wide
    columns = [("Name", 0x0D00), ("Small", 0x0502), ("Large", 0x1104), ("Text", 0x1D00), ("Stream", 0x1900)]
    data = b"\x01\0\0\x02\0\0" + struct.pack("<HH", 0x8005, 0x7FFF) + struct.pack("<II", 0, 0x80000000 + 7)
    data += b"\x04\0\0\0\0\0" + struct.pack("<HH", 1, 0)
    assert read_rows(data, columns, strings, wide) == (
        {"Name": "P", "Small": 5, "Large": None, "Text": long, "Stream": 1},
        {"Name": "é", "Small": -1, "Large": 7, "Text": None, "Stream": None},
    )


@pytest.mark.parametrize(("pool", "data"), [(b"", b""), (b"abc", b""), (b"\0\0\0\0\x05\0\x01\0", b"four")])
def test_a_pool_that_does_not_hang_together_is_refused(pool: bytes, data: bytes) -> None:
    with pytest.raises(ValueError, match="cut off"):
        read_strings(pool, data)


def test_nothing_but_inspect_loads_olefile() -> None:
    probe = "import sys, mimc.resources, mimc.compiler, mimc.pusher; sys.exit('olefile' in sys.modules)"
    subprocess.run([sys.executable, "-c", probe], check=True)
