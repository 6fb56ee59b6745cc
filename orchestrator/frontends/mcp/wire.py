"""Standard input and output, claimed for the protocol so that nothing else can write there."""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from .descriptors import Descriptor

if TYPE_CHECKING:
    from collections.abc import Generator

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2


@contextmanager
def claimed_stdio() -> Generator[tuple[Descriptor, Descriptor]]:
    """Take descriptors 0 and 1 for the protocol: the block gets what to read and to write.

    Inside the block 0 reads as empty and 1 leads to standard error, so that a stray ``print``
    or a child can neither write into the protocol nor read from it. Both are put back.
    """
    open_missing()
    with ExitStack() as stack:
        private_in = _duplicate(STDIN, stack)
        private_out = _duplicate(STDOUT, stack)
        _divert(STDIN, STDOUT)
        stack.callback(_restore, private_in, private_out)
        receive = stack.enter_context(Descriptor(private_in))
        send = stack.enter_context(Descriptor(private_out))
        yield receive, send


def open_missing() -> None:
    """Open ``/dev/null`` for each of 0, 1 and 2 that the parent left closed.

    Otherwise the next file opened, a database perhaps, would become standard output.
    """
    while True:
        fd = os.open(os.devnull, os.O_RDWR)
        if fd > STDERR:
            os.close(fd)
            return


def _duplicate(fd: int, stack: ExitStack) -> int:
    private = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, STDERR + 1)
    stack.callback(os.close, private)
    return private


def _divert(empty: int, astray: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, empty)
    os.close(null)
    os.dup2(STDERR, astray)


def _restore(private_in: int, private_out: int) -> None:
    # What was printed inside the block must not surface in the protocol after it.
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None and not stream.closed:
            stream.flush()

    os.dup2(private_in, STDIN)
    os.dup2(private_out, STDOUT)
