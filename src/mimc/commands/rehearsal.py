"""What ``--lab`` puts in the place of a real node, its certificate and its secrets."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from mimc import lab
from mimc.certificates import EncryptionCertificate, read_encryption_certificate
from mimc.compiler import FindCertificate
from mimc.compiler.spec import Target
from mimc.secret import Secret, SecretReference

LAB_FOLDER: Path = lab.DEFAULT_FOLDER
ENGINE = "lab (simulated)"


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
