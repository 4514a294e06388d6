"""Fine-tuned models: trained further on one domain or task, asked in the task's own form.

That form is plain completion: it is what such a model was trained to continue. One that was
trained on conversations says so in zoo.toml, as [prompting.fine-tuned] or for itself.
"""

from __future__ import annotations

from zoo import hookimpl
from zoo.benchmarks import Benchmark
from zoo.evidence import Clue, base_models, is_adapter, relation, texts, weigh
from zoo.hookspecs import Claim
from zoo.models import Evidence, Facts, Model, Prompting, Regime

NAME = "fine-tuned"
CLAIMS = ("H3", "H4", "H5", "H15", "H19", "H22")

CLUES = (
    Clue("name", 0.8, frozenset({"finetuned", "finetune", "tuned", "ft"})),
    Clue("name", 0.3, frozenset({"sft"}), "supervised fine-tuning, of a domain or of a chat"),
    Clue("name", 0.3, frozenset({"lora", "qlora", "adapter"})),
    Clue("tag", 0.2, frozenset({"trl", "generated_from_trainer", "autotrain"})),
)

TASK_HEADS = ("ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")


def prompting(model: Model, benchmark: Benchmark) -> Prompting:  # noqa: ARG001
    """Plain completion: the form of the benchmark itself."""
    return Prompting()


@hookimpl
def zoo_regimes() -> list[Regime]:
    """One regime: fine-tuned."""
    return [Regime(NAME, "Fine-tuned", 10, prompting, claims=CLAIMS)]


@hookimpl
def zoo_classify(facts: Facts) -> list[Evidence]:
    """Names, adapters over a base model, task heads, and a card that names one base model."""
    evidence = weigh(facts, NAME, CLUES)
    if is_adapter(facts) or "peft" in texts(facts.card.get("library_name")):
        evidence.append(Evidence(NAME, 0.6, "it is an adapter over a base model"))
    if any(name.endswith(TASK_HEADS) for name in texts(facts.config.get("architectures"))):
        evidence.append(Evidence(NAME, 0.6, "its configuration names the head of one task"))
    copied = relation(facts) in ("quantized", "merge")
    # A merge of several models was not trained, and every later stage names its base model.
    if len(base_models(facts)) == 1 and not copied:
        evidence.append(Evidence(NAME, 0.2, "its card names a base model"))
    return evidence


@hookimpl
def zoo_claims() -> list[Claim]:
    """What people say about this regime."""
    from zoo_finetuned.claims import claims

    return claims()
