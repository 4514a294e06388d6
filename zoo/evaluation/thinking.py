"""How much of an answer its model thought: the tokens up to and with the end of thinking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from zoo.results import Item


def with_thinking(
    items: Sequence[Item], end: str, *, thinks: bool, tokenizer: Any
) -> tuple[Item, ...]:
    """The items with their tokens of thinking, and whether the cap cut them before its end.

    All up to and with the last `end` is thinking, as it is when the answer is scored. thinks:
    whether the model was asked to think, so that an answer which was cut and has no `end` is
    nothing else. tokenizer: of the model; without one, tokens before an `end` stay unknown.
    Where nobody was asked to think and nobody did, the items stay as they are.
    """
    ends = [item.response.rfind(end) for item in items]
    if not thinks and max(ends, default=-1) < 0:
        return tuple(items)
    thought = [i.response[: at + len(end)] for i, at in zip(items, ends, strict=True) if at >= 0]
    counts = iter(_counts(thought, tokenizer))
    return tuple(
        _ended(item, next(counts)) if at >= 0 else _without_end(item, thinks=thinks)
        for item, at in zip(items, ends, strict=True)
    )


def _counts(texts: Sequence[str], tokenizer: Any) -> list[int | None]:
    if not callable(tokenizer) or not texts:
        return [None] * len(texts)
    return [len(ids) for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]]


def _ended(item: Item, thought: int | None) -> Item:
    """An answer whose thinking ended after so many tokens."""
    if thought is None or item.n_tokens is None:
        return replace(item, thinking_cut=False)
    # the model may have spelled the same text in fewer tokens than its tokenizer would
    return replace(item, thinking_tokens=min(thought, item.n_tokens), thinking_cut=False)


def _without_end(item: Item, *, thinks: bool) -> Item:
    if thinks and item.truncated is None:
        return item
    cut = bool(thinks and item.truncated)
    return replace(item, thinking_tokens=item.n_tokens if cut else 0, thinking_cut=cut)
