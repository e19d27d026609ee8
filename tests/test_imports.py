"""What a command loads, and what it must not: heavy libraries have one home each and are imported late."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import CONTOSO, Mimc

PROBE = """
import json, sys
from mimc.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
heavy = ("pypsrp", "psrpcore", "jinja2", "jsonschema", "cryptography", "yaml", "requests", "spnego", "logging")
sys.stderr.write("\\n" + json.dumps([name for name in heavy if name in sys.modules]))
"""


def loaded(folder: Path, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_version_loads_no_library_at_all(mimc: Mimc) -> None:
    assert loaded(mimc.folder, "--version") == set()


def test_validate_loads_neither_jinja2_nor_pypsrp(mimc: Mimc) -> None:
    found = loaded(mimc.folder, "validate", CONTOSO)
    assert "jsonschema" in found
    assert not found & {"jinja2", "pypsrp", "psrpcore", "requests", "spnego"}


@pytest.mark.parametrize("lab", [[], ["--lab"]])
def test_compile_loads_no_pypsrp(mimc: Mimc, monkeypatch: pytest.MonkeyPatch, lab: list[str]) -> None:
    for name in ("MIMINSTALL_PASSWORD", "MIMAUDIT_PASSWORD", "MIMSYNC_PASSWORD"):
        monkeypatch.setenv(name, "x")
    found = loaded(mimc.folder, "compile", CONTOSO, *lab)
    assert "jinja2" in found
    assert not found & {"pypsrp", "psrpcore", "requests", "spnego"}
