"""Compile of one node and of many, in one run: ``python bench/compile.py [NODES]``."""

import datetime
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mimc.certificates import EncryptionCertificate, read_encryption_certificate
from mimc.compiler import compile_spec
from mimc.compiler.spec import Spec, Target, read_spec
from mimc.secret import Secret, SecretReference

EXAMPLE = Path(__file__).parent.parent / "examples" / "contoso"


def spec_text(nodes: int) -> bytes:
    """Return the Contoso spec for *nodes* nodes."""
    text = (EXAMPLE / "spec.yaml").read_text("utf-8")
    head, rest = text.split("targets:\n")
    service = rest[rest.index("syncService:") :]
    targets = "".join(
        f"  node{i:05}: {{host: node{i:05}.contoso.com, certificate: certs/corpsync.cer}}\n"
        for i in range(nodes)
    )
    return f"{head}targets:\n{targets}\n{service}".encode()


def compile_all(text: bytes, find: Callable[[Target], EncryptionCertificate]) -> int:
    """Compile *text* for all its nodes and return the bytes of what came out."""

    def read_secret(reference: SecretReference) -> Secret:
        return Secret("bench")

    spec: Spec = read_spec(text, "spec.yaml")
    bundle = compile_spec(spec, list(spec.targets.values()), find, read_secret)
    return sum(map(len, bundle.files.values()))


def main() -> None:
    """Print what many nodes cost beside one."""
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    certificate = read_encryption_certificate(
        (EXAMPLE / "certs" / "corpsync.cer").read_bytes(), "corpsync.cer"
    )
    compile_all(spec_text(1), lambda target: certificate)  # imports and caches
    print(f"{datetime.date.today()}, Python {sys.version.split()[0]}")
    taken: dict[int, float] = {}
    for count in (1, nodes):
        text = spec_text(count)
        begun = time.perf_counter()
        size = compile_all(text, lambda target: certificate)
        taken[count] = time.perf_counter() - begun
        print(
            f"{count:6} nodes  {taken[count] * 1000:9.1f} ms  {taken[count] / count * 1000:6.2f} ms a node  {size} bytes"
        )
    print(f"{nodes} nodes cost {taken[nodes] / taken[1]:.0f} times one node")


if __name__ == "__main__":
    main()
