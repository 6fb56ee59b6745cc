"""Waiting for evidence where `waiting.until` cannot: without an event loop, or by asking."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

#: Seconds between two looks, and the longest that anything may take on a busy machine.
ROUND = 0.01
LONG = 30.0


def wait_until(look: Callable[[], T], what: str, *, within: float = LONG) -> T:
    """Look again and again until what is seen is true, and return it; for tests without a loop.

    Args:
        look: What to look at.
        what: What is waited for, for the failure.
        within: Seconds.

    Raises:
        TimeoutError: It was not true within that time.
    """
    end = time.monotonic() + within
    while not (seen := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {within} s; the last look saw {seen!r}")

        select.select([], [], [], ROUND)

    return seen


async def ask_until(ask: Callable[[], Awaitable[T]], what: str, *, within: float = LONG) -> T:
    """Ask again and again until the answer is true, and return it.

    Raises:
        TimeoutError: It was not within that time.
    """
    end = time.monotonic() + within
    while not (seen := await ask()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {within} s; the last answer was {seen!r}")

        await anyio.sleep(ROUND)

    return seen
