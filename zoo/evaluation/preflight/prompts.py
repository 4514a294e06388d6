"""Whether a prompt as it is rendered begins with the sequence's first token twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from zoo.errors import ZooError
from zoo.evaluation.preflight.findings import Finding
from zoo.evaluation.preparing import Cell


def doubled_bos(cells: Sequence[Cell]) -> Iterator[Finding]:
    """A warning for each model of which some prompt begins with BOS twice.

    lm-eval and the engine add no BOS to a text that begins with it; a text that holds it twice,
    from a chat template and again from a task or a system prompt, is theirs to leave as it is.
    """
    found: dict[str, list[str]] = {}
    for cell in cells:
        if cell.checkpoint.tokenizer_folder is None:
            continue
        try:
            tokenizer = cell.checkpoint.tokenizer()
        except ZooError:
            continue  # it is said when the model is loaded
        if any(begins_twice(tokenizer, request.context) for request in cell.requests):
            name = f"{cell.spec.benchmark.name} ({cell.spec.protocol})"
            found.setdefault(cell.spec.model.id, []).append(name)
    for model, names in found.items():
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield Finding(
            f"prompts of {model} begin with BOS twice in {shown}; take it out of the chat "
            "template, the system instruction or the task, since models are not trained on that",
            model,
        )


def begins_twice(tokenizer: Any, text: str) -> bool:
    """Whether a text that already holds BOS begins with two of them once it is encoded."""
    bos = getattr(tokenizer, "bos_token", None)
    if not bos or not text.startswith(bos):
        return False
    # a few characters are enough to see two tokens, whatever stands between or behind them
    ids = tokenizer(text[: 2 * len(bos) + 8], add_special_tokens=False)["input_ids"]
    return list(ids[:2]) == [tokenizer.bos_token_id] * 2
