"""The one polling helper, for what has no event; and waiting until nobody is left below."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import anyio

from orchestrator.process import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from orchestrator.process.tree import Proc

T = TypeVar("T")

_ROUND = 0.01

#: The longest that anything may take on a machine that does other work, in seconds.
PATIENCE = 30.0


async def until(look: Callable[[], T], *, seconds: float = PATIENCE) -> T:
    """Look again and again until what is seen is true, and return it.

    Raises:
        TimeoutError: It was not, within that time; the last look is in the message.
    """
    seen = look()
    with anyio.move_on_after(seconds):
        while not seen:
            await anyio.sleep(_ROUND)
            seen = look()

    if not seen:
        raise TimeoutError(f"not within {seconds} s; the last look saw {seen!r}")

    return seen


def below(but: Collection[int] = ()) -> list[Proc]:
    """Everyone alive that descends from this process, but these and those below them."""
    found = tree.descendants(os.getpid())
    left_out = set(but)
    for proc in found:  # parents come before their children
        if proc.ppid in left_out:
            left_out.add(proc.pid)

    return [proc for proc in found if proc.pid not in left_out]


async def wait_nobody_below(but: Collection[int] = (), *, seconds: float = PATIENCE) -> None:
    """Wait until nobody descends from this process, and reap the orphans that it was left.

    Raises:
        AssertionError: Somebody does; the message says who.
    """
    left: list[Proc] = []

    def empty() -> bool:
        nonlocal left
        left = below(but)
        return not left

    try:
        await until(empty, seconds=seconds)
    except TimeoutError:
        raise AssertionError(f"left below the test: {left}") from None

    _reap(but)


def _reap(but: Collection[int]) -> None:
    for pid in tree.children(os.getpid()):
        if pid not in but:
            with suppress(ChildProcessError):  # a nursery is collected by a thread as well
                os.waitpid(pid, os.WNOHANG)
