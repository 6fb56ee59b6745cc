"""An agent's control group (cgroup v2): all in it can be ended, frozen and counted at once.

Where there is one, nobody leaves it by a fork, a session or an emptied environment, and the
kernel's one SIGKILL to the group also reaches whoever is being forked at that instant.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time

from .kernel_files import read_file, write_file

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

#: Seconds that the kernel may take to make everyone in a group stand still.
FREEZE_LIMIT = 1.0

#: Seconds that a group's last members may take to be gone before it stays.
REMOVE_LIMIT = 0.5

#: More groups than that an agent makes inside its own are not looked into, so that a look ends.
#: The kernel's own kill, freeze and count reach all of them.
_GROUPS_MAX = 1000

#: Links of a folder with no folder in it, by all file systems that count them.
_NO_FOLDERS = 2

#: A group's name holds 255 bytes; the keeper's pid has its place in them.
_NAME_MAX = 200
_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")

#: Seconds after which ``cgroup.events`` is read again, more and more of them: the kernel says that
#: it has changed, but up to 20 ms late when it has changed shortly before.
_LOOK_FIRST = 0.001
_LOOK_LAST = 0.05
_PART = 4096

#: Of ``memory.stat``: what the kernel gives up before it kills anyone.
_CACHES = (b"active_file", b"inactive_file", b"slab_reclaimable")

# <linux/sched.h>; the number of clone3 is the same on all architectures.
_CLONE3 = 435
_CLONE_INTO_CGROUP = 0x2_0000_0000
_CLONE_ARGS_SIZE = 88
_CloneArgs = ctypes.c_uint64 * (_CLONE_ARGS_SIZE // 8)

# `PyDLL` keeps the interpreter's lock, so that the child, which has one thread, has it as well.
_syscall = ctypes.PyDLL(None).syscall if sys.platform.startswith("linux") else None
if _syscall is not None:
    _syscall.argtypes = (ctypes.c_long, ctypes.c_void_p, ctypes.c_size_t)
    _syscall.restype = ctypes.c_long


class AgentGroup:
    """The control group of one agent.

    What cannot be done, because the kernel is too old, the controller is missing or the group is
    gone, is answered by False, None or nobody; nothing here raises but `enter`.

    Attributes:
        path: Its folder.
    """

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        """Take the folder of a group that is there."""
        self.path = path

    @classmethod
    def make(cls, base: str | None, name: str) -> Self | None:
        """Make the group that this process, a keeper, will start its agent in.

        Args:
            base: The folder of its nursery's groups; None for none.
            name: The agent's unique name; see `folder_name`.

        Returns:
            None when there is no base, or no group can be made.
        """
        if base is None:
            return None

        path = f"{base}/{folder_name(name, os.getpid())}"
        try:
            try:
                make_folder(path)
            except FileNotFoundError:
                # Somebody has tidied up while there was no agent.
                make_folder(base)
                make_folder(path)
        except OSError:
            return None

        return cls(path)

    # -------------------------------------------------------------------------------- entering
    def fork(self) -> int:
        """Fork, with the child in the group from its first moment; for one thread only.

        Moving a process into a group stops every fork and exit of the machine for a moment, and
        to do so waits for all processors, up to 25 ms after a pause. A child that is born in its
        group does not need that.

        Returns:
            0 in the child, its pid in the parent; -1 when nothing was forked.
        """
        try:
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return -1

        pid = _fork_into(folder)
        os.close(folder)
        return pid

    def enter(self) -> None:
        """Move this process into the group.

        Raises:
            OSError: It cannot be moved.
        """
        descriptor = os.open(f"{self.path}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"0")
        finally:
            os.close(descriptor)

    # --------------------------------------------------------------------------------- looking
    def members(self) -> list[int]:
        """The pids of everyone in the group and in those that the agent has made inside it."""
        found: list[int] = []
        for folder in _folders(self.path):
            found.extend(map(int, read_file(f"{folder}/cgroup.procs").split()))

        # 0 stands for a process that this one cannot see: one outside its pid namespace.
        return [pid for pid in found if pid]

    def populated(self) -> bool:
        """Whether anyone lives in it, or below it, by the kernel's own count."""
        return b"populated 1" in read_file(f"{self.path}/cgroup.events").splitlines()

    # ---------------------------------------------------------------------------------- acting
    def kill(self) -> bool:
        """SIGKILL everyone in the group, and whoever is being forked there.

        Returns:
            False where the kernel does not do it (before Linux 5.14), or when this process is a
            member itself.
        """
        return not self._holds_us() and write_file(f"{self.path}/cgroup.kill", b"1")

    def freeze(self, limit: float = FREEZE_LIMIT) -> bool:
        """Make everyone in the group stand still; SIGKILL reaches them nevertheless.

        Args:
            limit: Seconds to wait for it. One that the kernel holds (state D) follows when it is
                let go.

        Returns:
            False where the kernel does not do it (before Linux 5.2), or when this process is a
            member itself.
        """
        if self._holds_us() or not write_file(f"{self.path}/cgroup.freeze", b"1"):
            return False

        self._wait_event(b"frozen 1", limit)
        return True

    def thaw(self) -> bool:
        """Let everyone go on; False where there is nothing to thaw."""
        return write_file(f"{self.path}/cgroup.freeze", b"0")

    def remove(self, limit: float = REMOVE_LIMIT) -> bool:
        """Remove the group and those inside it; never anything but empty groups.

        Args:
            limit: Seconds to wait until the last member is gone.

        Returns:
            Whether it is gone.
        """
        end = time.monotonic() + limit
        while not remove_tree(self.path):
            left = end - time.monotonic()
            if left <= 0 or not self._wait_event(b"populated 0", left):
                return remove_tree(self.path)

            # Nobody is in it, and still it is busy: somebody is on the way out.
            select.poll().poll(1)

        return True

    # ---------------------------------------------------------------------------------- memory
    def limit_memory(self, number: int) -> bool:
        """Let the kernel enforce a limit: at the first byte beyond it, all of the group dies.

        Args:
            number: Bytes of memory; none of it may be swapped out.

        Returns:
            Whether the kernel does it. It does where the memory controller is enabled.
        """
        limit = f"{self.path}/memory.max"
        if not os.path.exists(limit):  # noqa: PTH110  pathlib is not loaded here
            return False

        write_file(f"{self.path}/memory.swap.max", b"0")  # a kernel without swap has no such file
        write_file(f"{self.path}/memory.oom.group", b"1")
        return write_file(limit, str(number).encode())

    def memory_bytes(self) -> int | None:
        """Bytes that the group holds, without cached files and what the kernel keeps about them.

        None where nobody counts them.
        """
        used = read_file(f"{self.path}/memory.current")
        if not used:
            return None

        counts = _counts(f"{self.path}/memory.stat")
        cached = sum(counts.get(name, 0) for name in _CACHES)
        return max(0, int(used) - cached)

    def oom_killed(self) -> bool:
        """Whether the kernel has killed someone because the group was at its limit."""
        counts = _counts(f"{self.path}/memory.events")
        killed = counts.get(b"oom_kill", 0) or counts.get(b"oom_group_kill", 0)
        # Without `oom` it was the machine that had no memory left.
        return bool(killed and counts.get(b"oom", 0))

    # --------------------------------------------------------------------------------- helpers
    def _holds_us(self) -> bool:
        """Whether this process is in the group: an agent may move what its user may signal."""
        return os.getpid() in self.members()

    def _wait_event(self, wanted: bytes, limit: float) -> bool:
        """Wait until ``cgroup.events`` has this line; the kernel tells when it changes."""
        try:
            descriptor = os.open(f"{self.path}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False

        poll = select.poll()
        poll.register(descriptor, select.POLLPRI)
        end = time.monotonic() + limit
        pause = _LOOK_FIRST
        try:
            while wanted not in os.pread(descriptor, _PART, 0).splitlines():
                left = end - time.monotonic()
                if left <= 0:
                    return False

                poll.poll(min(left, pause) * 1000)
                pause = min(pause * 2, _LOOK_LAST)
        except OSError:  # it was removed meanwhile
            return False
        finally:
            os.close(descriptor)

        return True


def folder_name(name: str, keeper: int) -> str:
    """Return what the group of an agent is called: its name, and the pid of its keeper."""
    safe = "".join(c if c in _NAME_CHARACTERS else "_" for c in name[:_NAME_MAX])
    return f"{safe or 'agent'}.{keeper}"


def groups_of(base: str, keeper: int) -> list[AgentGroup]:
    """The groups that a keeper has made and has not removed."""
    try:
        names = os.listdir(base)  # noqa: PTH208  pathlib is not loaded here
    except OSError:
        return []

    return [AgentGroup(f"{base}/{name}") for name in names if name.endswith(f".{keeper}")]


def make_folder(path: str) -> None:
    """Make a group that no other user looks into.

    Raises:
        OSError: It cannot be made.
    """
    os.mkdir(path, 0o700)  # noqa: PTH102  pathlib is not loaded here


def remove_tree(path: str) -> bool:
    """Remove a group and those inside it, the deepest first; whether it is gone."""
    gone = True
    for folder in reversed(_folders(path)):
        try:
            os.rmdir(folder)  # noqa: PTH106  pathlib is not loaded here
        except FileNotFoundError:
            continue
        except OSError:
            gone = False

    return gone


def _folders(path: str) -> list[str]:
    """The group, then those inside it, parents first."""
    found = [path]
    for folder in found:
        if len(found) > _GROUPS_MAX:
            break

        try:
            # A folder of the kernel's counts itself, its name and those inside it.
            if os.stat(folder).st_nlink == _NO_FOLDERS:  # noqa: PTH116  pathlib is not loaded here
                continue

            with os.scandir(folder) as entries:
                found.extend(e.path for e in entries if e.is_dir(follow_symlinks=False))
        except OSError:
            continue

    return found


def _fork_into(folder: int) -> int:
    """Fork with the child in the group of this descriptor; as `os.fork`, or -1."""
    if _syscall is None:
        return -1

    arguments = _CloneArgs()
    arguments[0] = _CLONE_INTO_CGROUP
    arguments[4] = signal.SIGCHLD  # exit_signal
    arguments[10] = folder
    return _syscall(_CLONE3, ctypes.byref(arguments), _CLONE_ARGS_SIZE)


def _counts(path: str) -> dict[bytes, int]:
    """A file of lines with a name and a number."""
    pairs = (line.split() for line in read_file(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs}
