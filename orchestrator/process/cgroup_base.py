"""Where control groups can be made: a process's own group, and a nursery's base inside it."""

from __future__ import annotations

import os
import select
import signal
import time
from itertools import pairwise

from . import kernel, tree
from .cgroup import AgentGroup, folder_name, make_folder, remove_tree
from .kernel_files import read_file, write_file

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

PROC_SELF = "/proc/self"

#: What a base is called: this, the pid of its nursery, when that was started, in ticks, and the pid
#: namespace in which that is its pid. A nursery in another one is as good as invisible.
_PREFIX = "orchestrator-"

#: The group inside a base that nursery and keepers move to, when they have to make room.
_KEEPERS = "keepers"

#: Seconds that one step of the trial may take.
_TRIAL = 1.0

# <linux/proc_ns.h>: the pid namespace of the machine itself, in which everyone is seen.
_FIRST_NAMESPACE = 0xEFFFFFFC

#: As mountinfo writes them.
_ESCAPES = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))


class NoGroupsError(Exception):
    """No control group can be made here; the message says why."""


class Base:
    """The folder of all groups that the keepers of one nursery make; made by `open_base`.

    Attributes:
        path: The folder.
        kill: The kernel ends everyone in a group at once.
        freeze: The kernel makes everyone in a group stand still.
        memory: The kernel enforces a limit of memory.
    """

    __slots__ = ("_home", "freeze", "kill", "memory", "path")

    def __init__(self, path: str, *, kill: bool, freeze: bool) -> None:
        """Take the folder, and what was found out in it."""
        self.path = path
        self.kill = kill
        self.freeze = freeze
        self.memory = False
        self._home: str | None = None

    def enable_memory(self, own: str, controller: bytes = b"memory") -> None:
        """Have memory counted and limited in the groups to come, if nobody else is affected.

        Args:
            own: The group of this process, in which the base is.
            controller: Which controller.
        """
        if controller not in read_file(f"{own}/cgroup.controllers").split():
            return

        # It stays enabled there afterwards: by then somebody else may count on it.
        handed_on = controller in read_file(f"{own}/cgroup.subtree_control").split()
        if handed_on or write_file(f"{own}/cgroup.subtree_control", b"+" + controller):
            self.memory = write_file(f"{self.path}/cgroup.subtree_control", b"+" + controller)
        elif read_file(f"{own}/cgroup.procs").split() == [b"%d" % os.getpid()]:
            self._make_room(own, controller)

    def _make_room(self, own: str, controller: bytes) -> None:
        """Leave a group that only hands a controller on when nobody is in it."""
        keepers = f"{self.path}/{_KEEPERS}"
        try:
            make_folder(keepers)
            AgentGroup(keepers).enter()
        except OSError:
            return

        self._home = own
        if write_file(f"{own}/cgroup.subtree_control", b"+" + controller):
            self.memory = write_file(f"{self.path}/cgroup.subtree_control", b"+" + controller)

    def close(self) -> None:
        """Remove the base; what still has members stays for a later nursery."""
        if self._home is not None:
            for folder in (self.path, self._home):
                handed_on = read_file(f"{folder}/cgroup.subtree_control").split()
                write_file(
                    f"{folder}/cgroup.subtree_control", b" ".join(b"-" + c for c in handed_on)
                )

            try:
                AgentGroup(self._home).enter()
            except OSError:
                return

        remove_tree(self.path)


def open_base() -> Base:
    """Make a base for this process, which has one thread; found out by trying.

    What nurseries that are gone have left there is removed.

    Raises:
        NoGroupsError: There cannot be one here.
    """
    own = own_group()
    if own is None:
        raise NoGroupsError("there is no cgroup v2 hierarchy that this process is in")

    remove_stale(own)
    path = f"{own}/{base_name()}"
    try:
        make_folder(path)
    except OSError as error:
        raise NoGroupsError(f"no group can be made in {own}: {error.strerror}") from None

    try:
        freeze, kill = _try(AgentGroup(path))
    except OSError as error:
        remove_tree(path)
        raise NoGroupsError(f"no process can be put into {path}: {error.strerror}") from None

    base = Base(path, kill=kill, freeze=freeze)
    base.enable_memory(own)
    return base


def base_name() -> str:
    """What the base of this process is called."""
    me = tree.read(os.getpid())
    return f"{_PREFIX}{os.getpid()}-{me.start if me else 0}-{_pid_namespace()}"


def describe() -> dict[str, object]:
    """What a nursery would find here; `orchestrator.process.scope.Offer` reads it."""
    try:
        base = open_base()
    except NoGroupsError as error:
        return {"why": str(error)}

    base.close()
    found = {"kill": base.kill, "freeze": base.freeze, "memory": base.memory}
    return {"path": base.path.rpartition("/")[0], **found}


def agent_of(pid: int) -> tuple[str, int] | None:
    """The agent whose group a process is in, and the pid of its keeper; None outside of any."""
    names = (_group(f"{tree.PROC}/{pid}") or "").split("/")
    for base, folder in pairwise(names):
        name, _, keeper = folder.rpartition(".")
        if _owner(base) is not None and keeper.isdecimal():
            return name, int(keeper)

    return None


def own_group(proc: str = PROC_SELF) -> str | None:
    """The folder of this process's group; None where there is no cgroup v2, or it is not seen."""
    own = _group(proc)
    # Outside of its namespace's root, or of what is mounted, a group has no name here.
    if own is None or own.startswith("/.."):
        return None

    for root, point in reversed(cgroup_mounts(f"{proc}/mountinfo")):
        within = root.rstrip("/")
        if f"{own}/".startswith(f"{within}/"):
            folder = f"{point}{own.removeprefix(within)}".rstrip("/")
            if os.path.exists(f"{folder}/cgroup.procs"):  # noqa: PTH110  pathlib is not loaded
                return folder

    return None


def _group(proc: str) -> str | None:
    """The path of a process's group within the mount; None where there is no cgroup v2."""
    lines = os.fsdecode(read_file(f"{proc}/cgroup")).splitlines()
    return next((line[3:] for line in lines if line.startswith("0::/")), None)


def cgroup_mounts(mountinfo: str = f"{PROC_SELF}/mountinfo") -> list[tuple[str, str]]:
    """Where cgroup v2 is mounted: what of it, and the folder it is seen in; the latest last."""
    found: list[tuple[str, str]] = []
    for line in os.fsdecode(read_file(mountinfo)).splitlines():
        mount, _, kind = line.partition(" - ")
        fields = mount.split(" ")
        if kind.startswith("cgroup2 "):
            found.append((_unescape(fields[3]), _unescape(fields[4])))

    return found


def recorded_group(
    path: str | None, name: str, *, mountinfo: str = f"{PROC_SELF}/mountinfo"
) -> AgentGroup | None:
    """The group of an agent, by what is on record; None when it is gone or nobody's of ours.

    Args:
        path: The folder that the keeper has told.
        name: The agent's unique name, as it was given to `AgentGroup.make`.
        mountinfo: Where cgroup v2 is mounted.
    """
    if path is None or os.path.realpath(path) != path:
        return None

    base, _, folder = path.rpartition("/")
    keeper = folder.rpartition(".")[2]
    ours = _owner(base.rpartition("/")[2]) is not None and keeper.isdecimal()
    if not ours or folder != folder_name(name, int(keeper)):
        return None

    mounted = any(path.startswith(f"{point}/") for _, point in cgroup_mounts(mountinfo))
    there = os.path.exists(f"{path}/cgroup.procs")  # noqa: PTH110
    return AgentGroup(path) if mounted and there else None


def remove_stale(own: str) -> None:
    """Remove the bases of nurseries that are gone, unless someone lives in their groups.

    Those of another pid namespace are left alone, where nobody can tell who lives. From the first
    of all namespaces it can be told that one is gone.
    """
    try:
        names = os.listdir(own)  # noqa: PTH208  pathlib is not loaded here
    except OSError:
        return

    for name in names:
        owner = _owner(name)
        if owner is None or AgentGroup(f"{own}/{name}").populated():
            continue

        if not _may_live(*owner):
            remove_tree(f"{own}/{name}")


def _may_live(pid: int, start: int, namespace: int) -> bool:
    here = _pid_namespace()
    if namespace == here:
        proc = tree.read(pid)
        return proc is not None and not proc.ended and proc.start == start

    if here != _FIRST_NAMESPACE:
        return True

    pids = (name for name in os.listdir(tree.PROC) if name.isdigit())  # noqa: PTH208
    return any(_pid_namespace(pid) == namespace for pid in pids)


def _owner(name: str) -> tuple[int, int, int] | None:
    """Pid, start and pid namespace of the nursery whose base this is; None for no base."""
    numbers = name.removeprefix(_PREFIX).split("-")
    if not name.startswith(_PREFIX) or not all(number.isdecimal() for number in numbers):
        return None

    match numbers:
        case [pid, start, namespace]:
            return int(pid), int(start), int(namespace)
        case _:
            return None


def _pid_namespace(pid: str = "self") -> int:
    try:
        link = os.readlink(f"{tree.PROC}/{pid}/ns/pid")  # noqa: PTH115  pathlib is not loaded here
    except OSError:
        return 0

    return int(link.removeprefix("pid:[").removesuffix("]"))


def _unescape(path: str) -> str:
    for escape, character in _ESCAPES:
        path = path.replace(escape, character)

    return path


# ------------------------------------------------------------------------------------- the trial
def _try(group: AgentGroup) -> tuple[bool, bool]:
    """Start a process in the group, freeze it and kill it; whether the last two worked.

    Raises:
        OSError: It cannot be started there.
    """
    parent = os.getpid()
    pid = group.fork()
    born_inside = pid >= 0
    if not born_inside:
        pid = os.fork()

    if pid == 0:
        _be_tried(group, parent, born_inside=born_inside)

    end = time.monotonic() + _TRIAL
    while not born_inside and pid not in group.members():
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            number = os.waitstatus_to_exitcode(status)
            raise OSError(number, os.strerror(number))

        if time.monotonic() > end:
            break

        select.poll().poll(1)

    freeze = group.freeze(_TRIAL)
    kill = group.kill() and _wait_ended(pid)
    if not kill:
        os.kill(pid, signal.SIGKILL)

    group.thaw()
    if not kill:
        _wait_ended(pid)

    return freeze, kill


def _be_tried(group: AgentGroup, parent: int, *, born_inside: bool) -> NoReturn:
    status = 1
    try:
        kernel.die_with_parent(signal.SIGKILL, parent)
        if not born_inside:
            group.enter()

        while True:
            signal.pause()
    except OSError as error:
        status = error.errno or status
    finally:
        os._exit(status)


def _wait_ended(pid: int) -> bool:
    """Reap a process that is about to end; False when it does not."""
    end = time.monotonic() + _TRIAL
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True

        select.poll().poll(1)

    return False
