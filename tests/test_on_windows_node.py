"""The self-test for a real node, run by the engine over played nodes: right ones, wrong ones, and none."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption, load_pem_private_key, pkcs12

from mimc.certificates import issue_document_encryption, read_encryption_certificate
from mimc.cms import seal
from mimc.secret import Secret

from .played_node import ROOT, SCRIPT, Answer, PlayedNode
from .test_on_windows import CHECKS

pytestmark = pytest.mark.engine

#: What a played node cannot confirm, and what it says instead.
NO_PRODUCT = {"firewall.product", "product.entry", "product.groups"}
NOT_GIVEN = {"mof.read", "secret.sealed", "media.package"}
NOT_HERE = {*NO_PRODUCT, *NOT_GIVEN, "module.discovery", "secret.certificate"}
#: The engine is not 5.1 and lacks what only Windows has; the stand-in's child does not repeat lines.
WRONG_HERE = {"engine.version": "refuted", "engine.commands": "refuted", "seam.child": "error"}

MEDIA = "'Microsoft Identity Manager Synchronization Service'"
PACKAGE = f"[MimcStandIns.Installer]::Properties['ProductName'] = {MEDIA};"
CERTIFICATE = "[MimcStandIns.Store]::All = @([System.Security.Cryptography.X509Certificates.X509Certificate2]::new('{}'))"


def expected(**different: str) -> dict[str, str]:
    """Return the verdicts of the played node, with those of *different*, whose names have _ for the dot."""
    verdicts = {check: "notPossibleHere" if check in NOT_HERE else "confirmed" for check in CHECKS}
    return verdicts | WRONG_HERE | {name.replace("_", "."): verdict for name, verdict in different.items()}


@pytest.fixture
def node(engine_path: Path, tmp_path: Path) -> PlayedNode:
    return PlayedNode(tmp_path / "node", engine_path)


@pytest.fixture(scope="session")
def fresh(engine_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """The answer of a node on which nothing was installed."""
    return PlayedNode(tmp_path_factory.mktemp("fresh") / "node", engine_path).ask()


def test_off_windows_nothing_is_confirmed(engine_path: Path, tmp_path: Path) -> None:
    answer = PlayedNode(tmp_path / "node", engine_path, windows=False, seam=True).ask()
    assert answer.verdicts == dict.fromkeys(CHECKS, "notPossibleHere")
    assert {check["evidence"] for check in answer.checks} == {"this is not Windows"}


def test_the_script_as_it_stands_answers_with_nothing_but_json(engine_path: Path) -> None:
    command: list[str | Path] = [engine_path, "-NoProfile", "-NonInteractive", "-File", SCRIPT]
    done = subprocess.run(command, capture_output=True, check=True, timeout=300)
    assert done.stderr == b""
    assert {check["verdict"] for check in json.loads(done.stdout)["checks"]} == {"notPossibleHere"}


def test_every_check_of_a_node_without_the_product_has_its_verdict(fresh: Answer) -> None:
    assert fresh.verdicts == expected()
    for check in fresh.checks:
        assert list(check) == ["id", "claim", "verdict", "evidence", "milliseconds"]
        assert check["evidence"] and check["milliseconds"] >= 0
    counts = {word: list(fresh.verdicts.values()).count(word) for word in ("confirmed", "refuted", "error")}
    assert counts.items() <= fresh.summary.items()
    assert sum(fresh.summary[word] for word in ("confirmed", "refuted", "notPossibleHere", "error")) == len(
        CHECKS
    )
    assert fresh.summary["module"] and fresh.summary["powershell"].endswith(" Core")


def test_it_changes_no_file_and_asks_for_nothing_that_changes(fresh: Answer) -> None:
    assert fresh.changed == []
    names = {
        " ".join(call.split()[:2]) if call.startswith("LCM") else call.split()[0] for call in fresh.calls
    }
    assert names == {
        *("Get-SqlRow", "Start-Child", "Read-ChildLine"),
        *("LCM GetMetaConfiguration", "LCM GetConfigurationStatus"),
    }


def test_it_leaves_nothing_in_the_folder_for_temporary_files(engine_path: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
    PlayedNode(tmp_path / "node", engine_path, environment=environment).ask("Install-Mim")
    assert [path.name for path in temporary.rglob("*") if path.is_file()] == []


def test_an_installed_product_is_looked_at(node: PlayedNode) -> None:
    row = (
        "$global:Windows.SqlFailure = $null; $global:Windows.Row = @{}; foreach ($c in 'administrators_sid', "
        "'operators_sid', 'account_joiners_sid', 'browse_sid', 'passwordset_sid') { $global:Windows.Row[$c] = 'S-1-5-32-544' }"
    )
    answer = node.ask(f"Install-Mim; {row}")
    # SQL that answers on port 1 is not what that check wants.
    assert answer.verdicts == expected(
        **{name.replace(".", "_"): "confirmed" for name in NO_PRODUCT}, seam_sql="refuted"
    )
    assert "LPort=RPC" in answer["firewall.product"]["evidence"]
    assert "4.6.34.0" in answer["product.entry"]["evidence"]
    assert "OperatorsGroup value" in answer["state.get"]["evidence"]


#: What is wrong with a node, by the check that has to see it. Those of one world are wrong at once.
WORLDS: dict[str, dict[str, str]] = {
    "windows": {
        "seam.node": "$global:Windows.Node = @{ ComputerName = 'OTHER'; Fqdn = 'corpsync' }",
        "seam.registry": r"$global:Windows.Registry['SOFTWARE\Microsoft\Windows NT\CurrentVersion'] = @{ CurrentBuild = 'x' }",
        "seam.service": "$global:Windows.Services['Winmgmt'] = 4",
        "seam.account": r"$global:Windows.Sids['BUILTIN\Administrators'] = 'S-1-5-32-545'; $global:Windows.Sids['A'] = 'S-1-5-32-544'",
        "seam.file": r"$global:Windows.Files[$env:SystemRoot + '\System32\msi.dll'] = 'short'",
        "seam.identity": "$global:Windows.NetworkLogon = 'no'",
        "seam.installer": r"$env:ProgramData = 'D:\Elsewhere'",
        "seam.signature": "$global:Windows.Signature.Status = 'NotSigned'",
        "seam.sql": "$global:Windows.SqlFailure = @{ Number = 'x'; Message = '' }",
        "scripts.preflight": "$global:Lcm.LCMState = 'Asleep'",
        "lcm.methods": "$global:Method.SendConfigurationApplyAsync = 'UInt8Array ConfigurationData, Boolean force'",
        "lcm.settings": "$global:Class.MSFT_DSCMetaConfiguration = 'String LCMState'",
        "lcm.status": "$global:Class.MSFT_DSCConfigurationStatus = 'String Status'",
        "wire.winrm": "function global:Get-WSManInstance { param($ResourceURI) @{ MaxEnvelopeSizekb = '32' } }",
        "secret.policy": r"$global:Windows.Registry['SOFTWARE\Policies\Microsoft\Windows\Installer'] = @{ Debug = 7 }",
        "firewall.format": "$global:Shown.Enabled = 'False'",
        "media.package": "[MimcStandIns.Installer]::Properties['ProductName'] = 'Azure AD Connect synchronization services'",
    },
    "product": {
        "firewall.product": "Install-Mim; $global:Windows.Registry[$global:FirewallRules]['{7A}'] = 'v2.30|LPort=5725|Name=Identity Manager|'",
        "product.entry": "$global:Windows.Files.Clear()",
        "product.groups": "$global:Windows.SqlFailure = @{ Number = 208; Message = 'no such table' }",
    },
}


@pytest.mark.parametrize("world", WORLDS)
def test_a_node_on_which_claims_are_not_true_refutes_them(node: PlayedNode, world: str) -> None:
    answer = node.ask("; ".join(WORLDS[world].values()), Media=str(ROOT / "README.md"))
    for check in WORLDS[world]:
        assert answer[check]["verdict"] == "refuted", answer[check]
        assert answer[check]["evidence"].startswith("not so: ")


def test_a_document_a_state_or_a_schema_that_is_wrong_refutes(node: PlayedNode) -> None:
    shutil.copy(node.root / "SystemRoot" / "System32" / "msi.dll", node.root / "no.mof")
    (node.root / "SystemRoot\\System32\\msi.dll").write_bytes(b"\0MsiSetInternalUI\0")
    (inbox,) = node.root.rglob("all.schema.mof")
    inbox.write_text(inbox.read_text("utf-8").replace("boolean Recurse", "uint32 Recurse"), "utf-8")
    read = node.root / "pusher" / "scripts" / "read.ps1"
    wrong = '{"version":1,"state":{"version":1,"node":{"computerName":"A","fqdn":"a","sqlAliases":{}},"sids":{"BUILTIN\\\\Administrators":{}}'
    read.write_text(
        f"""param($Account, $KeyBackupPath) '{wrong},"properties":{{"Ensure":{{"value":{{}}}}}},"facts":{{}}}}}}'""",
        "utf-8-sig",
    )
    (node.root / "resources/dsc-modules/MimSyncDsc/MimSyncDsc.Setup.psm1").write_text("if (", "utf-8-sig")
    answer = node.ask(Mof=str(node.root / "no.mof"))
    wanted = {
        "engine.parse": "MimSyncDsc.Setup.psm1:1",
        "inbox.schema": "MSFT_FileDirectoryConfiguration.Recurse: ours Write boolean, here Write uint32",
        "installer.exports": "msi.dll exports MsiInstallProductW",
    }
    for check, evidence in wanted.items():
        assert answer[check]["verdict"] == "refuted" and evidence in answer[check]["evidence"], answer[check]
    assert answer["mof.read"]["verdict"] == "error"
    assert answer["module.import"]["verdict"] == "error", "and the module's own part"


def test_a_state_with_a_null_that_became_an_object_is_refuted(node: PlayedNode) -> None:
    read = node.root / "pusher" / "scripts" / "read.ps1"
    state = {
        "version": 1,
        "node": {"computerName": "A", "fqdn": "a", "sqlAliases": {}},
        "sids": {"BUILTIN\\Administrators": "S-1-5-32-544", "mimc-no-such-account-4711": {}},
        "properties": {"Ensure": {"value": {}}, "SqlServer": {"value": "x", "unknown": "y"}},
        "facts": {"ServiceState": {}},
    }
    text = json.dumps({"version": 1, "state": state}, separators=(",", ":"))
    read.write_text(f"param($Account, $KeyBackupPath) '{text}'", "utf-8-sig")
    found = node.ask()["scripts.read"]
    assert found["verdict"] == "refuted"
    for place in (
        "sids.mimc-no-such-account-4711",
        "Ensure.value",
        "SqlServer: value unknown",
        "facts.ServiceState",
    ):
        assert place in found["evidence"], found["evidence"]


def test_a_check_that_throws_or_talks_does_not_end_the_others(node: PlayedNode) -> None:
    part = node.root / "docs" / "on-windows" / "seam.ps1"
    noise = "Write-Warning 'noise'; Write-Host 'noise'; Write-Verbose 'noise' -Verbose; throw 'on purpose'; $status ="
    text = part.read_text("utf-8-sig")
    assert "$status = Get-ServiceStatus" in text
    part.write_text(text.replace("$status =", noise, 1), "utf-8-sig")
    answer = node.ask("$global:Records = $null; function global:Get-CimClass { throw 'no WMI' }")
    assert answer["seam.service"]["evidence"] == "on purpose"
    assert answer.verdicts == expected(
        seam_service="error", lcm_methods="error", lcm_settings="error", lcm_status="error"
    )


def test_a_module_that_is_not_there_ends_nothing(node: PlayedNode) -> None:
    answer = node.ask(
        Module=str(node.root / "nowhere"), Scripts=str(node.root / "nowhere"), CommandList="nowhere"
    )
    assert list(answer.verdicts) == list(CHECKS)
    assert answer["module.import"]["verdict"] == "error" and answer.summary["module"] == "none"
    for check in ("scripts.read", "scripts.preflight", "engine.commands"):
        assert answer[check]["verdict"] == "notPossibleHere", check


def test_without_the_rights_of_an_administrator_the_lcm_is_not_asked(node: PlayedNode) -> None:
    answer = node.ask("$global:Windows.Administrator = $false")
    for check in (
        "scripts.preflight",
        "lcm.methods",
        "lcm.settings",
        "lcm.status",
        "wire.winrm",
        "secret.sealed",
    ):
        assert (answer[check]["verdict"], "elevated" in answer[check]["evidence"]) == (
            "notPossibleHere",
            True,
        ), check
    assert not any(call.startswith("LCM") for call in answer.calls)


def test_the_real_seam_file_is_asked_as_far_as_this_platform_has_what_it_asks(
    engine_path: Path, tmp_path: Path
) -> None:
    answer = PlayedNode(tmp_path / "node", engine_path, seam=True).ask()
    # Pipes, processes, files and sockets are everywhere.
    for check in ("seam.child", "seam.file", "seam.sql"):
        assert answer[check]["verdict"] == "confirmed", answer[check]["evidence"]
    for check in ("seam.registry", "seam.service", "seam.account", "seam.identity", "seam.signature"):
        assert answer[check]["verdict"] == "error", check


def test_the_list_of_commands_is_held_against_the_engine(node: PlayedNode) -> None:
    known = {"commands": {"Get-Item": ["LiteralPath"]}, "types": ["ordered", "System.IO.File", "string[]"]}
    path = node.root / "list.json"
    path.write_text(json.dumps(known), "utf-8")
    assert node.ask(CommandList=str(path))["engine.commands"]["verdict"] == "confirmed"
    wrong = {"commands": {"Get-Item": ["None"], "Get-None": []}, "types": ["System.None"]}
    path.write_text(json.dumps(wrong), "utf-8")
    found = node.ask(CommandList=str(path))["engine.commands"]
    assert found["verdict"] == "refuted"
    assert found["evidence"].endswith("Seen: Get-Item -None, Get-None, System.None")


def _sealed_document(folder: Path) -> tuple[Path, Path]:
    """A document with one sealed password, and the certificate with its key as Windows would hold it."""
    issued = issue_document_encryption("corpsync")
    certificate = read_encryption_certificate(issued.certificate_pem, "corpsync.cer")
    text = seal(Secret("canary-sealed"), certificate).replace("\n", "\\n")
    mof = folder / "corpsync.mof"
    mof.write_text(
        f'instance of MSFT_Credential as $a\n{{\nPassword = "{text}";\n}};\ninstance of OMI_ConfigurationDocument\n{{\n}};\n',
        "utf-16",
    )
    key = load_pem_private_key(issued.key_pem, None)
    leaf = x509.load_pem_x509_certificate(issued.certificate_pem)
    pfx = folder / "corpsync.pfx"
    pfx.write_bytes(pkcs12.serialize_key_and_certificates(b"x", key, leaf, None, NoEncryption()))  # type: ignore[arg-type]
    return mof, pfx


def test_a_sealed_password_is_opened_and_stays_unsaid(node: PlayedNode, tmp_path: Path) -> None:
    mof, pfx = _sealed_document(tmp_path)
    answer = node.ask(CERTIFICATE.format(pfx), Mof=str(mof))
    for check in ("mof.read", "secret.sealed", "secret.certificate"):
        assert answer[check]["verdict"] == "confirmed", answer[check]["evidence"]
    assert "canary" not in answer.text
    assert (
        "IssuerAndSerialNumber, 2.16.840.1.101.3.4.1.42 by 1.2.840.113549.1.1.7"
        in answer["secret.sealed"]["evidence"]
    )
    damaged = mof.read_text("utf-16").replace("\\n-----END", "AAAA\\n-----END")
    mof.write_text(damaged, "utf-16")
    assert node.ask(CERTIFICATE.format(pfx), Mof=str(mof))["secret.sealed"]["verdict"] in ("refuted", "error")
    other, _ = _sealed_document(tmp_path)
    assert node.ask(Mof=str(other))["secret.sealed"]["verdict"] == "notPossibleHere"


def test_no_secret_and_no_name_is_in_the_answer(node: PlayedNode) -> None:
    environment = {
        "MIMSYNC_PASSWORD": "canary-environment",
        "USERNAME": "jdoe-admin",
        "USERDOMAIN": "CONTOSOX",
    }
    world = (
        f"Install-Mim; {PACKAGE} [MimcStandIns.Installer]::Properties['SERVICEPASSWORD'] = 'canary-package';"
        "$global:Windows.Signature.Subject = 'CN=jdoe-admin at CORPSYNC in CONTOSOX, \\\\canary-share\\x, S-1-5-21-11-22-33-500'"
    )
    arguments = {"Media": str(ROOT / "README.md"), "SqlServer": "sqlhost9\\INST"}
    played = PlayedNode(node.root.parent / "named", node.engine, environment=environment)
    answer = played.ask(world, **arguments)
    assert answer["media.package"]["verdict"] == "confirmed"
    assert answer["product.groups"]["evidence"] == "SQL Server refused with number 10061"
    for word in ("canary", "jdoe-admin", "CORPSYNC", "CONTOSOX", "S-1-5-21-11"):
        assert word.casefold() not in answer.text.casefold(), word
    assert "CN=<name> at <name> in <name>" in answer["seam.signature"]["evidence"].replace("\\u003c", "<")
    named = played.ask(world, **arguments, IncludeNames=True)
    assert "jdoe-admin" in named.text and named.summary["computer"] == "CORPSYNC"
    assert "canary-environment" not in named.text and "canary-registry" not in named.text
