"""Starting one agent: fork into its group, a session, its files, a clean slate, exec."""

from __future__ import annotations

import errno
import os
import signal

from . import kernel

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .cgroup import AgentGroup
    from .wire import LaunchMessage

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY
_PRIVATE = 0o600

#: More bytes than a report has; it is written at once, so it is read at once.
_REPORT = 64


class SpawnError(Exception):
    """The agent could not be started.

    Attributes:
        stage: What failed: ``fork``, ``prompt``, ``stdout``, ``stderr``, ``cwd`` or ``exec``.
        number: The errno.
    """

    def __init__(self, stage: str, number: int) -> None:
        """Take the stage and the errno."""
        super().__init__(f"{stage}: {os.strerror(number)}")
        self.stage = stage
        self.number = number


def spawn(order: LaunchMessage, group: AgentGroup | None = None) -> int:
    """Start the agent; returns its pid when its program runs.

    A group that takes no processes after all is removed, and the agent starts without one.

    Must be called in a single-threaded process: the parent-death signal is tied to the thread
    that forks. And in one that ignores no signal: what is handled here has its default disposition
    in the agent, by the exec; what is ignored here would stay ignored there.

    Args:
        order: What to start.
        group: The control group that it is born in.

    Raises:
        SpawnError: It was not started, and no process of it is left.
    """
    # The pipe closes by itself at a successful exec; before that it carries what went wrong.
    reader, writer = os.pipe()
    parent = os.getpid()
    try:
        pid = group.fork() if group else -1
        to_enter = group if pid < 0 else None
        if pid < 0:
            pid = os.fork()
    except OSError as error:
        os.close(reader)
        os.close(writer)
        raise SpawnError("fork", error.errno or 0) from None

    if pid == 0:
        _become(order, writer, parent, to_enter)

    os.close(writer)
    failure = os.read(reader, _REPORT)
    os.close(reader)
    if failure:
        os.waitpid(pid, 0)
        stage, _, number = failure.decode().partition(" ")
        if group and stage == "group":
            group.remove()
            return spawn(order)

        raise SpawnError(stage, int(number))

    return pid


def _become(
    order: LaunchMessage, report: int, parent: int, to_enter: AgentGroup | None
) -> NoReturn:
    stage = "session"
    try:
        os.setsid()
        kernel.die_with_parent(signal.SIGKILL, parent)
        if to_enter:
            stage = "group"
            to_enter.enter()

        kernel.raise_oom_score()
        stage = "prompt"
        _put(os.open(order["prompt"], os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY), 0)
        stage = "stdout"
        _put(os.open(order["stdout"], _APPEND, _PRIVATE), 1)
        stage = "stderr"
        _put(os.open(order["stderr"], _APPEND, _PRIVATE), 2)
        stage = "cwd"
        os.chdir(order["cwd"])
        stage = "exec"
        os.execve(order["path"], order["argv"], order["env"])  # noqa: S606  no shell is the point
    except OSError as error:
        os.write(report, f"{stage} {error.errno}".encode())
    except ValueError:
        # A variable's name that holds "=", or text that no file system encoding knows.
        os.write(report, f"{stage} {errno.EINVAL}".encode())
    finally:
        os._exit(126)


def _put(descriptor: int, number: int) -> None:
    os.dup2(descriptor, number, inheritable=True)
    if descriptor != number:
        os.close(descriptor)
