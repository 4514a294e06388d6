"""Quantised models: the same weights in fewer bits, asked as the original is."""

from __future__ import annotations

from zoo import hookimpl
from zoo.benchmarks import Benchmark
from zoo.evidence import Clue, relation, weigh
from zoo.hookspecs import Claim, Section
from zoo.models import Evidence, Facts, Model, Prompting, Regime

NAME = "quantized"

METHODS = frozenset(
    """gptq awq gguf exl2 hqq bnb nf4 fp4 int4 int8 fp8 4bit 8bit w4a16 w8a8 w8a16 quantized
    quantised""".split()
)

CLUES = (
    Clue("name", 0.9, METHODS, "its weights are stored in fewer bits"),
    Clue("tag", 0.9, METHODS, "its weights are stored in fewer bits"),
)


def prompting(model: Model, benchmark: Benchmark) -> Prompting:  # noqa: ARG001
    """Plain completion, where the original is not in the family and cannot say."""
    return Prompting()


@hookimpl
def zoo_regimes() -> list[Regime]:
    """One regime: quantized."""
    return [Regime(NAME, "Quantized", 40, prompting, claims=("Q1",), as_parents=True)]


@hookimpl
def zoo_classify(facts: Facts) -> list[Evidence]:
    """What the card says it is of its base, its configuration, and its name."""
    evidence = weigh(facts, NAME, CLUES)
    if relation(facts) == "quantized":
        evidence.append(Evidence(NAME, 0.99, "its card says that it is quantized from its base"))
    if isinstance(facts.config.get("quantization_config"), dict):
        evidence.append(Evidence(NAME, 0.95, "its configuration has a quantization_config"))
    return evidence


@hookimpl
def zoo_claims() -> list[Claim]:
    """What people say about this regime."""
    from zoo_quantized.recovery import claims

    return claims()


@hookimpl
def zoo_sections() -> list[Section]:
    """What is left of each original."""
    from zoo_quantized.recovery import render

    return [Section("recovery", "Quantized models against their originals", render)]
