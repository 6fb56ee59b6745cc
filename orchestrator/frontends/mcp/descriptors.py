"""Byte streams over descriptors that other processes share, which stay as blocking as they are."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import socket
import stat
from typing import TYPE_CHECKING, Final

import anyio
import anyio.lowlevel
from anyio.abc import ByteReceiveStream, ByteSendStream

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

CHUNK: Final = 64 * 1024

#: Bytes that a pipe holds once there was more to write than a chunk: what Linux allows everyone.
WIDE: Final = 1024 * 1024

#: A large answer lets others have their turn after so many chunks.
CHUNKS_PER_TURN: Final = 16

_HUNG_UP: Final = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)
_WRITABLE: Final = select.POLLOUT | select.POLLERR | select.POLLHUP | select.POLLNVAL

#: For a single write what O_NONBLOCK is for all of them, those of other processes included.
_NOWAIT: Final[int | None] = getattr(os, "RWF_NOWAIT", None) if hasattr(os, "pwritev") else None

_SET_SIZE: Final[int | None] = getattr(fcntl, "F_SETPIPE_SZ", None)
_GET_SIZE: Final[int | None] = getattr(fcntl, "F_GETPIPE_SZ", None)

#: What an older kernel says, which cannot do that for a pipe.
_UNKNOWN: Final = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ESPIPE})


class Descriptor:
    """A descriptor that is never made non-blocking: others hold the same open file.

    It is used from one event loop, and closed by whoever opened it. Entering and leaving a
    ``with`` block only lets go of the helper object that sockets need.
    """

    def __init__(self, fd: int) -> None:
        """Take an open descriptor."""
        self.fd = fd
        self._socket: socket.socket | None = None
        self._pipe = False
        self._nowait: int | None = None
        self._writable = select.poll()
        self._writable.register(fd, select.POLLOUT)
        self._hung_up = select.poll()
        self._hung_up.register(fd, _HUNG_UP)

    def __enter__(self) -> Self:
        """Find out what it is; some clients hand out sockets as standard input and output."""
        mode = os.fstat(self.fd).st_mode
        if stat.S_ISSOCK(mode):
            self._socket = socket.socket(fileno=self.fd)
        elif stat.S_ISFIFO(mode):
            self._pipe = True
            self._nowait = _NOWAIT

        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the descriptor itself open."""
        if self._socket is not None:
            self._socket.detach()
            self._socket = None

    def hung_up(self) -> bool:
        """Whether the other side will send nothing more; there may be bytes left to read."""
        return any(events & _HUNG_UP for _, events in self._hung_up.poll(0))

    def read(self, limit: int) -> bytes:
        """Read what is there; b"" is the end.

        Raises:
            BlockingIOError: There is nothing yet. Where the kernel cannot say so (a pipe), the
                caller has waited until it is readable.
        """
        if self._socket is not None:
            return self._socket.recv(limit, socket.MSG_DONTWAIT)

        return os.read(self.fd, limit)

    def write(self, data: memoryview) -> int:
        """Write as much as fits without waiting, and return how many bytes that was.

        Raises:
            BlockingIOError: Nothing fits now.
        """
        if self._socket is not None:
            return self._socket.send(data, socket.MSG_DONTWAIT)

        if self._nowait is not None:
            try:
                return os.pwritev(self.fd, [data], -1, self._nowait)
            except OSError as error:
                if error.errno not in _UNKNOWN:
                    raise

                self._nowait = None

        return self._write_polled(data)

    def widen(self) -> None:
        """Let a pipe hold more at a time, where the system has room for that.

        Of a large answer each chunk waits for its reader, who waits for the chunk: at 64 kB, a
        pipe's usual size, that was a third of the time of an answer of 1.3 MB.
        """
        if not self._pipe or _SET_SIZE is None or _GET_SIZE is None:
            return

        with contextlib.suppress(OSError):
            if fcntl.fcntl(self.fd, _GET_SIZE) < WIDE:
                fcntl.fcntl(self.fd, _SET_SIZE, WIDE)

    def _write_polled(self, data: memoryview) -> int:
        events = self._writable.poll(0)
        if not events or not events[0][1] & _WRITABLE:
            raise BlockingIOError

        # A pipe that polls as writable takes this much at once; more could block the event loop.
        return os.write(self.fd, data[: select.PIPE_BUF])


class DescriptorReceiveStream(ByteReceiveStream):
    """Reads a descriptor; cancellable on every backend, whatever the descriptor is."""

    def __init__(self, descriptor: Descriptor) -> None:
        """Take a descriptor that has been entered."""
        self._descriptor = descriptor
        self._waits = True

    async def receive(self, max_bytes: int = CHUNK) -> bytes:
        """Wait for bytes.

        Raises:
            EndOfStream: There will be none; a terminal that is gone and a broken connection
                count as the end as well.
        """
        while True:
            await self._wait_readable()
            try:
                data = self._descriptor.read(max_bytes)
            except BlockingIOError:
                continue
            except OSError as error:
                raise anyio.EndOfStream from error

            if not data:
                raise anyio.EndOfStream

            return data

    async def _wait_readable(self) -> None:
        if self._waits:
            try:
                await anyio.wait_readable(self._descriptor.fd)
            except PermissionError:
                # epoll refuses regular files and /dev/null; reading these never blocks.
                self._waits = False

        if not self._waits:
            await anyio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Do nothing: the descriptor belongs to whoever opened it."""
        await anyio.lowlevel.checkpoint()


class DescriptorSendStream(ByteSendStream):
    """Writes to a descriptor, and never blocks the event loop for a reader that does not read."""

    def __init__(self, descriptor: Descriptor) -> None:
        """Take a descriptor that has been entered."""
        self._descriptor = descriptor
        self._narrow = True

    async def send(self, item: bytes) -> None:
        """Write it all.

        Raises:
            BrokenResourceError: Nobody will ever read it.
        """
        if self._narrow and len(item) > CHUNK:
            self._descriptor.widen()
            self._narrow = False

        rest = memoryview(item)
        chunks = 0
        while rest:
            if chunks % CHUNKS_PER_TURN == 0:
                await anyio.lowlevel.checkpoint()

            try:
                written = self._descriptor.write(rest)
            except BlockingIOError:
                await self._wait_writable()
                continue
            except OSError as error:
                raise anyio.BrokenResourceError from error

            rest = rest[written:]
            chunks += 1

    async def _wait_writable(self) -> None:
        try:
            await anyio.wait_writable(self._descriptor.fd)
        except OSError as error:
            raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        """Do nothing: the descriptor belongs to whoever opened it."""
        await anyio.lowlevel.checkpoint()
