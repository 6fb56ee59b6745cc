"""The floor: what the system itself takes, with the least possible above it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import workers

from .bare import POSIX_SPAWN
from .worker import open_worker

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from benchmarks.ground import Ground

    from .base import Contender
    from .worker import WorkerSession

#: The key of either floor.
FLOOR: Final = "floor"

_SOURCE: Final = Path(workers.__file__).with_name("spawn_floor.c")
_COMPILERS: Final = ("cc", "gcc", "clang")


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorContender:
    """A loop of ``posix_spawn`` in C.

    Attributes:
        executable: What `_SOURCE` was compiled to.
        megabytes: Memory that it holds besides.
        key: See `Contender`.
        name: See `Contender`.
    """

    executable: Path
    megabytes: int = 0
    key: str = FLOOR
    name: str = "posix_spawn in C (floor)"

    def missing(self) -> str | None:
        """Nothing: it was compiled."""
        return None

    def open(self, ground: Ground, program: Path) -> AbstractContextManager[WorkerSession]:
        """Start it."""
        argv = [str(self.executable), str(self.megabytes), str(program)]
        return open_worker(ground, argv, name=self.name)


def the_floor(ground: Ground, *, megabytes: int = 0) -> Contender[WorkerSession]:
    """Return the floor of this machine: in C where that compiles, else in Python.

    Args:
        ground: What is compiled goes into its folder, once.
        megabytes: Memory that it holds besides.
    """
    executable = ground.folder / "spawn_floor"
    if executable.exists() or _compile(executable):
        return FloorContender(executable=executable, megabytes=megabytes)

    name = "os.posix_spawn (floor: nothing here compiles C)"
    return replace(POSIX_SPAWN, key=FLOOR, name=name, megabytes=megabytes)


def _compile(executable: Path) -> bool:
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        return False

    argv = [compiler, "-O2", "-o", str(executable), str(_SOURCE)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0
