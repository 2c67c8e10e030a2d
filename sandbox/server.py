"""A small HTTP server: a call comes in, a reply goes out, a script may interfere."""

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

from sandbox.control import control
from sandbox.messages import Call, Drop, Part, Reply
from sandbox.panel import Place
from sandbox.script import Script

CALLS_KEPT = 5000
# A console opens its connections at once after a restart; none may be refused for want of room.
BACKLOG = 128
# A file goes out in pieces of this size.
PIECE = 256 * 1024


class Sandbox:
    """One platform on one port, answering until stopped."""

    name: ClassVar[str] = "sandbox"

    def __init__(
        self, *, port: int = 0, host: str = "127.0.0.1", clock: Callable[[], float] = time.time
    ) -> None:
        self.clock = clock
        self.script = Script()
        self.lock = threading.RLock()
        self.calls: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT)
        self._http = _HTTPServer((host, port), _Handler)
        self._http.sandbox = self
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Where it can be reached."""
        return f"http://{self._http.server_address[0]!s}:{self.port}"

    def start(self) -> Self:
        """Serve from a thread of its own."""
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and cut the connections that are still open."""
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.server_close()
        self._http.cut()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def answer(self, call: Call) -> Reply:
        """Answer as the platform would."""
        raise NotImplementedError

    def endpoint(self, call: Call) -> str:
        """Name the endpoint for the log and for counting."""
        return f"{call.method} {call.path}"

    def state(self) -> dict[str, Any]:
        """Count what is remembered."""
        raise NotImplementedError

    def listing(self, name: str, call: Call) -> Any:
        """Show one part of the memory, or None when there is no such part."""
        return None

    def act(self, name: str, call: Call) -> Any:
        """Do something at the control door's request, or None when it is unknown."""
        return None

    def places(self) -> Sequence[Place]:
        """List what a person may break by clicking."""
        return ()

    def configure(self, settings: dict[str, Any]) -> None:
        """Take platform-specific settings from the script."""

    def reset(self) -> None:
        """Forget everything and drop the script."""
        with self.lock:
            self.script.reset()
            self.calls.clear()

    def handle(self, call: Call) -> Reply | Drop:
        """Let the script interfere, else answer as the platform; keep a line in the log."""
        if call.path.startswith("/_sandbox"):
            return control(self, call)
        began = time.perf_counter()
        reply = self._scripted(call)
        self.calls.append(
            {
                "at": self.clock(),
                "method": call.method,
                "path": call.path,
                "endpoint": self.endpoint(call),
                "status": reply.status if isinstance(reply, Reply) else reply.value,
                "bytes": len(call.body),
                "ms": round((time.perf_counter() - began) * 1000, 2),
            }
        )
        return reply

    def _scripted(self, call: Call) -> Reply | Drop:
        if early := self.script.before(call):
            return early
        reply = self.answer(call)
        return self.script.after(call) or reply


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = BACKLOG
    sandbox: Sandbox

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet about clients that went away; they do that all the time."""

    def cut(self) -> None:
        for connection in list(self._open):
            _hang_up(connection)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    server: _HTTPServer

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        call = Call(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )
        match self.server.sandbox.handle(call):
            case Reply() as reply:
                self._send(reply)
            case _:
                self.close_connection = True
                _hang_up(self.connection)

    def _send(self, reply: Reply) -> None:
        if isinstance(reply.body, Part):
            self._send_part(reply, reply.body)
            return
        body = reply.raw
        self.send_response(reply.status)
        headers = {"Content-Type": reply.media_type, **reply.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_part(self, reply: Reply, part: Part) -> None:
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.media_type, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(part.length))
        self.end_headers()
        left = part.length if part.breaks_at is None else min(part.length, part.breaks_at)
        with part.path.open("rb") as file:
            file.seek(part.start)
            while left and (piece := file.read(min(left, PIECE))):
                self.wfile.write(piece)
                left -= len(piece)
        if part.breaks_at is not None:
            self.wfile.flush()
            self.close_connection = True
            _hang_up(self.connection)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the terminal free; `/_sandbox/calls` has the log."""


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was quicker
