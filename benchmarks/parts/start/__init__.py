"""Starting: from exec to the first answer, of each program that somebody waits for."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from benchmarks.charts import Axis, Bar, Bars
from benchmarks.contenders.client import SERVER, of_server, open_client
from benchmarks.contenders.library import LibraryContender
from benchmarks.contenders.lines import ANSWER_LIMIT
from benchmarks.errors import BrokenError
from benchmarks.figures import median, middle, ratio, typical
from benchmarks.model import PartResult, Round, Target
from benchmarks.parts.base import no_linux
from benchmarks.rounds import Entrant, take_turns
from benchmarks.tables import find, times_table

from .relay import Doorman

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.contenders.client import McpClient
    from benchmarks.ground import Ground
    from benchmarks.model import Series, Verdict
    from benchmarks.parts.base import Context

    #: Starts something; returns the milliseconds until its first answer.
    Starter = Callable[[], float]

FLOOR: Final = "floor"
RELAY: Final = "relay"

_MS_PER_S = 1000.0

_RELAY = Target(
    name="relay, until the first byte has passed ÷ python -I -S -c pass",
    bound="at most",
    limit=3,
    unit="times",
)


@dataclass(frozen=True, slots=True)
class Start:
    """See the module."""

    name: str = "start"
    summary: str = "from exec to the first answer: server, relay, ps, --version, --help"

    def missing(self) -> str | None:
        """Only where Linux is: an agent's environment is read from /proc."""
        return no_linux()

    def measure(self, context: Context) -> PartResult:
        """Measure what agents wait for, then what people and clients wait for."""
        plan, ground = context.plan, context.ground
        with ExitStack() as stack:
            relays = take_turns(
                _relays(ground, stack),
                _turn,
                rounds=plan.relay_starts,
                what="start, relay",
                steps=context.steps,
            )

        with ExitStack() as stack:
            programs = take_turns(
                _programs(ground, stack, agents=plan.listed),
                _turn,
                rounds=plan.starts,
                what="start, server and commands",
                steps=context.steps,
            )

        titles = ("Start of a relay", "Start of the server and of commands")
        notes = (
            (
                "From before exec. First byte: what the client had written is at the "
                "orchestrator's socket. First answer: an orchestrator's to `initialize`."
            ),
            (
                "From before exec until `initialize` was answered, or the command has ended. "
                f"The {plan.listed} agents are live, and `ps` looks at each."
            ),
        )
        series: dict[str, tuple[Series, ...]] = dict(zip(titles, (relays, programs), strict=True))
        return PartResult(
            name=self.name,
            tables=tuple(
                times_table(title, series[title], floor=FLOOR, notes=[note])
                for title, note in zip(titles, notes, strict=True)
            ),
            verdicts=judge(relays),
            series=series,
            charts=(
                draw("start-relay", titles[0], relays, goal=_RELAY.limit),
                draw("start-programs", titles[1], programs),
            ),
        )


def judge(relays: Sequence[Series]) -> tuple[Verdict, ...]:
    """Compare with the target."""
    relay, floor = find(relays, RELAY), find(relays, FLOOR)
    if relay is None or floor is None:
        return (_RELAY.judge(None),)

    found = ratio(relay, floor, typical)
    return (
        _RELAY.judge(
            found.value, detail=f"half of the rounds: {found.low:.2f} to {found.high:.2f}"
        ),
    )


def draw(key: str, title: str, series: Sequence[Series], goal: float | None = None) -> Bars:
    """Return a chart of start times.

    Args:
        key: As in `Bars`.
        title: As in `Bars`.
        series: One for each bar.
        goal: What is wanted, as a multiple of the floor.
    """
    base = find(series, FLOOR)
    bars: list[Bar] = []
    for one in series:
        around = middle([typical(each) for each in one.rounds])
        bars.append(
            Bar(
                name=one.name,
                value=around.value,
                low=around.low,
                high=around.high,
                ratio=None if base is None else ratio(one, base, typical).value,
                ours=not one.key.startswith(FLOOR),
            )
        )

    return Bars(
        key=key,
        title=title,
        axis=Axis(label="from exec to the first answer, p50", unit="ms"),
        bars=tuple(bars),
        goal=goal * median(base.times) if goal is not None and base is not None else None,
    )


def _turn(start: Starter) -> Round:
    took = start()
    return Round(times=(took,), wall=took)


def _relays(ground: Ground, stack: ExitStack) -> list[Entrant[Starter]]:
    """Open what relays are started against: a socket of our own, and an orchestrator."""
    doorman = stack.enter_context(Doorman(ground))
    workspace = ground.new_folder()
    server = stack.enter_context(open_client(ground, of_server(workspace, ground.program("stays"))))
    agent = _agent_environment(server)
    starts: list[Entrant[Starter]] = [
        Entrant(FLOOR, "python -I -S -c pass (floor)", partial(_run, ground, _bare("-I", "-S"))),
        Entrant(f"{FLOOR}-site", "python -c pass", partial(_run, ground, _bare())),
        Entrant(RELAY, "relay, first byte passed", doorman.time_relay),
        Entrant("relay-answer", "relay, first answer", partial(_greet, ground, agent)),
    ]
    for entrant in starts:
        entrant.session()

    return starts


def _programs(ground: Ground, stack: ExitStack, *, agents: int) -> list[Entrant[Starter]]:
    empty, full = (_house(ground, stack, count) for count in (0, agents))
    server = of_server(ground.new_folder(), ground.program("stays"))
    starts: list[Entrant[Starter]] = [
        Entrant(FLOOR, "python -I -S -c pass (floor)", partial(_run, ground, _bare("-I", "-S"))),
        Entrant("version", "--version", partial(_run, ground, (*SERVER, "--version"))),
        Entrant("help", "--help", partial(_run, ground, (*SERVER, "--help"))),
        Entrant("ps", "ps, 0 agents", partial(_run, ground, (*SERVER, "ps"), empty)),
        Entrant("ps-many", f"ps, {agents} agents", partial(_run, ground, (*SERVER, "ps"), full)),
        Entrant("server", "MCP server, first answer", partial(_greet, ground, server)),
    ]
    for entrant in starts:
        entrant.session()

    return starts


def _bare(*flags: str) -> tuple[str, ...]:
    return (sys.executable, *flags, "-c", "pass")


def _house(ground: Ground, stack: ExitStack, agents: int) -> dict[str, str]:
    """Open an orchestrator with so many agents; returns the environment that names it."""
    session = stack.enter_context(LibraryContender().open(ground, ground.program("stays")))
    if agents:
        session.launch(agents, together=True)

    return {"CLAUDE_ORCHESTRATOR_WORKSPACE": _workspace(ground, session.root)}


def _workspace(ground: Ground, worker: int) -> str:
    """Return the workspace of the library's worker: the one folder among its arguments."""
    ours = f"{ground.folder}/"
    words = [word for word in psutil.Process(worker).cmdline() if word.startswith(ours)]
    [folder] = [word for word in words if Path(word).is_dir()]
    return folder


def _agent_environment(server: McpClient) -> dict[str, str]:
    """Deploy an agent; returns what a copy of the server that it starts finds out by."""
    _, task = server.call("create_real_task", description="relays")
    _, agent = server.call(
        "deploy_headless_agent", task_id=task["task_id"], agent_type="agent", prompt="wait"
    )
    found = psutil.Process(agent["pid"]).environ()
    return {name: found[name] for name in ("ORCHESTRATOR_SOCKET", "ORCHESTRATOR_COOKIE")}


def _greet(ground: Ground, environment: Mapping[str, str]) -> float:
    with open_client(ground, environment) as client:
        return client.start_ms


def _run(
    ground: Ground, argv: Sequence[str], environment: Mapping[str, str] | None = None
) -> float:
    """Run a command to its end.

    Raises:
        BrokenError: It failed.
    """
    errors: Path = ground.folder / "command-stderr"
    with errors.open("wb") as file:
        began = time.perf_counter()
        process = ground.spawn(argv, environment=environment, stdout=subprocess.PIPE, stderr=file)
        try:
            process.communicate(timeout=ANSWER_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise BrokenError(f"{argv} did not end within {ANSWER_LIMIT:.0f} s") from None

        took = time.perf_counter() - began

    if process.returncode:
        said = errors.read_text("utf-8", "replace").strip()
        raise BrokenError(f"{argv}: exit status {process.returncode}: {said}")

    return took * _MS_PER_S
