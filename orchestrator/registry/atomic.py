"""Files that only their owner can read, and that nobody ever sees half written."""

from __future__ import annotations

import os
import secrets
import stat
import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600


class Stamp(NamedTuple):
    """What tells whether a file is still the one that was written: it differs for any other."""

    device: int
    inode: int
    size: int
    mtime_ns: int


def make_private_folder(folder: Path) -> None:
    """Make the folder, and those above it that are missing, all with mode 0700.

    Those that exist keep the mode that they have.
    """
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent

    for each in reversed(missing):
        each.mkdir(mode=FOLDER_MODE, exist_ok=True)
        # the umask may have taken away what the owner needs
        each.chmod(FOLDER_MODE)


def create_private(path: Path) -> int:
    """Create the file with mode 0600, whatever the umask, and return its descriptor.

    Raises:
        FileExistsError: It is there already.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)
    os.fchmod(descriptor, FILE_MODE)
    return descriptor


def read_regular(path: Path, at_most: int) -> bytes:
    """Read a file in whose place an agent may have put anything; never waits for a writer.

    Args:
        path: The file.
        at_most: Bytes; a larger file is not read.

    Raises:
        OSError: It is not there, no regular file, or too large.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is no regular file")

        if found.st_size > at_most:
            raise OSError(f"{path} holds {found.st_size} bytes, {at_most} are the most")

        with open(descriptor, "rb", closefd=False) as file:
            return file.read(at_most)
    finally:
        os.close(descriptor)


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of a file; None when it cannot be looked at."""
    try:
        return _stamp(path.stat())
    except OSError:
        return None


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def write_atomically(path: Path, text: str) -> Stamp:
    """Replace the file by one with this text and mode 0600; a reader sees the old or the new.

    It is not forced to the disk: what is written this way can be built again.

    Returns:
        What `stamp_of` says until somebody writes the file again.
    """
    make_private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = create_private(draft)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # The kernel dates it by a clock that goes on every 4 ms, in which another process may
            # have replaced it by one of the same size and, freed by that, the same inode.
            now = time.time_ns()
            os.utime(descriptor, ns=(now, now))
            stamp = _stamp(os.fstat(descriptor))

        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise

    return stamp


def append_line(path: Path, line: str) -> None:
    """Append one line, ending included, to a file that is made with mode 0600 when missing.

    The line goes out in one write, so that several processes may append. What an interrupted
    write left without a line ending is given one first.

    Raises:
        OSError: Not all of it could be written, e.g. on a full disk.
    """
    make_private_folder(path.parent)
    try:
        descriptor = create_private(path)
        os.close(descriptor)
    except FileExistsError:
        pass

    descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        content = (b"\n" if torn else b"") + line.encode() + b"\n"
        written = os.write(descriptor, content)
        if written < len(content):
            raise OSError(f"{path}: only {written} of {len(content)} bytes could be written")
    finally:
        os.close(descriptor)
