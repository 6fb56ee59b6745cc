# Has a child in its group, a child in a session of its own, and one in a group of its own there.
from __future__ import annotations

import os

from alive import here, rest

connection = here("leader")
for word, setup in (("child", None), ("session", os.setsid), ("group", os.setpgrp)):
    if os.fork() == 0:
        if setup is not None:
            setup()

        mine = here(word)
        connection.close()
        rest()

rest()
