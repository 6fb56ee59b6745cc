"""The processes as ``ps`` lists them, for systems without /proc."""

from __future__ import annotations

import os
import subprocess

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    class Seen(TypedDict):
        """One process, with the fields of `tree.Proc` that ``ps`` knows."""

        pid: int
        ppid: int
        pgid: int
        sid: int
        state: str
        name: str
        cpu_s: float
        rss: int


def listed() -> list[Seen]:
    """List every process but ``ps`` itself."""
    with subprocess.Popen(
        ["/bin/ps", "-axo", "pid=,ppid=,pgid=,stat=,rss=,time=,ucomm="],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as ps:
        lines = ps.communicate()[0].splitlines()

    found: list[Seen] = []
    for line in lines:
        pid, ppid, pgid, state, rss, cpu, name = line.split(None, 6)
        if int(pid) == ps.pid:
            continue  # a child of the one that asks

        try:
            sid = os.getsid(int(pid))
        except OSError:
            sid = int(pgid)

        found.append(
            {
                "pid": int(pid),
                "ppid": int(ppid),
                "pgid": int(pgid),
                "sid": sid,
                "state": state[0],
                "name": name,
                "cpu_s": seconds(cpu),
                "rss": int(rss) * 1024,
            }
        )

    return found


def seconds(text: str) -> float:
    """Read a time of ``ps``: ``[[DAYS-]HOURS:]MINUTES:SECONDS``, with fractions or without."""
    # Some systems write a fraction as the locale has it.
    days, _, rest = text.replace(",", ".").rpartition("-")
    total = 0.0
    for part in rest.split(":"):
        total = total * 60 + float(part)

    return total + int(days or 0) * 86_400
