"""Rows of supervised data as tokens with labels.

A row is a text to be learned whole ({"text"}), a prompt with the completion to be learned
({"prompt", "completion"}), an instruction with the answer to be learned ({"instruction", "output"},
with or without an "input"), or a conversation whose last answer is to be learned ({"messages"});
what is said after it is left aside.
A data set may hold several of these; what a row does not have is null or missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import TrainingError

if TYPE_CHECKING:
    from datasets import Dataset

IGNORED = -100
"""Label of a token whose loss does not count, as torch has it."""


NO_TEMPLATE = (
    "rows are conversations and the parent has no chat template; train it with the recipe instruct "
    "first"
)


@dataclass(frozen=True)
class Tokenized:
    """Rows as a trainer takes them: input_ids, labels.

    cut: rows that were longer than allowed and lost their end. empty: rows of which nothing was
    left to learn, and which are left out. unanswered: conversations without an answer, which are
    left out too. shortened: conversations that went on after their last answer, up to which they
    are learned.
    """

    rows: Dataset
    cut: int
    empty: int
    unanswered: int
    shortened: int


def instruction_messages(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """An instruction, with its input where it has one, and its output as a conversation.

    >>> instruction_messages({"instruction": "Add.", "input": "1 2", "output": "3"})[0]["content"]
    'Add.\\nInput: 1 2'
    """
    asked = str(row["instruction"])
    if row.get("input"):
        asked = f"{asked}\nInput: {row['input']}"
    return [
        {"role": "user", "content": asked},
        {"role": "assistant", "content": str(row["output"])},
    ]


def answered(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A conversation up to its last answer; empty where nothing that was said is answered.

    >>> said = [{"role": role} for role in ("user", "assistant", "user")]
    >>> len(answered(said)), answered(said[:1]), answered(said[1:])
    (2, [], [])
    """
    ends = [
        place for place, turn in enumerate(messages) if turn.get("role") == "assistant" and place
    ]
    return list(messages[: ends[-1] + 1]) if ends else []


def tokens_of(
    tokenizer: Any, row: Mapping[str, Any], end_of_text: int | None
) -> tuple[list[int], int]:
    """The token ids of a row, and how many of them stand before what is to be learned; none of a
    conversation without an answer.

    end_of_text: the token that ends a text, None for none; a turn of a conversation ends as the
    chat template says.
    Raises TrainingError where the row has none of the forms, or a conversation without a template.
    """
    if row.get("messages") or row.get("instruction") is not None:
        messages = row.get("messages") or instruction_messages(row)
        return _conversation(tokenizer, messages)
    if row.get("completion") is not None:
        asked = tokenizer(str(row.get("prompt") or ""))["input_ids"]
        whole = tokenizer(f"{row.get('prompt') or ''}{row['completion']}")["input_ids"]
        # a token may reach over the border: what differs belongs to the completion
        return _ended(whole, end_of_text), _common(asked, whole)
    if row.get("text") is not None:
        return _ended(tokenizer(str(row["text"]))["input_ids"], end_of_text), 0
    raise TrainingError(
        f"a row has the columns {', '.join(map(str, row))}, of which none is filled in; it needs "
        "text, or prompt and completion, or instruction and output, or messages"
    )


def _ended(ids: list[int], end: int | None) -> list[int]:
    return ids if end is None or ids[-1:] == [end] else [*ids, end]


def _conversation(tokenizer: Any, messages: Sequence[Mapping[str, Any]]) -> tuple[list[int], int]:
    if not tokenizer.chat_template:
        raise TrainingError(NO_TEMPLATE)
    if not (messages := answered(messages)):
        return [], 0
    asked = _templated(tokenizer, messages[:-1], add_generation_prompt=True)
    whole = _templated(tokenizer, messages)
    start = _common(asked, whole)
    end = len(whole)
    while end > start and whole[end - 1] != tokenizer.eos_token_id:
        end -= 1  # what a template writes behind the end of a turn is not the model's to say
    return whole[: end if end > start else len(whole)], start


def _templated(tokenizer: Any, messages: Sequence[Mapping[str, Any]], **how: Any) -> list[int]:
    text = tokenizer.apply_chat_template(messages, tokenize=False, **how)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def _common(first: list[int], second: list[int]) -> int:
    """How many tokens two beginnings share."""
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return place
    return min(len(first), len(second))


def tokenize(rows: Dataset, tokenizer: Any, end_of_text: int | None, longest: int) -> Tokenized:
    """All rows, none longer than `longest` tokens.

    Raises TrainingError where nothing is left to learn.
    """

    def one(row: Mapping[str, Any]) -> dict[str, Any]:
        ids, start = tokens_of(tokenizer, row, end_of_text)
        labels = [IGNORED] * start + ids[start:]
        said = row.get("messages") or []
        return {
            "input_ids": ids[:longest],
            "labels": labels[:longest],
            "cut": len(ids) > longest,
            "empty": start >= min(len(ids), longest),
            "shortened": len(answered(said)) < len(said),
        }

    given, rows = len(rows), _answered(rows)
    kept = rows.map(
        one, remove_columns=rows.column_names, keep_in_memory=True, load_from_cache_file=False
    )
    cut, empty, shortened = (sum(kept[name]) for name in ("cut", "empty", "shortened"))
    if empty == len(kept):
        raise TrainingError(
            f"of {len(kept)} rows none has anything to learn within {longest} tokens; "
            "raise max_length"
        )
    if empty:
        kept = kept.filter(lambda row: not row["empty"], keep_in_memory=True)
    kept = kept.remove_columns(["cut", "empty", "shortened"])
    return Tokenized(kept, cut, empty, given - len(rows), shortened)


def _answered(rows: Dataset) -> Dataset:
    """The rows without the conversations that have no answer."""
    if "messages" not in rows.column_names:
        return rows
    kept = rows.filter(
        lambda row: not row["messages"] or bool(answered(row["messages"])),
        keep_in_memory=True,
        load_from_cache_file=False,
    )
    if not len(kept):
        raise TrainingError(
            f"of {len(rows)} conversations none has an answer: a turn of the role assistant, after "
            "another turn"
        )
    return kept
