"""RL-tuned models: trained on rewards or preferences, asked through chat with room to think.

Direct preference tuning (DPO and its kin) counts among them; the evidence names the method.
"""

from __future__ import annotations

from zoo import hookimpl
from zoo.benchmarks import Benchmark
from zoo.evidence import Clue, weigh
from zoo.hookspecs import Claim
from zoo.models import Evidence, Facts, Model, Prompting, Regime

NAME = "RL-tuned"
CLAIMS = ("H10", "H11", "H12", "H13", "H14", "H16")

THINKING_BUDGET = 4096
"""Tokens of an answer, thinking included; the host clips it to what the context leaves."""

REWARD = frozenset(
    {"rl", "rlhf", "rlaif", "rlvr", "ppo", "grpo", "rloo", "dapo", "gspo", "reinforce"}
)
PREFERENCE = frozenset({"dpo", "ipo", "kto", "orpo", "simpo", "cpo", "apo"})

CLUES = (
    Clue("name", 0.95, REWARD, "reinforcement learning"),
    Clue("name", 0.95, PREFERENCE, "direct preference tuning"),
    Clue("name", 0.5, frozenset({"think", "thinking", "reasoning", "r1"}), "trained to reason"),
    Clue("name", 0.3, frozenset({"zero"}), "reinforcement learning without fine-tuning first"),
    Clue("base", 0.5, REWARD, "reinforcement learning"),
    Clue("base", 0.5, PREFERENCE, "direct preference tuning"),
    Clue("tag", 0.9, REWARD, "reinforcement learning"),
    Clue("tag", 0.9, PREFERENCE, "direct preference tuning"),
    Clue("tag", 0.6, frozenset({"reinforcement-learning", "preference"})),
    Clue("dataset", 0.6, REWARD - {"rlhf"}, "reinforcement learning"),
    Clue(
        "dataset",
        0.6,
        frozenset({"dpo", "preference", "preferences", "ultrafeedback"}),
        "pairs of preferred and rejected answers",
    ),
    # People fine-tune on the preferred half of these too.
    Clue("dataset", 0.3, frozenset({"rlhf"}), "pairs of preferred and rejected answers"),
)


def prompting(model: Model, benchmark: Benchmark) -> Prompting:  # noqa: ARG001
    """The model's own chat template, with room to think.

    The host leaves the thinking and its budget out where neither the template nor the vocabulary
    knows any.
    """
    return Prompting(
        chat_template="default",
        fewshot_as_multiturn=True,
        enable_thinking=True,
        think_end_token="</think>",
        gen_kwargs={"max_gen_toks": THINKING_BUDGET},
    )


@hookimpl
def zoo_regimes() -> list[Regime]:
    """One regime: RL-tuned."""
    return [Regime(NAME, "RL-tuned", 30, prompting, claims=CLAIMS)]


@hookimpl
def zoo_classify(facts: Facts) -> list[Evidence]:
    """Names, tags, training datasets, ancestors, and a chat template that speaks of thinking."""
    evidence = weigh(facts, NAME, CLUES)
    if facts.chat_template and "think" in facts.chat_template:
        evidence.append(Evidence(NAME, 0.3, "its chat template has a place for thinking"))
    return evidence


@hookimpl
def zoo_claims() -> list[Claim]:
    """What people say about this regime."""
    from zoo_rl.claims import claims

    return claims()
