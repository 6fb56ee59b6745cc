# Starts a daemon the way that databases do: two forks, a session, no stdio. Then, if asked for by
# "ends", ends; and with "naked" the daemon is another program with an emptied environment.
from __future__ import annotations

import os
import sys

from alive import LIFE, here, rest

connection = here("leader")
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0:
        os._exit(0)

    os.chdir("/")
    mine = here("daemon")
    connection.close()
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)

    if "naked" in sys.argv:
        os.execve("/bin/sleep", ["sleep", str(LIFE)], {})  # noqa: S606  no shell is the point

    rest()

os.wait()
if "ends" not in sys.argv:
    rest()
