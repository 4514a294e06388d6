"""What one model of a run leaves for the next: base weights, and files read ahead."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support.checkpoints import save_adapter
from support.evaluating import evaluate, make_evaluator, spec

from zoo.evaluation import huggingface
from zoo.evaluation.ahead import reading_ahead
from zoo.evaluation.checkpoints import find_checkpoint
from zoo.evaluation.huggingface import HF, TORCH
from zoo.hookspecs import Loader
from zoo.models import Model
from zoo.weights import weight_files


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The weights that are read from disk, by folder."""
    seen: list[str] = []
    real = huggingface._hflm

    def counted(args: Any) -> Any:
        seen.append(str(args["pretrained"]))
        return real(args)

    monkeypatch.setattr(huggingface, "_hflm", counted)
    return seen


def scores(store: Path, tasks: Path, loader: Loader, *models: Model) -> list[list[float]]:
    """Item scores, one model after another within a run."""
    evaluator, _ = make_evaluator(store, tasks, loader=loader)
    found = []
    for model in models:
        for result in evaluate(evaluator, spec(model, "tiny_choice"), spec(model, "tiny_rolling")):
            assert result.status == "scored", result.error
            found.append([item.score for item in result.items])
    evaluator.close()
    return found


@pytest.mark.parametrize("kind", ["lora", "ia3", "prompt", "prefix"])
@pytest.mark.parametrize("loader", [HF, TORCH], ids=["hf", "torch"])
def test_siblings_over_a_base_are_scored_as_if_each_were_loaded_alone(
    kind: str, loader: Loader, base: Path, task_folder: Path, tmp_path: Path, loads: list[str]
) -> None:
    adapters = [
        Model(f"a{seed}", loader_args={"pretrained": str(base), "peft": str(folder)})
        for seed in (1, 2)
        for folder in [save_adapter(tmp_path / f"a{seed}", base, kind=kind, seed=seed)]
    ]
    models = [Model(str(base)), *adapters]
    together = scores(tmp_path / "one", task_folder, loader, *models)
    assert loads == [str(base)]
    alone = [
        row
        for number, model in enumerate(models)
        for row in scores(tmp_path / f"alone{number}", task_folder, loader, model)
    ]
    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, abs=2e-5)
    assert together[:2] != together[2:4] != together[4:]


def test_a_base_asked_after_its_adapters_is_what_it_was_before(
    base: Path, task_folder: Path, tmp_path: Path, loads: list[str]
) -> None:
    adapter = Model(
        "a", loader_args={"pretrained": str(base), "peft": str(save_adapter(tmp_path / "a", base))}
    )
    load = make_evaluator(tmp_path, task_folder)[0]._sessions.load_of(HF)
    options: dict[str, Any] = {"device": "cpu", "dtype": "float32", "batch_size": 1}

    def logits(model: Model) -> torch.Tensor:
        lm: Any = load(model, **options)
        with torch.inference_mode():
            return lm.model(torch.arange(3, 20)[None]).logits

    before, over, after = logits(Model(str(base))), logits(adapter), logits(Model(str(base)))
    assert torch.equal(before, after)
    assert not torch.equal(before, over)
    assert loads == [str(base)]


def test_a_base_that_something_wrote_to_is_loaded_again(
    base: Path, task_folder: Path, tmp_path: Path, loads: list[str]
) -> None:
    load = make_evaluator(tmp_path, task_folder)[0]._sessions.load_of(HF)
    options: dict[str, Any] = {"device": "cpu", "dtype": "float32", "batch_size": 1}
    first: Any = load(Model(str(base)), **options)
    with torch.no_grad():
        next(first.model.parameters()).add_(1.0)
    load(Model(str(base)), **options)
    assert loads == [str(base)] * 2


def test_without_a_run_nothing_is_kept(base: Path, loads: list[str]) -> None:
    for _ in range(2):
        HF.load(Model(str(base)), device="cpu", dtype="float32", batch_size=1)
    assert loads == [str(base)] * 2


def test_a_checkpoint_is_read_ahead_and_one_that_is_gone_harms_nobody(
    base: Path, tmp_path: Path
) -> None:
    found = find_checkpoint(Model(str(base)))
    for checkpoint in (found, replace(found, folder=tmp_path), None):
        with reading_ahead(checkpoint) as thread:
            if thread is not None:
                thread.join(timeout=30)
                assert not thread.is_alive()


def test_the_shards_of_an_index_are_read_and_nothing_outside_the_folder(tmp_path: Path) -> None:
    assert weight_files(tmp_path) == ["model.safetensors"]
    named = {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "../../etc/passwd"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": named}))
    assert weight_files(tmp_path) == ["model-1.safetensors", "model-2.safetensors"]
