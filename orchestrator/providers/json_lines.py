"""Reading a bounded part of an output that should hold one JSON object a line."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def open_output(path: Path) -> BinaryIO:
    """Open an agent's output for reading, without ever waiting for somebody to write it.

    Raises:
        OSError: It is not there, or no regular file.
    """
    # An agent can put a pipe in the place of its log; opening that plainly would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is not a regular file")

    return os.fdopen(descriptor, "rb")


def lines_from_end(data: bytes, *, whole: bool) -> Iterator[bytes]:
    """Give the lines, last one first; the first one only if the data begins with it."""
    end = len(data)
    while end >= 0:
        start = data.rfind(b"\n", 0, end) + 1
        if start == 0 and not whole:
            return

        if start < end:
            yield data[start:end]

        end = start - 1


def parse_line(line: bytes) -> dict[str, Any]:
    """Read one line; empty unless it is a JSON object."""
    if not line.lstrip().startswith(b"{"):
        return {}

    try:
        value = json.loads(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return {}

    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
