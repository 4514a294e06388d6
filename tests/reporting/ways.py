"""Ways of training as an analysis would place them: simulated seeds, honest arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.contrasts import Change, EdgeTradeoff, FrontierPoint, Tradeoff
from zoo.measures.frontier import frontier
from zoo.models import Making, Model

BASE = "nano/pretrained"
TRUTH = {
    ("full", 1e-4): (0.5, -0.02),
    ("full", 3e-4): (0.7, -0.06),
    ("full", 1e-3): (0.75, -0.2),
    ("lora", 1e-3): (0.6, -0.08),
    ("lora", 3e-3): (0.72, -0.25),
}
"""What each recipe does at a learning rate: the mean of (S, G) over seeds."""


def model(
    recipe: str, rate: float, seed: int, step: int = 300, examples: int = 384, **of: Any
) -> Model:
    """One training of a recipe."""
    name = f"nano/{recipe}-{rate:g}-{examples}-{step}-s{seed}"
    made = Making(
        recipe,
        {"learning_rate": rate, "batch": 16, "data": f"{examples} rows"},
        examples,
        40.0 + seed,
        data=f"{examples} rows of {seed}",
        source="reports",
        machine="cpu, threads 1",
    )
    adapter = {"peft": "folder"} if recipe == "lora" else {}
    own = {"regime": "fine-tuned", "base_model": BASE, "targets": ("reports",)}
    return Model(
        name, **(own | {"seed": seed, "step": step, "made": made, "loader_args": adapter} | of)
    )


def change(
    name: str, special: float, general: float, base: str = BASE, half: float = 0.03
) -> EdgeTradeoff:
    """A change against the root, with limits over items."""
    s, g = (Change(each, each - half, each + half) for each in (special, general))
    return EdgeTradeoff(base, name, "uniform", ("reports",), g, s, Change(None))


def points(
    seeds: int = 3, noise: float = 0.02, still: Sequence[Model] = (), rng: int = 0
) -> tuple[FrontierPoint, ...]:
    """The points of TRUTH, an early checkpoint, and a tenth and a hundredth of the data."""
    draw = np.random.default_rng(rng)
    groups: list[list[Model]] = []
    changes: dict[str, EdgeTradeoff] = {}

    def add(truth: tuple[float, float], recipe: str, rate: float, **of: Any) -> None:
        group = [model(recipe, rate, seed, **of) for seed in range(1, seeds + 1)]
        for each in group:
            special, general = np.array(truth) + noise * draw.normal(size=2)
            changes[each.id] = change(each.id, float(special), float(general))
        groups.append(group)

    for (recipe, rate), truth in TRUTH.items():
        add(truth, recipe, rate)
        add((truth[0] / 2, truth[1] / 2), recipe, rate, step=100)
        add((truth[0] / 1.5, truth[1] / 1.5), recipe, rate, step=200)
    add((0.6, -0.05), "full", 3e-4, examples=38)
    add((0.1, -0.03), "full", 3e-4, examples=4)
    changes |= {each.id: change(each.id, -0.01, -0.077) for each in still}
    return frontier(groups, still, changes, "uniform")


def with_ways(tradeoff: Tradeoff) -> Tradeoff:
    """A report with such points, and with one stage that retrieves."""
    rag = Model("nano/retrieval", regime="retrieval-augmented", base_model=BASE)
    return replace(tradeoff, frontier=points(still=(rag,)))
