"""A Hub on loopback: it answers as the real one does where something cannot be had."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40
SHARD = 50 * 10**15
"""Bytes of the one weight that this Hub says it has: no disk holds it."""


class _Hub(BaseHTTPRequestHandler):
    """Names say what becomes of them: org/gated, org/gone, org/script, org/hangs, org/huge, and
    org/stalls, a checkpoint of which half of the weights come."""

    over: threading.Event
    stalls: Path | None

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if "/hangs" in path:
            self.over.wait(60)
        elif "/stalls" in path and self.stalls is not None:
            self._stall(path, self.stalls)
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

    def _stall(self, path: str, folder: Path) -> None:
        name = path.rpartition("/")[2]
        if path.startswith("/api/models/"):
            sizes = {each.name: each.stat().st_size for each in folder.iterdir()}
            found = self._listing("org/stalls", sizes)
            self._answer(200, found if "/tree/" not in path else found["siblings"])
        elif not (folder / name).is_file():
            self._answer(404, {"error": "no file"}, {"X-Error-Code": "EntryNotFound"})
        elif name.endswith(".safetensors") and self.command == "GET":
            data = (folder / name).read_bytes()
            self._headers(200, len(data), {"ETag": f'"{name}"', "X-Repo-Commit": COMMIT})
            self.wfile.write(data[: len(data) // 2])
            self.over.wait(60)
        else:
            self._file((folder / name).read_bytes(), f'"{name}"')

    def _huge(self) -> dict[str, Any]:
        return self._listing("org/huge", {"config.json": 52, "model.safetensors": SHARD})

    def _listing(self, name: str, sizes: Mapping[str, int]) -> dict[str, Any]:
        files = [
            {"rfilename": name, "path": name, "type": "file", "oid": "a" * 40, "size": size}
            for name, size in sizes.items()
        ]
        return {"id": name, "sha": COMMIT, "siblings": files}

    def _file(self, data: bytes, etag: str = '"1"') -> None:
        self._send(200, data, {"ETag": etag, "X-Repo-Commit": COMMIT})

    def _answer(self, status: int, said: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(said).encode(), {"X-Repo-Commit": COMMIT, **(headers or {})})

    def _headers(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self._headers(status, len(data), headers)
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def loopback_hub(stalls: Path | None = None) -> Iterator[str]:
    """The address of such a Hub, which stands within. stalls: the checkpoint org/stalls."""
    over = threading.Event()
    handler = type("Hub", (_Hub,), {"over": over, "stalls": stalls})
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
