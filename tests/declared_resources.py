"""Specs' ``resources`` by the schemas of the oracle's modules, to documents with references in the place of secrets."""

from pathlib import Path
from typing import Any

from mimc.compiler import mof, ps1
from mimc.compiler.declared import read_resources
from mimc.compiler.dependencies import Declaration, check_document
from mimc.compiler.document import Document
from mimc.compiler.load import Loaded, load
from mimc.compiler.load import Path as SpecPath
from mimc.compiler.modules import ModuleCatalogue
from mimc.errors import Problem, SpecError
from mimc.secret import Credential, SecretReference

MODULES = Path(__file__).parent / "oracle" / "modules"
CATALOGUE = ModuleCatalogue([MODULES])


def sealed(credential: Credential) -> str:
    """Return the reference in the place of the sealed password."""
    return f"<{credential.password}>"


def declarations(loaded: Loaded) -> tuple[Declaration, ...]:
    """Return the resources of *loaded*; SpecError with all that is wrong with them."""

    def reference(raw: Any, path: SpecPath) -> SecretReference:
        match raw["secret"]:
            case {"env": str() as name, **rest} if not rest:
                return SecretReference("env", name, loaded.position(path))
        place = loaded.position((*path, "secret"))
        raise SpecError([Problem(place, "expected a reference to a secret")])

    read, problems = read_resources(
        loaded.data["resources"], ("resources",), loaded.position, CATALOGUE, reference
    )
    if problems := problems + check_document(read):
        raise SpecError(problems)
    return read


def document(data: bytes | str) -> Document:
    """Return the document of node1 that the resources in the YAML text *data* make."""
    loaded = load(data.encode() if isinstance(data, str) else data, "spec.yaml")
    return Document("Golden", "node1", tuple(each.instance for each in declarations(loaded)))


def files(made: Document) -> dict[str, str]:
    """Return the texts of *made* by name."""
    return {
        "expected.mof": mof.write(made, "0" * 64, sealed).decode("utf-16"),
        "expected.ps1": ps1.write([made], []).decode("utf-8"),
    }
