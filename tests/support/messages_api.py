"""A small stand-in for the Anthropic Messages API that plays scripts, on loopback."""

from __future__ import annotations

import json
import socket
import sys
import threading
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, cast

from .messages_script import Block, Request, ScriptError, Silence, Text, ToolUse, answer
from .messages_script import tool_use_id as id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from .messages_script import Scripts

#: Bytes of one request; the CLI's own are about 120 kB.
BODY_MAX: Final = 32 << 20
#: Requests that are answered and recorded.
REQUESTS_MAX: Final = 2_000
#: Seconds that a connection may say nothing.
IDLE_MAX: Final = 120.0


class MessagesApi:
    """The API as a test sees it; `messages_api` runs one."""

    def __init__(self, scripts: Scripts) -> None:
        """Take the scripts by name."""
        self._scripts = scripts
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._faults: list[Exception] = []
        self._connections: set[socket.socket] = set()
        self._closing = False
        self._server = _Server(self)

    @property
    def url(self) -> str:
        """What ANTHROPIC_BASE_URL is to be."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests for a turn so far, side requests too."""
        with self._changed:
            return tuple(self._requests)

    def conversation(self, script: str) -> tuple[Request, ...]:
        """Give the requests of the conversations that play one script."""
        return tuple(request for request in self.requests if request.script == script)

    def wait_request(
        self,
        wanted: Callable[[Request], bool],
        *,
        timeout: float = 30.0,
    ) -> Request:
        """Wait for a request, looking at those that have come already first.

        Args:
            wanted: Says whether it is the one.
            timeout: In seconds.

        Raises:
            TimeoutError: It did not come.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: any(map(wanted, self._requests)), timeout):
                raise TimeoutError(
                    f"no such request within {timeout} s, but {len(self._requests)} others; "
                    f"faults: {self._faults}"
                )

            return next(filter(wanted, self._requests))

    def serve(self) -> None:
        """Serve until `close`; runs in a thread of its own."""
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        """End every connection and every thread.

        Raises:
            ExceptionGroup: Scripts were wrong; with every fault.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()

        self._server.shutdown()
        with self._changed:
            for connection in self._connections:
                _hang_up(connection)

        self._server.server_close()
        if self._faults:
            raise ExceptionGroup("the scripted model could not go on", self._faults)

    def enter(self, connection: socket.socket) -> None:
        """Know a connection, so that `close` can end it."""
        with self._changed:
            self._connections.add(connection)
            if self._closing:
                _hang_up(connection)

    def leave(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._changed:
            self._connections.discard(connection)

    def blocks_for(self, request: Request) -> tuple[Block, ...]:
        """Record a request, and give what it is answered.

        Raises:
            ScriptError: There is no answer; `close` tells of it too.
        """
        with self._changed:
            if len(self._requests) >= REQUESTS_MAX:
                raise ScriptError(f"more than {REQUESTS_MAX} requests")

            self._requests.append(request)
            self._changed.notify_all()

        try:
            return answer(self._scripts, request)
        except Exception as error:
            self.fault(error)
            raise ScriptError(str(error)) from error

    def fault(self, error: Exception) -> None:
        """Keep an error for `close` to raise."""
        with self._changed:
            self._faults.append(error)
            self._changed.notify_all()

    def wait_closing(self) -> None:
        """Wait until `close` has begun."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing)


@contextmanager
def messages_api(scripts: Scripts) -> Generator[MessagesApi]:
    """Run the API on a free port of 127.0.0.1; leaving the block ends all of it.

    Raises:
        ExceptionGroup: On leaving, when a script could not go on.
    """
    api = MessagesApi(scripts)
    with serving(api):
        yield api


@contextmanager
def serving(api: MessagesApi) -> Generator[None]:
    """Run an API that is made already; as `messages_api` otherwise."""
    thread = threading.Thread(target=api.serve, name="messages-api")
    thread.start()
    try:
        yield
    finally:
        try:
            api.close()
        finally:
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, api: MessagesApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(
        self,
        request: object,  # noqa: ARG002  the base's signature
        client_address: object,  # noqa: ARG002  the same
    ) -> None:
        """Pass over clients that hang up, which killed agents do."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self.api.fault(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_MAX

    def setup(self) -> None:
        super().setup()
        self._api = cast("_Server", self.server).api
        self._api.enter(self.connection)

    def finish(self) -> None:
        self._api.leave(self.connection)
        super().finish()

    def do_HEAD(self) -> None:
        """The CLI looks whether anybody is there before its first request."""
        self._send(200, b"", "text/plain")

    def do_GET(self) -> None:
        self._send_error(404, f"nothing at {self.path}")

    def do_POST(self) -> None:
        try:
            body = self._body()
        except ValueError as error:
            # The rest of the body may still be on its way.
            self.close_connection = True
            self._send_error(400, str(error))
            return

        match self.path.partition("?")[0]:
            case "/v1/messages":
                self._messages(body)
            case "/v1/messages/count_tokens":
                self._send_json(200, {"input_tokens": len(json.dumps(body)) // 4})
            case _:
                self._send_error(404, f"nothing at {self.path}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
        """Keep standard error for the tests."""

    def _body(self) -> dict[str, Any]:
        length = int(self.headers.get("Content-Length", ""))
        if not 0 <= length <= BODY_MAX:
            raise ValueError(f"a body of {length} bytes; at most {BODY_MAX}")

        body = json.loads(self.rfile.read(length))
        if not isinstance(body, dict):
            raise ValueError("the body is not an object")  # noqa: TRY004  a ValueError like the rest

        return cast("dict[str, Any]", body)

    def _messages(self, body: Mapping[str, Any]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            blocks = self._api.blocks_for(Request(self.path, headers, body))
        except ScriptError as error:
            self._send_error(400, str(error))
            return

        if any(isinstance(block, Silence) for block in blocks):
            self._api.wait_closing()
            self.close_connection = True
            return

        message = _message(str(body.get("model")), blocks)
        if body.get("stream"):
            self._send(200, b"".join(_events(message)), "text/event-stream")
        else:
            self._send_json(200, message)

    def _send_json(self, status: int, value: object) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send_error(self, status: int, message: str) -> None:
        kind = "not_found_error" if status == 404 else "invalid_request_error"
        self._send_json(status, {"type": "error", "error": {"type": kind, "message": message}})

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _message(model: str, blocks: tuple[Block, ...]) -> dict[str, Any]:
    content = [_content(block) for block in blocks]
    uses_tool = any(block["type"] == "tool_use" for block in content)
    return {
        # The CLI merges answers of one id into one message, and the turns could not be counted.
        "id": f"msg_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "tool_use" if uses_tool else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }


def _content(block: Block) -> dict[str, Any]:
    match block:
        case Text(text):
            return {"type": "text", "text": text}
        case ToolUse(name, arguments):
            unique = id_of(block, uuid.uuid4().hex)
            return {"type": "tool_use", "id": unique, "name": name, "input": dict(arguments)}
        case Silence():
            raise ScriptError("silence has no content")


def _events(message: dict[str, Any]) -> Iterator[bytes]:
    """Give a message as server-sent events, in the order of the real API."""
    start: dict[str, Any] = {**message, "content": [], "stop_reason": None}
    yield _event({"type": "message_start", "message": start})
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            empty = block | {"text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            empty = block | {"input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}

        yield _event({"type": "content_block_start", "index": index, "content_block": empty})
        yield _event({"type": "content_block_delta", "index": index, "delta": delta})
        yield _event({"type": "content_block_stop", "index": index})

    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event({"type": "message_delta", "delta": end, "usage": message["usage"]})
    yield _event({"type": "message_stop"})


def _event(value: dict[str, Any]) -> bytes:
    return f"event: {value['type']}\ndata: {json.dumps(value)}\n\n".encode()


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The other side has hung up already.
        return
