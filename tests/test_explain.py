"""``mimc explain``: where a value comes from and what it means."""

import json

import pytest

from .conftest import CONTOSO, Mimc
from .test_overlay import LAYERS

OVER = """\
base: base.yaml
groups:
  production: {syncService: {database: {name: Production}}}
targets:
  own:
    variables: {site: Mine}
"""


@pytest.fixture
def layered(mimc: Mimc) -> Mimc:
    (mimc.folder / "base.yaml").write_text(LAYERS, "utf-8")
    (mimc.folder / "spec.yaml").write_text(OVER, "utf-8")
    return mimc


def test_a_value_is_explained_with_every_layer_that_states_it(layered: Mimc) -> None:
    done = layered("explain", "syncService.database.server", "--target", "own")
    assert done.code == 0
    assert done.out.splitlines()[:4] == [
        "syncService.database.server = ownsql",
        "  from          target own, base.yaml:10:103",
        "  over          prodsql, group production, base.yaml:5:80",
        "  over          basesql, the spec, base.yaml:15:22",
    ]
    assert "SqlServer of MimSyncService" in done.out
    assert "database connection" in done.out


def test_a_variable_shows_what_was_written_and_what_it_came_to(layered: Mimc) -> None:
    out = layered("explain", "syncService.source", "--target", "own").out
    assert out.startswith("syncService.source = D:\\Mine\\own\n")
    assert '{"$join": ["D:\\\\", {"$var": "site"}' in out


def test_a_block_explains_everything_in_it_and_a_file_below_another_is_named(layered: Mimc) -> None:
    out = layered("explain", "syncService.database", "--target", "grouped").out
    assert "syncService.database.server = prodsql" in out
    assert "syncService.database.name = Production\n  from          group production, spec.yaml:3:47" in out


def test_without_a_path_all_values_are_listed(mimc: Mimc) -> None:
    lines = mimc("explain", "--spec", CONTOSO).out.splitlines()
    assert len(lines) == 20
    assert all(f"(the spec, {CONTOSO}:" in line for line in lines)


def test_json_has_the_same_and_no_secret_is_resolved(mimc: Mimc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIMSYNC_PASSWORD", "CANARY")
    done = mimc("explain", "syncService.serviceAccount", "--spec", CONTOSO, "--output", "json")
    values = json.loads(done.out)["values"]
    assert [value["path"] for value in values] == [
        "syncService.serviceAccount.user",
        "syncService.serviceAccount.password",
    ]
    assert values[1]["value"] == {"secret": {"env": "MIMSYNC_PASSWORD"}}
    assert "CANARY" not in done.out


def test_a_path_that_is_not_there_is_a_usage_error_with_a_hint(mimc: Mimc) -> None:
    done = mimc("explain", "syncService.databse.server", "--spec", CONTOSO)
    assert done.code == 64
    assert "did you mean syncService.database.server?" in done.err


def test_a_property_of_any_resource_is_explained_by_its_class(mimc: Mimc) -> None:
    path = "resources.[Registry]Tls10.ValueType"
    out = mimc("explain", path, "--spec", "examples/server/spec.yaml", "--target", "prodsync").out
    assert out.startswith(f"{path} = Dword\n")
    assert "ValueType of Registry (PSDesiredStateConfiguration 1.0)" in out
    assert "String | Binary | Dword" in out
