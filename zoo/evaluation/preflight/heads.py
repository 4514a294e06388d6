"""Whether a checkpoint is one that the built-in loaders can ask: it must write, word after word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.evidence import texts

READERS = {
    "ForMaskedLM": "an encoder, which fills in masked words",
    "ForPreTraining": "an encoder, which fills in masked words",
    "ForSequenceClassification": "a classifier or a reward model",
    "ForTokenClassification": "a classifier of words",
    "ForQuestionAnswering": "a marker of answers in a text",
    "ForMultipleChoice": "a classifier",
}
"""By how a class that `config.json` names ends: what such a model is. transformers would load it
with a new, random head, whose numbers look like any others."""


def not_a_writer(model: str, config: Mapping[str, Any]) -> str:
    """Why a checkpoint has no likelihood of a text and writes none, "" where it may.

    >>> not_a_writer("org/m", {"architectures": ["LlamaForCausalLM"]})
    ''
    """
    named = texts(config.get("architectures"))
    kinds = {what for name in named for end, what in READERS.items() if name.endswith(end)}
    if len(kinds) != 1 or not all(name.endswith(tuple(READERS)) for name in named):
        return ""
    return (
        f"{model} is {kinds.pop()} ({', '.join(named)}), and writes no text whose likelihood could "
        "be asked; name a model with a causal or an encoder-decoder head, or a loader of a plugin "
        "that asks such models"
    )
