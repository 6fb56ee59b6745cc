# Knocks at its own keeper's door, in the workspace that it is told, as an orchestrator does: says
# that it adopts itself, and what would free it; says garbage; comes in crowds. Then says "done".
from __future__ import annotations

import contextlib
import os
import socket
import sys

from alive import here, rest

SAYINGS = (
    b'{"op":"adopt"}\n{"op":"durable"}\n{"op":"freeze"}\n',
    b'{"op":"adopt"}\n{"op":"stop","reason":"mine","policy":{}}\n',
    b'{"op":"adopt"}\n[]\n',
    b'{"op":"stop","reason":"mine"}\n',
    b"[17]\n",
    b"{" * 70_000,
    b"\0\xff\n" * 100,
    b"{",
    b"",
)

os.chdir(f"{sys.argv[1]}/agents/{os.environ['ORCHESTRATOR_AGENT_ID']}")
connection = here("leader")
crowd: list[socket.socket] = []
for saying in SAYINGS * 5:
    caller = socket.socket(socket.AF_UNIX)
    caller.settimeout(5)
    with contextlib.suppress(OSError):
        caller.connect("outcome.sock")
        caller.sendall(saying)

    crowd.append(caller)

# One that nobody can ask after: it has gone before it is let in.
if os.fork() == 0:
    with contextlib.suppress(OSError):
        caller = socket.socket(socket.AF_UNIX)
        caller.connect("outcome.sock")
        caller.sendall(SAYINGS[0])

    os._exit(0)

os.wait()
for caller in crowd:
    with contextlib.suppress(OSError):
        caller.recv(1)

done = here("done")
rest()
