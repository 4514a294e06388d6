"""Questions with choices of one token are read once, not once for each choice. Pure.

lm-eval's vLLM backend sends each choice as a prompt of its own and asks for `prompt_logprobs`, for
which vLLM reads nothing from its prefix cache. What follows a prompt as its next token needs none:
the question alone is sent, one token is written after it, and vLLM is asked for the
log-probabilities of the choices at that place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.errors import CellError

MOST_IDS = 128
"""Tokens whose log-probabilities vLLM tells at one place (its MAX_LOGPROB_TOKEN_IDS)."""


@dataclass
class Question:
    """A prompt, and the tokens of which one may follow.

    prompt: ids. places: by token, which of the requests ask for it.
    """

    prompt: tuple[int, ...]
    places: dict[int, list[int]] = field(default_factory=dict)


def questions(
    pairs: Iterable[tuple[Sequence[int], Sequence[int]]], longest: int
) -> tuple[list[Question], list[int]]:
    """The questions of the pairs that end in one token, and the places of the other pairs.

    pairs: ids of context and continuation. longest: ids that fit, of both together; of more the
    left end is cut, as lm-eval cuts it. Questions are sorted, so that those of one beginning stand
    together and the later ones find it in the cache.

    >>> found, rest = questions([((5, 6), (1,)), ((5, 6), (2,)), ((5,), (1, 2))], 10)
    >>> [(each.prompt, each.places) for each in found], rest
    ([((5, 6), {1: [0], 2: [1]})], [2])
    """
    found: dict[tuple[int, ...], list[Question]] = {}
    rest: list[int] = []
    for place, (context, continuation) in enumerate(pairs):
        prompt = tuple(context)[-(longest - 1) :]
        if len(continuation) != 1 or not prompt or longest < 2:
            rest.append(place)
            continue
        (token,) = continuation
        mine = found.setdefault(prompt, [Question(prompt)])
        if token not in mine[-1].places and len(mine[-1].places) == MOST_IDS:
            mine.append(Question(prompt))
        home = next((each for each in mine if token in each.places), mine[-1])
        home.places.setdefault(token, []).append(place)
    return [each for prompt in sorted(found) for each in found[prompt]], rest


Answer = tuple[float, bool]
"""A log-probability in nats, and whether its token is the greedy one."""


def answers(question: Question, written: int, told: Mapping[int, Any]) -> dict[int, Answer]:
    """The answers to requests, by their places.

    written: the token that was written after the prompt at temperature 0. told: by token, what vLLM
    says of it, a number or an object with a `logprob`. Raises CellError where a token is missing.
    """
    found: dict[int, Answer] = {}
    for token, places in question.places.items():
        if token not in told:
            raise CellError(f"vLLM tells no log-probability of the token {token}, asked for")
        value = float(getattr(told[token], "logprob", told[token]))
        found |= dict.fromkeys(places, (value, token == written))
    return found
