"""The main job in the lab, through the command line: apply, drift, tamper, drift, apply."""

import codecs
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from mimc import schemas
from mimc.bundle import Bundle
from mimc.compiler import compile_spec

from .conftest import CONTOSO, FABRIKAM, Mimc

TARGET = ("--target", "corpsync", "--lab")
REPORT = Draft202012Validator(schemas.load("report"))
WALKTHROUGH = (
    "ensure", "database.server", "database.instance", "database.name", "serviceAccount",
    "groups.administrators", "groups.operators", "groups.joiners", "groups.connectorBrowse", "groups.passwordReset",
    "firewall", "encryptionKeyBackup",
)  # fmt: skip


def report(text: str) -> dict[str, Any]:
    """Return the report in *text*, checked against its schema."""
    found: dict[str, Any] = json.loads(text)
    REPORT.validate(found)
    return found


def statuses(found: dict[str, Any]) -> dict[str, str]:
    (result,) = found["results"]
    return {item["path"]: item["status"] for item in result["properties"]}


def rewrite(mimc: Mimc, *edits: tuple[str, str]) -> None:
    """Edit the Contoso spec; each edit has to hit."""
    file = mimc.folder / CONTOSO
    text = file.read_text("utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, "utf-8")


def test_apply_installs_and_every_property_is_in_the_desired_state(mimc: Mimc) -> None:
    done = mimc("apply", CONTOSO, *TARGET, "--yes")
    assert done.code == 0
    assert "lab (simulated)" in done.out
    for path in WALKTHROUGH:
        assert any(line.split()[:2] == ["ok", path] for line in done.out.splitlines()), path
    assert "12 properties in the desired state" in done.out


def test_a_second_apply_has_nothing_to_change_and_says_so(applied: Mimc) -> None:
    before = applied.lab_state()
    done = applied("apply", CONTOSO, *TARGET, "--yes")
    assert (done.code, applied.lab_state()) == (0, before)
    assert "nothing to change" in done.out


def test_drift_is_none_after_apply(applied: Mimc) -> None:
    done = applied("drift", CONTOSO, *TARGET, "--output", "json")
    found = report(done.out)
    assert (done.code, found["exitWord"], found["simulated"]) == (0, "ok", True)
    assert {statuses(found)[path] for path in WALKTHROUGH} == {"ok"}


def test_drift_shows_the_property_and_apply_puts_it_right(applied: Mimc) -> None:
    assert applied("lab", "tamper", "corpsync", "firewall=off").code == 0
    done = applied("drift", CONTOSO, *TARGET)
    assert done.code == 2
    assert "drift  firewall" in done.out and "actual: false" in done.out
    found = report(applied("drift", CONTOSO, *TARGET, "--output", "json").out)
    assert found["results"][0]["differences"] == [{"path": "firewall", "desired": True, "actual": False}]
    assert applied("apply", CONTOSO, *TARGET, "--yes").code == 0
    assert applied("drift", CONTOSO, *TARGET).code == 0


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ("database.server=othersql.contoso.com", "database.server"),
        ("database.instance=MIM", "database.instance"),
        ("database.name=Other", "database.name"),
        (r"service.account=contoso\other", "serviceAccount"),
        (r"groups.administrators=contoso\Other", "groups.administrators"),
        (r"groups.passwordReset=contoso\Other", "groups.passwordReset"),
    ],
)
def test_what_apply_cannot_set_is_drift_and_then_cannot_set_and_the_server_is_untouched(
    applied: Mimc, change: str, path: str
) -> None:
    applied("lab", "tamper", "corpsync", change)
    before = applied.lab_state()
    assert statuses(report(applied("drift", CONTOSO, *TARGET, "--output", "json").out))[path] == "drift"
    done = applied("apply", CONTOSO, *TARGET, "--yes")
    assert done.code == 1
    assert f"cannotSet  {path}" in done.out
    assert applied.lab_state() == before


@pytest.mark.parametrize("fault", ["missing", "empty", "changed"])
def test_a_key_backup_that_is_not_good_is_drift_and_apply_exports_it_again(applied: Mimc, fault: str) -> None:
    applied("lab", "tamper", "corpsync", f"keyBackup={fault}")
    assert applied("drift", CONTOSO, *TARGET).code == 2
    assert applied("apply", CONTOSO, *TARGET, "--yes").code == 0
    assert applied("drift", CONTOSO, *TARGET).code == 0


def test_drift_on_a_node_never_applied_to_is_drift_and_nothing_is_written_there(mimc: Mimc) -> None:
    before = mimc.lab_state()
    done = mimc("drift", CONTOSO, *TARGET)
    assert (done.code, mimc.lab_state()) == (2, before)
    assert "not installed" in done.out


def test_refused_sql_makes_the_groups_unknown_and_that_is_no_drift(applied: Mimc) -> None:
    applied("lab", "tamper", "corpsync", "sql=refused")
    done = applied("drift", CONTOSO, *TARGET, "--output", "json")
    found = report(done.out)
    groups = [item for item in found["results"][0]["properties"] if item["path"].startswith("groups.")]
    assert done.code == 1
    assert {item["status"] for item in groups} == {"unknown"}
    assert all("SQL" in item["reason"] for item in groups)
    assert found["results"][0]["inDesiredState"] is None


def test_one_real_drift_beside_unknown_groups_is_drift(applied: Mimc) -> None:
    applied("lab", "tamper", "corpsync", "sql=refused", "firewall=off")
    assert applied("drift", CONTOSO, *TARGET).code == 2


def test_without_an_audit_account_the_groups_are_not_checked_and_that_is_neutral(applied: Mimc) -> None:
    rewrite(
        applied, (r"  auditAs: {user: contoso\mimaudit, password: {secret: {env: MIMAUDIT_PASSWORD}}}", "")
    )
    done = applied("drift", CONTOSO, *TARGET, "--output", "json")
    found = report(done.out)
    assert done.code == 0
    groups = {path: status for path, status in statuses(found).items() if path.startswith("groups.")}
    assert set(groups.values()) == {"notChecked"}
    text = applied("drift", CONTOSO, *TARGET).out
    assert text.count("auditAs") == 1, "said once"


def test_a_session_with_a_second_hop_reads_the_groups_itself(applied: Mimc) -> None:
    rewrite(
        applied, (r"  auditAs: {user: contoso\mimaudit, password: {secret: {env: MIMAUDIT_PASSWORD}}}", "")
    )
    applied("lab", "tamper", "corpsync", "secondHop=on")
    done = applied("drift", CONTOSO, *TARGET, "--output", "json")
    assert done.code == 0
    assert statuses(report(done.out))["groups.operators"] == "ok"


def test_fabrikam_with_its_names_is_compiled_applied_and_drifted_like_contoso(mimc: Mimc) -> None:
    target = ("--target", "fabsync01", "--lab")
    assert mimc("compile", FABRIKAM, "--lab").code == 0
    done = mimc("apply", FABRIKAM, *target, "--yes")
    assert done.code == 0
    for name in (
        "Fabrikam's Sync Datenbank (Übung)",
        "MIM$SYNC",
        r"FABRIKAM\gmsa-mimsync$",
        r"O'Connor's Joiners",
    ):
        assert name in done.out
    assert mimc("apply", FABRIKAM, *target, "--yes").out.count("nothing to change") == 1
    assert mimc("drift", FABRIKAM, *target).code == 0
    mimc("lab", "tamper", "fabsync01", "firewall=on")
    assert mimc("drift", FABRIKAM, *target).code == 2
    assert mimc("apply", FABRIKAM, *target, "--yes").code == 0


def test_two_compiles_are_no_change_of_the_spec_and_differ_in_ciphertext_only(applied: Mimc) -> None:
    hashes = []
    for folder in ("one", "two"):
        assert applied("compile", CONTOSO, "--lab", "-o", folder).code == 0
        manifest = json.loads((applied.folder / folder / "manifest.json").read_text("utf-8"))
        hashes.append(manifest["nodes"]["corpsync"]["specHash"])
    assert hashes[0] == hashes[1]
    one, two = (applied.folder / name for name in ("one", "two"))
    same = {"ContosoSync.ps1", "corpsync.meta.mof", "corpsync.cer"}
    assert {f.name for f in one.iterdir() if f.read_bytes() == (two / f.name).read_bytes()} == same
    assert applied("apply", CONTOSO, *TARGET, "--yes").out.count("nothing to change") == 1


def test_the_spec_hash_changes_with_the_meaning_and_not_with_the_layout(mimc: Mimc) -> None:
    def spec_hash() -> str:
        assert mimc("compile", CONTOSO, "--lab", "-o", "out").code == 0
        manifest = json.loads((mimc.folder / "out" / "manifest.json").read_text("utf-8"))
        return str(manifest["nodes"]["corpsync"]["specHash"])

    first = spec_hash()
    rewrite(mimc, ("syncService:\n", "\n# moved down\n\nsyncService:\n"))
    assert spec_hash() == first
    rewrite(mimc, ("firewall: true", "firewall: false"))
    assert spec_hash() != first


def test_the_default_spec_and_the_only_target_need_not_be_named(
    applied: Mimc, monkeypatch: pytest.MonkeyPatch
) -> None:
    (applied.folder / "spec.yaml").write_bytes((applied.folder / CONTOSO).read_bytes())
    assert applied("drift", "--lab").code == 0
    (applied.folder / "spec.yaml").rename(applied.folder / "mimc.yaml")
    assert applied("test", "--lab").code == 0


def test_somebody_elses_document_is_refused_and_the_node_untouched(mimc: Mimc) -> None:
    mimc("lab", "tamper", "corpsync", "document=TheirConfiguration")
    before = mimc.lab_state()
    done = mimc("apply", CONTOSO, *TARGET, "--yes")
    assert (done.code, mimc.lab_state()) == (1, before)
    assert "TheirConfiguration" in done.err


@pytest.mark.parametrize("fault", ["noPrivateKey", "missing"])
def test_a_certificate_that_the_node_cannot_decrypt_with_is_refused_before_enactment(
    mimc: Mimc, fault: str
) -> None:
    mimc("lab", "tamper", "corpsync", f"certificate={fault}")
    before = mimc.lab_state()
    done = mimc("apply", CONTOSO, *TARGET, "--yes")
    assert (done.code, mimc.lab_state()) == (1, before)
    assert "certificate" in done.err


def test_nothing_of_the_document_stays_on_the_node(applied: Mimc) -> None:
    state = applied.lab_state()
    assert "BEGIN CMS" not in state
    shown = applied("lab", "show", "corpsync").out
    assert "document    none" in shown


def test_test_says_true_or_false_and_get_says_what_is_there(applied: Mimc) -> None:
    assert "True" in applied("test", CONTOSO, *TARGET).out
    applied("lab", "tamper", "corpsync", "firewall=off")
    done = applied("test", CONTOSO, *TARGET)
    assert done.code == 2 and "False" in done.out
    seen = report(applied("get", CONTOSO, *TARGET, "--output", "json").out)
    assert statuses(seen)["firewall"] == "read"
    assert seen["results"][0]["facts"]["ProductVersion"]


def test_every_report_names_the_place_of_a_property_in_the_spec(applied: Mimc) -> None:
    found = report(applied("drift", CONTOSO, *TARGET, "--output", "json").out)
    text = (applied.folder / CONTOSO).read_text("utf-8").splitlines()
    for item in found["results"][0]["properties"]:
        line = text[item["source"]["line"] - 1]
        assert {"ensure": "syncService"}.get(item["path"], item["path"].rpartition(".")[2]) in line


def test_the_examples_are_yaml_for_any_reader() -> None:
    for file in (Path(__file__).parent.parent / "examples").glob("*/spec.yaml"):
        assert yaml.safe_load(file.read_bytes())["apiVersion"] == "mimc/v1"


def test_the_lab_installs_what_the_pushed_document_says_not_what_the_spec_says(
    mimc: Mimc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document is edited by hand on its way; the simulated LCM has nothing but its bytes."""

    def edited(*arguments: Any) -> Bundle:
        bundle = compile_spec(*arguments)
        node = bundle.nodes["corpsync"]
        text = node.mof.decode("utf-16")
        assert text.count('DatabaseName = "FIMSynchronizationService"') == 1
        by_hand = text.replace('DatabaseName = "FIMSynchronizationService"', 'DatabaseName = "ByHand"')
        mof = codecs.BOM_UTF16_LE + by_hand.encode("utf-16-le")
        return replace(bundle, nodes={"corpsync": replace(node, mof=mof)})

    monkeypatch.setattr("mimc.commands.connect.compile_spec", edited)
    done = mimc("apply", CONTOSO, *TARGET, "--yes", "--output", "json")
    found = report(done.out)
    assert done.code == 1, "verified against the spec, it differs"
    assert statuses(found)["database.name"] == "cannotSet"
    monkeypatch.undo()
    monkeypatch.chdir(mimc.folder)
    assert "database.name=ByHand" in mimc("lab", "show", "corpsync").out
