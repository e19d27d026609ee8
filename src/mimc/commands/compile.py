"""``mimc compile``: write the configuration, the documents and their checksums."""

import argparse
import datetime
import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import mimc
from mimc import bundle
from mimc.compiler import FindCertificate, make_manifest
from mimc.compiler.nodes import ENVELOPE_LIMIT_BYTES, NodeLine, Work, compile_nodes, references
from mimc.compiler.secrets import resolve
from mimc.compiler.spec import Spec, Target
from mimc.secret import ReadSecret

from .source import add_spec_argument, certificate_files, choose_target, load_spec

#: Under the lab's own folder, so that its documents are not taken for those of a real node.
_LAB_FOLDER = Path(".mimc", "lab", "build")
_MANY_NODES = 20
_PROGRESS_PAUSE_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    add_spec_argument(parser)
    parser.add_argument(
        "-o", "--output-folder", type=Path, metavar="FOLDER", help="where to write (default: build)"
    )
    parser.add_argument("--target", metavar="T", help="only this target")
    parser.add_argument(
        "--lab",
        action="store_true",
        help=f"rehearse: the lab's certificate, throwaway passwords, no secret is resolved (default folder: {_LAB_FOLDER})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compile the spec for all targets, or for the one asked for, and say what was written."""
    spec = load_spec(arguments.spec)
    targets = [choose_target(spec, arguments.target)] if arguments.target else list(spec.targets.values())
    folder = arguments.output_folder or (_LAB_FOLDER if arguments.lab else Path("build"))
    find_certificate, read_secret = _lab(targets) if arguments.lab else _real()
    needed = references(spec, targets, find_certificate) if spec.has_secrets else []
    inputs = _inputs(spec, targets, find_certificate)
    if not needed and _is_there(folder, inputs):
        sys.stdout.write(f"{folder}: nothing changed, {_count(len(targets))} as they were\n")
        return 0
    secrets = resolve(needed, read_secret)
    with bundle.BundleFolder(folder) as output, _progress(len(targets)) as done:
        lines = compile_nodes(Work(spec, find_certificate, secrets, output.put), targets, done)
        files = {name: digest for line in lines for name, digest in line.files.items()}
        nodes = {line.name: (line.spec_hash, line.thumbprint) for line in lines}
        output.finish(make_manifest(spec, files, nodes, secrets) | {"inputs": inputs})
    _tell(folder, lines, files)
    if arguments.lab:
        sys.stderr.write(
            "lab: sealed for the lab's certificate with throwaway passwords; of no use on a real node\n"
        )
    return 0


def _real() -> tuple[FindCertificate, ReadSecret]:
    from .sources import real_secrets

    return certificate_files(datetime.datetime.now(datetime.UTC)), real_secrets()


def _lab(targets: list[Target]) -> tuple[FindCertificate, ReadSecret]:
    from .rehearsal import lab_certificates, throwaway_secrets

    return lab_certificates(targets), throwaway_secrets


def _inputs(spec: Spec, targets: list[Target], find_certificate: FindCertificate) -> str:
    """Return a hash over all that a compile without secrets depends on."""
    digest = hashlib.sha256(mimc.__version__.encode())
    for part in (spec.fingerprint, *(target.name for target in targets)):
        digest.update(f"\0{part}".encode())
    for target in targets:
        certificate = find_certificate(target)
        digest.update(certificate.der if certificate else b"\0")
    return digest.hexdigest()


def _is_there(folder: Path, inputs: str) -> bool:
    manifest = bundle.read_manifest(folder)
    return (
        manifest is not None and manifest.get("inputs") == inputs and bundle.holds(folder, manifest["files"])
    )


def _tell(folder: Path, lines: list[NodeLine], files: dict[str, str]) -> None:
    if len(lines) <= _MANY_NODES:
        for name in (*files, "manifest.json"):
            sys.stdout.write(f"{folder / name}\n")
    else:
        sys.stdout.write(f"{folder}: {_count(len(lines))}, {len(files)} files\n")
    for line in lines:
        if line.mof_bytes > ENVELOPE_LIMIT_BYTES:
            sys.stderr.write(
                f"warning: {line.name}.mof has {line.mof_bytes} bytes; Start-DscConfiguration over WinRM refuses more than "
                f"{ENVELOPE_LIMIT_BYTES} (MaxEnvelopeSizekb 500); mimc apply sends it in pieces\n"
            )


def _count(nodes: int) -> str:
    return "1 node" if nodes == 1 else f"{nodes} nodes"


@contextmanager
def _progress(of: int) -> Iterator[Callable[[int], None]]:
    """Show how many nodes are done, on a terminal and when it takes long."""
    if not sys.stderr.isatty() or of <= _MANY_NODES:
        yield lambda count: None
        return
    shown_at = time.monotonic()

    def show(count: int) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at > _PROGRESS_PAUSE_S:
            shown_at = time.monotonic()
            filled = 30 * count // of
            sys.stderr.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {count} of {of} nodes")
            sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")
