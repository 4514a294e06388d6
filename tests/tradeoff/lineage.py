"""Small families whose cells are written out by hand."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.benchmarks import Benchmark
from zoo.models import Model, Prompting, Regime
from zoo.results import Item, Protocol, Provenance, Result, RunSpec, Score


def plain(_model: Model, _benchmark: Benchmark) -> Prompting:
    return Prompting()


REGIMES = {
    regime.name: regime
    for regime in (
        Regime("RL-tuned", "RL-tuned", 3, plain, targets=("math",)),
        Regime("instruction-tuned", "Instruction-tuned", 2, plain, targets=("instruction",)),
        Regime("fine-tuned", "Fine-tuned", 1, plain),
        Regime("pretrained", "Pretrained", 0, plain),
    )
}
FLOAT32 = Provenance(loader="torch", engine="torch 1", dtype="float32")
BFLOAT16 = Provenance(loader="torch", engine="torch 1", dtype="bfloat16")


def cell(
    model: Model,
    benchmark: Benchmark,
    scores: Sequence[float] | str,
    protocol: Protocol = "uniform",
    *,
    provenance: Provenance = FLOAT32,
    prompting: Prompting | None = None,
    clusters: Sequence[str] | None = None,
    samples: int = 1,
    higher_is_better: bool = True,
    chance: float | None = None,
    seed: int = 1234,
) -> Result:
    """A scored cell; "1101" is short for four right and wrong items.

    With several samples, the scores of an item's answers stand next to one another.
    """
    values = [float(each) for each in scores]
    guess = chance if chance is not None else benchmark.chance or 0.0
    items = tuple(
        Item(
            item_id=f"{benchmark.task}-{at // samples}",
            cluster_id=clusters[at // samples] if clusters else f"{benchmark.task}-{at // samples}",
            sample=at % samples,
            score=value,
            parsed=None,
            n_tokens=None,
            truncated=None,
            chance=guess,
            confidence=None,
            response="",
            prompt_hash="",
        )
        for at, value in enumerate(values)
    )
    mean = sum(values) / len(values) if values else 0.5
    score = Score(
        benchmark.metric, mean, None, len(values), higher_is_better, filter=benchmark.filter
    )
    spec = RunSpec(model, benchmark, protocol, prompting or Prompting(), seed=seed)
    return Result(spec, "scored", (score,), provenance=provenance, items=items)


def failed(model: Model, benchmark: Benchmark, why: str, protocol: Protocol = "uniform") -> Result:
    spec = RunSpec(model, benchmark, protocol, Prompting())
    return Result(spec, "failed", error=why)
