"""An HTTP server that answers as a platform's API does, and keeps what it was asked."""

import json
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class RefusalError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Fault:
    """What goes wrong with the next request of a method.

    Attributes:
        method: the HTTP method.
        status: the answer's status; 0 closes the connection without an answer.
        message: the answer's message.
        after: whether the request is carried out nevertheless.
        seconds: time before the answer.
        text: the answer's body, in place of JSON with the message.
    """

    method: str
    status: int = 0
    message: str = "made to fail"
    after: bool = False
    seconds: float = 0
    text: str | None = None


@dataclass
class ApiStandIn(ABC):
    """The server; subclasses define the API.

    Attributes:
        requests: method and path of every request so far.
        headers: headers of the last request.
        violations: what was wrong with requests, by the API's definition.
        faults: what goes wrong with the next requests.
    """

    requests: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def __enter__(self) -> "ApiStandIn":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @abstractmethod
    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        """Carry a request out and return the answer."""

    @abstractmethod
    def error(self, status: int, message: str) -> dict[str, Any]:
        """Return the body of an error."""

    def count(self, method: str, ending: str = "") -> int:
        """Return how many requests of a method there were, whose path ends so."""
        return sum(m == method and path.endswith(ending) for m, path in self.requests)

    def violate(self, message: str) -> None:
        """Note that a request is not as the API defines it, and refuse it."""
        self.violations.append(message)
        raise RefusalError(400, message)

    def next_fault(self, method: str) -> Fault | None:
        for fault in self.faults:
            if fault.method == method:
                self.faults.remove(fault)
                return fault
        return None


def _handler(server: ApiStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            address = urlsplit(self.path)
            path = unquote(address.path)
            query = {key: values[-1] for key, values in parse_qs(address.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.requests.append((self.command, path))
            server.headers = dict(self.headers)
            fault = server.next_fault(self.command)
            if fault is None:
                return self._send(*self._carried_out(path, query, body))
            if fault.after:
                self._carried_out(path, query, body)
            time.sleep(fault.seconds)
            if not fault.status:
                self.close_connection = True
                return None
            text = fault.text or json.dumps(server.error(fault.status, fault.message))
            return self._send(fault.status, text)

        def _carried_out(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, str]:
            try:
                values = json.loads(body) if body else None
                return 200, json.dumps(server.answer(self.command, path, query, values))
            except RefusalError as refusal:
                return refusal.status, json.dumps(server.error(refusal.status, str(refusal)))

        def _send(self, status: int, text: str) -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    for method in ("GET", "POST", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._answer)
    return Handler
