"""Secrets of a spec: resolved from the environment given, sealed for a node's certificate."""

from collections.abc import Mapping

from mimc.certificates import EncryptionCertificate
from mimc.cms import seal
from mimc.errors import Problem, SpecError
from mimc.secret import Credential, ReadSecret, Secret, SecretReference

from .mof import Seal


def from_environment(environment: Mapping[str, str]) -> ReadSecret:
    """Return a reader of ``{secret: {env: NAME}}`` from *environment*; an unset or empty variable is a SpecError."""

    def read(reference: SecretReference) -> Secret:
        value = environment.get(reference.name, "")
        if not value:
            problem = (
                f"the environment variable {reference.name} is {'empty' if reference.name in environment else 'not set'}; "
                f"type: read -rs {reference.name} && export {reference.name}"
            )
            raise SpecError([Problem(reference.position, problem)])
        return Secret(value)

    return read


def resolve(references: list[SecretReference], read: ReadSecret) -> dict[SecretReference, Secret]:
    """Return every secret of *references*.

    Raises:
        SpecError: all that cannot be had, at once.
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
    return found


def sealer(secrets: Mapping[SecretReference, Secret], certificate: EncryptionCertificate | None) -> Seal:
    """Return what seals a credential's password for *certificate*; None serves documents without credentials."""

    def seal_password(credential: Credential) -> str:
        assert certificate, "a document with credentials is planned only with a certificate"
        return seal(secrets[credential.password], certificate)

    return seal_password
