"""Pretrained models: trained on text as it comes, asked by plain completion."""

from __future__ import annotations

from zoo import hookimpl
from zoo.benchmarks import Benchmark
from zoo.evidence import Clue, base_models, is_adapter, weigh
from zoo.models import Evidence, Facts, Model, Prompting, Regime

NAME = "pretrained"

CLUES = (
    # "base" is a size too (bert-base), and "pt" a language.
    Clue("name", 0.4, frozenset({"base"})),
    Clue("name", 0.6, frozenset({"pt"})),
    Clue("name", 0.8, frozenset({"pretrain", "pretrained", "pretraining", "foundation"})),
)


def prompting(model: Model, benchmark: Benchmark) -> Prompting:  # noqa: ARG001
    """Plain completion, whatever is asked."""
    return Prompting()


@hookimpl
def zoo_regimes() -> list[Regime]:
    """One regime: pretrained."""
    return [Regime(NAME, "Pretrained", 0, prompting)]


@hookimpl
def zoo_classify(facts: Facts) -> list[Evidence]:
    """Names that say so, and a card that names no ancestor and comes without a chat template."""
    evidence = weigh(facts, NAME, CLUES)
    derived = base_models(facts) or is_adapter(facts) or facts.chat_template
    if facts.card and not derived:
        why = "its card names no base model, and it has no chat template"
        evidence.append(Evidence(NAME, 0.4, why))
    return evidence
