"""What a process costs, as the kernel counts it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_NS_PER_MS = 1_000_000
_BYTES_PER_KIB = 1024
_PROC = Path("/proc")

#: What is kept of each process, and its unit.
MEASURED: Final = (
    ("wakeups", ""),
    ("cpu_ms", "ms"),
    ("pss", "bytes"),
    ("descriptors", ""),
    ("threads", ""),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """One process at one moment.

    Attributes:
        wakeups: How often one of its threads had slept and ran again.
        cpu_ms: Milliseconds that its threads ran.
        pss: Bytes of memory, of shared pages only its share.
        descriptors: How many are open.
        threads: How many there are.
    """

    wakeups: int
    cpu_ms: float
    pss: int
    descriptors: int
    threads: int


def read_vitals(pid: int) -> Vitals:
    """Look at a process; it does not notice.

    Raises:
        OSError: It is gone, or somebody else's.
    """
    folder = _PROC / str(pid)
    tasks = list((folder / "task").iterdir())
    return Vitals(
        wakeups=sum(_number(task / "status", "voluntary_ctxt_switches:") for task in tasks),
        cpu_ms=sum(_ran(task / "schedstat") for task in tasks) / _NS_PER_MS,
        pss=_number(folder / "smaps_rollup", "Pss:") * _BYTES_PER_KIB,
        descriptors=sum(1 for _ in (folder / "fd").iterdir()),
        threads=len(tasks),
    )


def read_cpu(pids: Iterable[int]) -> float:
    """Return the milliseconds that all these processes have run.

    Raises:
        OSError: One is gone, or somebody else's.
    """
    folders = [_PROC / str(pid) / "task" for pid in pids]
    return sum(_ran(task / "schedstat") for each in folders for task in each.iterdir()) / _NS_PER_MS


def reset_peak(pid: int) -> None:
    """Let `read_peak` begin anew.

    Raises:
        OSError: It is gone, or somebody else's.
    """
    (_PROC / str(pid) / "clear_refs").write_text("5", encoding="ascii")


def read_peak(pid: int) -> int:
    """Return the most bytes of memory that were resident at one time since `reset_peak`.

    Raises:
        OSError: It is gone, or somebody else's.
    """
    return _number(_PROC / str(pid) / "status", "VmHWM:") * _BYTES_PER_KIB


def _number(file: Path, label: str) -> int:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(label):
            return int(line.split()[1])

    raise OSError(f"{file} says nothing of {label}")


def _ran(file: Path) -> int:
    return int(file.read_text(encoding="ascii").split()[0])
