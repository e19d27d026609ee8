"""Documents of a spec with references in the place of sealed passwords: for tests that compare what is said."""

from mimc.compiler import meta_mof, mof, ps1
from mimc.compiler.document import spec_hash
from mimc.compiler.expand import audit_document, meta_document, node_document
from mimc.compiler.spec import Spec
from mimc.secret import Credential

MODULE_VERSION = "0.0.1"
THUMBPRINT = "94D28E919E865A4DFFE70837213DB19FDF23429E"


def sealed(credential: Credential) -> str:
    return f"<{credential.password}>"


def documents(spec: Spec) -> dict[str, bytes]:
    """Return the files of *spec* by name, with a fixed module version and certificate."""
    targets = spec.targets.values()
    plain = [node_document(spec.name, t.name, spec.node(t), MODULE_VERSION) for t in targets]
    metas = [meta_document(spec.name, t.name, spec.node(t), THUMBPRINT) for t in targets]
    files = {f"{spec.name}.ps1": ps1.write(plain, metas)}
    for target, document, meta in zip(targets, plain, metas, strict=True):
        identity = spec_hash(document, meta)
        files[f"{target.name}.mof"] = mof.write(document, identity, "spec.yaml", sealed)
        files[f"{target.name}.meta.mof"] = meta_mof.write(meta)
        if audit := audit_document(spec.name, target.name, spec.node(target), MODULE_VERSION):
            files[f"{target.name}.audit.mof"] = mof.write(audit, identity, "spec.yaml", sealed)
    return files
