"""The limits of one agent, watched by its keeper: when to look, and what is news."""

from __future__ import annotations

import time

from .gauges import WARN_SHARE, Files, Gauge, Idle, Memory, Output, WallClock

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypedDict

    from .household import Household
    from .wire import LimitsMessage

    class LimitNews(TypedDict):
        """A limit that was nearly reached, ``level`` being ``warning``, or reached: ``exceeded``.

        `used` and `allowed` are in the limit's own unit: seconds or bytes.
        """

        limit: str
        level: str
        used: float
        allowed: float


_UNITS = ((2**40, "TB"), (2**30, "GB"), (2**20, "MB"), (2**10, "KB"), (1, "B"))
_NAMES = {"wall_clock": "wall clock", "idle": "idle for"}


class LimitWatch:
    """What is said of the limits of one agent: one warning for each, and the first excess.

    It never waits itself, but says until when it has nothing to do: without limits, for ever.
    With an excess it is over, for the agent is stopped then.
    """

    def __init__(
        self,
        house: Household,
        limits: LimitsMessage,
        outputs: tuple[str, str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin now: the agent was started just now.

        Args:
            house: The agent and everyone below it.
            limits: None for those that are not there.
            outputs: Its two output files. They are kept open until `close`, so that an agent does
                not get rid of its limit by renaming or removing them.
            clock: Seconds that never jump.
        """
        self._clock = clock
        self._paused_at: float | None = None
        self._warned: set[str] = set()
        self._idle: Idle | None = None
        self._gauges: list[Gauge] = []
        idle, output = limits["idle"], limits["output"]
        self._files = Files(() if idle is None and output is None else outputs)
        now = clock()
        if limits["wall_clock"] is not None:
            self._gauges.append(WallClock(limits["wall_clock"], now))

        if limits["memory"] is not None:
            self._gauges.append(Memory(limits["memory"], now, house))

        if output is not None:
            self._gauges.append(Output(output, now, self._files))

        if idle is not None:
            self._idle = Idle(idle, now, house, self._files)
            self._gauges.append(self._idle)

    def timeout(self) -> float | None:
        """Seconds until the next look is due; None when none ever is."""
        due = [gauge.due for gauge in self._running()]
        return max(0.0, min(due) - self._clock()) if due else None

    def look(self) -> list[LimitNews]:
        """Look at what is due now; returns warnings, and at most one excess, as the last."""
        now = self._clock()
        news: list[LimitNews] = []
        for gauge in self._running():
            level = self._level(gauge, now) if gauge.due <= now else None
            if level is None:
                continue

            used, allowed = gauge.used, gauge.allowed
            news.append({"limit": gauge.limit, "level": level, "used": used, "allowed": allowed})
            if level == "exceeded":
                self.close()
                break

        return news

    def pause(self) -> None:
        """Do not count the time from now on as idle: the agent is frozen. All else goes on."""
        if self._paused_at is None:
            self._paused_at = self._clock()

    def resume(self) -> None:
        """Go on counting idle time: the agent was thawed."""
        if self._paused_at is not None and self._idle is not None:
            self._idle.leave_out(self._clock() - self._paused_at)

        self._paused_at = None

    def close(self) -> None:
        """Look at nothing any more, and let go of the files."""
        self._gauges.clear()
        self._files.close()

    def _running(self) -> list[Gauge]:
        paused = self._idle if self._paused_at is not None else None
        return [gauge for gauge in self._gauges if gauge is not paused]

    def _level(self, gauge: Gauge, now: float) -> str | None:
        used = gauge.measure(now)
        if used >= gauge.allowed:
            return "exceeded"

        if used < WARN_SHARE * gauge.allowed or gauge.limit in self._warned:
            return None

        self._warned.add(gauge.limit)
        return "warning"


def say(news: LimitNews) -> str:
    """Return it in words, as the reason of a stop or as a warning."""
    limit, used, allowed = news["limit"], news["used"], news["allowed"]
    exceeded = news["level"] == "exceeded"
    text = f"{_NAMES.get(limit, limit)} "
    if limit in {"memory", "output"}:
        size, unit = next(pair for pair in _UNITS if allowed >= pair[0])
        digits = 0 if size == 1 else 1
        text += f"{used / size:.{digits}f} {unit} of {allowed / size:.{digits}f} {unit}"
    elif exceeded:
        text += _seconds(allowed)
    else:
        text += f"{_seconds(used)} of {_seconds(allowed)}"

    if limit == "idle":
        text += " (no output, hardly any CPU time)"

    if exceeded:
        return f"limit reached: {text}"

    # A little more, for a share of a number may be a hair less than it should be.
    return f"{int(used / allowed * 100 + 0.01)} % of the limit: {text}"


def _seconds(number: float) -> str:
    return f"{round(number, 3 if number < 1 else 1):.15g} s"
