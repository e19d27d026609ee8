"""``mimc apply``: bring a node to the desired state, verify, report."""

import argparse
import sys

from mimc.compiler.spec import Spec, Target
from mimc.errors import UsageError
from mimc.pusher import apply, outcome, report_text
from mimc.pusher.node import Node
from mimc.state import Status, Verdict

from . import connect
from .source import choose_target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    connect.add_node_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="change the node without asking")


def run(arguments: argparse.Namespace) -> int:
    """Apply the spec to one target; asks before anything is changed, unless ``--yes`` says so."""
    if not arguments.yes and not (sys.stdin and sys.stdin.isatty()):
        raise UsageError("apply asks before it changes a node, and there is no terminal to ask on; say --yes")

    def choose(spec: Spec) -> Target:
        if not arguments.target:
            raise UsageError(f"apply changes a node: name it with --target {' or '.join(spec.targets)}")
        return choose_target(spec, arguments.target)

    return connect.run(
        arguments,
        choose,
        lambda service, node: apply(service, node, lambda verdicts: arguments.yes or _agreed(node, verdicts)),
        changes=True,
    )


def _agreed(node: Node, verdicts: tuple[Verdict, ...]) -> bool:
    report = outcome.judged("apply", node.evidence(), verdicts)
    changes = report_text.changes(report.nodes[0].properties)
    where = f"{node.target.name} ({node.target.address})"
    if changes:
        sys.stderr.write(f"{where} differs:\n{changes}\n")
        if _is_removal(verdicts):
            key_file = node.documents.desired.get("KeyBackupPath")
            sys.stderr.write(
                f"The product is going to be REMOVED, after its keys were exported to {key_file}.\n"
            )
    elif not node.documents.others:
        sys.stderr.write(f"{where} is in the desired state and holds a document that an earlier run left\n")
    if node.documents.others:
        sys.stderr.write(f"{where}: the LCM will enact {', '.join(node.documents.others)}\n")
    sys.stderr.write("Change it? Only yes is taken for yes: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() == "yes"


def _is_removal(verdicts: tuple[Verdict, ...]) -> bool:
    return any(
        item.property == "Ensure" and item.status is Status.DRIFT and str(item.desired).lower() == "absent"
        for item in verdicts
    )
