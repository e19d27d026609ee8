"""``mimc compile``: the folder it writes, the second run, many nodes, and that processes change nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mimc import schemas
from mimc.bundle import sha256
from mimc.compiler import nodes
from mimc.compiler.mof_reader import read_mof

from .conftest import CONTOSO, Mimc
from .test_no_secrets import NAMES

FLEET = """\
apiVersion: mimc/v1
name: Fleet
targets:
{targets}
resources:
  - WindowsFeature: {{id: NetFx, Name: NET-Framework-45-Core, Ensure: Present}}
  - File:
      id: Motto
      DestinationPath: {{$join: ['C:\\', {{$var: target}}, '.txt']}}
      Contents: "two\\r\\nlines"
      dependsOn: '[WindowsFeature]NetFx'
"""


def write_fleet(folder: Path, count: int) -> None:
    targets = "\n".join(f"  node{i:04}: {{host: node{i:04}.lab.example}}" for i in range(count))
    (folder / "spec.yaml").write_text(FLEET.format(targets=targets), "utf-8")


def manifest(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "manifest.json").read_text("utf-8"))
    Draft202012Validator(schemas.load("bundle")).validate(found)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_manifest_names_every_file_with_its_hash(mimc: Mimc, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "x")
    done = mimc("compile", CONTOSO)
    assert done.code == 0
    files = contents(mimc.folder / "build")
    assert {f"build/{name}" for name in files} == set(done.out.split())
    listed = manifest(mimc.folder / "build")["files"]
    assert listed == {name: sha256(data) for name, data in files.items() if name != "manifest.json"}
    assert files["corpsync.mof.checksum"] == sha256(files["corpsync.mof"]).upper().encode()


def test_the_same_spec_gives_the_same_bytes_and_a_second_run_says_that_nothing_changed(mimc: Mimc) -> None:
    write_fleet(mimc.folder, 3)
    assert mimc("compile", "-o", "one").code == 0
    again = mimc("compile", "-o", "one")
    assert again.out == "one: nothing changed, 3 nodes as they were\n"
    assert mimc("compile", "-o", "two").code == 0
    assert contents(mimc.folder / "one") == contents(mimc.folder / "two")


@pytest.mark.parametrize("change", ["spec", "file", "missing", "manifest"])
def test_whatever_changed_is_compiled_again(mimc: Mimc, change: str) -> None:
    write_fleet(mimc.folder, 2)
    mimc("compile")
    before = contents(mimc.folder / "build")
    match change:
        case "spec":
            write_fleet(mimc.folder, 3)
        case "file":
            (mimc.folder / "build" / "node0001.mof").write_bytes(b"other")
        case "missing":
            (mimc.folder / "build" / "node0001.mof").unlink()
        case "manifest":
            (mimc.folder / "build" / "manifest.json").write_text("{", "utf-8")
    done = mimc("compile")
    assert done.code == 0 and "nothing changed" not in done.out
    assert change == "spec" or contents(mimc.folder / "build") == before


def test_a_document_with_secrets_is_always_sealed_anew(mimc: Mimc, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password behind a reference may be another one by now; nothing may remember it."""
    for name in NAMES:
        monkeypatch.setenv(name, "x")
    mimc("compile", CONTOSO)
    before = contents(mimc.folder / "build")["corpsync.mof"]
    mimc("compile", CONTOSO)
    assert contents(mimc.folder / "build")["corpsync.mof"] != before


def test_several_processes_write_what_one_does(mimc: Mimc, monkeypatch: pytest.MonkeyPatch) -> None:
    write_fleet(mimc.folder, 8)
    assert mimc("compile", "-o", "one").code == 0
    monkeypatch.setattr(nodes, "_WORTH_A_PROCESS", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert mimc("compile", "-o", "several").code == 0
    assert contents(mimc.folder / "one") == contents(mimc.folder / "several")


def test_what_is_wrong_with_any_node_is_told_at_once_whoever_compiles_it(
    mimc: Mimc, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fleet(mimc.folder, 6)
    file = mimc.folder / "spec.yaml"
    text = file.read_text("utf-8")
    for number in (1, 4):
        text = text.replace(
            f"node000{number}.lab.example", f"node000{number}.lab.example, variables: {{target: [x]}}"
        )
    file.write_text(text, "utf-8")
    monkeypatch.setattr(nodes, "_WORTH_A_PROCESS", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    done = mimc("compile")
    assert done.code == 3
    assert "spec.yaml:" in done.err and "Traceback" not in done.err
    assert not (mimc.folder / "build" / "manifest.json").exists()


def test_the_bytes_do_not_depend_on_the_hash_seed(mimc: Mimc) -> None:
    write_fleet(mimc.folder, 2)
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "mimc", "compile", "-o", seed]
        subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": seed}, check=True, capture_output=True)
    assert contents(mimc.folder / "1") == contents(mimc.folder / "2")


def test_a_document_too_large_for_winrms_envelope_is_warned_of_with_numbers(mimc: Mimc) -> None:
    write_fleet(mimc.folder, 1)
    file = mimc.folder / "spec.yaml"
    file.write_text(file.read_text("utf-8").replace("two\\r\\nlines", "x" * 250_000), "utf-8")
    done = mimc("compile")
    assert done.code == 0
    assert "warning: node0000.mof has 50" in done.err and "MaxEnvelopeSizekb 500" in done.err


def test_every_node_gets_its_own_values(mimc: Mimc) -> None:
    write_fleet(mimc.folder, 2)
    mimc("compile")
    for name in ("node0000", "node0001"):
        mof = read_mof((mimc.folder / "build" / f"{name}.mof").read_bytes())
        (file,) = (i for i in mof.instances if i.is_a("MSFT_FileDirectoryConfiguration"))
        assert (file.get("DestinationPath"), file.get("Contents")) == (f"C:\\{name}.txt", "two\r\nlines")
        script = (mimc.folder / "build" / f"Fleet.{name}.ps1").read_text("utf-8-sig")
        assert f"'C:\\{name}.txt'" in script
