"""What a process costs, as the kernel counts it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_NS_PER_MS = 1_000_000
_BYTES_PER_KIB = 1024
_PROC = Path("/proc")


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


def _number(file: Path, label: str) -> int:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(label):
            return int(line.split()[1])

    raise OSError(f"{file} says nothing of {label}")


def _ran(file: Path) -> int:
    return int(file.read_text(encoding="ascii").split()[0])
