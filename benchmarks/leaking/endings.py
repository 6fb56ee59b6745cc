"""The ways in which agents, or their launcher, come to an end."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from .launchers.base import Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """One of them.

    Attributes:
        key: Its short name.
        name: What it is called in tables.
        strike: Brings it about; returns when nothing more is done from outside.
        launcher_stays: The launcher is not to end.
    """

    key: str
    name: str
    strike: Callable[[Running], None]
    launcher_stays: bool = False


def _signalled(key: str, number: signal.Signals) -> Ending:
    def strike(running: Running) -> None:
        running.process.send_signal(number)

    return Ending(key=key, name=number.name, strike=strike)


def _stop(running: Running) -> None:
    running.stop()


def _hang_up(running: Running) -> None:
    running.hang_up()


def _kill_group(running: Running) -> None:
    # Each launcher leads a group, as it does below a shell.
    os.killpg(running.process.pid, signal.SIGKILL)


END_OF_INPUT: Final = "input"
HANGUP: Final = "hup"

ENDINGS: Final = (
    Ending(key="stop", name="stop of each agent", strike=_stop, launcher_stays=True),
    _signalled("term", signal.SIGTERM),
    _signalled("int", signal.SIGINT),
    _signalled(HANGUP, signal.SIGHUP),
    Ending(key=END_OF_INPUT, name="end of input", strike=_hang_up),
    _signalled("kill", signal.SIGKILL),
    Ending(key="group", name="SIGKILL, whole group", strike=_kill_group),
)

ENDING_BY_KEY: Final = {ending.key: ending for ending in ENDINGS}
