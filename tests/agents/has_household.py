# Has all kinds of children: in its group, in a session of its own, a daemon, and a "naked" daemon:
# another program, forked twice, with an empty environment.
from __future__ import annotations

import os

from alive import LIFE, here, rest

connection = here("leader")
for word in ("child", "session", "daemon", "naked"):
    if os.fork() != 0:
        continue

    if word != "child":
        os.setsid()

    if word in {"daemon", "naked"} and os.fork() != 0:
        os._exit(0)

    mine = here(word)
    connection.close()
    if word == "naked":
        os.execve("/bin/sleep", ["sleep", str(LIFE)], {})  # noqa: S606  no shell is the point

    rest()

rest()
