"""Many nodes, one after the other: no more than one is held in memory, and processes share them out.

What is wrong with one node does not hide what is wrong with the next.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mimc.errors import Problem, SpecError
from mimc.resources import module
from mimc.secret import Secret, SecretReference

from . import FindCertificate, node_files, script_name
from .mof import InstanceTexts
from .plan import plan
from .ps1 import ScriptTexts
from .spec import Spec, Target

#: Below this many nodes a second process costs more than it saves.
_WORTH_A_PROCESS = 100
#: A document above this is refused by DSC's own cmdlets: WinRM's MaxEnvelopeSizekb is 500 KB by default, and the
#: document travels in it as base64. ``mimc apply`` sends it in pieces and has no such limit.
ENVELOPE_LIMIT_BYTES = 500 * 1024 * 3 // 4

#: Keeps a file by its name and returns its SHA-256.
Put = Callable[[str, bytes], str]


@dataclass(frozen=True, slots=True)
class NodeLine:
    """What a manifest says of one node: its identity, its certificate, its files with their SHA-256."""

    name: str
    spec_hash: str
    thumbprint: str
    mof_bytes: int
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Work:
    """What compiling nodes takes, whichever process does it."""

    spec: Spec
    find_certificate: FindCertificate
    secrets: Mapping[SecretReference, Secret]
    put: Put

    def lines(self, targets: Sequence[Target], of: int) -> Iterator[NodeLine | list[Problem]]:
        """Yield a line, or the problems, of each of *targets*, which are some *of* the nodes in all."""
        texts, scripts = InstanceTexts(), ScriptTexts()
        for target in targets:
            try:
                planned = plan(self.spec, target, self.find_certificate(target), module.version())
                documents = planned.write(self.secrets, texts)
                files = node_files(planned, documents, script_name(self.spec, target, of), scripts)
                yield NodeLine(
                    target.name,
                    documents.spec_hash,
                    documents.thumbprint,
                    len(documents.mof),
                    {name: self.put(name, data) for name, data in files.items()},
                )
            except SpecError as error:
                yield list(error.problems)


def references(
    spec: Spec, targets: Sequence[Target], find_certificate: FindCertificate
) -> list[SecretReference]:
    """Return every secret that the documents of *targets* need, each once.

    Raises:
        SpecError: what is wrong with any of the targets, at once.
    """
    found: dict[SecretReference, None] = {}
    problems: list[Problem] = []
    for target in targets:
        try:
            planned = plan(spec, target, find_certificate(target), module.version())
            found |= dict.fromkeys(credential.password for credential in planned.credentials)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return list(found)


def compile_nodes(work: Work, targets: Sequence[Target], done: Callable[[int], None]) -> list[NodeLine]:
    """Compile *targets* and return a line for each, in their order; *done* is told how many there are so far.

    Raises:
        SpecError: what is wrong with any of them, at once.
        InputError: a file cannot be kept.
    """
    results = (
        _shared_out(work, targets) if len(targets) > _WORTH_A_PROCESS else work.lines(targets, len(targets))
    )
    lines: list[NodeLine] = []
    problems: list[Problem] = []
    for count, result in enumerate(results, 1):
        if isinstance(result, NodeLine):
            lines.append(result)
        else:
            problems += result
        done(count)
    if problems:
        raise SpecError(problems)
    order = {target.name: at for at, target in enumerate(targets)}
    return sorted(lines, key=lambda line: order[line.name])


def _shared_out(work: Work, targets: Sequence[Target]) -> Iterator[NodeLine | list[Problem]]:
    from .processes import share_out  # late: one spec of one node does not need it

    processes = min(os.cpu_count() or 1, len(targets) // _WORTH_A_PROCESS)
    return share_out(lambda number: work.lines(targets[number::processes], len(targets)), processes)
