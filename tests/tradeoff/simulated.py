"""A family of seven stages with known truths: a chain, an adapter's sibling, seeds, checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tradeoff.lineage import FLOAT32, REGIMES
from zoo.benchmarks import Benchmark, Suite
from zoo.contrasts import Tradeoff
from zoo.models import Family, Making, Model, Prompting
from zoo.results import PROTOCOLS, Item, Protocol, Result, RunSpec, Score
from zoo.tradeoff import analyse

FACTS = Benchmark("facts", "acc", num_fewshot=0, capability="knowledge", chance=0.25)
QA = Benchmark("qa", "exact_match", num_fewshot=0, capability="answering")
SHOTS = Benchmark("qa_shots", "exact_match", num_fewshot=3, capability="answering")
SUMS = Benchmark("sums", "exact_match", num_fewshot=0, axis="special", capability="math")
LAW = Benchmark("law", "acc", num_fewshot=0, axis="special", capability="law", chance=0.25)
SUITE = Suite("simulated", (FACTS, QA, SHOTS, SUMS, LAW))

BASE = Model("base", regime="pretrained")
CHAT = Model("chat", regime="instruction-tuned", base_model="base", targets=("answering",))
RL = Model("rl", regime="RL-tuned", base_model="chat", targets=("math",))
FULL = Model("full", regime="fine-tuned", base_model="base", targets=("law",))
LORA = replace(FULL, id="lora", loader_args={"peft": "adapter"})
MADE = Making("full", {"learning_rate": 3e-4}, examples=384, seconds=40.0)
SEEDS = tuple(
    Model(f"seed{n}", regime="fine-tuned", base_model="base", targets=("law",), seed=n, made=MADE)
    for n in range(3)
)
STEPS = tuple(
    Model(f"step{n}", regime="RL-tuned", base_model="chat", targets=("math",), step=n)
    for n in (100, 200, 300, 400, 500)
)
FAMILY = Family("simulated", (BASE, CHAT, RL, FULL, LORA, *SEEDS, *STEPS))

ABILITY = {
    "base": (0.6, 0.05, 0.5, 0.4, 0.3),
    "chat": (0.6, 0.5, 0.52, 0.4, 0.3),
    "rl": (0.6, 0.5, 0.5, 0.7, 0.3),
    "full": (0.45, 0.05, 0.3, 0.2, 0.85),
    "lora": (0.58, 0.05, 0.48, 0.38, 0.85),
    "seed0": (0.5, 0.05, 0.4, 0.3, 0.8),
    "seed1": (0.48, 0.05, 0.4, 0.3, 0.78),
    "seed2": (0.52, 0.05, 0.4, 0.3, 0.83),
    "step100": (0.6, 0.5, 0.5, 0.45, 0.3),
    "step200": (0.6, 0.5, 0.5, 0.6, 0.3),
    "step300": (0.58, 0.5, 0.5, 0.75, 0.3),
    "step400": (0.5, 0.5, 0.5, 0.6, 0.3),
    "step500": (0.4, 0.5, 0.5, 0.45, 0.3),
}
"""Of each model, the probability to be right on each benchmark, under the uniform protocol."""


def results(
    models: Sequence[Model] = FAMILY.models,
    items: int = 600,
    protocols: Sequence[Protocol] = PROTOCOLS,
    seed: int = 0,
) -> list[Result]:
    """Cells whose items are mostly right or wrong together in all models."""
    rng = np.random.default_rng(seed)
    easiness = {benchmark.task: rng.random(items) for benchmark in SUITE.benchmarks}
    return [
        simulated_cell(
            model, benchmark, ABILITY[model.id][at], easiness[benchmark.task], protocol, rng
        )
        for model in models
        for at, benchmark in enumerate(SUITE.benchmarks)
        for protocol in protocols
    ]


def simulated_cell(
    model: Model,
    benchmark: Benchmark,
    ability: float,
    easiness: np.ndarray,
    protocol: Protocol,
    rng: np.random.Generator,
) -> Result:
    """Chat stages answer in a form that counts, and at length, under the native protocol only."""
    own = rng.random(easiness.size) < 0.15
    draw = np.where(own, rng.random(easiness.size), easiness)
    right = draw < ability
    chosen = benchmark.metric == "acc"
    talks = model.regime in ("instruction-tuned", "RL-tuned")
    parsed = right | (rng.random(easiness.size) < (0.9 if talks else 0.1))
    tokens = rng.integers(5, 20, easiness.size) * (3 if model.regime == "RL-tuned" else 1)
    sure = np.clip(0.3 + 0.5 * right + 0.2 * rng.random(easiness.size), 0, 1)
    items = tuple(
        Item(
            f"{benchmark.task}-{at}",
            f"{benchmark.task}-{at}",
            0,
            float(right[at]),
            None if chosen else bool(parsed[at]),
            None if chosen else int(tokens[at]),
            None if chosen else False,
            benchmark.chance or 0.0,
            float(sure[at]) if chosen else None,
            "",
            f"{at}",
        )
        for at in range(easiness.size)
    )
    spec = RunSpec(model, benchmark, protocol, Prompting())
    score = Score(benchmark.metric, float(right.mean()), None, easiness.size)
    return Result(spec, "scored", (score,), provenance=FLOAT32, items=items)


def report(**asked) -> Tradeoff:
    """The analysis of the family."""
    return analyse(FAMILY, SUITE, results(**asked), REGIMES)
