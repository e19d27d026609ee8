"""The front door: which verb, and what an error means on the screen and as an exit code.

Only the chosen verb's module is imported, so that ``--version`` and ``validate`` stay fast.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TextIO, TypeVar

import mimc

_T = TypeVar("_T")
#: Verb: the module of ``commands`` that has it, and what it does in one line.
VERBS = {
    "validate": ("validate", "check a spec; nothing is written or contacted"),
    "compile": ("compile", "write the configuration, the documents and their checksums"),
    "explain": ("explain", "say where a value of the spec comes from, and what it means"),
    "apply": ("apply", "bring a node to the desired state, verify, report"),
    "drift": ("examine", "compare a node with the spec, property by property; changes nothing"),
    "get": ("examine", "show what a node says of itself; changes nothing"),
    "test": ("examine", "say whether a node is in the desired state; changes nothing"),
    "inspect": ("inspect", "read a package of the media; compare it with what setup will be sent"),
    "schema": ("schema", "print the JSON Schema of a spec for editors; describe PowerShell classes"),
    "mof": ("mof", "show a compiled document; say in what two of them differ"),
    "import": ("importing", "turn a compiled document into a spec"),
    "lab": ("lab", "the stand-in node on this machine: serve, show, tamper, reset"),
}
#: More problems than anybody reads at once.
_MAX_PROBLEMS = 100
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
        from mimc.errors import UsageError

        raise UsageError(f"{message}\n  {self.prog} --help shows what can be said")


class _Output:
    """stdout as the verbs see it: once it cannot be written it takes the rest and keeps the reason.

    What a verb found counts, whether or not somebody reads to its end.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        """Write *text*."""
        return self._attempt(lambda: self._stream.write(text)) or 0

    def flush(self) -> None:
        """Write what is buffered."""
        self._attempt(self._stream.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _attempt(self, action: Callable[[], _T]) -> _T | None:
        if self.error is None:
            try:
                return action()
            except OSError as error:
                self.error = error
                # Whatever is buffered goes nowhere: the interpreter's own flush at the end finds no fault.
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        return None


def main(argv: list[str] | None = None) -> int:
    """Run the command line *argv* (default: that of the process) and return its exit code."""
    _open_streams()
    stream = sys.stdout
    output = _Output(stream)
    sys.stdout = output
    try:
        code = _guarded(sys.argv[1:] if argv is None else argv)
        output.flush()
    finally:
        sys.stdout = stream
    if output.error and not isinstance(output.error, BrokenPipeError):
        _say(f"mimc: the output cannot be written: {output.error.strerror}")
        return code or 1
    return code


def _guarded(argv: list[str]) -> int:
    try:
        return _run(argv)
    except KeyboardInterrupt as interrupt:
        _say(f"mimc: interrupted{f': {interrupt}' if interrupt.args else ''}")
        return 130
    except Exception as error:
        # Late: --version has no error to tell, and would pay half its time for them.
        from mimc.errors import MimcError, SpecError

        if not isinstance(error, MimcError):
            raise
        _say(_problems(error.problems) if isinstance(error, SpecError) else f"mimc: {error}")
        return error.exit_code


def _problems(problems: Sequence[object]) -> str:
    count = len(problems)
    lines = [str(problem) for problem in problems[:_MAX_PROBLEMS]]
    if count > _MAX_PROBLEMS:
        lines.append(f"and {count - _MAX_PROBLEMS} more")
    return "\n".join([*lines, f"{count} problem{'s' if count > 1 else ''}; nothing was written or contacted"])


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
    verbs = parser.add_subparsers(
        dest="verb", metavar="VERB", required=True, parser_class=_Parser, prog="mimc"
    )
    chosen = next((word for word in argv if not word.startswith("-")), "")
    for verb, (name, text) in VERBS.items():
        if chosen in VERBS and verb != chosen:
            continue
        subparser = verbs.add_parser(verb, help=text, description=text[:1].upper() + text[1:] + ".")
        if verb == chosen:
            module = importlib.import_module(f"mimc.commands.{name}")
            module.add_arguments(subparser)
            subparser.add_argument("-v", "--verbose", action="count", default=0, help="say more on stderr")
            subparser.set_defaults(run=module.run)
    return parser.parse_args(argv)


def _open_streams() -> None:
    """Make stdout and stderr UTF-8: a report has names as people have them, whatever the terminal's locale."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Started with the stream closed: nobody wants to read it.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _say(text: str) -> None:
    # Late, and only here: names from a spec or a node may hold what a terminal or a CI job would act on.
    from mimc.pusher.neutral import neutral

    sys.stderr.write("\n".join(neutral(line) for line in text.split("\n")) + "\n")
