"""A package of our own under a real installer engine: Wine's. It stands in for MIM's setup, and is not it.

What Wine does otherwise than Windows is not asked: quotes in values, blanks in a row, a second installation, repair,
several at once. Skipped where Wine, wixl or the compiler is missing.
"""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mimc.msi import read_package

from .msiexec import VECTORS, WINE_DIFFERS, read, write
from .send_order import MODULE, OrderSender, decoded, encoded
from .wine_prefix import (
    PARAMETERS,
    PRODUCT,
    SOURCES,
    Prefix,
    build_package,
    change_package,
    compile_program,
    missing,
    windows,
)

pytestmark = [pytest.mark.wine, pytest.mark.skipif(bool(missing()), reason=missing())]

CHILD = Path(__file__).parent / "engine" / "installer-child.ps1"
READER = Path(__file__).parent / "engine" / "package-tables.ps1"
#: ASCII: Wine's log is in bytes of the old kind, Windows' is UTF-16. With the one quote that Wine's msi.dll gets right.
PASSWORD = 'CANARY-p"$%&^w'
ACCOUNT = {"SERVICEACCOUNT": "svcMIMSync", "SERVICEDOMAIN": "CONTOSO", "SERVICEPASSWORD": PASSWORD}
WANTED = {"ACCEPT_EULA": "1", **ACCOUNT}
#: Property, and the registry value in which the stand-in keeps it.
KEPT = {
    "STORESERVER": "Server",
    "SQLINSTANCE": "SQLInstance",
    "SQLDB": "DBName",
    "GROUPADMINS": "GroupAdmins",
    "GROUPOPERATORS": "GroupOperators",
    "GROUPACCOUNTJOINERS": "GroupAccountJoiners",
    "GROUPBROWSE": "GroupBrowse",
    "GROUPPASSWORDSET": "GroupPasswordSet",
    "FIREWALL_CONF": "FirewallConf",
}
VALUES = (
    "two words",
    "CONTOSO\\MIM Sync Admins",
    "C:\\Program Files\\",
    "\\\\server\\share\\",
    "$env:X $(y) $&",
    "%PATH% ^ & | < >",
    "! ; , = ' ( ) { } @ /qb `n",
    "Verwaltung für Ägypten",
    "管理者 \U0001f511",
    "[ProductName] [~] [x]",
    "#5",
    "##x",
    "GROUPADMINS=x",
    "tab\there",
    "",
    "x" * 3000,
    "-",
    "1",
)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefix]:
    """A fresh Windows of Wine's for all tests: starting another one for each would take most of their time."""
    folder = tmp_path_factory.mktemp("wine")
    made = Prefix(folder / "prefix", folder)
    try:
        made.start()
        yield made
    finally:
        made.server("-k")
        made.server("-w")
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def service(prefix: Prefix) -> Path:
    """The stand-in's service."""
    program = prefix.home / "miiserver.exe"
    compile_program("miiserver.c", program, "-mwindows")
    return program


@pytest.fixture
def product_code() -> str:
    return str(uuid.uuid4()).upper()


@pytest.fixture(autouse=True)
def nothing_installed(prefix: Prefix, product_code: str) -> Iterator[None]:
    """Whatever a test installs is gone before the next."""
    yield
    prefix.execute(f"msiexec /x {{{product_code}}} /qn")
    assert prefix.left_behind(product_code) == []


@pytest.fixture
def package(tmp_path: Path, service: Path, product_code: str) -> Path:
    """The stand-in, in a file of the name that the media have."""
    return build_package(
        tmp_path / "Synchronization Service.msi", {"PRODUCT_CODE": product_code}, service=service
    )


def kept(prefix: Prefix) -> dict[str, str]:
    """Return what the stand-in keeps; each value has v: before it, or a # would be taken for a type."""
    found = prefix.registry(PARAMETERS)
    assert found is not None, "nothing is installed"
    assert all(value.startswith("v:") for value in found.values())
    return {name: value.removeprefix("v:") for name, value in found.items()}


def assert_kept(prefix: Prefix, sent: Mapping[str, str]) -> None:
    found = kept(prefix)
    assert {name: found[KEPT[name]] for name in sent} == dict(sent)


@pytest.mark.parametrize("way", ["msi.dll", "msiexec"])
def test_values_arrive_as_they_were_sent(prefix: Prefix, package: Path, product_code: str, way: str) -> None:
    for start in range(0, len(VALUES), len(KEPT)):
        sent = dict(zip(KEPT, VALUES[start : start + len(KEPT)], strict=True))
        if way == "msiexec":
            # Wine's program drops two quotes in a row, and takes the next property for the value.
            sent = {name: value for name, value in sent.items() if value}
        password = PASSWORD if way == "msi.dll" else PASSWORD.replace('"', "")
        order = write({**WANTED, **sent, "SERVICEPASSWORD": password})
        if way == "msi.dll":
            code = prefix.install(package, order)
        else:
            code = prefix.execute(f'msiexec /i "{windows(package)}" /qn {order}')
        assert code == 0
        assert_kept(prefix, sent)
        assert kept(prefix)["Careless"] == password
        assert prefix.execute(f"msiexec /x {{{product_code}}} /qn") == 0
        assert prefix.registry(PARAMETERS) is None


def test_an_installation_is_there_and_gone_again(prefix: Prefix, package: Path, product_code: str) -> None:
    assert prefix.left_behind(product_code) == []
    assert prefix.install(package, write(WANTED)) == 0
    entry = prefix.uninstall_entry(product_code)
    assert entry is not None
    assert (entry["DisplayName"], entry["DisplayVersion"]) == (PRODUCT, "4.6.34.0")
    assert prefix.service_state() == "RUNNING"
    registered = prefix.registry(PARAMETERS.removesuffix(r"\Parameters"))
    assert registered is not None and registered["ObjectName"] == r"CONTOSO\svcMIMSync"
    assert len(prefix.left_behind(product_code)) == 4
    assert prefix.execute(f"msiexec /x {{{product_code}}} /qn") == 0
    assert prefix.left_behind(product_code) == []
    assert prefix.execute(f"msiexec /x {{{product_code}}} /qn") == 1605


@pytest.mark.parametrize(
    "sent",
    [ACCOUNT, {"ACCEPT_EULA": "0", **ACCOUNT}, {"ACCEPT_EULA": "1"}],
    ids=["nothing said of the license", "license refused", "no account"],
)
def test_a_launch_condition_ends_with_1603_and_leaves_nothing(
    prefix: Prefix, package: Path, product_code: str, sent: dict[str, str]
) -> None:
    assert prefix.install(package, write(sent)) == 1603
    assert prefix.left_behind(product_code) == []


def test_a_restart_that_setup_wants_is_3010_and_all_is_installed(
    prefix: Prefix, package: Path, product_code: str
) -> None:
    change_package(
        package, "INSERT INTO InstallExecuteSequence (Action, Sequence) VALUES ('ScheduleReboot', 6500)"
    )
    assert prefix.install(package, write({**WANTED, "REBOOT": "ReallySuppress"})) == 3010
    assert len(prefix.left_behind(product_code)) == 4


def test_a_late_failure_leaves_nothing_behind(prefix: Prefix, package: Path, product_code: str) -> None:
    change_package(
        package,
        "INSERT INTO CustomAction (Action, Type, Target) VALUES ('Fail', 19, 'as the test wants it')",
        # Services are started at 5900.
        "INSERT INTO InstallExecuteSequence (Action, Sequence) VALUES ('Fail', 6400)",
    )
    assert prefix.install(package, write(WANTED)) not in (0, 3010, 1641)
    assert prefix.left_behind(product_code) == []


def test_another_version_of_the_product_is_1638(
    prefix: Prefix, package: Path, product_code: str, service: Path, tmp_path: Path
) -> None:
    newer = build_package(
        tmp_path / "newer.msi", {"PRODUCT_CODE": product_code, "VERSION": "4.6.607.0"}, service=service
    )
    assert prefix.install(package, write(WANTED)) == 0
    assert prefix.install(newer, write(WANTED)) == 1638
    entry = prefix.uninstall_entry(product_code)
    assert entry is not None and entry["DisplayVersion"] == "4.6.34.0"


def test_the_vectors_of_the_grammar(prefix: Prefix, tmp_path: Path) -> None:
    vector = build_package(tmp_path / "vector.msi", source=SOURCES / "vector.wxs")
    found = {text: prefix.install(vector, text) for text, _ in VECTORS}
    assert found == dict(VECTORS) | WINE_DIFFERS


def run_child(engine: Path, lines: list[str], environment: Mapping[str, str], home: Path) -> list[str]:
    """Give the real Invoke-InstallerChild its lines and return what it says."""
    done = subprocess.run(
        [engine, "-NoProfile", "-NonInteractive", "-File", CHILD, "-Module", MODULE],
        input="".join(f"{line}\n" for line in lines).encode(),
        capture_output=True,
        env={**os.environ, **environment},
        cwd=home,
        timeout=120,
        check=False,
    )
    assert done.stderr == b""
    return done.stdout.decode("utf-8").splitlines()


@pytest.mark.engine
def test_the_module_takes_the_password_out_of_a_log_that_leaks(
    prefix: Prefix, package: Path, engine_path: Path, tmp_path: Path
) -> None:
    leaked, log = tmp_path / "leaked.log", tmp_path / "setup.log"
    assert prefix.install(package, write(WANTED), leaked) == 0
    before = leaked.read_text("latin-1")
    assert before.count(PASSWORD) >= 2, "a log that does not leak proves nothing"
    lines = [
        encoded(text)
        for text in ("install", "x.msi", "", str(log), "the last line", write(WANTED), PASSWORD, "go")
    ]
    said = run_child(engine_path, lines, {"MIMC_LEAKED": str(leaked)}, tmp_path)
    assert said[-1] == "mimc:exit 1603"
    after = log.read_text("utf-16")
    assert PASSWORD not in after
    assert after.splitlines()[-1] == "the last line"
    assert after.splitlines()[:-1] == before.replace(PASSWORD, "********").rstrip().splitlines()


@pytest.mark.engine
def test_what_set_orders_is_what_the_installer_does(
    prefix: Prefix, package: Path, product_code: str, engine_path: Path, tmp_path: Path
) -> None:
    """Our PowerShell from the order to the exit code: Send-Order, the pipe, Invoke-InstallerChild, Wine's msi.dll."""
    log = tmp_path / "setup.log"
    sent = dict(zip(KEPT, VALUES, strict=False))
    properties = {name: value for name, value in {**WANTED, **sent}.items() if name != "SERVICEPASSWORD"}
    with OrderSender(engine_path) as sender:
        lines = sender.lines(
            properties, PASSWORD, ("install", windows(package), "", str(log), "the last line")
        )
    assert dict(read(decoded(lines[5])))["SERVICEPASSWORD"] == decoded(lines[6]) == PASSWORD
    said = run_child(engine_path, [*lines, encoded("go")], prefix.environment, tmp_path)
    assert said == ["mimc:identity S-1-5-7", "mimc:exit 0"]
    assert_kept(prefix, sent)
    assert kept(prefix)["Careless"] == PASSWORD
    assert prefix.service_state() == "RUNNING"
    text = log.read_text("utf-16")
    assert "********" in text and PASSWORD not in text
    assert text.splitlines()[-1] == "the last line"


@pytest.mark.engine
def test_what_set_orders_later_is_what_the_installer_does(
    prefix: Prefix, package: Path, product_code: str, engine_path: Path, tmp_path: Path
) -> None:
    """Maintenance mode changes what it is given and keeps what it is told as it was; removal leaves nothing."""
    code = f"{{{product_code}}}"

    def order(action: str, properties: dict[str, str], password: str | None) -> str:
        log = tmp_path / f"{action}.log"
        with OrderSender(engine_path) as sender:
            texts = (action, windows(package), code, str(log), "the last line")
            lines = [*sender.lines(properties, password, texts), encoded("go")]
        assert run_child(engine_path, lines, prefix.environment, tmp_path) == [
            "mimc:identity S-1-5-7",
            "mimc:exit 0",
        ]
        text = log.read_text("utf-16")
        assert PASSWORD not in text
        return text

    database = {"STORESERVER": "corpsql", "SQLDB": "Sync"}
    account = {name: value for name, value in WANTED.items() if name != "SERVICEPASSWORD"}
    order("install", {**account, **database, "GROUPADMINS": "CONTOSO\\Old"}, PASSWORD)
    assert kept(prefix)["GroupAdmins"] == "CONTOSO\\Old"
    settings = {"GROUPADMINS": "CONTOSO\\New", "REINSTALL": "ALL", "REINSTALLMODE": "omus"}
    order("configure", {**account, **database, **settings}, PASSWORD)
    found = kept(prefix)
    assert (found["GroupAdmins"], found["Server"], found["DBName"]) == ("CONTOSO\\New", "corpsql", "Sync")
    order("remove", {"REBOOT": "ReallySuppress"}, None)
    assert prefix.left_behind(product_code) == []


def read_by_module(prefix: Prefix, engine: Path, *packages: Path) -> list[dict[str, Any]]:
    """Return what the module on Wine's msi.dll makes of each package: its tables, warnings, and error."""
    compile_program("calls.c", prefix.drive / "calls.exe", "-lmsi", "-lws2_32")
    done = subprocess.run(
        [engine, "-NoProfile", "-NonInteractive", "-File", READER, "-Module", MODULE],
        input="".join(f"{windows(package)}\n" for package in packages).encode(),
        capture_output=True,
        env={**os.environ, **prefix.environment},
        cwd=prefix.home,
        timeout=240,
        check=False,
    )
    assert done.stderr == b""
    answers = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
    assert [answer["open"] for answer in answers] == [0 for _ in packages], "all handles are closed again"
    return answers


@pytest.mark.engine
def test_the_module_reads_and_judges_packages_as_mimc_inspect_does(
    prefix: Prefix, package: Path, engine_path: Path, service: Path, tmp_path: Path
) -> None:
    """Our PowerShell on a real msi.dll, beside our own reader of the file format."""
    long = "x" * 255 + "y" * 3000
    change_package(
        package,
        f"INSERT INTO Property (Property, Value) VALUES ('Long', '{long}')",
        f"INSERT INTO Property (Property, Value) VALUES ('Exact', '{long[:255]}')",
        f"INSERT INTO Property (Property, Value) VALUES ('Over', '{long[:256]}')",
        "DELETE FROM Property WHERE Property = 'MsiHiddenProperties'",
    )
    connect = build_package(
        tmp_path / "connect.msi",
        {"NAME": "Microsoft Azure AD Connect synchronization services"},
        service=service,
    )
    nothing = tmp_path / "nothing.msi"
    nothing.write_bytes(b"no package")
    fits, foreign, broken, missing_file = read_by_module(
        prefix, engine_path, package, connect, nothing, tmp_path / "missing.msi"
    )
    with package.open("rb") as file:
        ours = read_package(file, package.name).tables
    assert set(fits["tables"]) == set(ours)
    for name, rows in ours.items():
        # Columns of streams are left out on the node.
        columns = set(fits["tables"][name][0]) if rows else set()
        texts = [{key: "" if row[key] is None else str(row[key]) for key in columns} for row in rows]
        assert sorted(map(str, (sorted(row.items()) for row in texts))) == sorted(
            map(str, (sorted(row.items()) for row in fits["tables"][name]))
        ), name
        assert {key for row in rows for key in row} - columns <= {"Data"}, name
    assert fits["error"] == ""
    assert [text.partition(";")[0] for text in fits["warnings"]] == [
        "The package: not in MsiHiddenProperties: SERVICEPASSWORD"
    ]
    assert foreign["error"].startswith("MimSync.MediaPackage: this is the sync engine of Azure AD Connect")
    for unread in (broken, missing_file):
        assert unread["error"].startswith("MimSync.Media: Windows Installer cannot read the tables of Z:")
