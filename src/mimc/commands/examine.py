"""``mimc get``, ``mimc test``, ``mimc drift``: three ways to look at a node; none can change it."""

import argparse

from mimc.pusher import examine

from . import connect
from .source import choose_target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    connect.add_node_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read the node and report in the manner of the verb: values, one verdict, or every property."""
    return connect.run(
        arguments,
        lambda spec: choose_target(spec, arguments.target),
        lambda service, node: examine(arguments.verb, service, node),
    )
