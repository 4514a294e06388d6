"""A run on stages that `transformers serve` serves, with a key: real server, real weights."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import zoo
import zoo_nano

pytest.importorskip("fastapi", reason="needs transformers[serving]")
pytest.importorskip("uvicorn", reason="needs transformers[serving]")

WEIGHTS = Path(zoo_nano.__file__).parent / "weights"
CANARY = "canary-abcdef-0123456789"

FAMILY = """
[[families.served.models]]
id = "served/base"
regime = "pretrained"
loader = "openai"
loader_args = {{ model = "{0}/pretrained", tokenizer = "{0}/pretrained" }}
[[families.served.models]]
id = "served/chat"
regime = "instruction-tuned"
base_model = "served/base"
loader = "openai"
loader_args = {{ model = "{0}/instruct", tokenizer = "{0}/instruct" }}
"""


@dataclass
class Served:
    """A zoo over a running server."""

    root: Path
    log: Path

    def run(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """Its cells, by stage, benchmark and protocol."""
        found = zoo.run(
            "served",
            tasks=["core_qa", "core_facts"],
            limit=4,
            config=self.root / "zoo.toml",
            store=self.root / "results",
        )
        return {
            (stage["model"], score["benchmark"], score["protocol"]): score
            for stage in found.to_dict()["stages"]
            for score in stage["scores"]
        }

    def asked(self) -> int:
        """Questions that the server was asked."""
        return self.log.read_text().count("POST /v1/")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server, as `pip install "transformers[serving]"` brings it."""
    root = tmp_path_factory.mktemp("served")
    (root / "zoo.toml").write_text(FAMILY.format(WEIGHTS))
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    serve = "from transformers.cli.transformers import main; main()"
    flags = ("--host", "127.0.0.1", "--port", str(port), "--device", "cpu")
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", serve, "serve", *flags],
            env={**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
            stdout=out,
            stderr=out,
        )
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
            patch.setenv("OPENAI_API_KEY", CANARY)
            yield Served(root, log)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def first(served: Served) -> dict[tuple[str, str, str], dict[str, Any]]:
    return served.run()


def test_what_a_server_can_be_asked_is_scored_and_the_rest_is_not_applicable(first: Any) -> None:
    written = {key: score for key, score in first.items() if key[1] == "core_qa"}
    assert [score["status"] for score in written.values()] == ["scored"] * 4
    weighed = [score for key, score in first.items() if key[1] == "core_facts"]
    assert [score["status"] for score in weighed] == ["not_applicable"] * 4
    assert all("prompt must be a string" in score["error"] for score in weighed)
    # a chat stage asked in its own form answers what it does not when it is to continue a text
    assert written["served/chat", "core_qa", "native"]["value"] == 1.0
    assert written["served/chat", "core_qa", "uniform"]["value"] < 1.0


def test_a_second_run_asks_no_question_again(served: Served, first: Any) -> None:
    before = served.asked()
    assert served.run() == first
    assert served.asked() - before == 2  # whether log-probabilities are told by now, of each stage


def test_the_key_is_in_no_file(served: Served, first: Any) -> None:
    files = [path for path in served.root.rglob("*") if path.is_file()]
    assert len(files) > 5 < len(first)
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
