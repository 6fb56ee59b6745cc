"""An agent that writes as much as it is told to, in blocks of one MiB of lines.

Connects to the socket that its argument names, and says who it is; reads how many MiB to write,
writes them, and says so. Ends when the connection does.
"""

from __future__ import annotations

import json
import os
import socket
import sys

#: Bytes of a line with its end, and of a block. One line of each block tells of an error.
LINE = 256
BLOCK = 1 << 20

_HEAD = '{"type": "assistant", "level": "%s", "message": "'
_TAIL = '"}\n'


def block() -> bytes:
    """Return a MiB of lines, as an agent CLI writes them."""
    lines = [_line("error" if number == BLOCK // LINE // 2 else "info") for number in _numbers()]
    return "".join(lines).encode("ascii")


def _numbers() -> range:
    return range(BLOCK // LINE)


def _line(level: str) -> str:
    head = _HEAD % level
    words = "a word or two of what was found out "
    text = words * (LINE // len(words) + 1)
    return head + text[: LINE - len(head) - len(_TAIL)] + _TAIL


def write(data: bytes) -> None:
    """Write all of it to standard output."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(1, rest) :]


def main() -> None:
    """Write whenever it is told to."""
    data = block()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(sys.argv[1])
        with connection.makefile("rw", encoding="ascii", newline="\n") as lines:
            lines.write(json.dumps({"pid": os.getpid()}) + "\n")
            lines.flush()
            for line in lines:
                for _ in range(json.loads(line)["mib"]):
                    write(data)

                lines.write("{}\n")
                lines.flush()


if __name__ == "__main__":
    main()
