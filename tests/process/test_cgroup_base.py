"""Where control groups can be made: read from files like the kernel's, and tried on a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.process.cgroup import AgentGroup
from orchestrator.process.cgroup_base import Base, cgroup_mounts, own_group
from orchestrator.process.scope import probe
from tests.support.cgroups import open_folder

if TYPE_CHECKING:
    from collections.abc import Generator

_ROOT = Path(__file__).resolve().parents[2]


# -------------------------------------------------------------------------------------- on paper
class Machine:
    """A machine on paper: what a process reads in /proc, and folders where cgroup v2 is mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.proc = folder / "proc"
        self.proc.mkdir()
        self._mounts: list[str] = []
        self.be_in("/")

    def mount(self, name: str, root: str = "/", kind: str = "cgroup2") -> Path:
        """Mount something; a name may hold spaces."""
        point = self.folder / name
        point.mkdir(exist_ok=True)
        shown = str(point).replace("\\", "\\134").replace(" ", "\\040")
        number = 30 + len(self._mounts)
        self._mounts.append(f"{number} 23 0:{number} {root} {shown} rw shared:9 - {kind} {kind} rw")
        (self.proc / "mountinfo").write_text("\n".join(self._mounts) + "\n")
        return point

    def group(self, path: Path) -> str:
        """Make a group there."""
        path.mkdir(parents=True, exist_ok=True)
        (path / "cgroup.procs").touch()
        return str(path)

    def be_in(self, *lines: str) -> None:
        """Put the process into these groups."""
        text = [line if line[:1].isdigit() else f"0::{line}" for line in lines]
        (self.proc / "cgroup").write_text("\n".join(text) + "\n")

    def own(self) -> str | None:
        """Where the process finds its group."""
        return own_group(str(self.proc))


@pytest.fixture
def paper(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_own_group_is_found_where_cgroup_v2_is_mounted(paper: Machine) -> None:
    point = paper.mount("cgroup")
    group = paper.group(point / "user.slice" / "session-1.scope")
    paper.be_in("/user.slice/session-1.scope")
    assert paper.own() == group


def test_the_root_group_is_the_folder_of_the_mount(paper: Machine) -> None:
    assert paper.own() is None
    group = paper.group(paper.mount("cgroup"))
    assert paper.own() == group


def test_version_2_is_found_beside_the_hierarchies_of_version_1(paper: Machine) -> None:
    paper.group(paper.mount("memory", kind="cgroup"))
    group = paper.group(paper.mount("unified") / "a")
    paper.be_in("12:memory:/a", "1:name=systemd:/a", "/a")
    assert paper.own() == group


def test_without_version_2_there_is_no_group(paper: Machine) -> None:
    paper.group(paper.mount("memory", kind="cgroup") / "a")
    paper.be_in("12:memory:/a")
    assert paper.own() is None


def test_a_part_of_the_hierarchy_that_is_mounted_is_read_from_there(paper: Machine) -> None:
    point = paper.mount("cgroup", root="/docker/abc")
    inner, top = paper.group(point / "inner"), paper.group(point)
    for own, found in (
        ("/docker/abc/inner", inner),
        ("/docker/abc", top),
        ("/docker/abcdef", None),
        ("/elsewhere", None),
    ):
        paper.be_in(own)
        assert paper.own() == found


def test_a_group_without_a_name_in_this_namespace_is_none(paper: Machine) -> None:
    point = paper.mount("cgroup")
    paper.group(point)
    paper.group(paper.folder / "outside")
    for own in ("/../outside", "/..", "/gone (deleted)"):
        paper.be_in(own)
        assert paper.own() is None


def test_the_latest_of_several_mounts_that_shows_the_group_counts(paper: Machine) -> None:
    first, second = paper.group(paper.mount("one") / "a"), paper.group(paper.mount("two") / "a")
    paper.mount("three")
    paper.be_in("/a")
    assert paper.own() == second
    Path(second, "cgroup.procs").unlink()
    assert paper.own() == first


def test_the_folder_of_a_mount_may_hold_spaces_and_backslashes(paper: Machine) -> None:
    point = paper.mount("a b\\040c")
    group = paper.group(point / "x y")
    paper.be_in("/x y")
    assert paper.own() == group
    assert cgroup_mounts(str(paper.proc / "mountinfo")) == [("/", str(point))]


# ---------------------------------------------------------------------------------------- memory
def _files(folder: Path, **contents: str) -> AgentGroup:
    """A group on paper with these files; the names have _ for the first dot."""
    for name, text in contents.items():
        (folder / name.replace("_", ".", 1)).write_text(text)

    return AgentGroup(str(folder))


def test_the_kernel_is_told_the_limit_and_to_end_the_whole_group_at_it(tmp_path: Path) -> None:
    group = _files(tmp_path, memory_max="", memory_oom="")
    (tmp_path / "memory.oom").rename(tmp_path / "memory.oom.group")
    assert group.limit_memory(1_000_000)
    assert (tmp_path / "memory.max").read_text() == "1000000"
    assert (tmp_path / "memory.oom.group").read_text() == "1"
    assert not (tmp_path / "memory.swap.max").exists(), "no file is made"
    (tmp_path / "memory.swap.max").touch()
    group.limit_memory(1)
    assert (tmp_path / "memory.swap.max").read_text() == "0"


def test_without_the_memory_controller_nothing_is_limited_or_counted(tmp_path: Path) -> None:
    group = AgentGroup(str(tmp_path))
    assert not group.limit_memory(1_000_000)
    assert list(tmp_path.iterdir()) == []
    assert group.memory_bytes() is None
    assert not group.oom_killed()


def test_cached_files_do_not_count_as_memory(tmp_path: Path) -> None:
    stat = "anon 300\nfile 700\nshmem 100\nactive_file 400\ninactive_file 200\n"
    group = _files(tmp_path, memory_current="1000\n", memory_stat=stat)
    assert group.memory_bytes() == 400
    (tmp_path / "memory.stat").write_text("inactive_file 4096\n")
    assert group.memory_bytes() == 0, "the two files are not read at one moment"
    (tmp_path / "memory.stat").unlink()
    assert group.memory_bytes() == 1000


@pytest.mark.parametrize(
    ("events", "killed"),
    [
        ("low 0\nhigh 0\nmax 9\noom 0\noom_kill 0\noom_group_kill 0\n", False),
        ("low 0\nhigh 0\nmax 9\noom 1\noom_kill 3\noom_group_kill 1\n", True),
        ("low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n", True),
        ("low 0\nhigh 0\nmax 9\noom 1\noom_kill 0\n", False),
        ("low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n", False),
    ],
    ids=["never", "group", "old kernel", "reclaimed in time", "the machine was out of memory"],
)
def test_a_kill_for_want_of_memory_is_known_from_one_that_the_machine_needed(
    tmp_path: Path, events: str, killed: bool
) -> None:
    assert _files(tmp_path, memory_events=events).oom_killed() == killed


def _own_and_base(folder: Path, *, controllers: str, handed_on: str, members: str) -> Base:
    for group in (folder, folder / "base"):
        group.mkdir(exist_ok=True)
        (group / "cgroup.subtree_control").touch()

    (folder / "cgroup.controllers").write_text(controllers)
    (folder / "cgroup.subtree_control").write_text(handed_on)
    (folder / "cgroup.procs").write_text(members)
    return Base(str(folder / "base"), kill=True, freeze=True)


def _handed_on(folder: Path) -> str:
    return (folder / "cgroup.subtree_control").read_text()


def test_memory_is_enabled_where_it_is_offered_and_nowhere_else(tmp_path: Path) -> None:
    base = _own_and_base(tmp_path, controllers="cpu memory pids\n", handed_on="", members="")
    base.enable_memory(str(tmp_path))
    assert base.memory
    assert (_handed_on(tmp_path), _handed_on(tmp_path / "base")) == ("+memory", "+memory")

    base = _own_and_base(tmp_path, controllers="memory\n", handed_on="cpu memory\n", members="")
    base.enable_memory(str(tmp_path))
    assert base.memory
    assert _handed_on(tmp_path) == "cpu memory\n", "it is handed on already"

    base = _own_and_base(tmp_path, controllers="cpu pids\n", handed_on="", members="")
    (tmp_path / "base" / "cgroup.subtree_control").write_text("")
    base.enable_memory(str(tmp_path))
    assert not base.memory
    assert (_handed_on(tmp_path), _handed_on(tmp_path / "base")) == ("", "")


def test_a_group_with_other_members_is_left_as_it_is(tmp_path: Path) -> None:
    members = f"{os.getpid()}\n{os.getppid()}\n"
    base = _own_and_base(tmp_path, controllers="memory\n", handed_on="", members=members)
    # As the kernel answers: it cannot be written.
    (tmp_path / "cgroup.subtree_control").unlink()
    (tmp_path / "cgroup.subtree_control").mkdir()
    base.enable_memory(str(tmp_path))
    assert not base.memory
    assert not (tmp_path / "base" / "keepers").exists()


# ------------------------------------------------------------------------------ on a real kernel
@pytest.fixture
def scope() -> Generator[tuple[str, Path]]:
    """A program that runs another in a group of its own, as systemd-run does; and that group."""
    with open_folder(f"test-{os.getpid()}.scope") as group:
        yield f'echo $$ > "{group}/cgroup.procs" && exec "$@"', Path(group)


def test_what_is_offered_is_found_out_by_trying_and_nothing_of_it_stays(
    scope: tuple[str, Path],
) -> None:
    script, group = scope
    offer = probe(("/bin/sh", "-c", script, "sh"))
    assert offer.path == str(group)
    assert offer.why is None
    assert offer.scope
    assert offer.freeze == (group / "cgroup.freeze").exists()
    assert offer.kill == (group / "cgroup.kill").exists()


def test_why_nothing_is_offered_is_said_in_words(scope: tuple[str, Path]) -> None:
    script, group = scope
    (group / "cgroup.max.descendants").write_text("0")
    offer = probe(("/bin/sh", "-c", script, "sh"))
    assert offer.path is None
    assert offer.why is not None
    assert offer.why.startswith(f"no group can be made in {group}: ")


def test_a_command_that_fails_is_done_without() -> None:
    assert not probe(("/bin/false",)).scope
    assert not probe(("/nonexistent",)).scope


_MAKES_ROOM = """
import os, sys
from orchestrator.process.cgroup import AgentGroup
from orchestrator.process.cgroup_base import open_base, own_group

own, controller = own_group(), sys.argv[1].encode()
base = open_base()
base.enable_memory(own, controller)
assert base.memory
assert own_group() == base.path + "/keepers"
agent = AgentGroup.make(base.path, "agent")
limits = [name for name in os.listdir(agent.path) if name.startswith(sys.argv[1] + ".")]
assert limits, "the controller is there for agents"
pid = agent.fork()
if pid == 0:
    os._exit(7)

assert os.waitpid(pid, 0) == (pid, 7 << 8)
assert agent.remove()
base.close()
assert own_group() == own
print("done")
"""


def test_a_nursery_that_is_alone_in_its_group_makes_room_for_a_controller(
    scope: tuple[str, Path],
) -> None:
    script, group = scope
    offered = (group / "cgroup.controllers").read_text().split()
    usable = [name for name in ("memory", "hugetlb", "io") if name in offered]
    if not usable:
        pytest.skip("no controller of cgroup v2 that groups with members keep to themselves")

    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", sys.executable, "-c", _MAKES_ROOM, usable[0]],
        cwd=_ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "done\n"
    assert (group / "cgroup.subtree_control").read_text().split() == []
