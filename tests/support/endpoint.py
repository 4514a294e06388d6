"""An OpenAI-compatible server on loopback, with real weights behind it, or with bad manners.

It answers plain completions (also with `echo` and log-probabilities) and chats, as vLLM does. What
a test wants it to do instead is a function of the connection and the payload.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Behaviour = Callable[["Connection", dict[str, Any]], None]
"""(connection, payload): answers, or does something else with the connection."""


@dataclass
class Weights:
    """A checkpoint that completes text."""

    folder: Path

    @cached_property
    def tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.folder)

    @cached_property
    def model(self) -> Any:
        import torch
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(self.folder, dtype=torch.float32).eval()

    def weigh(self, ids: list[int]) -> dict[str, Any]:
        """Each token's log-probability and the most likely one's, and those of one token more."""
        import torch

        with torch.no_grad():
            table = self.model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        best = table.max(-1)
        ids = [*ids, int(best.indices[-1])]
        names = [self.tokenizer.decode([each]) for each in ids]
        tops = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return {
            "tokens": names,
            "token_logprobs": [None, *(float(table[i, each]) for i, each in enumerate(ids[1:]))],
            "top_logprobs": [None, *({self.tokenizer.decode([i]): value} for i, value in tops)],
        }

    def write(self, ids: list[int], payload: Mapping[str, Any]) -> tuple[str, str, int]:
        """Text, why it ended, and its tokens."""
        import torch

        heat = float(payload.get("temperature") or 0)
        torch.manual_seed(int(payload.get("seed") or 0))
        most = int(payload.get("max_tokens") or 16)
        with torch.no_grad():
            out = self.model.generate(
                torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids)),
                max_new_tokens=most,
                do_sample=heat > 0,
                temperature=heat or None,
                pad_token_id=self.tokenizer.eos_token_id,
            )[0, len(ids) :].tolist()
        text, ended = self.tokenizer.decode(out, skip_special_tokens=True), "length"
        stops = [each for each in payload.get("stop") or [] if each in text]
        if stops or len(out) < most:
            ended = "stop"
        return (
            min((text.partition(each)[0] for each in stops), key=len, default=text),
            ended,
            len(out),
        )


class Connection(BaseHTTPRequestHandler):
    """One request, and what can be done with it."""

    endpoint: Endpoint
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.endpoint.lock:
            self.endpoint.asked.append((self.path, payload, dict(self.headers)))
        self.endpoint.behaves(self, payload)

    def handle(self) -> None:
        """Until the other side has gone."""
        with suppress(ConnectionError):
            super().handle()

    def answer(self, payload: dict[str, Any]) -> None:
        """The honest answer."""
        with self.endpoint.lock:
            self.send(200, self.endpoint.honest(self.path, payload))

    def send(self, status: int, said: Any, headers: Mapping[str, str] | None = None) -> None:
        """A reply. said: JSON, or bytes as they are."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def hang(self) -> None:
        """Says nothing until the test is over."""
        self.endpoint.over.wait(60)
        self.close_connection = True

    def drop(self, said: bytes = b"") -> None:
        """Ends the connection after some bytes."""
        self.wfile.write(said)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the test looks at `asked`."""


@dataclass
class Endpoint:
    """The server. asked: path, payload and headers of each request, in order."""

    weights: Mapping[str, Weights]
    url: str = ""
    asked: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    behaves: Behaviour = Connection.answer
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def honest(self, path: str, payload: dict[str, Any]) -> dict[str, Any]:
        """What such a request is answered, by the weights."""
        weights = self.weights[payload["model"]]
        choice: dict[str, Any] = {"index": 0}
        if path.endswith("/chat/completions"):
            ids = weights.tokenizer.apply_chat_template(
                payload["messages"],
                add_generation_prompt=True,
                return_dict=False,
                **payload.get("chat_template_kwargs", {}),
            )
            text, choice["finish_reason"], n = weights.write(ids, payload)
            choice["message"] = {"role": "assistant", "content": text}
        else:
            prompt = payload["prompt"]
            ids = weights.tokenizer(prompt).input_ids if isinstance(prompt, str) else prompt
            if payload.get("echo"):
                choice |= {"text": "", "finish_reason": "length", "logprobs": weights.weigh(ids)}
                n = 1
            else:
                choice["text"], choice["finish_reason"], n = weights.write(ids, payload)
        usage = {"prompt_tokens": len(ids), "completion_tokens": n}
        return {"model": payload["model"], "choices": [choice], "usage": usage}


@contextmanager
def serving(weights: Mapping[str, Weights] | None = None) -> Iterator[Endpoint]:
    """A server of checkpoints, by the names they are asked under, at its own port."""
    endpoint = Endpoint(weights or {})

    class Mine(Connection):
        pass

    Mine.endpoint = endpoint
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    server.daemon_threads = True
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
