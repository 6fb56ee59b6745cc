"""What an agent wrote."""

from __future__ import annotations

import io
from pathlib import Path

import anyio
import pytest

from orchestrator.frontends.cli.follow import follow
from orchestrator.frontends.cli.logs import start_of_last

from .programs import Program, finish, interrupt


def test_output_and_errors_are_kept_apart(program: Program) -> None:
    program("run", "--", "sh", "-c", "echo out; echo err >&2")
    (agent,) = program.agents("--all")
    assert program("logs", agent["id"]).out == "out\n"
    assert program("logs", "--stderr", agent["id"]).out == "err\n"


def test_the_beginning_of_an_id_is_enough(program: Program) -> None:
    program("run", "--", "echo", "found")
    assert program("logs", "echo").out == "found\n"


def test_a_wrong_id_is_answered_with_the_nearest(program: Program) -> None:
    program("run", "--", "echo", "found")
    (agent,) = program.agents("--all")
    wrong = f"ehco{agent['id'][4:]}"
    done = program("logs", wrong)
    assert done.status == 1
    assert done.err == (
        f"orchestrator: no agent {wrong!r}; did you mean {agent['id']}? "
        "(`orchestrator ps --all` lists them)\n"
    )


def test_an_ambiguous_beginning_is_not_guessed(program: Program) -> None:
    program("run", "--", "echo", "1")
    program("run", "--", "echo", "2")
    done = program("logs", "echo")
    assert done.status == 1
    assert "2 agents begin with 'echo'" in done.err


def test_following_ends_with_the_agent(program: Program) -> None:
    running = program.start("run", "--", "sh", "-c", "echo early; exec sleep 300")
    program.wait_running()
    following = program.start("logs", "-f", "sh")
    assert following.stdout is not None
    assert following.stdout.readline() == b"early\n"
    assert following.poll() is None
    interrupt(running)
    finish(running)
    assert finish(following).status == 0


@pytest.mark.parametrize(
    ("text", "lines", "expected"),
    [
        ("a\nb\nc\n", 2, "b\nc\n"),
        ("a\nb\nc", 2, "b\nc"),
        ("a\nb\nc\n", 9, "a\nb\nc\n"),
        ("a\nb\n\n", 1, "\n"),
        ("a\n", 0, ""),
        ("", 3, ""),
        ("x" * 200_000 + "\nend\n", 1, "end\n"),
        ("y\n" * 100_000, 99_999, "y\n" * 99_999),
    ],
)
def test_the_last_lines_are_found_from_the_end(text: str, lines: int, expected: str) -> None:
    file = io.BytesIO(text.encode())
    file.seek(start_of_last(file, lines))
    assert file.read().decode() == expected


async def test_what_is_appended_is_passed_on_until_the_end(tmp_path: Path) -> None:
    source, sink = anyio.Path(tmp_path / "source"), anyio.Path(tmp_path / "sink")
    await source.write_text("one\n")
    ended = anyio.Event()
    with anyio.fail_after(5):
        async with await anyio.open_file(sink, "wb") as target, anyio.create_task_group() as group:
            group.start_soon(follow, Path(source), target.wrapped.fileno(), ended)
            while await sink.read_text() != "one\n":
                await anyio.lowlevel.checkpoint()

            async with await anyio.open_file(source, "a") as more:
                await more.write("two\n")

            ended.set()

    assert await sink.read_text() == "one\ntwo\n"
