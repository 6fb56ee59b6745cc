"""How an agent ended, and what a stop did."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .base import Noun
from .limits import LimitName, LimitNote
from .processes import Exit, ProcessNote

#: ``completed``: exit 0 and no error result. ``failed``: any other end of its own.
#: ``terminated``: it was stopped.
Verdict = Literal["completed", "failed", "terminated"]


class StopReceipt(Noun):
    """What a stop, or the sweep after an agent's own end, did.

    Attributes:
        reason: Why, in words.
        began_at: When the first signal was sent.
        duration_ms: From the first signal until nobody was left, in milliseconds.
        signalled: Who got the polite signal or SIGTERM.
        escapees: Who stood in another session than the agent when a signal was sent, even if the
            agent ended them itself.
        killed: Who needed SIGKILL.
        survivors: Who was left in spite of it: empty, except where the kernel would not let go.
    """

    reason: str
    began_at: datetime
    duration_ms: float
    signalled: tuple[ProcessNote, ...] = ()
    escapees: tuple[ProcessNote, ...] = ()
    killed: tuple[ProcessNote, ...] = ()
    survivors: tuple[ProcessNote, ...] = ()


class Usage(Noun):
    """What the agent's whole tree used, as the kernel counts it (``getrusage``).

    Attributes:
        user_s: CPU seconds in user mode.
        system_s: CPU seconds in the kernel.
        max_rss_bytes: The largest resident set of any one process, in bytes.
    """

    user_s: float
    system_s: float
    max_rss_bytes: int


class ProviderResult(Noun):
    """What the agent's CLI said about itself in its output.

    Attributes:
        session_id: The CLI's own session, to resume it.
        is_error: The CLI called its run an error.
        text: Its final words, cut to 2,000 characters.
        cost_usd: What it says it cost, in US dollars.
        input_tokens: Tokens read, without those from the cache.
        output_tokens: Tokens written.
        turns: Turns of the model.
    """

    session_id: str | None = None
    is_error: bool = False
    text: str | None = None
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    turns: int | None = None


class Outcome(Noun):
    """How an agent ended.

    Attributes:
        verdict: The end in one word.
        exit: The leader's exit code or signal.
        exited_at: When the leader ended.
        ended_at: When the last process of the agent was gone.
        usage: CPU and memory, over all of the agent's processes that were reaped.
        left_behind: Who was still there when the leader had ended by itself.
        receipt: What the stop or the sweep did; None when nobody asked for a stop, no limit ended
            it, and nobody had to be signalled.
        result: What the CLI said; None when it said nothing that its provider could read.
        limit: The limit that ended it, if one did; the receipt's reason says it in words.
        warnings: The limits that it came near to, in the order of the warnings.
    """

    verdict: Verdict
    exit: Exit
    exited_at: datetime
    ended_at: datetime
    usage: Usage
    left_behind: tuple[ProcessNote, ...] = ()
    receipt: StopReceipt | None = None
    result: ProviderResult | None = None
    limit: LimitName | None = None
    warnings: tuple[LimitNote, ...] = ()
