"""What cannot be launched is refused clearly and leaves nothing half done (rows A11, O10)."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator import (
    AgentSpec,
    ExitedWithCode,
    InvalidInputError,
    LaunchError,
    LimitReachedError,
    Limits,
    NotFoundError,
    Supervisor,
)
from orchestrator.model import AgentId
from tests.support.agents import spec

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.support.liveness import Liveness

TRUE = ("/bin/true",)


def _workspace(orchestrator: Supervisor) -> Path:
    return orchestrator.registry.path.parents[1]


def _nothing_is_left(orchestrator: Supervisor) -> None:
    """Neither in the registry, nor in the workspace, nor among the agents."""
    assert orchestrator.agents == ()
    assert orchestrator.registry.agents.find() == []
    assert list((_workspace(orchestrator) / "agents").rglob("*")) == []


async def _refused(orchestrator: Supervisor, asked: AgentSpec) -> LaunchError:
    with anyio.fail_after(10), pytest.raises(LaunchError) as caught:
        await orchestrator.launch(asked)

    _nothing_is_left(orchestrator)
    with anyio.fail_after(10):
        agent = await orchestrator.launch(AgentSpec(argv=TRUE))
        assert (await agent.wait()).exit == ExitedWithCode(code=0)

    return caught.value


@pytest.mark.parametrize(
    "program",
    [
        "no-such-program-anywhere",
        "/no/such/program",
        "no/such/program",
        "~nobody-of-that-name/program",
        "/" + "x" * 5_000,
        "x" * 5_000,
        "\ud800",
    ],
    ids=["by name", "by path", "relative", "no home", "long path", "long name", "surrogate"],
)
async def test_a11_a_missing_executable_is_refused(orchestrator: Supervisor, program: str) -> None:
    error = await _refused(orchestrator, AgentSpec(argv=(program,)))
    assert error.errno == errno.ENOENT


@pytest.mark.parametrize("kind", ["file", "folder"])
async def test_a11_what_is_not_executable_is_refused(
    orchestrator: Supervisor, tmp_path: Path, kind: str
) -> None:
    program = tmp_path / "program"
    if kind == "file":
        program.write_text("#!/bin/sh\n")
    else:
        program.mkdir()

    error = await _refused(orchestrator, AgentSpec(argv=(str(program),)))
    assert error.errno == errno.EACCES
    assert "not an executable file" in str(error)


async def test_a11_a_program_for_another_machine_is_refused(
    orchestrator: Supervisor, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_bytes(os.urandom(4096).replace(b"#!", b"  "))
    program.chmod(0o755)
    error = await _refused(orchestrator, AgentSpec(argv=(str(program),)))
    assert error.errno == errno.ENOEXEC
    assert "Exec format error" in str(error)


async def test_a11_a_script_whose_interpreter_is_missing_is_refused(
    orchestrator: Supervisor, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    error = await _refused(orchestrator, AgentSpec(argv=(str(program),)))
    assert error.errno == errno.ENOENT


@pytest.mark.parametrize("kind", ["missing", "file", "NUL"])
async def test_a11_a_working_directory_that_cannot_be_one_is_refused(
    orchestrator: Supervisor, tmp_path: Path, kind: str
) -> None:
    cwd = {"missing": tmp_path / "no", "file": tmp_path / "file", "NUL": Path("a\0b")}[kind]
    (tmp_path / "file").touch()
    error = await _refused(orchestrator, AgentSpec(argv=TRUE, cwd=cwd))
    assert error.errno == (errno.ENOTDIR if kind == "file" else errno.ENOENT)


@pytest.mark.parametrize(
    "env",
    [{"A=B": "x"}, {"": "x"}, {"A": "\ud800"}],
    ids=["name with =", "empty name", "surrogate"],
)
async def test_a11_an_environment_that_the_system_cannot_take_is_refused(
    orchestrator: Supervisor, env: dict[str, str]
) -> None:
    await _refused(orchestrator, AgentSpec(argv=TRUE, env=env))


async def test_a11_arguments_beyond_what_the_system_takes_are_refused(
    orchestrator: Supervisor,
) -> None:
    error = await _refused(orchestrator, AgentSpec(argv=(*TRUE, "x" * 200_000)))
    assert error.errno == errno.E2BIG


@pytest.mark.parametrize("asked", [AgentSpec(), AgentSpec(provider="nobody")], ids=["argv", "who"])
async def test_a11_a_spec_that_names_nothing_to_start_is_refused(
    orchestrator: Supervisor, asked: AgentSpec
) -> None:
    with pytest.raises(InvalidInputError):
        await orchestrator.launch(asked)

    _nothing_is_left(orchestrator)


PROMPTS = {
    "5 MB": "word " * (1 << 20),
    "quotes": 'it\'s "so" `much` $(more) \\ %s {} \n\t;',
    "NUL": "before\0after",
    "emoji": "build 🚀 größer 漢字 \u202e",
    "surrogate": "half a \ud83d pair",
    "empty": "",
}


@pytest.mark.parametrize("name", PROMPTS)
async def test_a11_an_agent_reads_any_prompt_as_it_was_written(
    orchestrator: Supervisor, name: str
) -> None:
    prompt = PROMPTS[name]
    with anyio.fail_after(10):
        agent = await orchestrator.launch(
            spec("echoes").model_copy(update={"prompt": prompt}),
        )
        outcome = await agent.wait()

    expected = prompt.encode("utf-8", "surrogatepass")
    assert outcome.exit == ExitedWithCode(code=0)
    assert agent.stdout.read_text().split() == [
        str(len(expected)),
        hashlib.sha256(expected).hexdigest(),
    ]
    assert agent.record.files.prompt.stat().st_mode & 0o777 == 0o600
    assert agent.stdout.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "agent_type",
    ["a/b", "../..", ".", "a:b", "two words", "x" * 5_000, "", "\0", "🚀", "-rf", "new\nline"],
    ids=lambda text: repr(text[:8]),
)
async def test_a11_an_agent_may_be_called_anything(
    orchestrator: Supervisor, agent_type: str
) -> None:
    with anyio.fail_after(10):
        agent = await orchestrator.launch(AgentSpec(argv=TRUE, agent_type=agent_type))
        await agent.wait()

    workspace = _workspace(orchestrator)
    assert agent.record.agent_type == agent_type
    assert agent.stdout.resolve().is_relative_to(workspace.resolve())
    assert orchestrator.registry.agents.get(agent.id) == agent.record


async def test_a_parent_that_nobody_knows_is_refused(orchestrator: Supervisor) -> None:
    with pytest.raises(NotFoundError):
        await orchestrator.launch(AgentSpec(argv=TRUE, parent=AgentId("nobody-000000-abcdef")))

    _nothing_is_left(orchestrator)


async def test_limits_hold_for_all_for_those_at_one_time_and_for_generations(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    with anyio.fail_after(10):
        first = await orchestrator.launch(spec("waits", liveness=liveness))
        for limits in (Limits(max_agents=1), Limits(max_concurrent=1)):
            with pytest.raises(LimitReachedError):
                await orchestrator.launch(AgentSpec(argv=TRUE), limits=limits)

        below = AgentSpec(argv=TRUE, parent=first.id)
        with pytest.raises(LimitReachedError):
            await orchestrator.launch(below, limits=Limits(max_depth=1))

        second = await orchestrator.launch(below, limits=Limits(max_depth=2))
        assert second.record.depth == 2
        deeper = AgentSpec(argv=TRUE, parent=second.id)
        with pytest.raises(LimitReachedError, match="Max depth reached"):
            await orchestrator.launch(deeper, limits=Limits(max_depth=2))

        await second.wait()
        await first.stop()
        # One at a time again; and the one that was refused left no trace in the count.
        third = await orchestrator.launch(
            AgentSpec(argv=TRUE), limits=Limits(max_agents=3, max_concurrent=1)
        )
        await third.wait()

    assert len(orchestrator.registry.agents.find()) == 3


async def test_o10_without_a_free_descriptor_a_launch_is_refused_and_the_next_one_works(
    orchestrator: Supervisor,
) -> None:
    refused: list[int | None] = []
    for free in range(6):
        with anyio.fail_after(10), _descriptors(free=free):
            try:
                agent = await orchestrator.launch(AgentSpec(argv=TRUE))
                await agent.wait()
            except LaunchError as error:
                refused.append(error.errno)

    assert refused
    assert set(refused) == {errno.EMFILE}
    with anyio.fail_after(10):
        agent = await orchestrator.launch(AgentSpec(argv=TRUE))
        assert (await agent.wait()).exit == ExitedWithCode(code=0)

    assert len(orchestrator.registry.agents.find()) == 1 + 6 - len(refused)


@contextmanager
def _descriptors(*, free: int) -> Generator[None]:
    """Leave only so many free descriptors to this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    with ExitStack() as held:
        taken: list[int] = []
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))

        for descriptor in taken[: len(taken) - free]:
            held.callback(os.close, descriptor)

        for descriptor in taken[len(taken) - free :]:
            os.close(descriptor)

        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        yield


async def test_what_stands_in_the_way_of_an_agent_s_folder_is_said(
    orchestrator: Supervisor,
) -> None:
    agents = _workspace(orchestrator) / "agents"
    agents.write_text("no folder")
    with anyio.fail_after(10):
        with pytest.raises(LaunchError, match=f"cannot write {agents}"):
            await orchestrator.launch(AgentSpec(argv=TRUE))

        assert orchestrator.registry.agents.find() == []
        agents.unlink()
        agent = await orchestrator.launch(AgentSpec(argv=TRUE))
        assert (await agent.wait()).exit == ExitedWithCode(code=0)


async def test_an_orchestrator_whose_working_directory_is_gone_launches_by_name(
    orchestrator: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with anyio.fail_after(10):
        agent = await orchestrator.launch(AgentSpec(argv=("true",), cwd=tmp_path))
        assert (await agent.wait()).exit == ExitedWithCode(code=0)
