"""Cuts what arrives in pieces into lines."""

from __future__ import annotations

from typing import Final

#: The longest line that is put together, in bytes, as in the server.
LINE_MAX: Final = 64 * 1024 * 1024


class LineCutter:
    """Holds the beginning of one line at most.

    A line that is too long comes out in pieces, as it arrives.

    Attributes:
        torn: Whether a piece of the present line has come out already.
    """

    def __init__(self, limit: int = LINE_MAX) -> None:
        """Take the length of the longest line that is put together, in bytes."""
        self.torn = False
        self._limit = limit
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """Take what has arrived.

        Returns:
            Lines, with their ends, and whether they are whole: False for a piece of a line that is
            too long, the last one of which has the end of the line.
        """
        ended, newline, rest = data.rpartition(b"\n")
        found: list[tuple[bytes, bool]] = []
        if newline:
            first, *others = ended.split(b"\n")
            found.append((bytes(self._rest + first) + b"\n", not self.torn))
            found += [(line + b"\n", True) for line in others]
            self._rest.clear()
            self.torn = False

        self._rest += rest
        if self._rest and (self.torn or len(self._rest) > self._limit):
            found.append((bytes(self._rest), False))
            self._rest.clear()
            self.torn = True

        return found

    def end(self) -> list[tuple[bytes, bool]]:
        """Return the last line, with an end, if there is one without."""
        return self.feed(b"\n") if self._rest or self.torn else []
