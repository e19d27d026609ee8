"""What ``--lab`` puts in the place of a real node, its certificate and its secrets."""

import argparse
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from mimc import lab
from mimc.certificates import EncryptionCertificate, read_encryption_certificate
from mimc.compiler import FindCertificate
from mimc.compiler.spec import Target
from mimc.errors import UsageError
from mimc.lab.locate import PowerShell, find_powershell
from mimc.secret import Secret, SecretReference

LAB_FOLDER: Path = lab.DEFAULT_FOLDER
#: What runs on the simulated engine are called.
SIMULATED = "lab (simulated)"
#: The engines by their name on the command line, the default first.
ENGINES = ("simulated", "powershell")


def add_engine_argument(parser: argparse.ArgumentParser, option: str) -> None:
    """Add *option*, which chooses the lab's engine."""
    parser.add_argument(
        option,
        choices=ENGINES,
        default=None,
        dest="lab_engine",
        help="simulated answers the scripts by Python (default); powershell runs them and the module in PowerShell 7",
    )


def chosen_powershell(arguments: argparse.Namespace, *, lab: bool) -> PowerShell | None:
    """Return the PowerShell that *arguments* choose as the lab's engine, None for the simulated one.

    Raises:
        UsageError: an engine is chosen and no lab.
        InputError: there is no PowerShell that could be one.
    """
    if arguments.lab_engine and not lab:
        raise UsageError("--lab-engine chooses what the lab runs on; say --lab too, or leave it out")
    return find_powershell(os.environ) if arguments.lab_engine == "powershell" else None


def engine_name(powershell: PowerShell | None) -> str:
    """Return what every run with that engine is called."""
    return powershell.engine if powershell else SIMULATED


def lab_of(target: Target) -> lab.Lab:
    """Return the lab's node that stands for *target*, made when it is not there yet."""
    return lab.open_lab(LAB_FOLDER, target.name, target.host)


def lab_certificates(targets: Sequence[Target]) -> FindCertificate:
    """Return what finds the certificates of the lab's nodes; all of *targets* are made before any is used."""
    labs = {target.name: lab_of(target) for target in targets}

    def find(target: Target) -> EncryptionCertificate:
        return read_encryption_certificate(labs[target.name].encryption_certificate, f"{target.name}.cer")

    return find


def throwaway_secrets(reference: SecretReference) -> Secret:
    """Return a new password: the lab resolves no reference."""
    return Secret(secrets.token_urlsafe(24))
