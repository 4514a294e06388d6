"""Retrieval-augmented models: knowledge without training.

The weights are the parent's. What differs is the prompt: before each question stand the passages of
a corpus that a search finds for it, under either protocol. In zoo.toml:

    { id = "manuals", regime = "retrieval-augmented", base_model = "org/base",
      regime_args = { corpus = "./manuals", k = 3 } }
"""

from __future__ import annotations

from collections.abc import Sequence

from zoo import hookimpl
from zoo.benchmarks import Benchmark
from zoo.hookspecs import Claim
from zoo.models import Context, Model, Prompting, Regime

NAME = "retrieval-augmented"


def prompting(model: Model, benchmark: Benchmark) -> Prompting:  # noqa: ARG001
    """Plain completion, where the parent is not in the family and cannot say."""
    return Prompting()


def context(model: Model, questions: Sequence[str]) -> list[Context]:
    """The passages that a search of the model's corpus finds for each question."""
    from zoo_rag.searching import passages_for

    return passages_for(model.id, model.regime_args, questions)


@hookimpl
def zoo_regimes() -> list[Regime]:
    """One regime: retrieval-augmented."""
    return [
        Regime(
            NAME,
            "Retrieval-augmented",
            15,
            prompting,
            claims=("H18",),
            as_parents=True,
            context=context,
        )
    ]


@hookimpl
def zoo_claims() -> list[Claim]:
    """What people say about this regime."""
    from zoo_rag.claims import claims

    return claims()
