"""What other work costs beside many live agents: changes of states, and what one of them writes."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import psutil

from benchmarks import census
from benchmarks.errors import BrokenError
from benchmarks.ground import wait_ended
from benchmarks.parts.output.tap import Tap, empty
from benchmarks.parts.registry.stores import BARE, Store
from benchmarks.rounds import order
from benchmarks.vitals import read_cpu
from benchmarks.workers.output import OUT

from .houses import LibraryHouse, McpHouse

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from benchmarks.ground import Ground
    from benchmarks.parts.output.tap import Writer
    from benchmarks.plan import Plan

    from .houses import House

MIB: Final = 1 << 20

#: Agents that live in a turn: so few that on a busy machine, too, the turn is over before others'
#: work takes its place.
_LIVES: Final = 5

#: Calls for the end of a log in each turn.
_TAILS: Final = 3

#: Rows of the bare table; how many makes no difference to it.
_ROWS: Final = 100

#: Seconds that an agent which is let go may take to end.
_END_LIMIT: Final = 10.0

_MS_PER_S: Final = 1000.0


class Writing(NamedTuple):
    """One turn of writing.

    Attributes:
        ours: Milliseconds that an agent of the orchestrator took.
        floor: The same of one that bare Popen has started, with a descriptor of a file.
        cpu: Milliseconds that orchestrator, nursery and the agent's keeper ran meanwhile.
    """

    ours: float
    floor: float
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What was measured beside the agents of one orchestrator; times are milliseconds.

    Attributes:
        changes: Of its registry; nothing where it cannot be asked for them.
        bare: Of a bare table of sqlite's, in the same turns.
        mib: How much is written in a turn.
        writings: Of one of the agents.
        tails: Calls for the end of what that one has written; nothing without MCP.
    """

    changes: tuple[float, ...] = ()
    bare: tuple[float, ...] = ()
    mib: int
    writings: tuple[Writing, ...]
    tails: tuple[float, ...] = ()


class Stage:
    """What is needed besides an orchestrator; made by `open_stage`.

    Attributes:
        program: Of all agents: one that stays, or when the stage says so, one that writes.
    """

    def __init__(self, program: Path, flag: Path, tap: Tap, bare: Store, floor: Writer) -> None:
        """Take everything that is open."""
        self.program = program
        self._flag = flag
        self._tap = tap
        self._bare = bare
        self._floor = floor

    def measure(self, house: House, plan: Plan) -> Beside:
        """Measure beside the agents that live there.

        Raises:
            BrokenError: The orchestrator, or the agent, did not do its work.
        """
        changes, bare = self._change(house, plan) if isinstance(house, LibraryHouse) else ((), ())
        agent, writer = self._come(house)
        above = [one.pid for one in psutil.Process(writer.pid).parents()]
        looked_at = above[: above.index(house.root) + 1]
        writings = tuple(
            self._write(writer, looked_at, plan.scale_poured, number)
            for number in range(plan.scale_turns)
        )
        tails = self._read(house, agent, writer, plan) if isinstance(house, McpHouse) else ()
        self._let_go(writer, looked_at[0])
        return Beside(
            changes=changes,
            bare=bare,
            mib=plan.scale_poured,
            writings=writings,
            tails=tails,
        )

    def _change(
        self, house: LibraryHouse, plan: Plan
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Let agents live in both registries, in turns."""
        ours: list[float] = []
        bare: list[float] = []
        lives = min(_LIVES, plan.lives)

        def change() -> None:
            ours.extend(house.change(lives))

        def update() -> None:
            bare.extend(self._bare.turn(lives).times)

        for number in range(plan.scale_turns * plan.lives // lives):
            for turn in order((update, change), number):
                turn()

        return tuple(ours), tuple(bare)

    def _come(self, house: House) -> tuple[str, Writer]:
        """Launch one more agent, which writes; returns its id, and the agent."""
        self._flag.touch()
        try:
            return house.launch(), self._tap.accept()
        finally:
            self._flag.unlink()

    def _write(self, writer: Writer, house: list[int], mib: int, number: int) -> Writing:
        """Have both write, in an order that is another one each time."""
        took: dict[Writer, float] = {}
        cpu = 0.0
        for each in order((self._floor, writer), number):
            before = read_cpu(house)
            took[each] = _time(lambda each=each: each.write(mib))
            if each is writer:
                cpu = read_cpu(house) - before

            _arrived(each, mib)

        return Writing(ours=took[writer], floor=took[self._floor], cpu=cpu)

    def _read(self, house: McpHouse, agent: str, writer: Writer, plan: Plan) -> tuple[float, ...]:
        """Read the end of what it has written, again and again."""
        writer.write(plan.scale_poured)
        # What is loaded at the first call only is nobody's figure.
        house.tail(agent)
        tails = [house.tail(agent) for _ in range(_TAILS * plan.scale_turns)]
        _arrived(writer, plan.scale_poured)
        return tuple(tails)

    def _let_go(self, writer: Writer, keeper: int) -> None:
        """Let it end, and its keeper with it."""
        with census.Watch([writer.pid, keeper]) as watch:
            writer.close()
            if not watch.wait(quiet=_END_LIMIT):
                raise BrokenError("the agent that writes does not end")


def _time(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * _MS_PER_S


def _arrived(writer: Writer, mib: int) -> None:
    """Check that all of it is in the file, and give the room back.

    Raises:
        BrokenError: It is not.
    """
    file = writer.output
    size = file.stat().st_size
    empty(file)
    if size != mib * MIB:
        raise BrokenError(f"of {mib * MIB} bytes {size} have arrived")


@contextmanager
def open_stage(ground: Ground) -> Generator[Stage]:
    """Have a stage for the length of the block: an agent of nobody's, and a bare table."""
    folder = ground.new_folder(on_disk=True)
    flag = folder / "write"
    with Tap(ground) as tap, Store(ground, BARE, _ROWS) as bare, (folder / OUT).open("ab") as out:
        program = _chooser(ground, tap.program, flag)
        agent = ground.spawn([str(tap.program)], stdout=out.fileno(), new_session=True)
        floor = tap.accept()
        bare.wait_filled()
        try:
            yield Stage(program, flag, tap, bare, floor)
        finally:
            floor.close()
            wait_ended(agent, what="the agent that bare Popen has started")


def _chooser(ground: Ground, writes: Path, flag: Path) -> Path:
    """Write the program of agents that stay, but for those that are to write."""
    head, _, rest = ground.program("stays").read_text(encoding="ascii").partition("\n")
    program = ground.program("chooses")
    program.write_text(f"{head}\n[ -e '{flag}' ] && exec '{writes}'\n{rest}", encoding="utf-8")
    program.chmod(0o700)
    return program
