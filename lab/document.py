"""What the simulated LCM makes of a node document: its resources in order, their values, their credentials."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from mimc.certificates import read_encryption_certificate
from mimc.cms import CmsError, is_sealed, open_sealed
from mimc.compiler.mof_reader import DOCUMENT_CLASS, Mof, MofError, MofInstance, read_mof
from mimc.compiler.mof_rules import check_rules
from mimc.resources import SYNC_SERVICE, Kind
from mimc.secret import Secret

from .node import NodeFile, Tree
from .wanted import ResourceFailed, Wanted

_RUN_AS = "PsDscRunAsCredential"
#: Properties that every resource has (OMI_BaseResource).
_COMMON = frozenset(
    [
        "resourceid",
        "modulename",
        "moduleversion",
        "sourceinfo",
        "configurationname",
        "dependson",
        "psdscrunascredential",
    ]
)
_TYPES: Mapping[str, type] = {"String": str, "Boolean": bool, "UInt32": int, "MSFT_Credential": MofInstance}


def configuration_name(data: bytes) -> str:
    """Return the name of the configuration in the document *data*, ``(unnamed)`` when it cannot be told."""
    try:
        document = read_mof(data).document
    except MofError:
        document = None
    return str((document and document.get("Name")) or "(unnamed)")


def needs(resource: MofInstance) -> list[str]:
    """Return the ids, in lower case, that *resource* depends on."""
    value = resource.get("DependsOn")
    return [str(item).casefold() for item in value] if isinstance(value, tuple) else []


def in_order(mof: Mof) -> list[MofInstance]:
    """Return the resources in the order of their dependencies.

    Raises:
        ResourceFailed: the document breaks a rule of the LCM (dsc-mof.md 1.7).
    """
    faults = check_rules(mof, meta=False)
    if faults:
        raise ResourceFailed("the LCM does not take the document: " + "; ".join(faults))
    by_id = {
        str(item.get("ResourceID")).casefold(): item
        for item in mof.top_level
        if not item.is_a(DOCUMENT_CLASS)
    }
    order = TopologicalSorter({name: needs(item) for name, item in by_id.items()}).static_order()
    return [by_id[name] for name in order]


@dataclass(frozen=True, slots=True)
class DocumentReader:
    """Reads the resources of one document with the means of the node: its modules and its private key."""

    node: NodeFile
    state: Tree
    mof: Mof

    def resource(self, resource: MofInstance) -> tuple[Wanted, str]:
        """Return what *resource* wants, and the account that it runs as ("" for SYSTEM); no password is kept.

        Raises:
            ResourceFailed: not simulated, module not there, not of its schema, or not to be decrypted.
        """
        if not resource.is_a(SYNC_SERVICE.class_name):
            raise ResourceFailed(
                f"the lab does not simulate the resource class {resource.class_name}, only {SYNC_SERVICE.class_name}"
            )
        module, version = resource.get("ModuleName"), resource.get("ModuleVersion")
        if f"{module}/{version}" not in self.state["modules"]:
            raise ResourceFailed(
                f"the resource {SYNC_SERVICE.friendly_name} of module <{module}, {version}> does not exist at the "
                "PowerShell module path, nor is it registered as a WMI resource"
            )
        values = dict(_values(resource))
        credentials = {name: value for name, value in values.items() if isinstance(value, MofInstance)}
        run_as = resource.get(_RUN_AS)
        if isinstance(run_as, MofInstance):
            credentials[_RUN_AS] = run_as
        undecrypted = [name for name, item in credentials.items() if not self._has_password(name, item)]
        if _RUN_AS in undecrypted:
            raise ResourceFailed(
                f"the user name or password of {_RUN_AS} is incorrect: the password is still the text of a CMS "
                "message, because the LCM has no CertificateID or the document is not marked as encrypted"
            )
        users = {name: str(item.get("UserName") or "") for name, item in credentials.items()}
        account = users.pop(_RUN_AS, "")
        return Wanted({**values, **users}, tuple(undecrypted)), account

    def password(self, name: str, credential: MofInstance) -> Secret:
        """Return the password as the resource receives it, which may be the text of a CMS message.

        Raises:
            ResourceFailed: it is empty, or cannot be decrypted.
        """
        text = Secret(str(credential.get("Password") or ""))
        content = self.mof.document and self.mof.document.get("ContentType")
        # Without both of them the LCM goes on silently (dsc-mof.md 3.4).
        if str(content).casefold() == "passwordencrypted" and self.state["lcm"]["certificateId"]:
            text = self._decrypt(name, text.reveal())
        if not text.reveal():
            raise ResourceFailed(f"the password of {name} is empty")
        return text

    def _has_password(self, name: str, credential: MofInstance) -> bool:
        """Whether the resource receives the password in clear. It is looked at here, and forgotten."""
        return not is_sealed(self.password(name, credential).reveal())

    def _decrypt(self, name: str, text: str) -> Secret:
        thumbprint = self.state["lcm"]["certificateId"]
        own = read_encryption_certificate(self.node.certificate.read_bytes(), self.node.certificate)
        if self.state["certificate"] == "missing" or own.thumbprint != thumbprint.upper():
            raise ResourceFailed(
                f"the certificate {thumbprint}, the LCM's CertificateID, is not in Cert:\\LocalMachine\\My"
            )
        if self.state["certificate"] == "noPrivateKey":
            raise ResourceFailed(f"the certificate {thumbprint} has no private key on the node")
        try:
            return open_sealed(text, self.node.key.read_bytes())
        except CmsError as error:
            raise ResourceFailed(f"the LCM cannot decrypt the password of {name}: {error}") from error


def _values(resource: MofInstance) -> Iterator[tuple[str, object]]:
    """Yield the properties of *resource* under their declared names, checked against the declaration."""
    declared = {item.name.casefold(): item for item in SYNC_SERVICE.properties}
    given = {name.casefold(): value for name, value in resource.properties.items() if value is not None}
    for item in SYNC_SERVICE.properties:
        if item.kind in (Kind.KEY, Kind.REQUIRED) and item.name.casefold() not in given:
            raise ResourceFailed(f"{item.name} of {SYNC_SERVICE.friendly_name} is required")
    for name, value in given.items():
        if name in _COMMON:
            continue
        declaration = declared.get(name)
        if declaration is None or declaration.kind is Kind.READ:
            raise ResourceFailed(f"{SYNC_SERVICE.friendly_name} has no property {name} that can be set")
        if type(value) is not _TYPES[declaration.type]:
            raise ResourceFailed(
                f"{declaration.name} of {SYNC_SERVICE.friendly_name} is not {declaration.type}"
            )
        yield declaration.name, value
