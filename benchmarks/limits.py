"""How many processes and descriptors this process and what it starts may have."""

from __future__ import annotations

import resource
from typing import Final

#: Descriptors that a server needs for each agent, at most; and that anybody needs besides.
_DESCRIPTORS_EACH: Final = 4
_DESCRIPTORS: Final = 300

#: What the soft limits are raised to; there are programs that walk over all possible descriptors.
ENOUGH: Final = 65_536


def raise_limits() -> None:
    """Raise the soft limits of both to what is enough, or as far as the hard ones allow."""
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        soft, hard = resource.getrlimit(limit)
        raised = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
        if soft not in {resource.RLIM_INFINITY, -1} and soft < raised:
            resource.setrlimit(limit, (raised, hard))


def too_many(agents: int, *, processes: int) -> str | None:
    """Say why so many agents cannot run here; None when they can.

    Args:
        agents: How many.
        processes: Of each, with whoever looks after it.
    """
    wanted = (
        ("open files", resource.RLIMIT_NOFILE, _DESCRIPTORS + _DESCRIPTORS_EACH * agents),
        ("processes", resource.RLIMIT_NPROC, agents * processes),
    )
    for what, limit, need in wanted:
        _, hard = resource.getrlimit(limit)
        if hard not in {resource.RLIM_INFINITY, -1} and hard < need:
            return f"{agents} agents need up to {need} {what}, and the limit is {hard}"

    return None
