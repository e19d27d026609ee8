"""What can go wrong, as values: each error has its fields and composes its own sentences.

This module knows no other. An error of the user or of a node ends here, with a next step; a bug of ours
keeps its traceback. The exit codes are those of the README; ``cli`` is the only place that uses them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a spec: file as the user named it, line and column counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault of a spec, with the place it stands at."""

    position: Position
    text: str

    def __str__(self) -> str:
        return f"{self.position}: {self.text}"


class MimcError(Exception):
    """The root: something a user can act on. ``exit_code`` and ``exit_word`` as in the README."""

    exit_code = 1
    exit_word = "failed"


class SpecError(MimcError):
    """The spec is not valid; ``problems`` holds all of it at once. Nothing was contacted or written."""

    exit_code = 3
    exit_word = "invalid"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class InputError(MimcError):
    """Something the spec leans on (a file, a certificate, a variable) is missing or not what it should be."""

    exit_code = 3
    exit_word = "invalid"


class UsageError(MimcError):
    """The command line asks for something that cannot be meant."""

    exit_code = 64
    exit_word = "usage"


class Unreachable(MimcError):
    """No session with *target* could be had, or it was lost and could not be had again."""

    exit_code = 4
    exit_word = "unreachable"

    def __init__(self, target: str, reason: str, step: str) -> None:
        self.target, self.reason, self.step = target, reason, step
        super().__init__(f"{target}: {reason}\n  {step}")


class AuthenticationRefused(Unreachable):
    """*target* answered and did not accept who we are or what we may do."""

    exit_code = 5
    exit_word = "auth"


class NodeRefused(MimcError):
    """*target* is not in a state to be worked on; ``code`` is the short word of the script that said so."""

    def __init__(self, target: str, code: str, reason: str, step: str) -> None:
        self.target, self.code, self.reason, self.step = target, code, reason, step
        super().__init__(f"{target}: {reason}\n  {step}")


class DeadlinePassed(MimcError):
    """The run's own time limit passed; ``reason`` says what was waited for and what goes on without us."""

    exit_code = 124
    exit_word = "timeout"

    def __init__(self, target: str, reason: str, step: str) -> None:
        self.target, self.reason, self.step = target, reason, step
        super().__init__(f"{target}: {reason}\n  {step}")
