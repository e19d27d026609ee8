"""``mimc validate``: check a spec; nothing is written or contacted."""

import argparse
import datetime
import sys

from .source import add_spec_argument, certificate_files, load_spec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    add_spec_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check the spec and the certificates it names; every problem is reported at once."""
    spec, folder = load_spec(arguments.spec)
    find_certificate = certificate_files(spec, folder, datetime.datetime.now(datetime.UTC))
    for target in spec.targets.values():
        find_certificate(target)
    targets = len(spec.targets)
    sys.stdout.write(f"{spec.file}: valid ({spec.name}, {targets} target{'s' if targets > 1 else ''})\n")
    return 0
