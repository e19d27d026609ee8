"""YAML text to bundle. Pure: files, secrets and certificates come in as arguments.

text -> loaded YAML -> layers -> Spec -> Documents -> ps1 | MOF -> Bundle
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import mimc
from mimc.bundle import FORMAT_VERSION, Bundle, NodeDocuments, sha256
from mimc.certificates import EncryptionCertificate
from mimc.resources import SYNC_SERVICE, module
from mimc.secret import ReadSecret, SecretReference

from . import meta_mof, ps1
from .document import MetaDocument
from .mof import InstanceTexts
from .plan import Plan, plan
from .secrets import resolve
from .spec import Spec, Target

#: Gives the document-encryption certificate of a target, None when it has none.
FindCertificate = Callable[[Target], EncryptionCertificate | None]


def compile_spec(
    spec: Spec,
    targets: Sequence[Target],
    find_certificate: FindCertificate,
    read_secret: ReadSecret,
    further: Sequence[SecretReference] = (),
) -> Bundle:
    """Return the bundle of *spec* for *targets*: configuration, documents, checksums, certificates, manifest.

    *further* are secrets that the caller needs besides, so that all that are missing are told at once.

    Raises:
        SpecError: what is wrong with the spec of a target, a credential without a certificate, or secrets that are
            not there (all at once).
    """
    texts, scripts = InstanceTexts(), ps1.ScriptTexts()
    plans = [plan(spec, target, find_certificate(target), module.version()) for target in targets]
    needed = [credential.password for each in plans for credential in each.credentials]
    secrets = resolve([*needed, *further], read_secret)
    nodes = {each.target.name: each.write(secrets, texts) for each in plans}
    files: dict[str, bytes] = {}
    for each in plans:
        files |= node_files(
            each, nodes[each.target.name], script_name(spec, each.target, len(plans)), scripts
        )
    manifest = make_manifest(
        spec,
        {name: sha256(data) for name, data in files.items()},
        {name: (node.spec_hash, node.thumbprint) for name, node in nodes.items()},
        needed,
    )
    return Bundle(spec.name, files, nodes, manifest)


def compile_audit(
    spec: Spec,
    target: Target,
    find_certificate: FindCertificate,
    read_secret: ReadSecret,
    further: Sequence[SecretReference] = (),
) -> NodeDocuments:
    """Return what a verb that only reads needs of *target*: no secret but the auditor's and *further* is asked for.

    Raises:
        SpecError: as :func:`compile_spec`.
    """
    planned = plan(spec, target, find_certificate(target), module.version())
    needed = [credential.password for credential in planned.audit_credentials]
    return planned.write_audit(resolve([*needed, *further], read_secret))


def restoring_document(spec: Spec, node: str, settings: Mapping[str, object]) -> bytes:
    """Return the meta MOF that puts *settings* (text, booleans, whole numbers) back on *node*."""
    return meta_mof.write(MetaDocument(spec.name, node, settings))


def script_name(spec: Spec, target: Target, nodes: int) -> str:
    """Return the name of the configuration that *target* stands in: with several nodes each has its own."""
    return f"{spec.name}.ps1" if nodes == 1 else f"{spec.name}.{target.name}.ps1"


def node_files(
    each: Plan, documents: NodeDocuments, script: str, scripts: ps1.ScriptTexts
) -> dict[str, bytes]:
    """Return the files of one node by their names; *script* is that of its configuration."""
    name = each.target.name
    files = {
        script: ps1.write([each.document], [each.meta], scripts),
        f"{name}.mof": documents.mof,
        # New-DscChecksum: upper-case hex, no line end (reference/oracle/checksum-file).
        f"{name}.mof.checksum": sha256(documents.mof).upper().encode(),
        f"{name}.meta.mof": documents.meta_mof,
    }
    if each.certificate:
        files[f"{name}.cer"] = each.certificate.der
    return files


def make_manifest(
    spec: Spec,
    files: Mapping[str, str],
    nodes: Mapping[str, tuple[str, str]],
    secrets: Collection[SecretReference],
) -> dict[str, Any]:
    """Return the manifest: *files* with their SHA-256, *nodes* with specHash and thumbprint, the references."""
    return {
        "formatVersion": FORMAT_VERSION,
        "generator": f"mimc {mimc.__version__}",
        "name": spec.name,
        "module": {"name": SYNC_SERVICE.module_name, "version": module.version()},
        "nodes": {
            name: {"specHash": identity, "certificate": thumbprint}
            for name, (identity, thumbprint) in nodes.items()
        },
        "secrets": sorted({str(reference) for reference in secrets}),
        "files": dict(files),
    }
