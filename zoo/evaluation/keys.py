"""The two keys of a cell: who answered what, and how it was scored. Pure.

Names, paths, branches, the protocol, axis, chance, batch size and package versions stay out:
they describe a number and do not make it another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.fingerprints import Fingerprint, digest

SCORING = 1
"""Version of how `scoring` turns answers into items: raise it with every change of a number."""


@dataclass(frozen=True)
class Answerer:
    """Who answers: bytes (without a processor where no image is shown), numerics, dtype.
    loader_args: those that are no paths."""

    identity: Fingerprint
    loader: str
    numerics: str
    dtype: str
    loader_args: Mapping[str, Any]


def response_key(answerer: Answerer, requests: str, repeats: int, seed: int) -> str:
    """Identity of raw answers. requests: hash of the rendered requests and their arguments."""
    processor = answerer.identity.processor
    return digest(
        {
            "weights": answerer.identity.weights,
            "tokenizer": answerer.identity.tokenizer,
            "chat_template": answerer.identity.chat_template,
            "loader": answerer.loader,
            "numerics": answerer.numerics,
            "dtype": answerer.dtype,
            "loader_args": dict(answerer.loader_args),
            "requests": requests,
            "repeats": repeats,
            "seed": seed,
            **({"processor": processor} if processor else {}),
        }
    )


def score_key(
    response: str,
    content: str,
    metric: str,
    filter: str,
    cluster: str | None,
    think_end_token: str | None,
    stops: Sequence[str],
    repeats: int,
) -> str:
    """Identity of scores: the answers, and all that turns them into numbers.

    content: hash of filters, metrics, scoring code and documents. repeats: rounds of scoring that
    the benchmark asks for; the samples of a task that repeats by itself are scored in one.
    """
    return digest(
        {
            "response": response,
            "content": content,
            "metric": metric,
            "filter": filter,
            "cluster": cluster,
            "think_end_token": think_end_token,
            "stops": list(stops),
            "repeats": repeats,
            "scoring": SCORING,
        }
    )
