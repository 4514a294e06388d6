"""Tiny real checkpoints and tasks, and what lm-eval itself writes about them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.fixtures import adapter, base, chat, own_caches, task_folder
from support.zoos import TinyZoo

__all__ = ["adapter", "base", "chat", "own_caches", "task_folder"]

TASKS = ("tiny_choice", "tiny_write", "tiny_lists")


@pytest.fixture(scope="session")
def lineage(tmp_path_factory: pytest.TempPathFactory, base: Path, chat: Path) -> TinyZoo:
    """A zoo of a base and a child with a chat template."""
    zoo = TinyZoo(tmp_path_factory.mktemp("lineage"))
    zoo.write_tasks(absolute=True)
    zoo.model("base", base, "pretrained")
    zoo.model("chat", chat, "instruction-tuned", base_model='"./base"')
    for task in TASKS[:2]:
        zoo.measure(task)
    # it changes its documents while it scores, so what lm-eval logs of them is another document
    zoo.measure(TASKS[2], axis='"special"', capability='"letters"')
    return zoo


@pytest.fixture(scope="session")
def written(lineage: TinyZoo) -> Path:
    """The folder that lm-eval filled: both models asked plainly, the child in its form too."""
    folder = lineage.root / "lm-eval"
    for name in ("base", "chat"):
        ask(lineage, name, folder / "plain", dump=lineage.root / f"dumped/{name}.json")
    ask(lineage, "chat", folder / "own", apply_chat_template=True)
    return folder


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Path:
    """The plainly asked part, for a test to change."""
    return shutil.copytree(written / "plain", tmp_path / "copied")


def ask(zoo: TinyZoo, name: str, output: Path, dump: Path | None = None, **how: Any) -> None:
    """Runs lm-eval on a model and lets it write results and items, as its command line does.

    dump: where to write what it returns, as people do who call it from Python.
    """
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    tracker = EvaluationTracker(output_path=str(output))
    results = simple_evaluate(
        model="hf",
        model_args={"pretrained": str((zoo.root / name).resolve()), "dtype": "float32"},
        tasks=list(TASKS),
        task_manager=TaskManager(include_path=str(zoo.tasks), include_defaults=False),
        device="cpu",
        batch_size=4,
        log_samples=True,
        evaluation_tracker=tracker,
        bootstrap_iters=0,
        **how,
    )
    assert results is not None
    if dump is not None:
        dump.parent.mkdir(exist_ok=True)
        dump.write_text(json.dumps(results, default=str))
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for task in samples:
        tracker.save_results_samples(task_name=task, samples=samples[task])
