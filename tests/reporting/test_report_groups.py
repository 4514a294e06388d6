"""A large group stands as one row in the tables, and task by task in CSV and JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tradeoff.lineage import REGIMES, cell, failed

from zoo.benchmarks import Benchmark, Suite
from zoo.contrasts import Contrast, Tradeoff
from zoo.models import Family, Model
from zoo.reporting import render
from zoo.reporting.benchmark_rows import pooled_limits
from zoo.reporting.published import held_against_published
from zoo.stats import Difference, paired_difference
from zoo.tradeoff import analyse

BASE = Model("org/base", regime="pretrained")
TUNED = Model("org/tuned", regime="fine-tuned", base_model="org/base")
LARGE = [f"quiz_{at}" for at in range(10)]


def quiz(task: str, group: str) -> Benchmark:
    return Benchmark(
        task, "acc", num_fewshot=5, capability="knowledge", chance=0.0,
        group=group, weight_by_size=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tradeoff() -> Tradeoff:
    """Ten tasks of a group, of which the tuned stage lacks one, two of a small group, and one."""
    large = [quiz(task, "quiz") for task in LARGE]
    small = [quiz(task, "pair") for task in ("left", "right")]
    alone = Benchmark("alone", "acc", capability="reading", chance=0.0)
    results = []
    for model in (BASE, TUNED):
        for at, benchmark in enumerate(large):
            right = "1" * (at + 2) if model is BASE else "0" * (at + 2)
            results.append(cell(model, benchmark, right))
        results += [cell(model, each, "10") for each in (*small, alone)]
    results[-4] = failed(TUNED, large[-1], "its data are gone")
    suite = Suite("groups", (*large, *small, alone))
    return analyse(Family("two", (BASE, TUNED)), suite, results, REGIMES)


def row(text: str, label: str) -> list[str]:
    (line,) = (each for each in text.splitlines() if label in each and each.startswith("|"))
    return [part.strip() for part in line.strip("|").split("|")]


def test_a_large_group_is_one_row_with_its_weighted_means(tradeoff: Tradeoff) -> None:
    text = render(tradeoff, "markdown")
    found = row(text, "quiz (10 tasks)")
    assert found[1:4] == [str(sum(range(2, 12))), "5", "0.0"]
    assert found[4] == "100.0"
    assert "−100.0" in found[5]
    assert "(9 of 10)" in found[5]
    assert "quiz_3" not in text
    assert "A group of many tasks stands in one row" in text


@pytest.mark.parametrize(("few", "many", "tasks"), [(20, 60, 12), (4, 12, 30)])
def test_the_limits_of_a_large_group_hold_the_truth_as_often_as_they_promise(
    few: int, many: int, tasks: int
) -> None:
    rng = np.random.default_rng(7)
    sizes = rng.integers(few, many, size=tasks)
    weights = (sizes / sizes.sum()).tolist()
    inside, rounds = 0, 300
    for _ in range(rounds):
        contrasts = []
        for n in sizes:
            skill = rng.random(n)  # of each item, shared by both ends
            base, other = (rng.random(n) < skill).astype(float), (rng.random(n) < skill) * 1.0
            found = paired_difference(base, other)
            contrasts.append(contrast_of(found))
        low, high = pooled_limits(contrasts, weights)
        assert low is not None
        assert high is not None
        inside += low <= 0 <= high
    assert inside / rounds >= 0.93


def contrast_of(found: Difference) -> Contrast:
    return Contrast(
        base="a", other="b", benchmark="quiz", metric="acc", filter="none", protocol="uniform",
        n=1, delta=found.value, low=found.low, high=found.high, p=found.p, p_adjusted=None,
        gained=None, lost=None, axis="general", mde=None,
    )  # fmt: skip


def test_a_small_group_is_shown_task_by_task_and_counts_as_one_in_the_mean(
    tradeoff: Tradeoff,
) -> None:
    text = render(tradeoff, "markdown")
    assert row(text, "left")[4] == row(text, "right")[4] == "50.0"
    mean = row(text, "*mean*")
    assert mean[4] == f"{(100 + 50 + 50) / 3:.1f}"


def test_capabilities_weigh_a_group_as_the_composites_do(tradeoff: Tradeoff) -> None:
    text = render(tradeoff, "markdown")
    assert row(text, "knowledge")[1:] == ["75.0", "—"], "one task of the group is missing"
    first = tradeoff.stages[0]
    assert first.general["uniform"].value == pytest.approx((0.75 + 0.5) / 2)


def test_every_task_stands_in_csv_and_json(tradeoff: Tradeoff) -> None:
    found = json.loads(render(tradeoff, "json"))["stages"][1]["scores"]
    assert [each["benchmark"] for each in found if each["group"] == "quiz"] == LARGE
    assert found[9]["error"] == "its data are gone"
    assert all(task in render(tradeoff, "csv") for task in LARGE)


def test_a_group_is_held_against_what_was_published_of_it() -> None:
    name = "allenai/Llama-3.1-Tulu-3-8B-SFT"
    model = Model(name, regime="instruction-tuned", base_model=BASE.id)
    tasks = [
        Benchmark(f"mmlu_{at}", "acc", num_fewshot=0, capability="knowledge", chance=0.25,
                  group="mmlu", weight_by_size=True)
        for at in range(9)
    ]  # fmt: skip
    results = []
    for at, each in enumerate(tasks):
        result = cell(model, each, "1" * (at + 1) + "00")
        assert result.score is not None
        results.append(replace(result, scores=(replace(result.score, stderr=0.1),)))
        results.append(cell(BASE, each, "0" * (at + 3)))
    found = analyse(Family("two", (BASE, model)), Suite("mmlu", tuple(tasks)), results, REGIMES)
    (held,) = held_against_published(found)
    right, asked = sum(range(1, 10)), sum(range(3, 12))
    assert (held.benchmark, held.score.n) == ("MMLU", asked)
    assert held.score.value == pytest.approx(right / asked)
    assert held.published == 0.659
    assert held.score.stderr == pytest.approx(0.1 * np.hypot.reduce(np.arange(3, 12)) / asked)
    text = render(found, "latex")
    assert "mmlu (9 tasks)" in text
    assert "reproduced" in text
