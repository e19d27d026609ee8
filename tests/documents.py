"""Documents of a spec with references in the place of sealed passwords: for tests that compare what is said."""

from mimc.compiler import meta_mof, mof, ps1, script_name
from mimc.compiler.document import spec_hash
from mimc.compiler.expand import audit_document, node_document
from mimc.compiler.lcm import meta_document
from mimc.compiler.spec import Spec
from mimc.secret import Credential

MODULE_VERSION = "0.0.1"
THUMBPRINT = "94D28E919E865A4DFFE70837213DB19FDF23429E"


def sealed(credential: Credential) -> str:
    return f"<{credential.password}>"


def documents(spec: Spec) -> dict[str, bytes]:
    """Return the files of *spec* by name, with a fixed module version and certificate."""
    files: dict[str, bytes] = {}
    for target in spec.targets.values():
        node = spec.node(target)
        document = node_document(spec.name, target.name, node, MODULE_VERSION)
        meta = meta_document(node.lcm, spec.name, target.name, THUMBPRINT)
        identity = spec_hash(document, meta)
        files[script_name(spec, target, len(spec.targets))] = ps1.write([document], [meta])
        files[f"{target.name}.mof"] = mof.write(document, identity, sealed)
        files[f"{target.name}.meta.mof"] = meta_mof.write(meta, sealed)
        if audit := audit_document(spec.name, target.name, node, MODULE_VERSION):
            files[f"{target.name}.audit.mof"] = mof.write(audit, identity, sealed)
    return files
