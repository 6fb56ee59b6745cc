# Writes what is hard to read: "line", one line of 50 MB; "bytes", which are no UTF-8; "half", the
# first half of a JSON line; "lines", 100 MB of them.
from __future__ import annotations

import os
import sys

MEGABYTE = 1 << 20

match sys.argv[1]:
    case "line":
        pieces = [b"x" * MEGABYTE] * 50 + [b"\n"]
    case "bytes":
        pieces = [bytes(range(256)) * 64, b"\xff\xfe\n"]
    case "half":
        pieces = [b'{"type": "result", "text": "']
    case _:
        pieces = [(b"y" * 1023 + b"\n") * 1024] * 100

for piece in pieces:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(1, rest) :]
