# Ends politely at SIGTERM; its children, in its group and in a session of their own, ignore it.
from __future__ import annotations

import os
import signal

from alive import here, rest

connection = here("leader")
for word in ("child", "session"):
    if os.fork() == 0:
        if word == "session":
            os.setsid()

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        mine = here(word)
        connection.close()
        rest()

rest()
