"""The agents of ``tests/agents`` as argv: tiny programs, one nasty habit each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orchestrator import AgentSpec, StopPolicy

if TYPE_CHECKING:
    from .liveness import Liveness

FOLDER: Final = Path(__file__).resolve().parents[1] / "agents"

#: Short graces: what ignores SIGTERM is killed soon.
QUICK: Final = StopPolicy(term_grace=0.3, linger=0.1, kill_limit=5.0)

#: Long ones: for agents that do end when they are asked.
PATIENT: Final = StopPolicy(term_grace=20.0, linger=20.0, kill_limit=10.0)


def argv(habit: str, *arguments: str) -> tuple[str, ...]:
    """Return how an agent with this habit is started; without site-packages, to be quick."""
    return (sys.executable, "-S", "-E", str(FOLDER / f"{habit}.py"), *arguments)


def spec(habit: str, *arguments: str, liveness: Liveness | None = None) -> AgentSpec:
    """Return the spec of an agent with this habit, with short graces."""
    env = liveness.env if liveness is not None else {}
    return AgentSpec(argv=argv(habit, *arguments), agent_type=habit, env=env, stop=QUICK)
