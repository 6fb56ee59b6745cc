"""supervisord: a server on a socket in the run's own folder, asked by XML-RPC."""

from __future__ import annotations

import http.client
import socket
import sys
import time
import xmlrpc.client
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.census import wait_until
from benchmarks.errors import BrokenError
from benchmarks.model import Round

from .base import no_module
from .manager import ManagerSession, open_server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Generator
    from pathlib import Path

    from benchmarks.ground import Ground

#: Seconds that the server may take to listen, and to answer: it answers once for a thousand.
OPEN_LIMIT: Final = 60.0
ANSWER_LIMIT: Final = 300.0

#: Descriptors that it holds for each process, and for itself.
_DESCRIPTORS_EACH: Final = 3
_DESCRIPTORS: Final = 100
_MS_PER_S: Final = 1000.0
_GROUP: Final = "agents"

#: Its defaults, but for what would slow it down (logs) or make it wait (startsecs), and with the
#: stop of whole groups, which is all of an agent's tree that it can reach.
_CONFIGURATION: Final = """\
[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
loglevel = warn
pidfile = {folder}/pid
minfds = {descriptors}
[unix_http_server]
file = {folder}/socket
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:{group}]
command = {program}
numprocs = {capacity}
process_name = %(process_num)05d
autostart = false
autorestart = false
startsecs = 0
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = NONE
"""


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ANSWER_LIMIT)
        self._path = path

    def connect(self) -> None:
        connected = socket.socket(socket.AF_UNIX)
        connected.settimeout(self.timeout)
        try:
            connected.connect(self._path)
        except OSError:
            connected.close()
            raise

        self.sock = connected


class SupervisordSession(ManagerSession):
    """A server, and a connection to it."""

    def __init__(self, process: subprocess.Popen[bytes], path: str, capacity: int) -> None:
        """Connect, once it listens.

        Raises:
            BrokenError: It does not.
        """
        names = [f"{_GROUP}:{number:05d}" for number in range(capacity)]
        super().__init__(process, names, program="supervisord")
        self._connection = _Connection(path)
        if not wait_until(self._listens, within=OPEN_LIMIT):
            raise BrokenError(f"supervisord does not listen after {OPEN_LIMIT:.0f} s")

    def launch(self, count: int, *, together: bool) -> Round:
        """``startProcess``; together, all in one call, which has one answer.

        Raises:
            BrokenError: One was not started.
        """
        names = self._next(count)
        if together:
            took = self._start_all(names)
            return Round(times=(took,) * count, wall=took)

        times: list[float] = []
        for name in names:
            began = time.perf_counter()
            self._call("supervisor.startProcess", name, False)  # noqa: FBT003 - as it names it
            times.append((time.perf_counter() - began) * _MS_PER_S)

        return Round(times=tuple(times), wall=sum(times))

    def clear(self) -> None:
        """Kill all, and wait until it knows that they have ended.

        Its own stop would wait for whole seconds.

        Raises:
            BrokenError: One stays.
        """
        self._call("supervisor.signalAllProcesses", "KILL")
        if not wait_until(self._all_ended, within=ANSWER_LIMIT):
            raise BrokenError("supervisord has processes that stay after SIGKILL")

        self._running = 0

    def shutdown(self) -> None:
        """Have it stop everything and end; it answers at once."""
        self._call("supervisor.shutdown")

    def close(self) -> None:
        """End the server, if it runs, and wait for it.

        Raises:
            BrokenError: It stays.
        """
        self._connection.close()
        super().close()

    def _all_ended(self) -> bool:
        rows: list[dict[str, Any]] = self._call("supervisor.getAllProcessInfo")
        return not any(row["pid"] for row in rows)

    def _start_all(self, names: list[str]) -> float:
        calls = [
            {"methodName": "supervisor.startProcess", "params": [name, False]} for name in names
        ]
        began = time.perf_counter()
        answers: list[Any] = self._call("system.multicall", calls)
        took = (time.perf_counter() - began) * _MS_PER_S
        refused = [answer for answer in answers if answer is not True]
        if refused:
            raise BrokenError(f"supervisord refused to start: {refused[0]}")

        return took

    def _call(self, method: str, *arguments: Any) -> Any:
        body = xmlrpc.client.dumps(arguments, method)
        try:
            self._connection.request("POST", "/RPC2", body, {"Content-Type": "text/xml"})
            with self._connection.getresponse() as response:
                [answer], _ = xmlrpc.client.loads(response.read())
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise BrokenError(f"supervisord, {method}: {error}") from error

        return answer

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            raise BrokenError(f"supervisord ended with status {self._process.returncode}")

        try:
            self._connection.connect()
        except OSError:
            return False

        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisordContender:
    """``startProcess`` of supervisord.

    Attributes:
        capacity: How many processes it is configured for; it looks after all of them in turn.
        key: See `Contender`.
        name: See `Contender`.
    """

    capacity: int
    key: str = "supervisord"
    name: str = "supervisord startProcess"

    def missing(self) -> str | None:
        """Look for the package."""
        return no_module("supervisor", program="supervisord")

    @contextmanager
    def open(self, ground: Ground, program: Path) -> Generator[SupervisordSession]:
        """Start a server."""
        folder = ground.new_folder()
        configuration = folder / "supervisord.conf"
        text = _CONFIGURATION.format(
            folder=folder,
            program=program,
            group=_GROUP,
            capacity=self.capacity,
            descriptors=_DESCRIPTORS + _DESCRIPTORS_EACH * self.capacity,
        )
        configuration.write_text(text, encoding="ascii")
        argv = [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)]
        with (
            open_server(ground, argv) as process,
            closing(SupervisordSession(process, str(folder / "socket"), self.capacity)) as session,
        ):
            yield session
