"""Instruction-tuned models: trained to follow requests, asked through their chat template."""

from __future__ import annotations

from zoo import hookimpl
from zoo.benchmarks import Benchmark
from zoo.evidence import Clue, weigh
from zoo.hookspecs import Claim
from zoo.models import Evidence, Facts, Model, Prompting, Regime

NAME = "instruction-tuned"
CLAIMS = ("H1", "H2", "H6", "H7", "H8", "H9", "H17", "H20", "H21")

CLUES = (
    Clue("name", 0.7, frozenset({"instruct", "instruction", "instructed", "chat", "it", "if"})),
    Clue("name", 0.8, frozenset({"flan", "alpaca", "vicuna", "assistant"})),
    Clue("name", 0.6, frozenset({"sft"}), "supervised fine-tuning"),
    Clue("name", 0.4, frozenset({"distill", "distilled"}), "trained on another model's answers"),
    Clue("tag", 0.4, frozenset({"sft"}), "supervised fine-tuning"),
    Clue("tag", 0.2, frozenset({"conversational", "instruct", "chat"})),
    Clue(
        "dataset",
        0.4,
        frozenset(
            {
                "sft",
                "instruct",
                "instructions",
                "alpaca",
                "dolly",
                "flan",
                "oasst",
                "openorca",
                "orca",
                "sharegpt",
                "smoltalk",
                "ultrachat",
            }
        ),
    ),
)


def prompting(model: Model, benchmark: Benchmark) -> Prompting:  # noqa: ARG001
    """The model's own chat template; few-shot examples are turns of the conversation."""
    return Prompting(chat_template="default", fewshot_as_multiturn=True)


@hookimpl
def zoo_regimes() -> list[Regime]:
    """One regime: instruction-tuned."""
    return [
        Regime(NAME, "Instruction-tuned", 20, prompting, targets=("instruction",), claims=CLAIMS)
    ]


@hookimpl
def zoo_classify(facts: Facts) -> list[Evidence]:
    """Names, tags, training datasets, and weakly a chat template, which some base models have."""
    evidence = weigh(facts, NAME, CLUES)
    if facts.chat_template:
        evidence.append(Evidence(NAME, 0.4, "it comes with a chat template"))
    return evidence


@hookimpl
def zoo_claims() -> list[Claim]:
    """What people say about this regime."""
    from zoo_instruct.claims import claims

    return claims()
