"""What control groups this machine offers, and how to be given one by the user's systemd."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from orchestrator.model.base import Noun

from . import cgroup_base

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: What starts a program in a group that its user may divide further. It becomes that program: the
#: pid stays the same, and descriptors stay open.
_SCOPE: Final = ("--user", "--scope", "--quiet", "--collect", "-p", "Delegate=yes", "--")

#: Seconds that a user manager may take to accept a connection.
_CONNECT_TIMEOUT: Final = 0.2

#: Seconds that it may take to start something in a scope.
_TRIAL_TIMEOUT: Final = 3.0

#: Seconds that finding out may take.
_PROBE_TIMEOUT: Final = 10.0

# As the nursery: it loads this folder as a package of its own, and has one thread.
_CODE: Final = (
    "import json, sys; sys.path.append(sys.argv[1]);"
    " from process.cgroup_base import describe; print(json.dumps(describe()))"
)
_ROOT: Final = str(Path(__file__).resolve().parents[1])


class Offer(Noun):
    """What control groups a nursery would have here.

    Attributes:
        path: The group that agents' groups would be made in; None when there would be none.
        why: Why there would be none, in words; None when there are.
        scope: It would be a scope that the user's systemd makes for the nursery.
        kill: The kernel ends everyone in a group at once.
        freeze: The kernel makes everyone in a group stand still.
        memory: The kernel enforces a limit of memory.
    """

    path: str | None = None
    why: str | None = None
    scope: bool = False
    kill: bool = False
    freeze: bool = False
    memory: bool = False


def scope_command(
    environ: Mapping[str, str] | None = None, *, writable: Callable[[], bool] | None = None
) -> tuple[str, ...]:
    """Return what to put before a nursery's argv so that it gets a group that it may divide.

    Found out by trying, where it is needed: a nursery that its scope refuses would be a launch
    that fails.

    Args:
        environ: The environment of the nursery; None for this process's.
        writable: Whether this process may divide the group that it is in; None for finding out.

    Returns:
        Nothing where it is not needed, or where no user manager of systemd does it.
    """
    environ = os.environ if environ is None else environ
    if (writable or own_group_is_writable)():
        return ()

    program = shutil.which("systemd-run", path=environ.get("PATH"))
    runtime = environ.get("XDG_RUNTIME_DIR")
    if program is None or not runtime or not _answers(Path(runtime, "systemd", "private")):
        return ()

    command = (program, *_SCOPE)
    return command if _works(command, environ) else ()


def own_group_is_writable() -> bool:
    """Whether groups can be made in the own group; True where there is no cgroup v2 at all."""
    own = cgroup_base.own_group()
    if own is None:
        # There may be one that cannot be seen from here; a scope would be just as hidden.
        return True

    return os.access(own, os.W_OK) and os.access(f"{own}/cgroup.procs", os.W_OK)


def probe(command: Sequence[str] | None = None) -> Offer:
    """Find out by trying, in a process that a nursery would be like; nothing of it stays.

    Args:
        command: What goes before the nursery's argv; None for what `scope_command` says.
    """
    prefix = scope_command() if command is None else tuple(command)
    try:
        done = subprocess.run(
            [*prefix, sys.executable, "-I", "-S", "-c", _CODE, _ROOT],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_PROBE_TIMEOUT,
            start_new_session=True,
        )
        offer = Offer.model_validate_json(done.stdout)
    except (OSError, subprocess.SubprocessError, ValidationError) as error:
        if prefix:
            return probe(())

        return Offer(why=f"finding out has failed: {error}")

    return offer.model_copy(update={"scope": bool(prefix)})


def _works(command: Sequence[str], environ: Mapping[str, str]) -> bool:
    try:
        subprocess.run(
            [*command, sys.executable, "-I", "-S", "-c", ""],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environ,
            check=True,
            timeout=_TRIAL_TIMEOUT,
        )
    except (OSError, subprocess.SubprocessError):
        return False

    return True


def _answers(address: Path) -> bool:
    """Whether somebody listens there; the socket of a manager that is gone may lie around."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_CONNECT_TIMEOUT)
        try:
            connection.connect(str(address))
        except OSError:
            return False

    return True
