"""Whether one more agent may be launched below those that are its ancestors."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.errors import GateClosedError, LimitReachedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.model import AgentRecord, Limits

    from .database import Database


class Ancestor(NamedTuple):
    """An agent above a new one.

    Attributes:
        record: What is known of it.
        gate: Whether nothing may be launched below it any more.
    """

    record: AgentRecord
    gate: bool


def check_ancestors(database: Database, ancestors: Sequence[Ancestor], record: AgentRecord) -> None:
    """Refuse an agent that may not be launched below one of its ancestors.

    Args:
        database: Where they are on record.
        ancestors: Its parent, the parent's parent and so on.
        record: The new agent.

    Raises:
        GateClosedError: The family of one of them is being stopped.
        LimitReachedError: One more would be too many below one of them, or too deep.
    """
    for above in ancestors:
        if above.gate:
            raise GateClosedError(
                f"The family of agent {above.record.id} is being stopped; nothing is launched "
                "below it",
                agent_id=above.record.id,
            )

        check_depth(record, above.record.limits.max_depth)

    _check_counts(database, ancestors)


def check_depth(record: AgentRecord, allowed: int | None) -> None:
    """Refuse an agent of a generation that is not allowed.

    Raises:
        LimitReachedError: It is.
    """
    if allowed is not None and record.depth > allowed:
        raise LimitReachedError(
            f"Max depth reached ({record.depth}/{allowed}): let an agent further up do this work, "
            "or raise the limit"
        )


def _check_counts(database: Database, ancestors: Sequence[Ancestor]) -> None:
    counted = [level for level, each in enumerate(ancestors) if _counts(each.record.limits)]
    if not counted:
        return

    below = _count(database, ancestors, highest=counted[-1])
    for level in counted:
        head = ancestors[level].record
        total, live = below[level]
        most, at_once = head.limits.max_agents, head.limits.max_concurrent
        if at_once is not None and live >= at_once:
            raise LimitReachedError(f"Too many active agents below {head.id} ({live}/{at_once})")

        if most is not None and total >= most:
            raise LimitReachedError(f"Max agents reached below {head.id} ({total}/{most})")


def _counts(limits: Limits) -> bool:
    return limits.max_agents is not None or limits.max_concurrent is not None


def _count(
    database: Database, ancestors: Sequence[Ancestor], *, highest: int
) -> list[tuple[int, int]]:
    """Return how many agents are below each ancestor, up to the highest that counts: all, live.

    One walk over the family: each agent is counted for the lowest ancestor that it is below, and
    the sums go up.
    """
    rows = database.rows(
        "WITH RECURSIVE above (id, level) AS ("
        " SELECT ?1, 0"
        " UNION SELECT agents.parent, above.level + 1 FROM above JOIN agents USING (id)"
        " WHERE above.level < ?2"
        "), below (id, level) AS ("
        " SELECT id, level FROM above"
        " UNION SELECT agents.id, below.level FROM below JOIN agents ON agents.parent = below.id"
        " WHERE agents.id NOT IN (SELECT id FROM above)"
        ") SELECT level, count(*), sum(live) FROM below JOIN agents USING (id)"
        " GROUP BY level ORDER BY level",
        (ancestors[0].record.id, highest),
    )
    sums = zip(accumulate(row[1] for row in rows), accumulate(row[2] for row in rows), strict=True)
    # without the ancestor itself
    return [
        (total - 1, live - above.record.live)
        for (total, live), above in zip(sums, ancestors, strict=False)
    ]
