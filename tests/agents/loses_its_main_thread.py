# Has a child in a session of its own whose main thread ends while another thread runs on: it
# looks like a zombie, and is none.
from __future__ import annotations

import ctypes
import os
import threading

from alive import here, rest

if os.fork() == 0:
    os.setsid()
    connection = here("threads")
    threading.Thread(target=rest).start()
    ctypes.CDLL(None).pthread_exit(None)

connection = here("leader")
rest()
