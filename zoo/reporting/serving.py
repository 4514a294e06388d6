"""A page and its items on the loopback interface, for runs that are too large for one file.

Only this machine can reach it, only under a loopback name (a web page elsewhere that points its
own name here is refused), and it gives out nothing but the report it was made for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from zoo.reporting.items import Items

ADDRESS = "127.0.0.1"
NAMES = ("127.0.0.1", "localhost")
"""Hosts that a request may name: any other is somebody else's name for this machine."""

MOST_ROWS = 200
"""Items that one request may ask for."""

JSON = "application/json; charset=utf-8"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Site:
    """What is served: the page, and of each benchmark the scores whole and the texts by row."""

    page: str
    items: Items

    @cached_property
    def _scores(self) -> dict[int, bytes]:
        return {}

    def answer(self, path: str, query: Mapping[str, list[str]]) -> tuple[str, bytes] | None:
        """Content type and body of a path, None where there is nothing."""
        match path.strip("/").split("/"):
            case [""]:
                return "text/html; charset=utf-8", self.page.encode()
            case ["items", number, what] if _place(number, len(self.items.tables)) is not None:
                return self._items(int(number), what, query)
        return None

    def _items(
        self, number: int, what: str, query: Mapping[str, list[str]]
    ) -> tuple[str, bytes] | None:
        table = self.items.tables[number]
        if what == "scores":
            if number not in self._scores:
                self._scores[number] = _spelled(table.facts(self.items.stages)["cells"])
            return JSON, self._scores[number]
        if what == "texts":
            wanted = ",".join(query.get("rows", [])).split(",")
            rows = [_place(each, len(table.ids)) for each in wanted]
            known = [row for row in rows if row is not None]
            if len(known) == len(rows) <= MOST_ROWS:
                return JSON, _spelled(table.texts(known, self.items.asked_of))
        return None


def server(site: Site, port: int = 0) -> ThreadingHTTPServer:
    """A server of a site on the loopback interface; port 0 is any that is free.

    Raises OSError where the port is taken. The caller runs `serve_forever`, and closes it.
    """

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "stagezoo", ""
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answers with the page or its items."""
            if not _is_local(self.headers.get_all("Host") or [], made.server_port):
                self._send(HTTPStatus.FORBIDDEN)
                return
            url = urlsplit(self.path)
            if url.path == "/favicon.ico":
                self._send(HTTPStatus.NO_CONTENT)
                return
            found = site.answer(url.path, parse_qs(url.query))
            if found is None:
                self._send(HTTPStatus.NOT_FOUND)
            else:
                self._send(HTTPStatus.OK, *found)

        def _send(self, status: HTTPStatus, kind: str = "text/plain", body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing: the terminal belongs to the person who looks at the page."""

    made = ThreadingHTTPServer((ADDRESS, port), Handler)
    made.daemon_threads = True
    return made


def _is_local(hosts: list[str], port: int) -> bool:
    """Whether a request names this machine by a loopback name, once, with the right port."""
    return len(hosts) == 1 and hosts[0].lower() in {f"{name}:{port}" for name in NAMES}


def _place(text: str, count: int) -> int | None:
    """A place in a list of so many, None where it is none."""
    fits = text.isascii() and text.isdigit() and len(text) < 12 and int(text) < count
    return int(text) if fits else None


def _spelled(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")
