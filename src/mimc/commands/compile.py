"""``mimc compile``: write the configuration, the documents and their checksums."""

import argparse
import datetime
import sys
from pathlib import Path

from mimc.bundle import Bundle, write
from mimc.compiler import compile_spec
from mimc.compiler.spec import Spec, Target

from .rehearsal import LAB_FOLDER, lab_certificates, throwaway_secrets
from .source import add_spec_argument, certificate_files, choose_target, load_spec
from .sources import real_secrets


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
        help=f"rehearse: the lab's certificate, throwaway passwords, no secret is resolved (default folder: {LAB_FOLDER}/build)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compile the spec for all targets, or for the one asked for, and say what was written."""
    spec = load_spec(arguments.spec)
    targets = [choose_target(spec, arguments.target)] if arguments.target else list(spec.targets.values())
    bundle = _lab_bundle(spec, targets) if arguments.lab else _bundle(spec, targets)
    output = arguments.output_folder or (LAB_FOLDER / "build" if arguments.lab else Path("build"))
    write(bundle, output)
    for name in (*bundle.files, "manifest.json"):
        sys.stdout.write(f"{output / name}\n")
    if arguments.lab:
        sys.stderr.write(
            "lab: sealed for the lab's certificate with throwaway passwords; of no use on a real node\n"
        )
    return 0


def _bundle(spec: Spec, targets: list[Target]) -> Bundle:
    now = datetime.datetime.now(datetime.UTC)
    return compile_spec(spec, targets, certificate_files(now), real_secrets())


def _lab_bundle(spec: Spec, targets: list[Target]) -> Bundle:
    return compile_spec(spec, targets, lab_certificates(targets), throwaway_secrets)
