"""Files in which the kernel tells, and takes orders: those of /proc and of control groups."""

from __future__ import annotations

import os

#: Bytes at a time; a line of ``/proc/PID/stat`` fits.
_PART = 4096


def read_file(path: str) -> bytes:
    """Read a file of the kernel; empty when it is not there, or no longer.

    Plain descriptors: file objects cost several times the read itself, and their buffers are
    memory that each keeper would hold for itself.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""

    parts: list[bytes] = []
    try:
        while part := os.read(descriptor, _PART):
            parts.append(part)
    except OSError:  # it ended meanwhile
        pass
    finally:
        os.close(descriptor)

    return b"".join(parts)


def write_file(path: str, data: bytes) -> bool:
    """Write a file of the kernel, which is never made; whether it was taken."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False

    try:
        os.write(descriptor, data)
    except OSError:
        return False
    finally:
        os.close(descriptor)

    return True
