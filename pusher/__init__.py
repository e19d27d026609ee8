"""Bundle and target to report: the orders in which the steps are taken, one function each.

No connection is made here: the node is given, and opens its session when the first script is sent.
"""

from collections.abc import Callable
from contextlib import closing, suppress
from typing import Protocol

from mimc.errors import MimcError
from mimc.state import State, Verdict

from . import outcome
from .node import EnactmentFailed, Node
from .outcome import Applied, Report

#: Shown what would change, answers whether to go on.
Confirm = Callable[[tuple[Verdict, ...]], bool]


class Resource(Protocol):
    """A DSC resource with its desired values, as ``resources`` declares it."""

    def get(self, host: Node) -> State:
        """Return the node's state; nothing is changed."""

    def test(self, host: Node) -> tuple[Verdict, ...]:
        """Return a verdict for each desired property; nothing is changed."""

    def set(self, host: Node) -> None:
        """Let the node enact the desired state."""


def examine(command: str, resource: Resource, node: Node) -> Report:
    """Return the report of ``get``, ``test`` or ``drift``: scripts that read, and no others, are sent."""
    if command == "get":
        with closing(node):
            state = resource.get(node)
        return outcome.observed(node.evidence(), state)
    with closing(node):
        verdicts = resource.test(node)
    return outcome.judged(command, node.evidence(), verdicts)


def apply(resource: Resource, node: Node, confirm: Confirm) -> Report:
    """Bring *node* to the desired state and return the report of what is there afterwards.

    Nothing is sent but scripts that read until something can be set and *confirm* says yes.

    Raises:
        MimcError: declined, refused by the node, out of time: each with its own kind and exit code.
    """
    with closing(node):
        before = resource.test(node)
        changes = outcome.to_set(before) or node.needs_apply or bool(node.documents.others)
        # Whose node it is counts before anybody is asked, and also when there is nothing to do.
        leftover = node.check(changes=changes)
        if outcome.only_cannot_set(before) or not (changes or leftover):
            run = Applied(before, before)
        elif not confirm(before):
            raise MimcError(f"{node.target.name}: nothing was changed, as you said")
        elif changes:
            run = _change(resource, node, before)
        else:
            node.remove_leftover()
            run = Applied(before, before, note="a document that an earlier run left on the node was removed")
    return outcome.applied(node.evidence(), run)


def _change(resource: Resource, node: Node, before: tuple[Verdict, ...]) -> Applied:
    failure = leftover = ""
    try:
        try:
            resource.set(node)
        except EnactmentFailed as error:
            failure = error.reason
        after = resource.test(node)
    except BaseException as error:
        # The first error is the one to tell. A running enactment is left alone: withdraw knows.
        with suppress(MimcError):
            node.withdraw()
        if isinstance(error, KeyboardInterrupt) and node.connection.enacting:
            text = f"{node.target.name} goes on by itself; mimc drift shows what came of it, mimc apply tidies up"
            raise KeyboardInterrupt(text) from None
        raise
    try:
        node.withdraw()
    except MimcError as error:
        leftover = f"the document may still be on the node: {' '.join(str(error).split())}"
    reboot = node.job is not None and node.job.reboot_requested
    return Applied(before, after, failure, leftover, reboot)
