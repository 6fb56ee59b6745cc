"""What is made of an agent that writes a lot, and that it is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.ground import ROOT, open_ground
from benchmarks.model import Round, Series
from benchmarks.parts.output import judge
from benchmarks.parts.output.reading import ALONE, Reading, samples
from benchmarks.parts.output.tap import Tap
from benchmarks.vitals import read_cpu, read_peak, reset_peak
from benchmarks.workers.output_writer import BLOCK, LINE, block
from tests.benchmarks.following import runs_a_part
from tests.benchmarks.test_program import benchmarks, only_part, pytestmark

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["pytestmark"]


def series(key: str, *times: float) -> Series:
    return Series(key=key, name=key, rounds=tuple(Round(times=(one,), wall=one) for one in times))


def test_throughput_is_judged_within_the_rounds_and_cpu_by_what_more_bytes_take() -> None:
    found = [series("file", 400.0, 800.0), series("library", 500.0, 1000.0)]
    speed, cpu = judge(found, {"library": [9.0, 11.0], "library-part": [4.0, 4.0]})
    assert (speed.figure, speed.met) == (pytest.approx(0.8), False)
    assert (cpu.figure, cpu.met) == (pytest.approx(6.0), False)
    assert cpu.detail == "10.00 ms against 4.00 ms"


def test_every_single_value_of_reading_is_kept() -> None:
    one = Reading(name="tail=100", times=[2.0, 3.0], peaks=[5, 6], status=[1.0], unread=[0, 4])
    kept = {(each.who, each.what): each.values for each in samples([one], [0.5])}
    assert kept == {
        ("alone", "reading, status calls"): (0.5,),
        ("tail=100", "reading, call"): (2.0, 3.0),
        ("tail=100", "reading, server's peak"): (5, 6),
        ("tail=100", "reading, searcher's peak"): (),
        ("tail=100", "reading, not searched"): (0, 4),
        ("tail=100", "reading, status calls"): (1.0,),
    }


def test_a_block_is_a_mib_of_lines_of_json_and_one_of_them_tells_of_an_error() -> None:
    data = block()
    lines = data.split(b"\n")
    assert len(data) == BLOCK
    assert lines.pop() == b""
    assert {len(line) for line in lines} == {LINE - 1}
    levels = [json.loads(line)["level"] for line in lines]
    assert levels.count("error") == 1


def test_an_agent_writes_what_it_is_told_to_and_ends_with_the_tap(tmp_path: Path) -> None:
    file = tmp_path / "out"
    with open_ground() as ground, file.open("wb") as out:
        with Tap(ground) as tap:
            agent = subprocess.Popen([tap.program], stdout=out)
            writer = tap.accept()
            writer.write(2)
            assert writer.pid == agent.pid
            assert writer.output == file
            writer.write(1)

        assert agent.wait(30) == 0

    assert file.read_bytes() == 3 * block()


def test_the_peak_of_a_process_is_seen_from_outside() -> None:
    held = "held = bytearray(50_000_000); del held"
    program = f"{held}; print(flush=True); input(); {held}; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.read(1)
        first = read_peak(process.pid)
        reset_peak(process.pid)
        at_rest = read_peak(process.pid)
        before = read_cpu([process.pid])
        process.stdin.write(b"\n")
        process.stdout.read(1)
        again = read_peak(process.pid)
        after = read_cpu([process.pid])
        process.stdin.write(b"\n")

    assert min(first, again) > at_rest + 40_000_000
    assert after > before


@runs_a_part
def test_writing_and_reading_are_measured(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    done = benchmarks("output", "--smoke", "--json", str(file))

    assert done.returncode == 0, done.stdout + done.stderr
    run, part = only_part(file)
    assert run.left == ()
    [written] = part.series.values()
    keys = {one.key for one in written}
    assert keys | {"tmux"} == {
        *("file", "library", "library-part", "mcp", "thread", "anyio", "tmux")
    }
    assert ("tmux" in keys) == (part.skipped == ())
    _, reading = part.tables
    alone, *queries = reading.rows
    assert alone[1] is None
    assert len(queries) == 3
    kept = {(one.who, one.what): one.values for one in part.samples}
    for query in queries:
        name, times = str(query[0]), query[1]
        assert len(kept[name, "reading, call"]) == len(kept[name, "reading, not searched"]) == times
        assert kept[name, "reading, status calls"]

    assert len(kept["alone", "reading, status calls"]) == ALONE
    assert all(verdict.figure is not None for verdict in part.verdicts)
