"""``mimc lab``: serve, show, tamper with and reset the simulated server."""

import argparse
import json
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from mimc.lab import DEFAULT_FOLDER, DEFAULT_TARGET, Served, find_node, open_lab, reset, targets
from mimc.lab.node import Tree
from mimc.lab.tampering import listing, tamper

from .rehearsal import add_engine_argument, chosen_powershell, engine_name

_NOTICE = "no Windows is involved; docs/fidelity.md says what that proves"
_INTERRUPTED = 130
_POLL_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs of the lab and their options to *parser*."""
    verbs = parser.add_subparsers(dest="lab_verb", required=True, metavar="VERB")
    serve = _verb(verbs, "serve", "serve the simulated server at 127.0.0.1 until Ctrl-C", output=True)
    serve.add_argument("--target", default=DEFAULT_TARGET, help=f"node to serve (default {DEFAULT_TARGET})")
    serve.add_argument("--host", default="", help="host name of the node when it is made")
    add_engine_argument(serve, "--engine")
    serve.add_argument("--port", type=_port, default=0, help="port to listen at (default: a free one)")
    show = _verb(verbs, "show", "print the state of the simulated server", output=True)
    show.add_argument("target", nargs="?", default="", help="node to show (default: all)")
    change = _verb(verbs, "tamper", "change the simulated server by hand; without changes, list what can be")
    change.add_argument("target", help="node to change")
    change.add_argument("changes", nargs="*", metavar="PATH=VALUE", help="such as firewall=off")
    start_again = _verb(verbs, "reset", "remove the simulated server, so that the next command makes it anew")
    start_again.add_argument("target", nargs="?", default="", help="node to remove (default: the whole lab)")


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    help: str,
    *,
    output: bool = False,
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    parser.add_argument(
        "--folder", type=Path, default=DEFAULT_FOLDER, help=f"folder of the lab (default {DEFAULT_FOLDER})"
    )
    if output:
        parser.add_argument("--output", choices=("text", "json"), default="text", help="form of the output")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Do what *arguments* ask for and return the exit code."""
    verbs = {"serve": _serve, "show": _show, "tamper": _tamper, "reset": _reset}
    return verbs[arguments.lab_verb](arguments)


def _serve(arguments: argparse.Namespace) -> int:
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    before = signal.signal(signal.SIGTERM, end)
    try:
        powershell = chosen_powershell(arguments, lab=True)
        lab = open_lab(arguments.folder, arguments.target, arguments.host)
        with lab.serve(arguments.port, powershell) as served:
            word = "powershell" if powershell else "simulated"
            sys.stdout.write(_served(lab.state, served, word, arguments.output) + "\n")
            sys.stdout.flush()
            sys.stderr.write(f"{engine_name(powershell)}: {_NOTICE}\nlistening; Ctrl-C ends it\n")
            # In slices: on Windows a wait without end does not see Ctrl-C.
            while not ended.wait(_POLL_S):
                pass
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def _served(state: Tree, served: Served, engine: str, output: str) -> str:
    facts = {
        "lab": engine,
        "target": state["target"],
        "node": state["host"],
        "host": served.host,
        "port": served.port,
        "user": served.user,
        "passwordFile": str(served.password_file.absolute()),
        "caFile": str(served.ca_file.absolute()),
    }
    if output == "json":
        return json.dumps({"version": 1, **facts})
    names = {"passwordFile": "password file", "caFile": "CA file"}
    return "\n".join(f"{names.get(name, name):14}{value}" for name, value in facts.items())


def _show(arguments: argparse.Namespace) -> int:
    names = [arguments.target] if arguments.target else targets(arguments.folder)
    states = [find_node(arguments.folder, name).load() for name in names]
    if arguments.output == "json":
        answer = {"version": 1, "lab": "simulated", "nodes": states}
        sys.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")
        return 0
    if not states:
        sys.stderr.write(f"the lab in {arguments.folder} is empty; mimc lab serve makes a node\n")
    sys.stdout.write("\n\n".join("\n".join(_described(state)) for state in states) + "\n" * bool(states))
    return 0


def _described(state: Tree) -> Iterator[str]:
    yield f"{state['target']}: {state['computerName']} ({state['host']}), lab (simulated)"
    product = f"MIM Synchronization Service {state['version']}" if state["installed"] else "not installed"
    yield f"  product     {product}"
    if state["installed"]:
        yield f"  key backup  {state['keyBackupPath'] or 'none'} {state['keyBackupTime']}".rstrip()
    for name, key in (("document", "document"), ("pending", "pendingDocument")):
        yield f"  {name:12}{state[key] or 'none'}"
    yield f"  modules     {', '.join(state['modules']) or 'none'}"
    yield f"  LCM         {state['lcm']['state']}, CertificateID {state['lcm']['certificateId'] or 'not set'}"
    job = state["job"]
    if job:
        result = job["result"] or {"status": "running", "error": ""}
        yield f"  last job    {result['status']} {result['error']}".rstrip()
    yield "  to tamper with:"
    for path, value, about in listing(state):
        yield f"    {f'{path}={value}':58} {about}"
    if not state["installed"]:
        yield "    ... and more once the product is installed"


def _tamper(arguments: argparse.Namespace) -> int:
    node = find_node(arguments.folder, arguments.target)
    if not arguments.changes:
        sys.stdout.write("\n".join(_described(node.load())) + "\n")
        return 0
    state = tamper(node, arguments.changes)
    changed = {change.partition("=")[0].casefold() for change in arguments.changes}
    for path, value, _ in listing(state):
        if path.casefold() in changed:
            sys.stdout.write(f"{arguments.target}: {shlex.quote(f'{path}={value}')}\n")
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    removed = reset(arguments.folder, arguments.target)
    for path in removed:
        sys.stdout.write(f"removed {path}\n")
    if not removed:
        sys.stderr.write(f"the lab in {arguments.folder} was not there; nothing removed\n")
    return 0
