"""What comes from the Hub is hashed and loaded at one commit; its cache stands for the Hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.evaluating import evaluate, make_evaluator, spec
from support.hub import loopback_hub
from support.repositories import COMMIT, in_cache

from zoo.evaluation.checkpoints import find_checkpoint
from zoo.fingerprints import SETTINGS, TOKENIZER
from zoo.models import Model
from zoo.redaction import without_secrets
from zoo.snapshots import SMALL_FILES, small_snapshot

OFFLINE = """
import json, sys
from pathlib import Path
from support.evaluating import evaluate, make_evaluator, spec
from zoo.models import Model
evaluator, _ = make_evaluator(Path(sys.argv[1]), Path(sys.argv[2]))
model = Model("org/tuned", loader_args=json.loads(sys.argv[3]))
(result,) = evaluate(evaluator, spec(model, "tiny_choice"))
print(json.dumps({
    "error": result.error,
    "confidence": [item.confidence for item in result.items],
    "revision": result.spec.model.revision,
    "loader_args": dict(result.spec.model.loader_args),
}))
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, with the Hub out of reach."""
    from huggingface_hub import constants

    folder = tmp_path / "hf" / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return folder


def test_an_adapter_and_a_tokenizer_are_loaded_at_their_own_commits(
    base: Path, adapter: Path, task_folder: Path, hub: Path, tmp_path: Path
) -> None:
    in_cache(hub, "base", base, "a" * 40)
    in_cache(hub, "adapter", adapter, "b" * 40)
    in_cache(hub, "tokenizer", base, "c" * 40)
    args = {"pretrained": "org/base", "peft": "org/adapter", "tokenizer": "org/tokenizer"}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path / "1"), str(task_folder), json.dumps(args)],
        env={
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(tmp_path / "hf"),
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["error"] == ""
    folders = Model("m", loader_args={"pretrained": str(base), "peft": str(adapter)})
    (local,) = evaluate(
        make_evaluator(tmp_path / "2", task_folder)[0], spec(folders, "tiny_choice")
    )
    assert found["confidence"] == pytest.approx([item.confidence for item in local.items])
    assert found["revision"] == "b" * 40, "an adapter's revision is its own"
    assert found["loader_args"] == args, "what is recorded names no folder of this machine"


def test_a_gated_repository_that_is_here_whole_is_scored_by_a_process_without_a_token(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    in_cache(tmp_path / "hf" / "hub", "gated", base)
    program = OFFLINE.replace('Model("org/tuned"', f'Model("org/gated", revision="{COMMIT}"')
    with loopback_hub() as address:
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "1"), str(task_folder), "{}"],
            env={
                **without_secrets(os.environ),
                "HF_ENDPOINT": address,
                "HF_HUB_OFFLINE": "0",
                "HF_HOME": str(tmp_path / "hf"),
                "PYTHONPATH": str(Path(__file__).parents[1]),
                "OMP_NUM_THREADS": "1",
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["error"], found["revision"]) == ("", COMMIT)
    assert len(found["confidence"]) == 12


def test_an_adapter_on_the_hub_is_known_by_its_bytes(base: Path, adapter: Path, hub: Path) -> None:
    snapshot = in_cache(hub, "adapter", adapter, "b" * 40)

    def identity(peft: str) -> object:
        return find_checkpoint(
            Model("m", loader_args={"pretrained": str(base), "peft": peft})
        ).identity

    assert identity("org/adapter") == identity(str(adapter))
    path = snapshot / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    assert identity("org/adapter") != identity(str(adapter))


def test_a_branch_that_moves_is_seen_by_the_next_run_of_one_process(base: Path, hub: Path) -> None:
    for commit in ("a" * 40, "b" * 40):
        in_cache(hub, "base", base, commit)
        assert small_snapshot("org/base", None).name == commit


def test_every_small_file_that_tells_who_a_model_is_is_fetched() -> None:
    from huggingface_hub.utils import filter_repo_objects

    names = [
        "config.json", "generation_config.json", "adapter_config.json",
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab.json", "vocab.txt", "vocab.bpe", "merges.txt", "tokenizer.model", "qwen.tiktoken",
        "tekken.json", "chat_template.jinja", "additional_chat_templates/rag.jinja",
        "model.safetensors.index.json",
    ]  # fmt: skip
    for pattern in (*SETTINGS, *TOKENIZER):
        assert any(Path(name).match(pattern) for name in names), f"name a file for {pattern}"
    assert list(filter_repo_objects(names, allow_patterns=list(SMALL_FILES))) == names
    large = ["model.safetensors", "pytorch_model.bin", "model-00001-of-00002.safetensors"]
    assert not list(filter_repo_objects(large, allow_patterns=list(SMALL_FILES)))
