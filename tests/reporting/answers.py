"""Cells with items, as an evaluation would leave them: for what looks at single items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo.benchmarks import Benchmark, Suite
from zoo.contrasts import Tradeoff
from zoo.models import Family, Model, Prompting, Regime
from zoo.questions import Question
from zoo.reporting.items import Items
from zoo.results import Item, Result, RunSpec, Score
from zoo.tradeoff import analyse

STAGES = ("z/base", "z/tuned", "z/rl")
LINEAGE = (
    Model(STAGES[0], "1", regime="pretrained"),
    Model(STAGES[1], "1", regime="instruction-tuned", base_model=STAGES[0], targets=("sums",)),
    Model(STAGES[2], "1", regime="RL-tuned", base_model=STAGES[1], targets=("sums",)),
)
REGIMES = {
    name: Regime(name, name, order, lambda model, benchmark: Prompting())  # noqa: ARG005
    for order, name in enumerate(("pretrained", "instruction-tuned", "RL-tuned"))
}
SUITE = Suite(
    "s",
    (
        Benchmark("facts", "acc", capability="knowledge", chance=0.25),
        Benchmark("sums", "exact_match", axis="special", capability="sums", chance=0.0),
    ),
)


def item(number: int, score: float, response: str, sample: int = 0, **facts) -> Item:
    """An item of a number; its prompt hash is its number."""
    name = f"item{number:08d}"
    fields = {
        "parsed": None, "n_tokens": None, "truncated": None, "chance": 0.0, "confidence": None,
    }  # fmt: skip
    return Item(
        name, name, sample, score=score, response=response, prompt_hash=f"p{number}",
        **{**fields, **facts},
    )  # fmt: skip


def cell(
    model: Model, benchmark: Benchmark, protocol: str, items: Sequence[Item], better: bool = True
) -> Result:
    """A scored cell of these items."""
    mean = sum(each.score for each in items) / len(items)
    score = Score(benchmark.metric, mean, 0.1, len(items), better)
    return Result(
        RunSpec(model, benchmark, protocol, Prompting()), "scored", (score,), items=tuple(items)
    )


def run_of(
    patterns: Mapping[str, Sequence[str]], texts: Mapping[int, str] | None = None
) -> tuple[Tradeoff, Items]:
    """A trade-off and its items.

    patterns: for each benchmark a line of 1 and 0 for each stage, one letter an item.
    texts: answers to some of the items, in all stages; the others answer "answer NUMBER".
    """
    texts = texts or {}
    results = [
        cell(
            model,
            benchmark,
            protocol,
            [
                item(n, float(letter), texts.get(n, f"answer {n} of {model.id}"))
                for n, letter in enumerate(line)
            ],
        )
        for benchmark in SUITE.benchmarks
        if benchmark.name in patterns
        for model, line in zip(LINEAGE, patterns[benchmark.name], strict=True)
        for protocol in ("uniform", "native")
    ]
    tradeoff = analyse(Family("z", LINEAGE), SUITE, results, REGIMES)
    longest = max(len(line) for lines in patterns.values() for line in lines)
    known = {f"p{n}": Question((f"question {n}?",), target=str(n)) for n in range(longest)}
    return tradeoff, Items(results, STAGES, lambda _: known)
