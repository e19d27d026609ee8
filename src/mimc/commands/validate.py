"""``mimc validate``: check a spec; nothing is written or contacted."""

import argparse
import datetime
import sys

from mimc.compiler.spec import check_all
from mimc.errors import Problem, SpecError

from .source import add_spec_argument, authority_problems, certificate_files, load_spec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    add_spec_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check the spec and the certificates it names; every problem is reported at once."""
    spec = load_spec(arguments.spec)
    check_all(spec)
    find_certificate = certificate_files(datetime.datetime.now(datetime.UTC))
    problems: list[Problem] = []
    for target in spec.targets.values():
        problems += authority_problems(target)
        try:
            find_certificate(target)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    targets = len(spec.targets)
    sys.stdout.write(f"{spec.file}: valid ({spec.name}, {targets} target{'s' if targets > 1 else ''})\n")
    return 0
