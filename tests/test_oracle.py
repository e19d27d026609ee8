"""Our compiler against the real one: every pair of the oracle, by what its documents mean.

``oracle/<case>.yaml`` says in a spec what ``oracle/<case>/configuration.ps1`` says to PowerShell. Where PowerShell
refused, ``oracle/<case>.problems.txt`` has what mimc says. Every difference that is meant stands in DIFFERENCES.
"""

import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from mimc.bundle import Bundle
from mimc.certificates import EncryptionCertificate, read_encryption_certificate
from mimc.cms import BEGIN, END, open_sealed
from mimc.compiler import compile_spec
from mimc.compiler.mof_meaning import Difference, differences
from mimc.compiler.mof_reader import Mof, MofInstance, read_mof
from mimc.compiler.mof_rules import check_rules
from mimc.compiler.spec import Target, read_spec
from mimc.errors import SpecError
from mimc.secret import Secret, SecretReference

ORACLE = Path(__file__).parent / "oracle"
CASES = sorted(path.parent.name for path in ORACLE.glob("*/configuration.ps1"))
PASSWORDS = {"SYNC_PASSWORD": 'Pä$$ "w" \\ 😀', "LONG_PASSWORD": "x1Y!" * 100, "SHARE_PASSWORD": 'Pä$$ "w" \\ 😀'}


@dataclass(frozen=True)
class Deliberate:
    """A rule by which mimc does something else than PowerShell: why, and the cases with what is different there.

    A difference is ``instance: property``; an ending with ``*`` is any; ``refused`` and ``compiled`` are for
    what mimc does with the pair as a whole.
    """

    rule: str
    cases: dict[str, tuple[str, ...]]


DIFFERENCES: tuple[Deliberate, ...] = ()


@pytest.fixture(autouse=True)
def _in_the_folder_of_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ORACLE)


def compiled(case: str) -> Bundle:
    spec = read_spec(Path(f"{case}.yaml").read_bytes(), f"{case}.yaml")
    return compile_spec(spec, list(spec.targets.values()), certificate, password)


def certificate(target: Target) -> EncryptionCertificate | None:
    if not target.certificate:
        return None
    return read_encryption_certificate(Path(target.certificate).read_bytes(), target.certificate)


def password(reference: SecretReference) -> Secret:
    return Secret(PASSWORDS[reference.name])
