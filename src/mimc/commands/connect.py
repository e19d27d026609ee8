"""What the verbs that talk to a node have in common: its documents, a session with it or with the lab, a report."""

import argparse
import datetime
import logging
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mimc.compiler import compile_audit, compile_spec, restoring_document
from mimc.compiler.secrets import resolve
from mimc.compiler.spec import Spec, Target
from mimc.errors import InputError, MimcError, SpecError
from mimc.lab.locate import PowerShell
from mimc.pusher import outcome, report_json, report_text
from mimc.pusher.node import Node
from mimc.pusher.outcome import Report
from mimc.pusher.session import Session
from mimc.pusher.target import Target as Address
from mimc.resources import SyncService, module
from mimc.secret import ReadSecret

from .rehearsal import (
    add_engine_argument,
    chosen_powershell,
    engine_name,
    lab_certificates,
    lab_of,
    throwaway_secrets,
)
from .source import add_spec_argument, authority_problems, beside, certificate_files, load_spec
from .sources import real_secrets

_LOG = logging.getLogger(__name__)
_RENDERERS = {"text": report_text.render, "json": report_json.render}

#: What a verb does with the desired service and its node.
Work = Callable[[SyncService, Node], Report]


def add_node_arguments(parser: argparse.ArgumentParser) -> None:
    """Add SPEC, --target, --lab, --lab-engine and --output to *parser*."""
    add_spec_argument(parser)
    parser.add_argument("--target", metavar="T", help="the node, by its name in the spec")
    parser.add_argument("--lab", action="store_true", help="rehearse on the simulated node of this machine")
    add_engine_argument(parser, "--lab-engine")
    parser.add_argument("--output", choices=sorted(_RENDERERS), default="text", help="form of the report")


def run(
    arguments: argparse.Namespace, choose: Callable[[Spec], Target], work: Work, *, changes: bool = False
) -> int:
    """Do *work* on the node that *choose* takes, print its report, and return its exit code.

    Only work that *changes* the node gets the documents for that, and has their secrets asked for.
    Whoever asked for JSON gets an object also when the node could not be worked on.
    """
    powershell = chosen_powershell(arguments, lab=arguments.lab)
    spec = load_spec(arguments.spec)
    target = choose(spec)
    if changes and (reason := spec.node(target).lcm.not_pushed_to):
        raise InputError(f"{spec.file}: {reason}\n  mimc compile writes its documents all the same")
    with _node(spec, target, powershell, lab=arguments.lab, changes=changes) as node:
        try:
            report = work(SyncService(node.documents.desired), node)
        except MimcError as error:
            if arguments.output == "text":
                raise
            report = outcome.from_error(arguments.verb, node.evidence(), error)
        sys.stdout.write(_RENDERERS[arguments.output](report))
    return report.exit_code


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextmanager
def _node(
    spec: Spec, target: Target, powershell: PowerShell | None, *, lab: bool, changes: bool
) -> Iterator[Node]:
    read_secret = throwaway_secrets if lab else real_secrets()
    now = datetime.datetime.now(datetime.UTC)
    certificates = lab_certificates([target]) if lab else certificate_files(now)
    own = [target.connection.password] if target.connection.password and not lab else []
    documents = (
        compile_spec(spec, [target], certificates, read_secret, own).nodes[target.name]
        if changes
        else compile_audit(spec, target, certificates, read_secret, own)
    )
    with _lab_address(target, powershell) if lab else _address(target, read_secret) as address:
        yield Node(
            address,
            documents,
            module.archive(),
            lambda: _open_session(address),
            lambda settings: restoring_document(spec, target.name, settings),
            clock=time.monotonic,
            sleep=time.sleep,
            now=lambda: datetime.datetime.now(datetime.UTC),
            new_id=lambda: str(uuid.uuid4()),
            progress=_say,
        )


def _open_session(address: Address) -> Session:
    # Late: pypsrp is most of what a command needs to start.
    from mimc.pusher.winrm import open_session

    _LOG.info("connecting to %s", address.address)
    return open_session(address)


@contextmanager
def _lab_address(target: Target, powershell: PowerShell | None) -> Iterator[Address]:
    with lab_of(target).serve(powershell=powershell) as served:
        yield Address(
            name=target.name,
            host=served.host,
            port=served.port,
            auth="basic",
            user=served.user,
            password=served.password,
            ca_file=served.ca_file,
            time_limit_s=target.time_limit_s,
            engine=engine_name(powershell),
        )


@contextmanager
def _address(target: Target, read_secret: ReadSecret) -> Iterator[Address]:
    connection = target.connection
    ca_file = beside(target.position, connection.ca) if connection.ca else None
    if problems := authority_problems(target):
        raise SpecError(problems)
    password = None
    if connection.password:
        password = resolve([connection.password], read_secret)[connection.password]
    yield Address(
        name=target.name,
        host=target.host,
        port=connection.port,
        auth=connection.auth,
        user=connection.user,
        password=password,
        ca_file=ca_file,
        time_limit_s=target.time_limit_s,
    )
