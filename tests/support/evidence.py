"""Waiting for evidence: a condition is looked at again and again, for a bounded time."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

#: Seconds between two looks, and the longest that anything may take on a busy machine.
LOOK = 0.01
LONG = 30.0


def wait_until(look: Callable[[], T], what: str, *, within: float = LONG) -> T:
    """Look until what is seen is true, and return it.

    Args:
        look: What to look at.
        what: What is waited for, for the failure.
        within: Seconds.
    """
    end = time.monotonic() + within
    while not (seen := look()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {within} s, but {seen!r}")

        select.select([], [], [], LOOK)

    return seen


async def eventually(look: Callable[[], Awaitable[T]], what: str, *, within: float = LONG) -> T:
    """Do the same with an asynchronous look."""
    end = time.monotonic() + within
    while not (seen := await look()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {within} s, but {seen!r}")

        await anyio.sleep(LOOK)

    return seen
