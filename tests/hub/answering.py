"""The Hub's HTTP: one request in, its bytes kept, a fault if a rule says so, one answer out."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from hub.faults import Fault
from hub.repositories import Refused, Repository

if TYPE_CHECKING:
    from hub import Hub, User


@dataclass(frozen=True)
class Request:
    """What came, byte for byte; the names of headers in Title-Case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def parts(self) -> list[str]:
        return [unquote(part) for part in self.path.strip("/").split("/")]

    def asked(self, name: str) -> list[str]:
        return parse_qs(urlsplit(self.target).query).get(name, [])

    def flag(self, name: str) -> bool:
        return self.asked(name) in (["1"], ["True"], ["true"])

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    @property
    def sent(self) -> bytes:
        """All of it but the token where it belongs."""
        kept = (f"{k}: {v}" for k, v in self.headers.items() if k != "Authorization")
        return "\n".join([f"{self.method} {self.target}", *kept, ""]).encode() + self.body


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A request about one repository. rest: the path after the endpoint's name."""

    hub: Hub
    request: Request
    user: User | None
    repo: Repository
    rest: list[str]


def told(said: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON."""
    kind = {"Content-Type": "application/json"}
    return Answer(status, json.dumps(said).encode(), {**kind, **(headers or {})})


def refusal(problem: Refused) -> Answer:
    headers = {"X-Error-Code": problem.code, "X-Error-Message": problem.said}
    return told({"error": problem.said}, problem.status, headers)


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for `hub`, which its subclass names."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        request = Request(
            self.command, self.path, {k.title(): v for k, v in self.headers.items()}, self._body()
        )
        self.hub.received.append(request)
        fault = next((f for f in self.hub.faults if f.strikes(self.command, self.path)), None)
        if fault is not None and self._ends_before(fault, request):
            return None
        answer = self.hub.answer(request)
        if fault is not None and fault.how == "lost":
            return self._drop()
        return self._send(answer, half=fault is not None and fault.how == "truncate")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _ends_before(self, fault: Fault, request: Request) -> bool:
        """What a fault does before the request is done; whether that is the end of it."""
        if fault.how == "status":
            said = {"error": f"a fault of status {fault.status}"}
            self._send(told(said, fault.status, fault.headers))
        elif fault.how == "drop":
            self._drop()
        elif fault.how == "hang":
            self.hub.over.wait(120)
            self._drop()
        elif fault.how == "slow":
            time.sleep(fault.seconds)
        elif fault.how == "conflict":
            self.hub.somebody_commits(request)
        return fault.how in ("status", "drop", "hang")

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            found = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                found += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return found
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, answer: Answer, *, half: bool = False) -> None:
        status, body, headers = answer.status, answer.body, dict(answer.headers)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted and status == 200 and "ETag" in headers:
            first = int(wanted[1])
            last = min(int(wanted[2] or len(body) - 1), len(body) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            status, body = 206, body[first : last + 1]
        try:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[: len(body) // 2] if half else body)
            if half:
                self._drop()
        except OSError:  # whoever asked has gone: killed, or out of patience
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Says nothing."""
