"""A small HTTP server in threads of its own, whose routes are methods, and which fails as it is told to."""

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else {}

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass
class Fault:
    """What goes wrong with the next requests that match: an answer, silence, or half of what should be said.

    `after` does the work first, so that the client does not know what became of it.
    """

    answer: Answer | None = None
    times: int = 1
    methods: str = "GET|POST|PUT|PATCH|DELETE"
    path: str = ""
    after: bool = False
    silent: float = 0.0
    half: bool = False

    def matches(self, request: Request) -> bool:
        return (
            self.times > 0
            and re.fullmatch(self.methods, request.method) is not None
            and re.search(self.path, request.path) is not None
        )


class Fake:
    """A server. Subclasses have `routes`: (method, regex of the path, name of their method for it)."""

    routes: list[tuple[str, str, str]] = []

    def __init__(self) -> None:
        self.requests: list[tuple[float, Request, int]] = []
        self.faults: list[Fault] = []
        self.most_at_once = 0
        self._at_once = 0
        self.lock = threading.RLock()
        self.url = ""
        self.delay = 0.0

    def fail(self, **what: Any) -> Fault:
        fault = Fault(**what)
        self.faults.append(fault)
        return fault

    def calm(self) -> None:
        """No more faults; what was asked so far is forgotten."""
        self.faults.clear()
        self.requests.clear()
        self.most_at_once = 0
        self.delay = 0.0

    def asked(self, method: str, path: str = "") -> list[Request]:
        return [
            request
            for _at, request, _status in self.requests
            if request.method == method and re.search(path, request.path)
        ]

    def handle(self, request: Request) -> tuple[Answer, Fault | None]:
        with self.lock:
            fault = next((each for each in self.faults if each.matches(request)), None)
            if fault:
                fault.times -= 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if self.delay:
                time.sleep(self.delay)
            if fault and not fault.after and not fault.half:
                answer = fault.answer or Answer(500, {})
            else:
                with self.lock:
                    answer = self._routed(request)
                if fault and fault.answer is not None:
                    answer = fault.answer
        finally:
            with self.lock:
                self._at_once -= 1
                self.requests.append(
                    (time.monotonic(), request, answer.status if "answer" in locals() else 0)
                )
        return answer, fault

    def _routed(self, request: Request) -> Answer:
        for method, pattern, name in self.routes:
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                handler: Callable[..., Answer] = getattr(self, name)
                return handler(request, *(unquote(group) for group in found.groups()))
        return Answer(404, {"error": {"code": 404, "message": f"no route {request.method} {request.path}"}})

    @contextmanager
    def running(self, certificate: Path | None = None) -> Iterator[None]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def _serve(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(
                    method=self.command,
                    path=parts.path,
                    query={name: values[-1] for name, values in parse_qs(parts.query, True).items()},
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=self.rfile.read(length),
                )
                answer, fault = fake.handle(request)
                body = answer.encoded()
                if fault and fault.silent:
                    time.sleep(fault.silent)
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if body or answer.status not in {204, 304}:
                    self.send_header("Content-Type", answer.kind)
                self.send_header("Content-Length", str(len(body)))
                if fault and fault.half:
                    self.send_header("Connection", "close")
                    self.end_headers()
                    self.wfile.write(body[: len(body) // 2])
                    self.close_connection = True
                    return
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

            def log_message(self, *args: Any) -> None:
                return

        server = _Server(("127.0.0.1", 0), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        port = server.server_address[1]
        self.url = f"https://localhost:{port}" if certificate else f"http://127.0.0.1:{port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # A client that went away in the middle is what some tests are about.
