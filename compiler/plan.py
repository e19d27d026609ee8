"""One target on its way from the spec to its documents' bytes."""

from collections.abc import Mapping
from dataclasses import dataclass

from mimc.bundle import NodeDocuments
from mimc.certificates import EncryptionCertificate
from mimc.errors import Problem, SpecError
from mimc.secret import Credential, Secret, SecretReference

from . import meta_mof, mof
from .document import Document, MetaDocument, spec_hash
from .expand import audit_document, node_document
from .lcm import meta_document
from .secrets import sealer
from .spec import DEFAULT_SETUP_TIMEOUT_S, NodeSpec, Spec, Target


@dataclass(frozen=True, slots=True)
class Plan:
    """The documents of one target before any secret is known."""

    target: Target
    node: NodeSpec
    certificate: EncryptionCertificate | None
    document: Document
    meta: MetaDocument
    audit: Document | None

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """Every credential that the documents hold."""
        return (*self.document.credentials(), *self.audit_credentials, *self.meta.credentials())

    @property
    def audit_credentials(self) -> tuple[Credential, ...]:
        """The credentials of the document that is only read with."""
        return self.audit.credentials() if self.audit else ()

    def write(self, secrets: Mapping[SecretReference, Secret], texts: mof.InstanceTexts) -> NodeDocuments:
        """Return the documents with every secret sealed; *texts* holds what documents of one spec share."""
        seal = sealer(secrets, self.certificate)
        return self._documents(
            mof.write(self.document, self.spec_hash, seal, texts), meta_mof.write(self.meta, seal), seal
        )

    def write_audit(self, secrets: Mapping[SecretReference, Secret]) -> NodeDocuments:
        """Return what a verb that only reads needs: no document that could change the node is written."""
        return self._documents(b"", b"", sealer(secrets, self.certificate))

    @property
    def spec_hash(self) -> str:
        """The identity of the configuration."""
        return spec_hash(self.document, self.meta)

    def _documents(self, node_mof: bytes, meta: bytes, seal: mof.Seal) -> NodeDocuments:
        service = self.node.service
        timeout_s = service.values.get("SetupTimeout", DEFAULT_SETUP_TIMEOUT_S) if service else 0
        assert isinstance(timeout_s, int)
        return NodeDocuments(
            configuration=self.document.configuration,
            node=self.target.name,
            resource_id=self.document.instances[-1].resource_id,
            spec_hash=self.spec_hash,
            thumbprint=self.certificate.thumbprint if self.certificate else "",
            mof=node_mof,
            meta_mof=meta,
            audit_mof=mof.write(self.audit, self.spec_hash, seal) if self.audit else None,
            keep_document=self.node.lcm.keep_document,
            setup_timeout_s=timeout_s,
            desired=service.desired if service else {},
            origins=service.origins if service else {},
            others={instance.resource_id: instance.position for instance in self.node.resources},
        )


def plan(spec: Spec, target: Target, certificate: EncryptionCertificate | None, module_version: str) -> Plan:
    """Return the plan of *target*.

    Raises:
        SpecError: the node's spec is not valid, or its documents hold credentials and there is no certificate to
            seal them for.
    """
    node = spec.node(target)
    made = Plan(
        target,
        node,
        certificate,
        node_document(spec.name, target.name, node, module_version),
        meta_document(node.lcm, spec.name, target.name, certificate.thumbprint if certificate else ""),
        audit_document(spec.name, target.name, node, module_version),
    )
    if certificate is None and made.credentials:
        text = (
            f"targets.{target.name} lacks a certificate, and the spec holds credentials: passwords are never written "
            "in clear; export the node's document-encryption certificate and name it here"
        )
        raise SpecError([Problem(target.position, text)])
    return made
