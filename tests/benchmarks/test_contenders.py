"""Contenders at work, with one or two agents."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from benchmarks import census
from benchmarks.contenders.bare import ANYIO, POPEN, POSIX_SPAWN
from benchmarks.contenders.circus import CircusContender
from benchmarks.contenders.client import open_client
from benchmarks.contenders.floor import FloorContender, the_floor
from benchmarks.contenders.lines import LineChild
from benchmarks.contenders.mcp import McpContender
from benchmarks.contenders.supervisord import SupervisordContender
from benchmarks.departures import Departures
from benchmarks.ground import Ground, open_ground
from tests.support.evidence import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator

    from benchmarks.contenders.base import Contender, Session
    from benchmarks.contenders.worker import WorkerSession

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="ends are seen by pidfds, which only Linux has"
)


@pytest.fixture
def ground() -> Generator[Ground]:
    """Give the ground of a run."""
    with open_ground() as stood_on:
        yield stood_on


def the_floor_in_c(ground: Ground) -> FloorContender:
    floor = the_floor(ground)
    if not isinstance(floor, FloorContender):
        pytest.skip("nothing here compiles C")

    return floor


def of(contender: Contender[Session]) -> Contender[Session]:
    reason = contender.missing()
    if reason is not None:
        pytest.skip(reason)

    return contender


BACKWARDS = """
import json, sys
asked = []
def say(number):
    content = {"success": True, "n": number}
    print(json.dumps({"id": number, "result": {"structuredContent": content}}))
for line in sys.stdin:
    request = json.loads(line)
    if request["method"] == "tools/call":
        asked.append(request["id"])
    elif "id" in request:
        say(request["id"])
    if len(asked) == 3:
        for number in reversed(asked):
            say(number)
        asked.clear()
    sys.stdout.flush()
"""


def test_calls_in_one_go_are_told_apart_in_whatever_order_they_are_answered(
    ground: Ground,
) -> None:
    with open_client(ground, {}, argv=(sys.executable, "-c", BACKWARDS)) as client:
        answers = client.call_all("any", [{}, {}, {}])

    assert [said["n"] for _, said in answers] == [2, 3, 4]
    times = [took for took, _ in answers]
    assert times == sorted(times, reverse=True)


def test_a_heavy_server_holds_the_memory_itself_and_hands_none_of_it_on(ground: Ground) -> None:
    with McpContender(megabytes=300).open(ground, ground.program("stays")) as session:
        session.launch(1, together=False)
        server, *below = census.tree(session.root)
        memory = psutil.Process(server).memory_info().rss
        others = [psutil.Process(pid).memory_info().rss for pid in below]
        session.clear()

    assert memory > 300_000_000
    assert others
    assert max(others) < 100_000_000


@pytest.mark.parametrize("contender", [POPEN, POSIX_SPAWN, ANYIO], ids=lambda one: one.key)
def test_a_bare_process_leads_a_session_until_it_is_cleared(
    ground: Ground, contender: Contender[WorkerSession]
) -> None:
    with contender.open(ground, ground.program("stays")) as session:
        assert len(session.launch(2, together=False).times) == 2
        assert len(session.launch(1, together=True).times) == 1
        agents = psutil.Process(session.root).children()
        assert len(agents) == 3
        assert all(census.leads_session(one) for one in agents)
        session.clear()
        assert psutil.Process(session.root).children() == []


def test_the_floor_in_c_launches_and_clears_like_the_others(ground: Ground) -> None:
    with the_floor_in_c(ground).open(ground, ground.program("stays")) as session:
        one, two = session.launch(2, together=True).times
        assert 0 < one <= two
        agents = psutil.Process(session.root).children()
        assert [census.leads_session(agent) for agent in agents] == [True, True]
        session.clear()
        assert psutil.Process(session.root).children() == []


def test_the_floor_says_how_long_an_agent_took_to_its_end(ground: Ground) -> None:
    with the_floor(ground).open(ground, ground.program("ends")) as session:
        ran = session.run(2)
        assert ran.wall == pytest.approx(sum(ran.times))


@pytest.mark.parametrize("compiled", [True, False], ids=["in C", "in Python"])
def test_the_floor_ends_and_reaps_whoever_it_was_told_of(ground: Ground, *, compiled: bool) -> None:
    floor = the_floor_in_c(ground) if compiled else POSIX_SPAWN
    with floor.open(ground, ground.program("escapes")) as session:
        session.launch(1, together=True)
        agents = wait_until(lambda: all_who_escape(ground), "three agents, two of them apart")
        session.know({os.getpgid(one.pid) for one in agents})
        with Departures([one.pid for one in agents], ground.reap_all) as departures:
            session.end()
            assert departures.wait([one.pid for one in agents], quiet=30.0) == set()


def all_who_escape(ground: Ground) -> list[psutil.Process]:
    """Everyone of the agent that escapes, in one look; one in its exec is not seen as an agent."""
    agents = ground.agents()
    apart = [one for one in agents if census.leads_session(one)]
    return agents if (len(agents), len(apart)) == (3, 2) else []


@pytest.mark.parametrize("kind", [SupervisordContender, CircusContender])
def test_a_server_starts_its_programs_again_after_they_were_cleared(
    ground: Ground, kind: type[SupervisordContender | CircusContender]
) -> None:
    contender = of(kind(capacity=2))
    with contender.open(ground, ground.program("stays")) as session:
        for together in (False, True):
            assert len(session.launch(2, together=together).times) == 2
            # supervisord answers after the fork, before the program is executed.
            assert census.wait_until(lambda: len(ground.agents()) == 2, within=30.0)
            session.clear()
            assert ground.agents() == []


def test_a_child_that_answers_while_it_is_written_to_does_not_block(ground: Ground) -> None:
    echo = [
        sys.executable,
        "-S",
        "-u",
        "-c",
        "import sys\nfor line in sys.stdin: print(line, end='')",
    ]
    child = LineChild(ground, echo, environment={}, name="the echo")
    try:
        messages = [{"number": number, "filler": "x" * 200} for number in range(2000)]
        assert len(json.dumps(messages)) > 4 * 65_536, "more than both pipes hold"
        child.send(*messages)
        assert [child.receive() for _ in messages] == messages
    finally:
        assert child.close() == 0


def test_nothing_that_compiles_c_gives_a_floor_in_python(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(ground.new_folder()))
    assert shutil.which("cc") is None
    floor = the_floor(ground)
    assert floor.key == "floor"
    assert "nothing here compiles C" in floor.name
