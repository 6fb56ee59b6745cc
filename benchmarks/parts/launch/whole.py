"""Launching to the end of the agent, and launching from a parent that holds much memory."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import psutil

from benchmarks.contenders.bare import ANYIO, POPEN, POSIX_SPAWN
from benchmarks.contenders.floor import the_floor
from benchmarks.contenders.library import TRIO, LibraryContender
from benchmarks.contenders.mcp import McpContender
from benchmarks.model import Skipped
from benchmarks.parts.base import present
from benchmarks.rounds import Entrant, take_turns

from .levels import turn

if TYPE_CHECKING:
    from benchmarks.contenders.base import Contender, Session
    from benchmarks.contenders.worker import WorkerSession
    from benchmarks.model import Series
    from benchmarks.parts.base import Context

#: What a heavy parent holds.
MEGABYTES: Final = 500

_MB: Final = 1_000_000


def measure_whole(context: Context) -> tuple[Series, ...]:
    """Time agents that end at once, until their end is known."""
    plan, ground = context.plan, context.ground
    contenders: list[Contender[WorkerSession]] = [
        *(the_floor(ground), POSIX_SPAWN, POPEN, ANYIO, LibraryContender(), TRIO)
    ]
    with ExitStack() as stack:
        entrants = [
            Entrant(
                one.key, one.name, stack.enter_context(one.open(ground, ground.program("ends")))
            )
            for one in present(contenders)[0]
        ]
        for entrant in entrants:
            entrant.session.run(2)

        return take_turns(
            entrants,
            lambda session: session.run(plan.per_round),
            rounds=plan.rounds,
            what="launch, to the end",
            steps=context.steps,
        )


def measure_heavy(context: Context) -> tuple[tuple[Series, ...], tuple[Skipped, ...]]:
    """Time launches one after another, with and without much memory in the parent."""
    plan, ground = context.plan, context.ground
    light: list[Contender[Session]] = [
        *(the_floor(ground), POSIX_SPAWN, POPEN, ANYIO, LibraryContender(), McpContender())
    ]
    heavy: list[Contender[Session]] = [
        the_floor(ground, megabytes=MEGABYTES),
        *(replace(one, megabytes=MEGABYTES) for one in (POSIX_SPAWN, POPEN, ANYIO)),
        LibraryContender(megabytes=MEGABYTES),
        McpContender(megabytes=MEGABYTES),
    ]
    need = MEGABYTES * _MB * (len(heavy) + 1)
    there = psutil.virtual_memory().available
    if there < need:
        reason = f"{need // _MB} MB of memory are needed, {there // _MB} MB are available"
        return (), (Skipped(name=f"launching with {MEGABYTES} MB in the parent", reason=reason),)

    program = ground.program("stays")
    with ExitStack() as stack:
        entrants = [
            Entrant(
                f"{one.key}{suffix}",
                f"{one.name}{words}",
                stack.enter_context(one.open(ground, program)),
            )
            for kind, suffix, words in (
                (light, "", ""),
                (heavy, "-heavy", f", {MEGABYTES} MB"),
            )
            for one in kind
        ]
        for entrant in entrants:
            turn(1, together=False)(entrant.session)

        series = take_turns(
            entrants,
            turn(plan.per_round, together=False),
            rounds=plan.rounds,
            what=f"launch, {MEGABYTES} MB in the parent",
            steps=context.steps,
        )
    return series, ()
