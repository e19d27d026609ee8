"""The front door: which verb, and what an error means on the screen and as an exit code.

Only the chosen verb's module is imported, so that ``--version`` and ``validate`` stay fast.
"""

import argparse
import importlib
import sys
from typing import NoReturn

import mimc
from mimc.errors import MimcError, SpecError, UsageError

#: Verb: the module of ``commands`` that has it, and what it does in one line.
VERBS = {
    "validate": ("validate", "check a spec; nothing is written or contacted"),
    "compile": ("compile", "write the configuration, the documents and their checksums"),
    "explain": ("explain", "say where a value of the spec comes from, and what it means"),
    "apply": ("apply", "bring a node to the desired state, verify, report"),
    "drift": ("examine", "compare a node with the spec, property by property; changes nothing"),
    "get": ("examine", "show what a node says of itself; changes nothing"),
    "test": ("examine", "say whether a node is in the desired state; changes nothing"),
    "schema": ("schema", "print the JSON Schema of a spec for editors; describe PowerShell classes"),
    "lab": ("lab", "the stand-in node on this machine: serve, show, tamper, reset"),
}
_EXIT_CODES = """\
exit codes:
  0 ok              done; nothing differs, or applied and verified
  1 failed          a resource or its verification failed, or a property could not be read
  2 drift           drift or test found differences
  3 invalid         the spec or a file it names is not valid; nothing was contacted
  4 unreachable     the target could not be reached
  5 auth            the target refused the login or the right
  7 reboot          all applied, a restart is pending
  64 usage          bad option or argument
  124 timeout       the run's own time limit passed
  130 interrupted   ctrl-c
"""


class _Parser(argparse.ArgumentParser):
    """Raises what argparse would print: its exit code 2 means drift here."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n  {self.prog} --help shows what can be said")


def main(argv: list[str] | None = None) -> int:
    """Run the command line *argv* (default: that of the process) and return its exit code."""
    _use_utf8()
    try:
        return _run(sys.argv[1:] if argv is None else argv)
    except SpecError as error:
        count = len(error.problems)
        _say(f"{error}\n{count} problem{'s' if count > 1 else ''}; nothing was written or contacted")
        return error.exit_code
    except MimcError as error:
        _say(f"mimc: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("mimc: interrupted")
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is left to say to anybody.
        sys.stderr.close()
        return 0


def _run(argv: list[str]) -> int:
    arguments = _parse(argv)
    import logging  # late: --version has ended by now, and would pay a sixth of its time for it

    # Libraries below us print whole messages at their lower levels, passwords included: WARNING is their floor.
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("mimc").setLevel(
        (logging.WARNING, logging.INFO, logging.DEBUG)[min(arguments.verbose, 2)]
    )
    code: int = arguments.run(arguments)
    return code


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="mimc",
        description="A MIM 2016 Synchronization Service as a text file.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mimc {mimc.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)
    chosen = next((word for word in argv if not word.startswith("-")), "")
    for verb, (name, text) in VERBS.items():
        subparser = verbs.add_parser(verb, help=text, description=text[:1].upper() + text[1:] + ".")
        if verb == chosen:
            module = importlib.import_module(f"mimc.commands.{name}")
            module.add_arguments(subparser)
            subparser.add_argument("-v", "--verbose", action="count", default=0, help="say more on stderr")
            subparser.set_defaults(run=module.run)
    return parser.parse_args(argv)


def _use_utf8() -> None:
    """Make stdout and stderr UTF-8: a report has names as people have them, whatever the terminal's locale."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
