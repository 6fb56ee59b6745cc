"""Who is on the other end of a Unix socket, as the kernel tells it."""

from __future__ import annotations

import socket
import struct
from typing import Final

#: ``<sys/un.h>`` of macOS and the BSDs: the level of Unix sockets, and the credentials' name.
SOL_LOCAL: Final = 0
LOCAL_PEERCRED: Final = 1

_UCRED: Final = struct.Struct("3i")  # Linux: pid, uid, gid
_XUCRED: Final = struct.Struct("2I")  # macOS: version, uid, and groups that do not matter here


def peer_uid(connection: socket.socket) -> int | None:
    """Tell the user id of the process that connected; None where the system cannot say.

    Raises:
        OSError: The connection is already gone.
    """
    if hasattr(socket, "SO_PEERCRED"):
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        return _UCRED.unpack(raw)[1]

    try:
        raw = connection.getsockopt(SOL_LOCAL, LOCAL_PEERCRED, 128)
    except OSError:
        return None

    return _XUCRED.unpack_from(raw)[1] if len(raw) >= _XUCRED.size else None
