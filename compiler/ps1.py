"""Documents as a PowerShell configuration to read, review and, where one likes, compile on Windows.

The only home of ``jinja2``. Every value goes through the one table of literals; credentials are parameters.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from mimc import templates
from mimc.secret import Credential

from .document import Document, Instance, MetaDocument
from .literals import powershell


def write(documents: Sequence[Document], metas: Sequence[MetaDocument]) -> bytes:
    """Return the configuration of all nodes in *documents*: UTF-8 with BOM, which Windows PowerShell 5.1 needs."""
    text: str = _template().render(
        name=documents[0].configuration,
        documents=documents,
        metas=metas,
        credentials=_credentials(documents),
        modules=sorted({(i.module_name, i.module_version) for d in documents for i in d.instances}),
    )
    return text.encode("utf-8-sig")


def credential_name(instance: Instance, property_name: str) -> str:
    """Return the parameter by which the configuration takes the credential of a property."""
    return f"{instance.id}{'RunAs' if property_name == 'PsDscRunAsCredential' else property_name}"


def _credentials(documents: Sequence[Document]) -> dict[str, Credential]:
    return {
        credential_name(instance, name): value
        for document in documents
        for instance in document.instances
        for name, value in instance.values.items()
        if isinstance(value, Credential)
    }


@cache
def _template() -> Any:
    import jinja2  # late: half of what a compile needs to start, and validate must not pay it

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(templates.read),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["ps"] = powershell
    environment.globals["credential_name"] = credential_name
    environment.tests["credential"] = lambda value: isinstance(value, Credential)
    return environment.get_template("configuration.ps1.j2")
