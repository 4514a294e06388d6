"""A Hub on loopback: it answers as the real one does where something cannot be had."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40
SHARD = 50 * 10**15
"""Bytes of the one weight that this Hub says it has: no disk holds it."""


class _Hub(BaseHTTPRequestHandler):
    """Names say what becomes of them: org/gated, org/gone, org/script, org/hangs, org/huge."""

    over: threading.Event

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if "/hangs" in path:
            self.over.wait(60)
        elif "/gated" in path:
            self._answer(401, {"error": "gated"}, {"X-Error-Code": "GatedRepo"})
        elif "/script" in path and path.endswith("script.py"):
            self._file(b"import os")
        elif "/script" in path and path.startswith("/api/"):
            self._answer(200, {"id": "org/script", "sha": COMMIT, "siblings": []})
        elif "/huge" in path and path.startswith("/api/models/"):
            self._answer(200, self._huge() if "/tree/" not in path else self._huge()["siblings"])
        elif "/huge" in path and path.endswith("config.json"):
            self._file(b'{"model_type": "llama", "torch_dtype": "bfloat16"}')
        elif "/script" in path or "/huge" in path:
            self._answer(404, {"error": "no file"}, {"X-Error-Code": "EntryNotFound"})
        else:
            self._answer(404, {"error": "no such thing"}, {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET

    def _huge(self) -> dict[str, Any]:
        names = {"config.json": 52, "model.safetensors": SHARD}
        files = [
            {"rfilename": name, "path": name, "type": "file", "oid": "a" * 40, "size": size}
            for name, size in names.items()
        ]
        return {"id": "org/huge", "sha": COMMIT, "siblings": files}

    def _file(self, data: bytes) -> None:
        self._send(200, data, {"ETag": '"1"', "X-Repo-Commit": COMMIT})

    def _answer(self, status: int, said: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(said).encode(), {"X-Repo-Commit": COMMIT, **(headers or {})})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def loopback_hub() -> Iterator[str]:
    """The address of such a Hub, which stands within."""
    over = threading.Event()
    handler = type("Hub", (_Hub,), {"over": over})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
