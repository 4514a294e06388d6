"""A W&B service on loopback with one run, as far as its client goes on with a run and ends it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Service:
    """config: of the run. history: rows that training wrote, then those that came. received: what
    came, less the header that holds the key."""

    config: dict[str, Any]
    history: list[dict[str, Any]]
    summary: dict[str, Any] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, said: dict[str, Any]) -> Any:
        if "file_stream" in path:
            self._keep(said.get("files") or {})
            return {"exitcode": None, "limits": {}}
        query = said.get("query", "")
        if "RunResumeStatus" in query:
            owner = {"id": "p", "name": "train", "entity": {"id": "e", "name": "me"}}
            return {"data": {"model": {**owner, "bucket": self._resumed()}}}
        if "upsertBucket" in query:
            config = said["variables"].get("config")
            self.config = json.loads(config) if config else self.config
            project = {"id": "p", "name": "train", "entity": {"id": "e", "name": "me"}}
            run = {"id": "b", "name": "sft1", "displayName": "sft1", "project": project}
            bucket = {**run, "config": json.dumps(self.config), "historyLineCount": 0}
            return {"data": {"upsertBucket": {"bucket": bucket, "inserted": False}}}
        if "createRunFiles" in query:
            made = {"runID": "sft1", "uploadHeaders": [], "files": []}
            return {"data": {"createRunFiles": made}}
        return {"data": {}}

    def _resumed(self) -> dict[str, Any]:
        return {
            "id": "b",
            "name": "sft1",
            "displayName": "sft1",
            "config": json.dumps(self.config),
            "summaryMetrics": json.dumps(self.summary),
            "wandbConfig": json.dumps({"t": 1}),
            "logLineCount": 0,
            "eventsLineCount": 0,
            "historyLineCount": len(self.history),
            "historyTail": json.dumps([json.dumps(self.history[-1])]),
            "eventsTail": "[]",
            "tags": [],
        }

    def _keep(self, files: dict[str, Any]) -> None:
        if rows := files.get("wandb-history.jsonl"):
            self.history[rows["offset"] :] = map(json.loads, rows["content"])
        if rows := files.get("wandb-summary.json"):
            self.summary = json.loads(rows["content"][-1])


@contextmanager
def service(config: dict[str, Any], history: list[dict[str, Any]]) -> Iterator[Service]:
    """A service that stands within. config, history: as the training left them."""
    state = Service({name: {"value": value} for name, value in config.items()}, history)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.received.append(f"{self.path} {body.decode('utf-8', 'replace')}")
            said = json.loads(body) if body.startswith(b"{") else {}
            answer = json.dumps(state.answer(self.path, said)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do_POST

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
