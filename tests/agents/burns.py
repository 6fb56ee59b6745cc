# Uses CPU time. "itself": all the time. "children": in children, one after the other, that it waits
# for. "unwaited": the same, but the kernel collects them, and with them their times. "orphan": in
# one grandchild that nobody of it waits for; it rests meanwhile.
from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

from alive import LIFE, here, rest

#: CPU seconds of one child.
SHORT = 0.1
ORPHAN = 0.4


def burn(seconds: float) -> None:
    while time.process_time() < seconds:
        pass


connection = here("leader")
match sys.argv[1]:
    case "itself":
        burn(LIFE)
    case "orphan":
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
                mine = here("orphan")
                connection.close()
                burn(time.process_time() + ORPHAN)

            os._exit(0)

        os.wait()
        rest()
    case how:
        if how == "unwaited":
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

        while True:
            child = os.fork()
            if child == 0:
                connection.close()
                burn(time.process_time() + SHORT)
                os._exit(0)

            with contextlib.suppress(ChildProcessError):  # the kernel has collected it
                os.waitpid(child, 0)
