"""Merged models: the weights of several models combined, trained no further."""

from __future__ import annotations

from zoo import hookimpl
from zoo.benchmarks import Benchmark
from zoo.evidence import Clue, base_models, relation, weigh
from zoo.hookspecs import Claim
from zoo.models import Evidence, Facts, Model, Prompting, Regime

NAME = "merged"
SEVERAL = 2

CLUES = (
    Clue("tag", 0.9, frozenset({"mergekit", "merge"}), "weights of several models combined"),
    Clue("name", 0.6, frozenset({"merge", "merged", "slerp", "soup", "dare", "ties"})),
)


def prompting(model: Model, benchmark: Benchmark) -> Prompting:  # noqa: ARG001
    """Plain completion, where no parent is in the family and can say."""
    return Prompting()


@hookimpl
def zoo_regimes() -> list[Regime]:
    """One regime: merged."""
    return [Regime(NAME, "Merged", 35, prompting, claims=("M1",), as_parents=True)]


@hookimpl
def zoo_classify(facts: Facts) -> list[Evidence]:
    """What the card says it is of its bases, several of them, and tags of the tools."""
    evidence = weigh(facts, NAME, CLUES)
    if relation(facts) == "merge":
        evidence.append(Evidence(NAME, 0.99, "its card says that it is a merge"))
    elif len(base_models(facts)) >= SEVERAL and not relation(facts):
        evidence.append(Evidence(NAME, 0.9, "its card names several base models"))
    return evidence


@hookimpl
def zoo_claims() -> list[Claim]:
    """What people say about this regime."""
    from zoo_merged.claims import claims

    return claims()
