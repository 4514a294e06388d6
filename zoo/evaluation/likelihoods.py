"""How likely a model finds answers that were written before, by itself or by another one.

The prompts are those that the answers were written to; an answer that the model itself ended, and
not the cap, is asked with the token that ended it, so that its likelihood is that of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.benchmarks import Benchmark
from zoo.errors import CellError
from zoo.evaluation.requests import Request, Response, responses_from_columns
from zoo.evaluation.scoring import Scored, cluster_of, prompt_hash
from zoo.evaluation.tasks import LoadedTask
from zoo.fingerprints import digest
from zoo.results import LIKELIHOOD, Item, Score
from zoo.store import Stored


def likelihood_requests(written: Sequence[Request], stored: Stored | None) -> tuple[Request, ...]:
    """A request for each stored answer whose end is known; `index` is the number of the sample.

    written: the requests that the answers were given to, in order. Raises CellError where there
    is nothing to ask.
    """
    if stored is None:
        raise CellError("the answers whose likelihood is asked are not in the store; run again")
    end = str(stored[1]["provenance"].get("end", ""))
    found = [
        Request(request.doc, sample, "loglikelihood", request.context, text)
        for request, samples in zip(written, responses_from_columns(stored[0]), strict=True)
        for sample, response in enumerate(samples)
        if (text := _whole(response, end))
    ]
    if not found:
        raise CellError("none of the answers whose likelihood is asked has an end that is known")
    return tuple(found)


def score_likelihoods(
    loaded: LoadedTask,
    benchmark: Benchmark,
    requests: Sequence[Request],
    responses: Sequence[Sequence[Response]],
    tokenizer: Any,
) -> Scored:
    """An item for each answer: its log-likelihood in nats, its tokens and a hash of them.

    The hash tells whether two models read the same tokens. It and the number of tokens are not
    known where there is no tokenizer.
    """
    items = []
    for request, (response, *_) in zip(requests, responses, strict=True):
        item_id = loaded.item_ids[request.doc]
        n_tokens, tokens = _spelled(request, tokenizer)
        assert response.loglikelihood is not None
        items.append(
            Item(
                item_id=item_id,
                cluster_id=cluster_of(loaded.docs[request.doc], benchmark.cluster, item_id),
                sample=request.index,
                score=response.loglikelihood,
                parsed=None,
                n_tokens=n_tokens,
                truncated=None,
                chance=0.0,
                confidence=None,
                response=tokens,
                prompt_hash=prompt_hash([request.question]),
            )
        )
    finite = [item.score for item in items if math.isfinite(item.score)]
    mean = sum(finite) / len(finite) if finite else 0.0
    return Scored(tuple(items), (Score(LIKELIHOOD, mean, None, len(items)),))


def _whole(response: Response, end: str) -> str:
    """An answer with what ended it; "" where that is not known."""
    if response.text is None or response.truncated is None:
        return ""
    if response.truncated:
        return response.text
    return response.text + end if end else ""


def _spelled(request: Request, tokenizer: Any) -> tuple[int | None, str]:
    """(tokens of the continuation, a hash of all tokens), (None, "") without a tokenizer."""
    if tokenizer is None:
        return None, ""
    encoded: Mapping[str, Any] = tokenizer(
        [request.context, request.context + (request.continuation or "")],
        add_special_tokens=False,
    )
    context, whole = encoded["input_ids"]
    return len(whole) - len(context), digest([int(each) for each in whole])[:16]
