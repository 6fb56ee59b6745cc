"""Being given a group by the user's systemd: when it is asked for, and what it is told."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.process.cgroup_base import own_group
from orchestrator.process.scope import own_group_is_writable, probe, scope_command

if TYPE_CHECKING:
    from collections.abc import Generator

#: It answers to what systemd-run does, makes a group if it is told one, and becomes the program.
_SYSTEMD_RUN = """#!/bin/sh
[ "$*" != "${*#--user --scope --quiet --collect -p Delegate=yes -- }" ] || exit 64
shift 7
[ -z "$REFUSE" ] || exit 1
if [ "$SCOPE" ]; then
    mkdir -p "$SCOPE" || exit 1
    echo $$ > "$SCOPE/cgroup.procs" || exit 1
fi
exec "$@"
"""


@contextmanager
def _manager(runtime: Path) -> Generator[None]:
    """Somebody who listens where a user manager does."""
    (runtime / "systemd").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        # A socket's address is short, and a test's folder is not.
        folder = os.open(runtime / "systemd", os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{folder}/private")
        os.close(folder)
        listener.listen()
        yield


@pytest.fixture(autouse=True)
def _time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a scope be tried for as long as anything may take on a busy machine."""
    monkeypatch.setattr("orchestrator.process.scope._TRIAL_TIMEOUT", 30.0)


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short path: a socket's address holds 107 bytes."""
    return tmp_path_factory.mktemp("r")


@pytest.fixture
def environ(tmp_path: Path, runtime: Path) -> dict[str, str]:
    """An environment with a systemd-run, and no user manager yet."""
    program = tmp_path / "systemd-run"
    program.write_text(_SYSTEMD_RUN)
    program.chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "XDG_RUNTIME_DIR": str(runtime)}


def _no() -> bool:
    return False


def test_a_scope_is_asked_for_when_it_is_needed_and_a_manager_answers(
    environ: dict[str, str], tmp_path: Path, runtime: Path
) -> None:
    assert scope_command(environ, writable=_no) == (), "no manager"
    with _manager(runtime):
        command = scope_command(environ, writable=_no)
        assert command[0] == str(tmp_path / "systemd-run")
        assert {"--user", "--scope", "Delegate=yes"} < set(command)
        assert command[-1] == "--"
        assert scope_command(environ, writable=lambda: True) == (), "not needed"
        assert scope_command({**environ, "PATH": "/nonexistent"}, writable=_no) == ()
        assert scope_command({"PATH": environ["PATH"]}, writable=_no) == ()
        assert scope_command({**environ, "REFUSE": "it"}, writable=_no) == ()

    assert (runtime / "systemd" / "private").exists()
    assert scope_command(environ, writable=_no) == (), "a socket of a manager that is gone"


def test_a_program_in_a_scope_may_divide_it(
    environ: dict[str, str],
    runtime: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = own_group()
    if own is None or not own_group_is_writable():
        pytest.skip("no control group can be made here")

    scope = Path(own, f"test-scope-{os.getpid()}")
    monkeypatch.setenv("SCOPE", str(scope))
    try:
        with _manager(runtime):
            command = scope_command({**environ, "SCOPE": str(scope)}, writable=_no)

        offer = probe(command)
        assert offer.scope
        assert offer.path == str(scope)
        # When it is refused after all, it is done without.
        monkeypatch.setenv("REFUSE", "it")
        offer = probe(command)
        assert not offer.scope
        assert offer.path == own
    finally:
        scope.rmdir()
