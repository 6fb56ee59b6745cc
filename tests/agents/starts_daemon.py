# Starts a daemon the way that databases do: two forks, a session, no stdio. Then, if asked for by
# "ends", ends; and with "naked" the daemon is another program with an emptied environment. The
# daemon says hello when nobody stands between the two any more, and the leader ends after that.
from __future__ import annotations

import os
import sys

from alive import LIFE, here, rest

connection = here("leader")
alone, tell_alone = os.pipe()
said, tell_said = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0:
        os._exit(0)

    # Its own ends are closed, so that the end of the other one is the end of the wait as well.
    os.close(tell_alone)
    os.read(alone, 1)
    os.chdir("/")
    mine = here("daemon")
    os.write(tell_said, b".")
    connection.close()
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)

    if "naked" in sys.argv:
        os.execve("/bin/sleep", ["sleep", str(LIFE)], {})  # noqa: S606  no shell is the point

    rest()

os.close(tell_said)
os.wait()
os.write(tell_alone, b".")
os.read(said, 1)
if "ends" not in sys.argv:
    rest()
