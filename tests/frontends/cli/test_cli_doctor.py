"""What the machine offers, and what is left over."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from orchestrator.config import COOKIE_VARIABLE, Settings
from orchestrator.frontends.cli.doctor import claude as check_claude
from orchestrator.frontends.cli.doctor import leftovers as check_leftovers
from orchestrator.frontends.cli.doctor.leftovers import Leftover, find_leftovers, leftovers
from orchestrator.frontends.cli.doctor.workspace import workspace
from orchestrator.process import tree
from tests.support.signals import kill_at_once

from .programs import Program, is_there, wait_for

if TYPE_CHECKING:
    from collections.abc import Generator

    import pytest


def by_name(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in report["checks"]}


def fake_cli(folder: Path, script: str) -> str:
    path = folder / "fake-claude"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@contextmanager
def a_stray() -> Generator[subprocess.Popen[bytes]]:
    """A process with the cookie of an agent, and without a keeper."""
    stray = subprocess.Popen(
        ["/bin/sleep", "300"], env={COOKIE_VARIABLE: "c" * 32, "ORCHESTRATOR_AGENT_ID": "a-1"}
    )
    try:
        # A process that has just been started has no environment yet.
        wait_for(lambda: tree.environment(stray.pid))
        yield stray
    finally:
        stray.kill()
        stray.wait()


def pid_in(path: Path) -> int:
    """The pid that a shell has written; 0 while it has not."""
    return int(path.read_text() or 0) if path.exists() else 0


def test_a_healthy_machine_passes_and_nothing_is_made(program: Program) -> None:
    claude = fake_cli(program.folder, "echo 9.9.9 fake")
    done = program("doctor", "--json", CLAUDE_EXECUTABLE=claude)
    assert done.status == 0
    checks = by_name(done.json)
    assert checks["registry"]["verdict"] == "note"
    assert checks["claude CLI"]["found"] == f"9.9.9 fake ({claude})"
    assert "agent" in checks["control groups"]["found"]
    assert not program.workspace.exists()


def test_every_warning_comes_with_advice(program: Program) -> None:
    done = program("doctor", "--json", CLAUDE_EXECUTABLE="no-such-cli")
    bad = [check for check in done.json["checks"] if check["verdict"] in {"warning", "broken"}]
    assert "claude CLI" in {check["name"] for check in bad}
    assert all(check["advice"] for check in bad)


def test_text_says_the_same(program: Program) -> None:
    done = program("doctor", CLAUDE_EXECUTABLE="no-such-cli")
    assert "  warning  claude CLI                'no-such-cli' was not found\n" in done.out


def test_a_live_agent_is_no_left_over(program: Program) -> None:
    program.start("run", "--", "sleep", "300")
    (agent,) = program.wait_running()
    checks = by_name(program("doctor", "--json", CLAUDE_EXECUTABLE="no-such-cli").json)
    assert checks["registry"]["verdict"] == "ok"
    assert checks["agents"]["found"] == "1 live"
    assert checks["orchestrators"]["found"].startswith("1 live (pid ")
    assert str(agent["pid"]) not in checks["left over"]["found"]


def test_a_damaged_registry_is_broken_and_stays_as_it_is(program: Program) -> None:
    program("run", "--", "true")
    (path,) = (program.workspace / "registry").glob("*.sqlite3")
    path.write_bytes(b"not a database" * 100)
    done = program("doctor", "--json", CLAUDE_EXECUTABLE="no-such-cli")
    assert done.status == 1
    assert by_name(done.json)["registry"]["verdict"] == "broken"
    assert path.read_bytes() == b"not a database" * 100


def test_a_process_with_a_cookie_and_without_a_keeper_is_a_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.read({}, cwd=tmp_path)
    with a_stray() as stray:
        found = [one for one in find_leftovers(settings) if one.pid == stray.pid]
        assert [(one.kind, one.owner) for one in found] == [("without a keeper", "a-1")]
        (check,) = leftovers(settings)
        assert check.verdict == "warning"

    def find_ours(_settings: Settings) -> list[Leftover]:
        return found

    # Other tests may leave processes over just now, and only some of all are named.
    monkeypatch.setattr(check_leftovers, "find_leftovers", find_ours)
    (check,) = leftovers(settings)
    assert check.found.endswith(f": sleep {stray.pid} of a-1")


def test_root_is_told_of_the_sandbox_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.read({"CLAUDE_EXECUTABLE": fake_cli(tmp_path, "echo 1.0")}, cwd=tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.delenv("IS_SANDBOX", raising=False)
    advice = [check.advice or "" for check in check_claude.claude(settings)]
    assert any("IS_SANDBOX=1" in text for text in advice)
    monkeypatch.setenv("IS_SANDBOX", "1")
    assert [check.name for check in check_claude.claude(settings)] == ["claude CLI"]


def test_a_cli_that_never_answers_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = tmp_path / "pid"

    class Popen(subprocess.Popen[bytes]):
        """The patience with it begins when it is at work, however long that takes here."""

        def communicate(
            self,
            input: bytes | None = None,  # noqa: A002  the base's name
            timeout: float | None = None,
        ) -> tuple[bytes, bytes]:
            wait_for(lambda: pid_in(started))
            return super().communicate(input, timeout)

    monkeypatch.setattr(check_claude, "_PATIENCE", 0.3)
    monkeypatch.setattr(subprocess, "Popen", Popen)
    cli = fake_cli(tmp_path, f"sleep 300 & echo $! > {started}; wait")
    settings = Settings.read({"CLAUDE_EXECUTABLE": cli, "IS_SANDBOX": "1"}, cwd=tmp_path)
    check = next(check_claude.claude(settings))
    assert check.verdict == "warning"
    pid = pid_in(started)
    assert pid
    # The kill is sent, but the kernel may still be at it.
    wait_for(lambda: not is_there(pid))


def test_a_workspace_that_is_not_there_is_a_note(tmp_path: Path) -> None:
    settings = Settings.read({}, cwd=tmp_path)
    names = {check.name: check.verdict for check in workspace(settings)}
    assert names["registry"] == "note"
    assert not settings.workspace.exists()


def test_orphans_are_listed_by_kind_and_nobody_is_touched(program: Program, tmp_path: Path) -> None:
    agent = program("run", "--detach", "--", "sleep", "300").out.strip()
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "codex").symlink_to("/bin/sleep")
    try:
        with a_stray() as stray:
            done = program("doctor", "--orphans", "--json")
            by_pid = {one["pid"]: one for one in done.json}
            assert done.status == 1
            assert by_pid[stray.pid]["kind"] == "without a keeper"
            assert by_pid[stray.pid]["owner"] == "a-1"
            (durable,) = [one for one in done.json if one["owner"] == agent]
            assert durable["kind"] == "waits for an orchestrator"
            assert stray.poll() is None
    finally:
        program("stop", agent)


def test_a_keeper_that_stands_still_is_listed(program: Program) -> None:
    agent = program("run", "--detach", "--", "sleep", "300").out.strip()
    (row,) = program.wait_running()
    keeper = psutil.Process(row["pid"]).parent()
    assert keeper is not None
    nursery = keeper.parent()
    assert nursery is not None
    try:
        nursery.suspend()  # it would let the keeper go on
        keeper.suspend()
        wait_for(lambda: {nursery.status(), keeper.status()} == {psutil.STATUS_STOPPED})
        done = program("doctor", "--orphans", "--json")
        (still,) = [one for one in done.json if one["kind"] == "stands still"]
        assert (done.status, still["pid"], still["owner"]) == (1, keeper.pid, agent)
    finally:
        program("stop", agent)
        # Without its orchestrator and its keeper it may be gone.
        with suppress(psutil.NoSuchProcess):
            nursery.resume()


def test_a_process_without_environment_is_left_over_by_its_control_group(
    program: Program, tmp_path: Path
) -> None:
    script = f"env -i setsid sleep 303 & echo $! >{tmp_path}/pid; exec sleep 304"
    agent = program("run", "--detach", "--", "sh", "-c", script).out.strip()
    (row,) = program.wait_running()
    pid = wait_for(lambda: pid_in(tmp_path / "pid"))
    naked = psutil.Process(pid)
    wait_for(lambda: naked.name() == "sleep" and naked.environ() == {})
    grouped = f"/{agent}." in Path(f"/proc/{naked.pid}/cgroup").read_text()
    keeper = psutil.Process(row["pid"]).parent()
    assert keeper is not None
    nursery = keeper.parent()
    assert nursery is not None
    try:
        kill_at_once((nursery.pid, keeper.pid))
        wait_for(lambda: not is_there(keeper.pid))
        found = program("doctor", "--orphans", "--json").json
        assert [one["owner"] for one in found if one["pid"] == naked.pid] == [agent] * grouped
    finally:
        program("stop", agent)
        if not grouped:
            naked.kill()

    wait_for(lambda: not is_there(naked.pid))


def test_an_agent_cli_whose_parent_ended_is_of_another_tool(tmp_path: Path) -> None:
    cli = tmp_path / "codex"
    cli.symlink_to("/bin/sleep")
    # Its shell ends at once, so that it falls to whoever adopts orphans here.
    started = subprocess.run(
        ["/bin/sh", "-c", f"{cli} 302 >/dev/null 2>&1 & echo $!"],
        capture_output=True,
        text=True,
        check=True,
    )
    pid = int(started.stdout)
    try:
        # Until it is executed, it is one more shell.
        wait_for(lambda: psutil.Process(pid).cmdline()[:1] == [str(cli)])
        adopted = psutil.Process(pid).ppid() == 1
        found = {one.pid: one for one in find_leftovers(Settings.read({}, cwd=tmp_path))}
        assert (pid in found) == adopted
        assert not adopted or (found[pid].kind, found[pid].program) == ("of another tool", "codex")
    finally:
        os.kill(pid, signal.SIGKILL)
