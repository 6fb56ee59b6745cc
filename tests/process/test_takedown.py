"""The steps of a takedown, in order, over a house that exists on paper."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.process.takedown import Takedown
from orchestrator.process.tree import Proc

if TYPE_CHECKING:
    from orchestrator.process.household import Household
    from orchestrator.process.wire import PolicyMessage

LEADER = 100
LONG = 3600.0


class PaperHouse:
    """A household whose processes end by what a test says they end by.

    Each process maps to the signals that end it; nothing ends by itself.
    """

    def __init__(self, **processes: set[signal.Signals]) -> None:
        self.leader = LEADER
        self.there: dict[int, set[signal.Signals]] = {
            LEADER if name == "leader" else LEADER + number: deadly
            for number, (name, deadly) in enumerate(processes.items(), start=1)
        }
        self.exit: tuple[str, int] | None = None if LEADER in self.there else ("code", 0)
        self.sent: list[tuple[str, int]] = []

    def empty(self) -> bool:
        return not self.there

    def alive(self) -> list[Proc]:
        return [
            Proc(pid=pid, ppid=1, pgid=LEADER, sid=LEADER, state="S", start=1, name="x")
            for pid in self.there
        ]

    def remaining(self) -> list[Proc]:
        return self.alive()

    def others(self) -> list[Proc]:
        return [proc for proc in self.alive() if proc.pid != LEADER]

    def signal_own_group(self, *signals: int) -> list[Proc]:
        return self._signal("own", *signals)

    def signal_groups(self, *signals: int) -> list[Proc]:
        return self._signal("all", *signals)

    def _signal(self, whom: str, *signals: int) -> list[Proc]:
        before = self.alive()
        for number in signals:
            self.sent.append((whom, number))
            for pid in [pid for pid, deadly in self.there.items() if number in deadly]:
                del self.there[pid]
                if pid == LEADER:
                    self.exit = ("signal", number)

        return before


def policy(
    *,
    polite_signal: int | None = None,
    polite: float = 0.0,
    term: float = 0.0,
    linger: float = 0.0,
    kill: float = 0.0,
) -> PolicyMessage:
    """Graces of no length, but for those that are named."""
    return {
        "polite_signal": polite_signal,
        "polite_grace": polite,
        "term_grace": term,
        "linger": linger,
        "kill_limit": kill,
    }


def begin(house: PaperHouse, graces: PolicyMessage) -> Takedown:
    return Takedown(cast("Household", house), graces, "enough")


def stages(takedown: Takedown, most: int = 10) -> list[str]:
    """Every stage that it goes through, without waiting."""
    seen = [takedown.stage]
    for _ in range(most):
        takedown.advance()
        if takedown.stage != seen[-1]:
            seen.append(takedown.stage)

    return seen


def test_a_stop_goes_from_the_polite_signal_to_sigterm_to_sigkill() -> None:
    house = PaperHouse(leader={signal.SIGKILL})
    takedown = begin(house, policy(polite_signal=signal.SIGINT, kill=LONG))
    assert stages(takedown) == ["polite", "term", "kill", "done"]
    assert house.sent == [
        ("own", signal.SIGINT),
        ("own", signal.SIGCONT),
        ("all", signal.SIGTERM),
        ("all", signal.SIGCONT),
        ("all", signal.SIGKILL),
    ]


def test_no_step_is_taken_before_its_grace_has_passed() -> None:
    house = PaperHouse(leader={signal.SIGKILL})
    takedown = begin(house, policy(polite_signal=signal.SIGINT, polite=LONG))
    assert stages(takedown) == ["polite"]
    house = PaperHouse(leader={signal.SIGKILL})
    assert stages(begin(house, policy(term=LONG))) == ["term"]
    house = PaperHouse(child={signal.SIGTERM})
    assert stages(begin(house, policy(linger=LONG))) == ["linger"]


def test_the_others_get_sigterm_as_soon_as_the_leader_has_ended_politely() -> None:
    house = PaperHouse(leader={signal.SIGINT}, child={signal.SIGTERM})
    takedown = begin(house, policy(polite_signal=signal.SIGINT, polite=LONG, term=LONG))
    assert stages(takedown) == ["polite", "term", "done"]


def test_a_kill_request_skips_what_is_left_of_every_grace() -> None:
    for graces in (policy(term=LONG), policy(polite_signal=2, polite=LONG, term=LONG)):
        house = PaperHouse(leader={signal.SIGKILL})
        takedown = begin(house, graces)
        takedown.hurry(kill=True)
        assert stages(takedown) == ["kill", "done"]


def test_a_stop_in_the_linger_ends_the_linger_alone() -> None:
    house = PaperHouse(child={signal.SIGTERM})
    takedown = begin(house, policy(linger=LONG, term=LONG))
    takedown.hurry(kill=False)
    assert stages(takedown) == ["term", "done"]
    assert not takedown.requested


def test_the_end_of_an_empty_house_needs_no_signal_and_no_receipt() -> None:
    house = PaperHouse()
    takedown = begin(house, policy(linger=LONG))
    assert stages(takedown) == ["linger", "done"]
    assert house.sent == []
    assert takedown.receipt() is None
    assert takedown.timeout() is None


def test_what_a_limit_of_the_kernel_has_ended_has_a_receipt_though_nobody_is_left() -> None:
    house = cast("Household", PaperHouse())
    takedown = Takedown(house, policy(linger=LONG), "limit reached: memory", by_limit=True)
    assert stages(takedown) == ["linger", "done"]
    assert takedown.requested
    receipt = takedown.receipt()
    assert receipt is not None
    assert receipt["reason"] == "limit reached: memory"
    assert receipt["signalled"] == receipt["killed"] == receipt["survivors"] == []


def test_whom_nothing_ends_is_named_as_a_survivor_the_leader_too() -> None:
    house = PaperHouse(leader=set(), child=set())
    takedown = begin(house, policy())
    assert stages(takedown)[-1] == "done"
    receipt = takedown.receipt()
    assert receipt is not None
    assert {note["pid"] for note in receipt["survivors"]} == set(house.there)
    assert LEADER in house.there


deadly = st.sets(st.sampled_from([signal.SIGINT, signal.SIGTERM, signal.SIGKILL]))
houses = st.dictionaries(st.sampled_from(["leader", "one", "two", "three"]), deadly)


@given(houses, st.none() | st.just(signal.SIGINT), st.booleans())
def test_every_house_is_empty_in_the_end_or_its_survivors_are_named(
    processes: dict[str, set[signal.Signals]], polite: int | None, kill: bool
) -> None:
    house = PaperHouse(**processes)
    takedown = begin(house, policy(polite_signal=polite))
    if kill:
        takedown.hurry(kill=True)

    stages(takedown)
    assert takedown.done
    receipt = takedown.receipt()
    named = {note["pid"] for note in receipt["survivors"]} if receipt else set[int]()
    assert named == set(house.there)
