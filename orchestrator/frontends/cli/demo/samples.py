"""Sample agents for the demo: each talks like an agent CLI, and has one habit of real ones.

Started in place of the CLI, with its arguments and its prompt; the standard library only. What
they leave running is a ``sleep`` that would end by itself after a while.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

#: In the prompt: which habit.
MARKER: Final = re.compile(r"\[habit: ([a-z-]+)\]")

#: Seconds after which a sample that nobody ended would end by itself.
LIFETIME: Final = 300

_IDENTITY: Final = re.compile(r"^- (agent_id|task_id): (\S+)$", re.MULTILINE)
_PROTOCOL: Final = "2025-06-18"
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Read the prompt, take up its habit, and live until stopped."""
    prompt = sys.stdin.read()
    found = MARKER.search(prompt)
    habit = found.group(1) if found else "worker"
    emit({"type": "system", "subtype": "init", "session_id": f"sample-{os.getpid()}"})
    if habit == "stubborn":
        for number in _STOPPING:
            signal.signal(number, signal.SIG_IGN)

    with Reporter(mcp_command(sys.argv[1:]), dict(_IDENTITY.findall(prompt))) as reporter:
        if habit == "quick":
            return finish(reporter)

        match habit:
            case "tool-child":
                have_a_tool(reporter)
            case "daemon":
                start_a_daemon(reporter)
            case "stubborn":
                reporter.progress("I ignore SIGINT, SIGTERM and SIGHUP", 50)
            case _:
                work(reporter)

        threading.Event().wait(LIFETIME)

    return 0


def emit(line: Mapping[str, object]) -> None:
    """Write one line as the CLI does."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Say something as the model does."""
    content = [{"type": "text", "text": text}]
    emit({"type": "assistant", "message": {"role": "assistant", "content": content}})


# ------------------------------------------------------------------------------------- the habits
def work(reporter: Reporter) -> None:
    """Report progress, and a finding, as a good agent does."""
    for percent, message in ((20, "reading"), (45, "building"), (70, "testing")):
        reporter.progress(message, percent)
        tell(message)
        threading.Event().wait(0.7)

    reporter.finding("one test is flaky: it counts on a sleep")
    reporter.progress("writing it up", 90)


def have_a_tool(reporter: Reporter) -> None:
    """Run a tool in a session of its own, where a kill of the agent's group does not reach it."""
    tool = subprocess.Popen(
        ["/bin/sleep", str(LIFETIME)], stdin=subprocess.DEVNULL, start_new_session=True
    )
    reporter.progress(f"my tool {tool.pid} runs in a session of its own", 60)


def start_a_daemon(reporter: Reporter) -> None:
    """Start a daemon as databases do: forked twice, its own session, an empty environment."""
    reader, writer = os.pipe()
    first = os.fork()
    if first == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writer, str(os.getpid()).encode())
            os.closerange(0, 256)
            os.execve("/bin/sleep", ["sleep", str(LIFETIME)], {})  # noqa: S606  no shell

        os._exit(0)

    os.waitpid(first, 0)
    os.close(writer)
    pid = os.read(reader, 32).decode()
    reporter.progress(f"my daemon {pid} has left me, without a cookie", 60)


def finish(reporter: Reporter) -> int:
    """End by itself, with a result."""
    reporter.progress("nothing to do", 100, status="completed")
    tell("There was nothing to do.")
    emit(
        {
            "type": "result",
            "subtype": "success",
            "is_error": False,
            "result": "There was nothing to do.",
            "num_turns": 1,
            "session_id": f"sample-{os.getpid()}",
            # No model was asked.
            "total_cost_usd": 0.0,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
    )
    return 0


# ---------------------------------------------------------------------------------- reporting back
def mcp_command(arguments: list[str]) -> list[str] | None:
    """Return the command of the MCP server in the file that the arguments name, as the CLI does."""
    if "--mcp-config" not in arguments[:-1]:
        return None

    config = json.loads(Path(arguments[arguments.index("--mcp-config") + 1]).read_text())
    server = next(iter(config["mcpServers"].values()))
    return [server["command"], *server.get("args", [])]


class Reporter:
    """An MCP client, as small as one can be; silent where there is no server."""

    def __init__(self, command: list[str] | None, identity: Mapping[str, str]) -> None:
        """Start the server as the CLI starts it: with the agent's own environment."""
        self._command = command
        self._identity = identity
        self._server: subprocess.Popen[str] | None = None
        self._requests = 0

    def __enter__(self) -> Reporter:  # noqa: PYI034  nobody inherits from it
        """Start the server and shake hands."""
        if self._command is None:
            sys.stderr.write("no --mcp-config: nobody to report to\n")
            return self

        self._server = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        client = {"name": "orchestrator-sample", "version": "1"}
        self._ask(
            "initialize",
            {"protocolVersion": _PROTOCOL, "capabilities": {}, "clientInfo": client},
        )
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up, and wait for the server to end."""
        if self._server is not None:
            self._server.communicate()

    def progress(self, message: str, percent: int, *, status: str = "working") -> None:
        """Report progress."""
        self._call("update_agent_progress", status=status, message=message, progress=percent)

    def finding(self, message: str) -> None:
        """Report a finding."""
        self._call("report_agent_finding", finding_type="issue", severity="low", message=message)

    def _call(self, tool: str, **arguments: object) -> None:
        self._ask("tools/call", {"name": tool, "arguments": {**self._identity, **arguments}})

    def _ask(self, method: str, params: Mapping[str, object]) -> None:
        if self._server is None:
            return

        self._requests += 1
        number = self._requests
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        output: IO[str] | None = self._server.stdout
        for line in output or ():
            answer: dict[str, Any] = json.loads(line)
            if answer.get("id") == number:
                if "error" in answer or answer["result"].get("isError"):
                    sys.stderr.write(f"{method} was refused: {line}")

                return

        sys.stderr.write("the orchestrator is gone\n")
        self._server = None

    def _send(self, message: Mapping[str, object]) -> None:
        if self._server is None or self._server.stdin is None:
            return

        try:
            self._server.stdin.write(json.dumps(message) + "\n")
            self._server.stdin.flush()
        except BrokenPipeError:
            sys.stderr.write("the orchestrator is gone\n")


if __name__ == "__main__":
    sys.exit(main())
