"""The simulated server answers the constant scripts in the forms of docs/contract.md."""

import gzip
import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from mimc.lab import Lab, open_lab
from mimc.lab.answers import Answers
from mimc.lab.engine import ScriptFailed, UnknownScript
from mimc.lab.node import NodeFile

from .lab_node import JOB, NOW, VERSION, Client, meta_mof, module


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


def test_a_new_node_has_no_product_and_an_lcm_that_nobody_configured(client: Client) -> None:
    answer = client.ask(
        "preflight", Thumbprint=client.thumbprint, ModuleName="MimSyncDsc", ModuleVersion=VERSION
    )
    assert answer["node"] == {"computerName": "CORPSYNC", "powershell": "5.1.20348.1"}
    assert answer["certificate"]["present"] and answer["certificate"]["privateKey"]
    assert answer["certificate"]["expires"].endswith(".0000000Z")
    assert (answer["lcm"]["state"], answer["lcm"]["certificateId"]) == ("Idle", "")
    assert answer["lcm"]["settings"] == {
        "ConfigurationMode": "ApplyAndMonitor",
        "RefreshMode": "Push",
        "RebootNodeIfNeeded": False,
        "ActionAfterReboot": "ContinueConfiguration",
        "ConfigurationModeFrequencyMins": 15,
        "RefreshFrequencyMins": 30,
        "AllowModuleOverwrite": False,
        "DebugMode": ["NONE"],
        "StatusRetentionTimeInDays": 10,
        "MaximumDownloadSizeMB": 500,
        "SignatureValidationPolicy": "NONE",
    }
    assert answer["lcm"]["managers"] == []
    assert answer["documents"] == {"current": None, "pending": None}
    assert answer["module"] == {"sha256": ""}
    assert client.read()["properties"] == {"Ensure": {"value": "Absent"}}


def test_settings_beyond_the_usual_are_taken_and_told_and_what_is_not_said_falls_back(client: Client) -> None:
    told = {"DebugMode": ("ForceModuleImport",), "RefreshFrequencyMins": 45, "ConfigurationID": "1-2"}
    client.ask("configure-lcm", **client.stage("a.meta.mof", meta_mof("", **told)))
    settings = client.preflight()["lcm"]["settings"]
    assert settings["DebugMode"] == ["ForceModuleImport"]
    assert (settings["RefreshFrequencyMins"], settings["ConfigurationID"]) == (45, "1-2")
    client.ask("configure-lcm", **client.stage("b.meta.mof", meta_mof("")))
    settings = client.preflight()["lcm"]["settings"]
    assert (settings["DebugMode"], settings["RefreshFrequencyMins"]) == (["NONE"], 30)
    assert "ConfigurationID" not in settings


def test_a_managed_node_shows_in_preflight_and_loses_its_manager_to_a_meta_document(client: Client) -> None:
    client.tamper("lcm.managedBy=ReportManagers")
    assert client.preflight()["lcm"]["managers"] == ["ReportManagers"]
    client.configure()
    assert client.preflight()["lcm"]["managers"] == []


def test_an_audit_is_refused_where_it_could_not_run(client: Client) -> None:
    assert client.audit()["refused"]["code"] == "NoCertificateId"
    client.configure()
    assert client.audit()["refused"]["code"] == "NoModule"
    client.install_module()
    assert client.audit()["state"]["properties"] == {"Ensure": {"value": "Absent"}}
    thumbprint = client.thumbprint
    for data in (b"no gzip", gzip.compress(b"no MOF"), gzip.compress(b"")):
        answer = client.ask("audit", Document=data, Thumbprint=thumbprint, ModuleVersion=VERSION)
        assert answer["refused"]["code"] == "AuditFailed"
    client.tamper("lcm.state=Busy")
    assert client.audit()["refused"]["code"] == "LcmBusy"


def test_a_foreign_document_and_a_pulling_node_show_in_preflight(client: Client) -> None:
    client.tamper("document=SomebodyElse", "lcm.refreshMode=Pull")
    answer = client.preflight()
    assert answer["documents"] == {"current": "SomebodyElse", "pending": None}
    assert answer["lcm"]["settings"]["RefreshMode"] == "Pull"
    client.install_module()
    client.enact(client.mof())
    assert client.preflight()["lcm"]["settings"]["RefreshMode"] == "Push", "force makes it a pushed one"


@pytest.mark.parametrize("data", [b"MZ", b"no MOF at all", b"instance of X { A = 1; };"])
def test_bytes_that_are_no_node_document_end_in_a_failed_job(client: Client, data: bytes) -> None:
    client.install_module()
    digest = hashlib.sha256(data).hexdigest()
    client.ask("stage", Name="x.mof", Sha256=digest, Length=len(data), Offset=0, Data=data)
    client.ask("enact", Name="x.mof", Sha256=digest, JobId=JOB)
    assert client.ask("follow", JobId=JOB)["job"]["status"] == "Failure"
    assert client.preflight()["documents"]["pending"] == "(unnamed)"


@pytest.mark.parametrize(
    "data",
    [b"nothing", meta_mof("", RefreshMode="Sideways"), meta_mof("", ConfigurationModeFrequencyMins="15")],
)
def test_a_meta_document_that_the_lcm_does_not_take_is_an_error(client: Client, data: bytes) -> None:
    with pytest.raises(ScriptFailed, match="SendMetaConfigurationApply"):
        client.ask("configure-lcm", **client.stage("bad.meta.mof", data))


def test_a_slow_enactment_is_followed_and_can_be_found_again(client: Client) -> None:
    client.tamper("slow=2")
    client.install_module()
    client.configure()
    client.ask("enact", **client.stage("corpsync.mof", client.mof()), JobId=JOB)
    busy = client.ask("enact", **client.stage("corpsync.mof", client.mof()), JobId=JOB)
    assert busy["refused"]["code"] == "LcmBusy"
    for _ in range(2):
        answer = client.ask("follow", JobId=JOB.upper())
        assert (answer["lcm"]["state"], answer["job"]) == ("Busy", None)
    # Another connection, which asks in the same way.
    again = Client(client.lab, Answers(client.lab.node, lambda: NOW))
    assert again.ask("follow", JobId=JOB)["job"]["status"] == "Success"
    assert again.ask("follow", JobId="00000000-0000-0000-0000-000000000000")["job"] is None


def test_a_busy_lcm_takes_nothing(client: Client) -> None:
    client.tamper("lcm.state=Busy")
    staged = client.stage("corpsync.meta.mof", meta_mof(client.thumbprint))
    assert client.ask("configure-lcm", **staged)["refused"]["code"] == "LcmBusy"
    assert (
        client.ask("enact", **client.stage("corpsync.mof", client.mof()), JobId=JOB)["refused"]["code"]
        == "LcmBusy"
    )
    with pytest.raises(ScriptFailed, match="busy"):
        client.withdraw()


def test_staging_goes_on_at_the_offset_that_is_there(client: Client) -> None:
    data = bytes(range(256)) * 10
    digest = hashlib.sha256(data).hexdigest()

    def stage(offset: int, chunk: bytes) -> dict[str, Any]:
        return client.ask("stage", Name="a.zip", Sha256=digest, Length=len(data), Offset=offset, Data=chunk)

    assert stage(0, b"") == {"version": 1, "present": False, "length": 0}
    assert stage(0, data[:1000]) == {"version": 1, "present": False, "length": 1000}
    assert stage(0, b"")["length"] == 1000
    assert stage(500, data[500:1500])["refused"]["code"] == "StageOffset"
    assert stage(1000, data[1000:]) == {"version": 1, "present": True, "length": len(data)}
    assert stage(0, b"")["present"] is True


def test_a_file_with_another_hash_is_never_used(client: Client) -> None:
    wrong = {"Name": "a.mof", "Sha256": "0" * 64}
    assert client.ask("stage", **wrong, Length=3, Offset=0, Data=b"ab")["length"] == 2
    assert client.ask("stage", **wrong, Length=3, Offset=2, Data=b"c")["refused"]["code"] == "StageHash"
    assert client.ask("stage", **wrong, Length=3, Offset=0)["length"] == 0, "what was there is dropped"
    client.stage("a.mof", b"abc")
    assert client.ask("enact", **wrong, JobId=JOB)["refused"]["code"] == "StageHash"
    assert client.ask("enact", Name="b.mof", Sha256="0" * 64, JobId=JOB)["refused"]["code"] == "StageMissing"
    staged = client.stage("m.zip", module())
    answer = client.ask("install-module", **staged, ModuleName="M", ModuleVersion="1", ModuleSha256="f" * 64)
    assert answer["refused"]["code"] == "ModuleHash"
    assert client.lab.state["modules"] == {}


@pytest.mark.parametrize("name", ["../a", "a/b", ".hidden", "", "a b", "a\\b", "a\n"])
def test_a_staged_file_stays_in_its_folder(client: Client, name: str) -> None:
    with pytest.raises(ScriptFailed, match="staged file"):
        client.ask("stage", Name=name, Sha256="0" * 64, Length=1, Offset=0, Data=b"a")


def test_only_the_constant_scripts_with_their_own_parameters_are_answered(client: Client) -> None:
    with pytest.raises(UnknownScript):
        client.answers("Get-ChildItem", {})
    with pytest.raises(ScriptFailed, match="no parameter Command"):
        client.ask("read", Command="x")
    with pytest.raises(ScriptFailed, match="Account is not"):
        client.ask("read", Account="text")


def test_a_damaged_state_file_is_an_error_of_the_script_that_names_the_way_out(client: Client) -> None:
    client.lab.node.path.write_text("{")
    with pytest.raises(ScriptFailed, match="mimc lab reset corpsync"):
        client.preflight()


def test_reading_changes_nothing_in_the_folder(client: Client) -> None:
    client.apply()
    before = {path: path.stat().st_mtime_ns for path in client.lab.node.folder.rglob("*")}
    client.read()
    client.audit()
    client.preflight()
    assert before == {path: path.stat().st_mtime_ns for path in client.lab.node.folder.rglob("*")}


def test_names_resolve_to_the_same_sid_however_they_are_written(client: Client) -> None:
    names = [r"contoso\MIMSync", r"CONTOSO\mimsync", "mimsync@contoso.com", r"contoso.com\MIMSync"]
    client.tamper(r"accounts.missing=contoso\nobody")
    sids = client.ask("read", Account=[*names, r"Contoso\Nobody", r"fabrikam\MIMSync"])["state"]["sids"]
    assert list(sids) == [*names, r"Contoso\Nobody", r"fabrikam\MIMSync"]
    assert len({sids[name] for name in names}) == 1 and sids[names[0]].startswith("S-1-5-21-")
    assert sids[r"Contoso\Nobody"] is None
    assert sids[r"fabrikam\MIMSync"] != sids[names[0]]
