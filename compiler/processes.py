"""Work shared out to processes that are copies of this one."""

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import TypeVar

from mimc.errors import MimcError

_T = TypeVar("_T")


def share_out(work: Callable[[int], Iterator[_T]], processes: int) -> Iterator[_T]:
    """Yield what *work* yields for each number below *processes*, as it comes; each in a process of its own.

    The processes are forks, so that nothing *work* holds, secrets above all, is written into a pipe. Where there is no
    fork (Windows), or one process is enough, *work* is done here.

    Raises:
        MimcError: as *work* raises it.
    """
    if processes < 2 or "fork" not in multiprocessing.get_all_start_methods():
        for number in range(processes):
            yield from work(number)
    else:
        yield from _forked(work, processes)


def _forked(work: Callable[[int], Iterator[_T]], processes: int) -> Iterator[_T]:
    context = multiprocessing.get_context("fork")
    readers: list[Connection] = []
    children = []
    for number in range(processes):
        reader, writer = context.Pipe(duplex=False)
        child = context.Process(target=_run, args=(work, number, writer))
        child.start()
        writer.close()
        readers.append(reader)
        children.append(child)
    try:
        while readers:
            for ready in wait(readers):
                reader = readers[readers.index(ready)]  # type: ignore[arg-type]
                try:
                    result = reader.recv()
                except EOFError:
                    readers.remove(reader)
                    continue
                if isinstance(result, MimcError):
                    raise result
                yield result
    finally:
        for child in children:
            if child.is_alive() and readers:
                child.terminate()
            child.join()
    if any(child.exitcode for child in children):
        raise RuntimeError("a process that did some of the work ended before it was through")


def _run(work: Callable[[int], Iterator[_T]], number: int, writer: Connection) -> None:
    try:
        for result in work(number):
            writer.send(result)
    except MimcError as error:
        writer.send(error)
    except (KeyboardInterrupt, BrokenPipeError):
        # The first process was told too, or has gone: it says what there is to say.
        return
    writer.close()
