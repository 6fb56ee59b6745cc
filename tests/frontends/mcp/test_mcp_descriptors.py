"""Descriptors as byte streams: pipes, sockets, files and what epoll refuses."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import EndOfStream, fail_after

from orchestrator.frontends.mcp.descriptors import (
    CHUNK,
    WIDE,
    Descriptor,
    DescriptorReceiveStream,
    DescriptorSendStream,
)

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

LONG = 10.0


@contextmanager
def entered(fd: int) -> Generator[Descriptor]:
    with Descriptor(fd) as descriptor:
        yield descriptor

    os.close(fd)


async def receive_all(fd: int) -> bytes:
    received = b""
    with entered(fd) as descriptor:
        stream = DescriptorReceiveStream(descriptor)
        try:
            while True:
                received += await stream.receive()
        except EndOfStream:
            return received


@pytest.mark.parametrize("kind", ["pipe", "socket"])
async def test_reading_waits_can_be_cancelled_and_ends(kind: str) -> None:
    ours, theirs = descriptor_pair(kind)
    with ExitStack() as stack:
        descriptor = stack.enter_context(entered(ours))
        stream = DescriptorReceiveStream(descriptor)
        with anyio.move_on_after(0.05) as patience:
            await stream.receive()

        assert patience.cancelled_caught
        os.write(theirs, b"hello")
        with fail_after(LONG):
            assert await stream.receive() == b"hello"
            os.close(theirs)
            with pytest.raises(EndOfStream):
                await stream.receive()


def as_on(kind: str, descriptor: Descriptor) -> Descriptor:
    """Return a descriptor as it is on an older kernel, where the kind of pair says so."""
    if kind == "old pipe":
        descriptor._nowait = None  # pyright: ignore[reportPrivateUsage]

    return descriptor


def descriptor_pair(kind: str) -> tuple[int, int]:
    """Return a reading and a writing end."""
    if kind != "socket":
        return os.pipe()

    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


async def test_dev_null_and_files_which_epoll_refuses_are_read_to_their_end(
    tmp_path: Path,
) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"line\n" * 50_000)
    with fail_after(LONG):
        assert await receive_all(os.open(os.devnull, os.O_RDONLY)) == b""
        assert await receive_all(os.open(path, os.O_RDONLY)) == b"line\n" * 50_000


async def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "output"
    with entered(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)) as descriptor:
        await DescriptorSendStream(descriptor).send(b"x" * 1_000_000)

    assert path.stat().st_size == 1_000_000


@pytest.mark.parametrize("kind", ["pipe", "old pipe", "socket"])
async def test_writing_to_a_client_that_never_reads_blocks_nobody_else(kind: str) -> None:
    theirs, ours = descriptor_pair(kind)
    with entered(ours) as entry:
        descriptor = as_on(kind, entry)
        assert os.get_blocking(ours)
        with fail_after(LONG):
            with anyio.move_on_after(0.1) as patience:
                await DescriptorSendStream(descriptor).send(b"x" * 10_000_000)

            assert patience.cancelled_caught
            assert os.get_blocking(ours), "another process may share it"

        os.close(theirs)
        with pytest.raises(anyio.BrokenResourceError):
            await DescriptorSendStream(descriptor).send(b"x" * 10_000_000)


@pytest.mark.parametrize("kind", ["pipe", "old pipe", "socket"])
async def test_a_large_answer_arrives_whole_at_a_slow_client(kind: str) -> None:
    theirs, ours = descriptor_pair(kind)
    sent = os.urandom(3_000_001)
    received = b""

    async def receive() -> None:
        nonlocal received
        received = await receive_all(theirs)

    with fail_after(LONG):
        async with anyio.create_task_group() as group:
            group.start_soon(receive)
            with entered(ours) as descriptor:
                await DescriptorSendStream(as_on(kind, descriptor)).send(sent)

    assert received == sent


@pytest.mark.skipif(not hasattr(fcntl, "F_GETPIPE_SZ"), reason="pipes have one size here")
async def test_a_pipe_holds_more_once_there_was_a_large_answer() -> None:
    theirs, ours = os.pipe()
    before = fcntl.fcntl(ours, fcntl.F_GETPIPE_SZ)
    with fail_after(LONG), entered(ours) as descriptor:
        stream = DescriptorSendStream(descriptor)
        await stream.send(b"x" * CHUNK)
        assert os.read(theirs, CHUNK) == b"x" * CHUNK
        assert fcntl.fcntl(ours, fcntl.F_GETPIPE_SZ) == before
        await stream.send(b"x" * (CHUNK + 1))
        assert fcntl.fcntl(ours, fcntl.F_GETPIPE_SZ) == WIDE

    assert await receive_all(theirs) == b"x" * (CHUNK + 1)


async def test_a_kernel_that_cannot_write_a_pipe_without_waiting_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs, ours = os.pipe()
    asked: list[int] = []

    def refuse(fd: int, *_: object) -> int:
        asked.append(fd)
        raise OSError(errno.EOPNOTSUPP, "no")

    monkeypatch.setattr(os, "pwritev", refuse)
    with fail_after(LONG), entered(ours) as descriptor:
        await DescriptorSendStream(descriptor).send(b"one")
        await DescriptorSendStream(descriptor).send(b"two")

    assert os.read(theirs, 100) == b"onetwo"
    assert asked == [ours]
    os.close(theirs)
