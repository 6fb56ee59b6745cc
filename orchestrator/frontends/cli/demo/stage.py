"""How the demo is shown while it goes on: drawn on a terminal, told in lines, or not at all."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from orchestrator.frontends.cli.table import Column, Table, drawn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

_BAR: Final = 10
_COLUMNS: Final = (
    Column(title="AGENT"),
    Column(title="HABIT", least=16, spare=1),
    Column(title="STATUS", states=True),
    Column(title="PROGRESS, BY ITS OWN REPORT", least=24),
    Column(title="PID", right=True),
    Column(title="PROCESSES", right=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """How one agent of the demo is doing.

    Attributes:
        habit: The name of its habit.
        shown: What the habit is.
        status: In one word.
        percent: Its progress, as it reported it itself.
        message: What it reported last.
        fate: What becomes of it after the kill of the server; empty before.
        pid: Its process.
        processes: It and everything that it started, counted from outside.
    """

    habit: str
    shown: str
    status: str
    percent: int
    message: str
    pid: int
    processes: int
    fate: str = ""


class Stage(Protocol):
    """Where the demo is shown."""

    def say(self, seconds: float, text: str) -> None:
        """Say what happens now, so many seconds after the beginning."""
        ...

    def show(self, seconds: float, players: Sequence[Player], count: int) -> None:
        """Show how the agents are doing, and how many processes there are in all."""
        ...


class SilentStage:
    """Shows nothing."""

    def say(self, seconds: float, text: str) -> None:
        """Say nothing."""

    def show(self, seconds: float, players: Sequence[Player], count: int) -> None:
        """Show nothing."""


class PlainStage:
    """Tells what is new, a line for each."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._told: dict[str, tuple[str, int, str]] = {}

    def say(self, seconds: float, text: str) -> None:
        """Print a line."""
        sys.stdout.write(f"{seconds:5.1f} s  {text}\n")
        sys.stdout.flush()

    def show(self, seconds: float, players: Sequence[Player], count: int) -> None:  # noqa: ARG002  told at the end
        """Print a line for each agent that has something new to say."""
        for player in players:
            news = (player.status, player.percent, player.message)
            text = player.fate or player.message
            if self._told.get(player.habit) != news and text:
                self._told[player.habit] = news
                self.say(
                    seconds,
                    f"{player.habit:10}  {player.status:9}  {player.percent:3}%  {text}",
                )


class LiveStage:
    """Draws a table, again and again in the same place."""

    def __init__(self) -> None:
        """Draw nothing yet."""
        from rich.console import Console  # noqa: PLC0415  60 ms, and only for a terminal
        from rich.live import Live  # noqa: PLC0415  the same

        self._said: list[str] = []
        self._table: object = ""
        self._live = Live(console=Console(highlight=False), auto_refresh=False)

    def __enter__(self) -> Self:
        """Take the screen."""
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last picture standing."""
        self._live.__exit__(kind, error, trace)

    def say(self, seconds: float, text: str) -> None:
        """Add a line above the table."""
        self._said.append(f"{seconds:5.1f} s  {text}")
        self._draw()

    def show(self, seconds: float, players: Sequence[Player], count: int) -> None:
        """Draw the table anew."""
        rows = tuple(
            (
                player.habit,
                player.shown,
                player.status,
                f"{_bar(player.percent)} {player.percent:3}% {player.message}",
                str(player.pid),
                str(player.processes),
            )
            for player in players
        )
        title = f"{seconds:5.1f} s   {count} processes, keepers and server included"
        width = self._live.console.width
        self._table = drawn(Table(_COLUMNS, rows), width=width, title=title)
        self._draw()

    def _draw(self) -> None:
        from rich.console import Group  # noqa: PLC0415  60 ms, and only for a terminal
        from rich.text import Text  # noqa: PLC0415  the same

        lines = [Text(line) for line in self._said]
        self._live.update(Group(*lines, self._table), refresh=True)  # pyright: ignore[reportArgumentType]  what drawn() made


def _bar(percent: int) -> str:
    full = max(0, min(_BAR, percent * _BAR // 100))
    return "█" * full + "·" * (_BAR - full)
