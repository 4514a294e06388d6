"""What is trained: every cell of the grid, declared before any of them was seen."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.hookspecs import Recipe
from zoo_nano import streams
from zoo_nano.world.reports import reports_in

TUNING, REINFORCEMENT = "frontiers", "overoptimisation"
"""The families: ways to fine-tune on the incident reports, and reinforcement of sums."""

SEEDS = (1, 2, 3)
REPORTS = 384
"""All reports of the training part."""
STEPS = 300
RATES = {
    "full": (1e-4, 3e-4, 1e-3, 3e-3),
    "lora": (3e-4, 1e-3, 3e-3, 1e-2),
    "prompt-tuning": (1e-2, 3e-2, 1e-1),
}
MIDDLE = 3e-4
"""The learning rate of full fine-tuning at which the amount of data is varied."""
SHARES = (38, 4)
"""A tenth and a hundredth of the reports."""
PROMPTS = streams.SUMS


@dataclass(frozen=True)
class Cell:
    """One training.

    recipe: of `recipes`, with options over its own. parent: a stage of the embedded family. rows:
    of its data. asked: steps whose checkpoints are measured, the last among them.
    """

    family: str
    recipe: str
    seed: int
    steps: int
    save_every: int
    asked: tuple[int, ...]
    parent: str = "pretrained"
    rows: int = REPORTS
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of its folder and, with the step, of its models."""
        rate = f"{self.options['learning_rate']:g}"
        parts = [self.recipe, *([f"from-{self.parent}"] if self.parent != "pretrained" else [])]
        parts += [str(self.options["reward"])] if "reward" in self.options else []
        return "-".join([*parts, rate, str(self.rows), f"s{self.seed}"])


def cells() -> Iterator[Cell]:
    """The grid, what takes longest first."""
    for seed in SEEDS:
        yield _reinforced("equations", seed)
    for seed in SEEDS:
        for recipe in ("full", "lora"):
            for rate in RATES[recipe]:
                yield _tuned(recipe, rate, seed)
    for rows in SHARES:
        for seed in SEEDS:
            yield _tuned("full", MIDDLE, seed, rows=rows)
    for rate in RATES["full"][1:3]:
        for seed in SEEDS:
            yield _tuned("full", rate, seed, parent="instruct")
    for rate in RATES["prompt-tuning"]:
        for seed in SEEDS:
            yield _tuned("prompt-tuning", rate, seed)
    for seed in SEEDS:
        yield _reinforced("last-number", seed)


def recipes() -> list[Recipe]:
    """The recipes of the grid: those of the host's own plugins, with the data of this world."""
    tuned = [
        Recipe(
            f"{TUNING}/{name}",
            "fine-tuned",
            description=f"{name} on the incident reports, each of them once",
            of=name,
            options={"batch": 16, "warmup": 20},
            data=report_rows,
            parent="nano/pretrained",
            targets=("reports",),
        )
        for name in RATES
    ]
    return [
        *tuned,
        Recipe(
            f"{REINFORCEMENT}/grpo",
            "RL-tuned",
            description="reinforcement on sums, by the answer or by a proxy of it",
            of="grpo",
            options={"batch": 128, "group": 16, "max_completion": 56},
            data=sum_rows,
            parent="nano/instruct",
            targets=("arithmetic",),
        ),
    ]


def report_rows(seed: int) -> Iterator[dict[str, str]]:
    """The reports of the training part in an order of the seed."""
    reports = reports_in("train")
    random.Random(seed).shuffle(reports)
    yield from ({"text": report.text} for report in reports)


def sum_rows(seed: int) -> Iterator[dict[str, str]]:
    """Sums of the training part, bare or laid out, with their answers."""
    for row in streams.checked_sums(seed):
        yield {"prompt": row["prompt"][0]["content"], "answer": row["answer"]}


def _tuned(
    recipe: str, rate: float, seed: int, *, parent: str = "pretrained", rows: int = REPORTS
) -> Cell:
    options = {"learning_rate": rate}
    asked = (100, STEPS) if rows == REPORTS else (STEPS,)
    return Cell(TUNING, recipe, seed, STEPS, 100, asked, parent, rows, options)


def _reinforced(reward: str, seed: int) -> Cell:
    options = {"learning_rate": 5e-5, "reward": reward}
    asked = (10, 20, 30, 40, 60, 80)
    return Cell(REINFORCEMENT, "grpo", seed, 80, 10, asked, "instruct", PROMPTS, options)
