"""YAML text to bundle. Pure: files, secrets and certificates come in as arguments.

text -> loaded YAML -> Spec -> Documents -> ps1 | MOF -> Bundle
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import mimc
from mimc.bundle import FORMAT_VERSION, Bundle, NodeDocuments, sha256
from mimc.certificates import EncryptionCertificate
from mimc.resources import SYNC_SERVICE, module
from mimc.secret import ReadSecret, Secret, SecretReference

from . import meta_mof, ps1
from .document import MetaDocument
from .plan import Plan, plan
from .secrets import resolve
from .spec import Spec, Target

#: Gives the document-encryption certificate of a target, None when it has none.
FindCertificate = Callable[[Target], EncryptionCertificate | None]


def compile_spec(
    spec: Spec, targets: Sequence[Target], find_certificate: FindCertificate, read_secret: ReadSecret
) -> Bundle:
    """Return the bundle of *spec* for *targets*: configuration, documents, checksums, certificates, manifest.

    Raises:
        SpecError: a credential without a certificate, or secrets that are not there (all at once).
    """
    source = PurePath(spec.file.replace("\\", "/")).name
    plans = [plan(spec, target, find_certificate(target), module.version()) for target in targets]
    secrets = resolve([reference for each in plans for reference in each.references()], read_secret)
    nodes = {each.target.name: each.write(source, secrets) for each in plans}
    files = {f"{spec.name}.ps1": ps1.write([p.document for p in plans], [p.meta for p in plans])}
    for each in plans:
        files |= _files(each, nodes[each.target.name])
    return Bundle(spec.name, files, nodes, _manifest(spec, files, nodes, secrets))


def restoring_document(spec: Spec, node: str, settings: Mapping[str, object]) -> bytes:
    """Return the meta MOF that puts *settings* (text, booleans, whole numbers) back on *node*."""
    return meta_mof.write(MetaDocument(spec.name, node, settings))


def _files(each: Plan, documents: NodeDocuments) -> dict[str, bytes]:
    name = each.target.name
    files = {
        f"{name}.mof": documents.mof,
        # New-DscChecksum: upper-case hex, no line end (reference/oracle/checksum-file).
        f"{name}.mof.checksum": sha256(documents.mof).upper().encode(),
        f"{name}.meta.mof": documents.meta_mof,
    }
    if each.certificate:
        files[f"{name}.cer"] = each.certificate.der
    return files


def _manifest(
    spec: Spec,
    files: Mapping[str, bytes],
    nodes: Mapping[str, NodeDocuments],
    secrets: Mapping[SecretReference, Secret],
) -> dict[str, Any]:
    return {
        "formatVersion": FORMAT_VERSION,
        "generator": f"mimc {mimc.__version__}",
        "name": spec.name,
        "module": {"name": SYNC_SERVICE.module_name, "version": module.version()},
        "nodes": {
            name: {"specHash": node.spec_hash, "certificate": node.thumbprint} for name, node in nodes.items()
        },
        "secrets": sorted({str(reference) for reference in secrets}),
        "files": {name: sha256(data) for name, data in files.items()},
    }
