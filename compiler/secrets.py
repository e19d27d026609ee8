"""Secrets of a spec: found all at once, sealed for a node's certificate."""

from collections.abc import Mapping

from mimc.certificates import EncryptionCertificate
from mimc.cms import seal
from mimc.errors import Problem, SpecError
from mimc.secret import Credential, ReadSecret, Secret, SecretReference

from .mof import Seal


def resolve(references: list[SecretReference], read: ReadSecret) -> dict[SecretReference, Secret]:
    """Return every secret of *references*; what a person has to type is asked for last.

    Raises:
        SpecError: all that cannot be had, at once; then nobody was asked.
    """
    found: dict[SecretReference, Secret] = {}
    problems: list[Problem] = []
    for reference in dict.fromkeys(references):
        try:
            found[reference] = read(reference)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    for reference, secret in found.items():
        if reference.asks:
            secret.reveal()
    return found


def sealer(secrets: Mapping[SecretReference, Secret], certificate: EncryptionCertificate | None) -> Seal:
    """Return what seals a credential's password for *certificate*; None serves documents without credentials."""

    def seal_password(credential: Credential) -> str:
        assert certificate, "a document with credentials is planned only with a certificate"
        return seal(secrets[credential.password], certificate)

    return seal_password
