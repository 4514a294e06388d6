"""What a server replied, held against what it was asked. Pure: nothing here is believed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.errors import CellError
from zoo.evaluation.turns import THINK_END

SLACK = 1e-3
"""How far above 0 rounding may lift a log-probability."""


class Unreadable(Exception):
    """A reply that answers nothing; the next one may."""


class Unweighed(CellError):
    """A reply without the log-probabilities that were asked for."""


@dataclass(frozen=True)
class Written:
    """A generated answer. n_tokens: as the server counted, None where it cannot be right."""

    text: str
    n_tokens: int | None = None
    truncated: bool | None = None


def choice_of(reply: Any) -> dict[str, Any]:
    """The one choice of a reply to one prompt. Raises Unreadable."""
    choices = reply.get("choices") if isinstance(reply, Mapping) else None
    if not isinstance(choices, list):
        raise Unreadable("gives a reply without choices")
    if len(choices) != 1 or not isinstance(choices[0], dict):
        raise Unreadable(f"gives {len(choices)} choices for one prompt")
    if choices[0].setdefault("index", 0) != 0:
        raise Unreadable("gives the choice of another prompt")
    return choices[0]


def text_of(reply: Any) -> str:
    """The text of a completion, as lm-eval is to read it. Raises Unreadable."""
    text = choice_of(reply).get("text")
    if not isinstance(text, str):
        raise Unreadable("gives a completion without a text")
    return text


def thinking_of(reply: Any) -> str:
    """What a chat model thought before it answered, where its server hands that out apart.

    Raises Unreadable where the reply is no message.
    """
    message = choice_of(reply).get("message")
    if not isinstance(message, dict):
        raise Unreadable("gives a chat completion without a message")
    if not isinstance(message.setdefault("content", None), str | None):
        raise Unreadable("gives a message that is no text")
    for name in ("reasoning_content", "reasoning"):
        if isinstance(thought := message.get(name), str) and thought:
            return thought
    return ""


def with_thinking(answer: str, thought: str) -> str:
    """Both as one text, as a model that thinks writes them."""
    return f"<think>\n{thought}\n{THINK_END}\n\n{answer}" if thought else answer


def cut(text: str, stops: Sequence[str], *, after: str = "") -> str:
    """The text up to the first stop that it holds. after: what ends a part that holds none, with
    the blanks behind it.

    >>> cut("a\\nb</think>\\n4\\nQ", ["\\n"], after="</think>")
    'a\\nb</think>\\n4'
    """
    head, mark, tail = text.rpartition(after) if after else ("", "", text)
    if mark:
        blanks = len(tail) - len(tail.lstrip())
        mark, tail = mark + tail[:blanks], tail[blanks:]
    for stop in stops:
        if stop:
            tail = tail.partition(stop)[0]
    return head + mark + tail


def written(reply: Mapping[str, Any], text: str, most: int | None) -> Written:
    """The answer with what the server says of it. most: tokens that it was allowed."""
    usage = reply.get("usage")
    count = usage.get("completion_tokens") if isinstance(usage, Mapping) else None
    plausible = type(count) is int and count >= 0 and (most is None or count <= most)
    ended = choice_of(reply).get("finish_reason")
    truncated = ended == "length" if isinstance(ended, str) else None
    return Written(text, count if plausible else None, truncated)


def weighed(reply: Any, tokens: Sequence[int]) -> dict[str, Any]:
    """A reply to `echo` with log-probabilities of these tokens, as lm-eval is to read it.

    lm-eval drops the last entry, the one token that is written after the prompt; a server that
    wrote none gets an entry to drop. Raises Unweighed or Unreadable.
    """
    given = choice_of(reply).get("logprobs")
    found = given if isinstance(given, dict) else {}
    logprobs, tops = found.get("token_logprobs"), found.get("top_logprobs")
    if not isinstance(logprobs, list) or not isinstance(tops, list):
        raise Unweighed("the server gives no log-probabilities of a prompt (echo with logprobs)")
    if len(logprobs) <= 1 < len(tokens):
        raise Unweighed("the server gives log-probabilities of what it writes alone (no echo)")
    if len(logprobs) != len(tops) or len(logprobs) - len(tokens) not in (0, 1):
        raise Unreadable(
            f"counts {len(logprobs)} tokens where the tokenizer counts {len(tokens)} and one more; "
            "name the model's own tokenizer"
        )
    for value, top in zip(logprobs[1 : len(tokens)], tops[1 : len(tokens)], strict=True):
        alternatives = list(top.values()) if isinstance(top, dict) else []
        if not alternatives or not all(map(_is_logprob, [value, *alternatives])):
            raise Unreadable("gives a log-probability that is none")
    if len(logprobs) == len(tokens):
        found["token_logprobs"], found["top_logprobs"] = [*logprobs, 0.0], [*tops, {"": 0.0}]
    return dict(reply)


def _is_logprob(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and value <= SLACK and not math.isnan(value)
