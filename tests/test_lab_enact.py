"""The simulated LCM and the simulated setup enact the document that was pushed."""

import re
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from mimc.lab import Lab, open_lab
from mimc.lab.answers import Answers
from mimc.lab.node import EXIT_CODES, SUCCESS_CODES, NodeFile
from mimc.lab.sync_setup import PREREQUISITES
from mimc.resources import SYNC_SERVICE
from mimc.resources.compare import compare
from mimc.state import Status, parse_state

from .lab_node import ACCOUNTS, CANARY, CONTOSO, JOB, NOW, Client, instance, meta_mof

LAB = Path(str(files("mimc.lab")))
GROUPS = [name for name in CONTOSO if name.endswith("Group")]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh") / "lab"
    open_lab(folder, "corpsync", "corpsync.contoso.com")
    return folder


@pytest.fixture
def client(fresh: Path, tmp_path: Path) -> Client:
    shutil.copytree(fresh, tmp_path / "lab")
    lab = Lab(NodeFile(tmp_path / "lab", "corpsync"))
    return Client(lab, Answers(lab.node, lambda: NOW))


def statuses(state: Mapping[str, Any], desired: Mapping[str, object] = CONTOSO) -> dict[str, str]:
    wanted = {**desired, "ServiceAccount": r"contoso\MIMSync"}
    return {item.property: item.status.value for item in compare(SYNC_SERVICE, wanted, parse_state(state))}


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_fresh_install_ends_in_the_desired_state_and_leaves_no_document(client: Client) -> None:
    job = client.apply()
    assert job == {"status": "Success", "rebootRequested": False, "error": ""}
    assert client.preflight()["documents"] == {"current": None, "pending": None}
    client.tamper("secondHop=on")
    found = statuses(client.read())
    assert set(found.values()) == {"ok", "notCompared"}
    assert {name for name, status in found.items() if status == "notCompared"} == {
        "SourcePath",
        "AcceptLicense",
    }
    assert not any((client.lab.node.files / "documents").iterdir())
    assert not any((client.lab.node.files / "stage").iterdir())


def test_what_is_installed_is_what_the_document_says(client: Client) -> None:
    changes = {"DatabaseName": "Über Sync", "SqlInstance": "MIM", "InstallDirectory": "D:\\MIM\\"}
    assert client.apply(client.mof(changes))["status"] == "Success"
    properties = client.read()["properties"]
    assert properties["DatabaseName"] == {"value": "Über Sync"}
    assert properties["SqlInstance"] == {"value": "MIM"}
    assert properties["InstallDirectory"] == {"value": "D:\\MIM"}
    assert client.read()["facts"]["InstallPath"] == "D:\\MIM\\Synchronization Service\\"


def test_a_second_run_changes_nothing(client: Client) -> None:
    client.apply()
    before = client.lab.state
    assert client.apply()["status"] == "Success"
    assert client.lab.state | {"earlierJobs": []} == before


def test_the_firewall_and_the_key_backup_are_put_right(client: Client) -> None:
    client.apply()
    for change in ("firewall=off", "keyBackup=missing", "keyBackup=empty", "keyBackup=changed"):
        client.tamper(change)
        name = "EnableRpcFirewallRules" if change == "firewall=off" else "KeyBackupPath"
        assert statuses(client.read())[name] == "drift"
        if name == "KeyBackupPath":
            assert client.read()["facts"]["KeyBackupReason"]
        assert client.apply()["status"] == "Success"
        assert statuses(client.read())[name] == "ok"


def test_a_key_backup_at_another_path_is_exported_there(client: Client) -> None:
    client.apply()
    path = "D:\\keys.bin"
    state = client.ask("read", Account=[], KeyBackupPath=path)["state"]
    assert state["properties"]["KeyBackupPath"] == {"value": None, "display": ""}
    assert client.apply(client.mof({"KeyBackupPath": path}))["status"] == "Success"
    state = client.ask("read", Account=[], KeyBackupPath=path)["state"]
    assert state["properties"]["KeyBackupPath"] == {"value": path}
    assert "KeyBackupPath" not in client.ask("read")["state"]["properties"]


def test_what_only_setup_could_change_is_refused_and_stays(client: Client) -> None:
    client.apply()
    client.tamper(r"groups.operators=contoso\Others", "firewall=off")
    job = client.apply()
    assert job["status"] == "Failure"
    assert "MimSync.CannotSet: OperatorsGroup" in job["error"]
    assert "Others" in job["error"] and "AdministratorsGroup" not in job["error"]
    assert client.lab.state["groups"]["operators"] == r"contoso\Others"
    assert client.lab.state["firewall"] == "on", "what can be repaired is repaired first"


def test_a_failed_document_stays_pending_until_it_is_withdrawn(client: Client) -> None:
    client.tamper("media=missing")
    client.install_module()
    client.configure()
    assert client.enact(client.mof())["status"] == "Failure"
    answer = client.preflight()
    assert answer["lcm"]["state"] == "PendingConfiguration"
    assert answer["documents"] == {"current": None, "pending": "ContosoSync"}
    assert client.withdraw()["documents"] == {"current": None, "pending": None}
    assert client.preflight()["lcm"]["state"] == "Idle"


def test_without_being_asked_for_no_document_is_removed(client: Client) -> None:
    client.install_module()
    client.configure()
    client.enact(client.mof())
    kept = {"current": "ContosoSync", "pending": None}
    assert client.withdraw(document=False)["documents"] == kept
    assert not any((client.lab.node.files / "stage").iterdir()), "the staged files go whatever becomes of it"
    assert client.preflight()["documents"] == kept


def test_a_session_without_a_second_hop_cannot_check_the_groups(client: Client) -> None:
    client.apply()
    properties = client.read()["properties"]
    reasons = {properties[name]["notChecked"] for name in GROUPS}
    assert len(reasons) == 1 and reasons.pop().startswith("no second hop: ")
    assert set(statuses(client.read()).values()) == {"ok", "notCompared", "notChecked"}
    client.tamper("secondHop=on")
    shown = client.read()["properties"]["OperatorsGroup"]
    assert shown["display"] == r"CONTOSO\MIMSyncOperators" and shown["value"].startswith("S-1-5-21-")


@pytest.mark.parametrize("server", ["localhost", ".", "CORPSYNC", "corpsync.contoso.com"])
def test_a_local_sql_server_needs_no_second_hop(client: Client, server: str) -> None:
    assert client.apply(client.mof({"SqlServer": server}, run_as=""))["status"] == "Success"
    state = client.read()
    assert state["properties"]["SqlServer"] == {"value": ""}
    assert statuses(state, {**CONTOSO, "SqlServer": server})["AdministratorsGroup"] == "ok"


def test_a_refused_sql_server_makes_the_groups_unknown_and_never_drift(client: Client) -> None:
    client.apply()
    for change, hop in (("sql=refused", "off"), ("sql=refused", "on"), ("sql=denied", "on")):
        client.tamper(change, f"secondHop={hop}")
        assert {statuses(client.read())[name] for name in GROUPS} == {"unknown"}
        job = client.apply()
        assert job["status"] == "Failure" and "MimSync.Unknown" in job["error"]


def test_an_audit_reads_the_groups_under_its_own_account(client: Client) -> None:
    client.apply()
    assert set(statuses(client.audit()["state"]).values()) == {"ok", "notCompared"}
    client.tamper("auditAs.select=no")
    state = client.audit()["state"]
    assert {statuses(state)[name] for name in GROUPS} == {"unknown"}
    assert "SELECT" in state["properties"]["JoinersGroup"]["unknown"]
    assert "mimaudit" in state["properties"]["JoinersGroup"]["unknown"]
    client.tamper("sql=refused", "auditAs.select=yes")
    assert "cannot connect" in client.audit()["state"]["properties"]["JoinersGroup"]["unknown"]


def test_a_password_that_the_lcm_could_not_decrypt_is_refused_by_set(client: Client) -> None:
    client.install_module()
    job = client.enact(client.mof(run_as="", changes={"SqlServer": "localhost"}))
    assert "MimSync.Undecrypted" in job["error"]
    client.configure()
    unmarked = client.mof(run_as="", content_type="", changes={"SqlServer": "localhost"})
    assert "MimSync.Undecrypted" in client.enact(unmarked)["error"]
    assert "PsDscRunAsCredential is incorrect" in client.enact(client.mof(content_type=""))["error"]
    assert not client.lab.state["installed"]


def test_a_password_for_another_key_or_an_empty_one_is_refused(client: Client) -> None:
    client.install_module()
    client.configure()
    assert "is empty" in client.enact(client.mof(password=""))["error"]
    client.ask("configure-lcm", **client.stage("other.meta.mof", meta_mof("AB" * 20)))
    assert "is not in Cert:" in client.enact(client.mof())["error"]


@pytest.mark.parametrize("status", ["missing", "noPrivateKey"])
def test_a_certificate_without_its_private_key_is_seen_and_decrypts_nothing(
    client: Client, status: str
) -> None:
    client.tamper(f"certificate={status}")
    answer = client.preflight()["certificate"]
    assert (answer["present"], answer["privateKey"]) == (status != "missing", False)
    assert client.apply()["status"] == "Failure"
    assert not client.lab.state["installed"]


def test_no_password_is_kept_anywhere(client: Client) -> None:
    client.install_module()
    client.configure()
    client.enact(client.mof())
    client.audit()
    assert CANARY.encode() not in everything_in(client.lab.node.folder)
    assert CANARY.encode("utf-16-le") not in everything_in(client.lab.node.folder)


def test_a_managed_account_installs_without_a_password(client: Client) -> None:
    data = client.mof({"ManagedServiceAccount": "contoso\\mimsync$"}, service_account="")
    assert client.apply(data)["status"] == "Success"
    account = client.read()["properties"]["ManagedServiceAccount"]
    assert account["display"] == "CONTOSO\\mimsync$"
    assert account == client.read()["properties"]["ServiceAccount"]


@pytest.mark.parametrize("code", sorted(EXIT_CODES))
def test_the_exit_code_of_setup_decides(client: Client, code: int) -> None:
    client.tamper(f"setup.exitCode={code}")
    job = client.apply()
    assert client.lab.state["installed"] == (code in SUCCESS_CODES)
    assert job["rebootRequested"] == (code in (1641, 3010))
    if code in SUCCESS_CODES:
        assert job["status"] == "Success"
    elif code == 1618:
        assert "MimSync.InstallerBusy" in job["error"]
    else:
        assert f"MimSync.SetupFailed: exit code {code}: {EXIT_CODES[code]}" in job["error"]


def test_a_required_restart_holds_the_lcm_until_the_node_restarts(client: Client) -> None:
    client.tamper("setup.exitCode=3010")
    client.apply()
    assert client.read()["facts"]["RebootRequired"] is True
    assert client.preflight()["lcm"]["state"] == "PendingReboot"
    refused = client.ask("enact", **client.stage("corpsync.mof", client.mof()), JobId=JOB)["refused"]
    assert refused["code"] == "PendingReboot"
    client.tamper("rebootRequired=no")
    assert client.apply() == {
        "status": "Success",
        "rebootRequested": False,
        "error": "",
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("media=missing", "MimSync.Media:"),
        ("media=wrongSignature", "MimSync.MediaSignature"),
        ("media=azureAdConnect", "MimSync.MediaPackage: this is the sync engine of Azure AD Connect"),
        (
            r"accounts.missing=contoso\mimsyncjoiners",
            r"MimSync.Unresolved: the node cannot resolve contoso\MIMSyncJoiners",
        ),
        (r"accounts.missing=CONTOSO\mimsync", r"cannot resolve contoso\MIMSync."),
        ("prerequisites.sqlClient=missing", "MimSync.Prerequisite: the node lacks a SQL Server client ("),
        ("prerequisites.visualCpp=missing", "MimSync.Prerequisite: the node lacks the Visual C++ runtime"),
        (
            "prerequisites.dotNet=missing",
            "MimSync.Prerequisite: the node lacks .NET Framework 4.6 or later (",
        ),
        ("sql=refused", "MimSync.Sql: cannot connect"),
        ("sql=denied", "MimSync.Sql: the SQL Server corpsql.contoso.com refused the login"),
    ],
)
def test_what_setup_needs_is_checked(client: Client, change: str, said: str) -> None:
    client.tamper(change)
    job = client.apply()
    assert job["status"] == "Failure" and said in job["error"]
    assert not client.lab.state["installed"]


def test_everything_that_is_missing_is_named_at_once(client: Client) -> None:
    client.tamper(*(f"prerequisites.{name}=missing" for name in PREREQUISITES))
    assert ", and ".join(PREREQUISITES.values()) in client.apply()["error"]


def test_a_local_sql_server_brings_its_client_along(client: Client) -> None:
    client.tamper("prerequisites.sqlClient=missing")
    assert client.apply(client.mof({"SqlServer": "localhost"}))["status"] == "Success"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SqlServer", "corpsql,1433"),
        ("SqlServer", "corpsql:1433"),
        ("SqlServer", r"corpsql\MIM"),
        ("SqlServer", "tcp:corpsql"),
        ("SqlInstance", "MIM,1433"),
    ],
)
def test_a_port_or_an_instance_is_no_name_of_a_server(client: Client, name: str, value: str) -> None:
    job = client.apply(client.mof({name: value}))
    assert f"MimSync.SqlPort: {name} '{value}' is more than a name" in job["error"]
    assert not client.lab.state["installed"]


def test_the_license_must_be_accepted(client: Client) -> None:
    assert "MimSync.License" in client.apply(client.mof({"AcceptLicense": False}))["error"]


def test_the_machine_account_cannot_install_on_a_remote_sql_server(client: Client) -> None:
    assert "refused the login" in client.apply(client.mof(run_as=""))["error"]


def test_a_silent_fall_back_to_the_local_sql_server_is_found(client: Client) -> None:
    client.tamper("setup.fallsBackToLocalSql=yes")
    assert "MimSync.SqlFallback" in client.apply()["error"]
    client.tamper("setup.fallsBackToLocalSql=no")
    assert "MimSync.CannotSet: SqlServer" in client.apply()["error"]
    assert statuses(client.read())["SqlServer"] == "cannotSet"


def test_a_media_that_is_too_old_fails_the_verification(client: Client) -> None:
    assert (
        "MimSync.Verify: setup succeeded, but MinimumVersion"
        in client.apply(client.mof({"MinimumVersion": "4.7"}))["error"]
    )


def test_a_document_for_a_module_version_that_is_not_there_fails(client: Client) -> None:
    client.install_module()
    client.configure()
    job = client.enact(client.mof({"ModuleVersion": "9.9.9"}))
    assert "does not exist at the PowerShell module path" in job["error"]


def test_other_resources_are_not_simulated_and_hold_up_what_depends_on_them(client: Client) -> None:
    other = instance(
        "MSFT_RoleResource",
        "Role",
        {"ResourceID": "[WindowsFeature]Net", "Name": "Net", "ModuleName": "X", "ModuleVersion": "1.0"},
    )
    job = client.apply(client.mof(extra=other))
    assert job["status"] == "Failure" and "MSFT_RoleResource" in job["error"]
    assert client.lab.state["installed"], "independent resources still run"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Unheard": "x"}, "no property unheard"),
        ({"ProductVersion": "1.0"}, "no property productversion"),
        ({"EnableRpcFirewallRules": "True"}, "EnableRpcFirewallRules of MimSyncService is not Boolean"),
        ({"SourcePath": None}, "SourcePath of MimSyncService is required"),
        ({"ManagedServiceAccount": "contoso\\g$"}, "exactly one of ServiceAccount"),
    ],
)
def test_a_document_that_does_not_fit_the_resource_fails(
    client: Client, changes: dict[str, object], said: str
) -> None:
    job = client.apply(client.mof(changes))
    assert job["status"] == "Failure" and said in job["error"]


def test_a_service_account_that_is_gone_is_unknown(client: Client) -> None:
    client.apply()
    client.tamper(r"accounts.missing=contoso\MIMSync")
    assert statuses(client.read())["ServiceAccount"] == Status.UNKNOWN
    assert ACCOUNTS[0] in client.read()["properties"]["ServiceAccount"]["unknown"]


def test_the_product_is_removed_after_its_keys_were_exported(client: Client) -> None:
    absent = client.mof({"Ensure": "Absent"})
    assert client.apply(absent)["status"] == "Success", "it is not there"
    client.apply()
    client.tamper("keyBackup=missing")
    assert client.apply(absent)["status"] == "Success"
    state = client.lab.state
    assert (state["installed"], state["keyBackup"], state["existingDatabase"]) == (False, "present", "yes")


def test_the_lab_says_what_the_shipped_module_says() -> None:
    folder = LAB.parent / "resources" / "dsc-modules" / "MimSyncDsc"
    shipped = (folder / "en-US" / "MimSyncDsc.strings.psd1").read_text("utf-8-sig")
    said = re.findall(r"MimSync\.[A-Z][A-Za-z]+", (LAB / "sync_setup.py").read_text())
    assert len(said) > 10
    assert not {word for word in said if f" = {word}: " not in shipped}
    assert not {text for text in PREREQUISITES.values() if f" = {text}\n" not in shipped}
    assert not {
        (code, text)
        for code, text in EXIT_CODES.items()
        if code not in SUCCESS_CODES and f"\nExit{code} = {text}\n" not in shipped
    }
