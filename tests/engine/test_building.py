"""Requests are built faster than by lm-eval and are the same, byte for byte."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.evaluating import METRICS
from support.tasks import TASKS, write_tasks

from zoo.benchmarks import Benchmark
from zoo.evaluation.tasks import TaskLoader, build_requests
from zoo.tasks import read_task

SEED = 7


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tasks(tmp_path_factory.mktemp("absolute"), absolute=True)


@contextlib.contextmanager
def stock_templates() -> Iterator[None]:
    """lm-eval's own Jinja environment, from a second copy of the module that makes it."""
    import lm_eval.utils as ours

    source = importlib.util.spec_from_file_location("stock_utils", str(ours.__file__))
    assert source is not None
    assert source.loader is not None
    stock = importlib.util.module_from_spec(source)
    source.loader.exec_module(stock)
    before, ours.env = ours.env, stock.env
    assert type(stock.env).__name__ == "Environment"
    try:
        yield
    finally:
        ours.env = before


def chat(messages: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
    said = "".join(f"[{each['role']}]{each['content']}" for each in messages)
    return said + ("[assistant]" if add_generation_prompt else "")


def stock(folder: Path, task: str, shots: int, **asking: Any) -> list[tuple[Any, ...]]:
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(folder), include_defaults=False)
    built = manager.load([task])["tasks"][task]
    built.set_config("num_fewshot", shots)
    built.set_fewshot_seed(SEED)
    with stock_templates():
        built.build_all_requests(**asking)
    return [(each.doc_id, each.idx, each.request_type, *each.args) for each in built.instances]


def ours(folder: Path, task: str, shots: int, **asking: Any) -> list[tuple[Any, ...]]:
    metric, filter = METRICS.get(task, ("acc", "none"))
    benchmark = Benchmark(
        task=task,
        metric=metric,
        filter=filter,
        num_fewshot=shots,
        axis="general",
        capability="any",
        chance=0.0,
    )
    source = read_task(folder / f"{task}.yaml", "tests")
    loaded = TaskLoader({task: source}).load(benchmark, None)
    rows = []
    for each in build_requests(loaded, seed=SEED, limit=None, **asking):
        second = each.continuation if each.gen_kwargs is None else dict(each.gen_kwargs)
        arguments = (each.context,) if second is None else (each.context, second)
        rows.append((each.doc, each.index, each.kind, *arguments))
    return rows


@pytest.mark.parametrize("shots", [0, 3])
@pytest.mark.parametrize("task", TASKS)
def test_requests_are_those_of_lm_eval(task: str, shots: int, folder: Path) -> None:
    for ours_asked, stock_asked in (
        ({}, {}),
        (
            {"render_chat": chat, "fewshot_as_multiturn": True, "system_instruction": "Be brief."},
            {
                "chat_template": chat,
                "apply_chat_template": True,
                "fewshot_as_multiturn": True,
                "system_instruction": "Be brief.",
            },
        ),
        ({"render_chat": chat}, {"chat_template": chat, "apply_chat_template": True}),
    ):
        found = ours(folder, task, shots, **ours_asked)
        assert found == stock(folder, task, shots, **stock_asked)
        assert found
