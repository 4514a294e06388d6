"""lm-eval's generation requests through our decoding, with HFLM's reading of their arguments."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs

from zoo.engine.decoding import BATCH_ROWS, Generated, generate
from zoo.engine.encoding import Encoder
from zoo.engine.sampling import Sampling
from zoo.engine.sharing import why_not_shared
from zoo.fingerprints import canonical

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

TOP_K, TOP_P = 50, 1.0
"""What transformers' `generate` takes where neither the request nor the model says."""

OURS = frozenset({"until", "max_gen_toks", "do_sample", "temperature", "top_k", "top_p"})
"""Generation arguments that we carry out; a request with another is left to HFLM."""

WARPERS = ("min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "top_h")
"""Fields of a model's generation config that change what HFLM samples, and that we do not have."""

OnAnswer = Callable[[int, Generated], None]
"""Told of each answer, by its request's place, as it comes."""


def why_left_to_hflm(reference: HFLM, requests: Sequence[Instance]) -> str | None:
    """Why HFLM itself must answer these requests; None where we answer as it would."""
    if reference.backend != "causal":
        return "the model is no causal LM"
    if reference.think_end_token is not None:
        return "HFLM is told to strip thinking"
    if reference.truncation or reference.mixed_precision_dtype is not None:
        return "HFLM is told to truncate or to mix precisions"
    own = getattr(reference.model, "generation_config", None)
    warped = [name for name in WARPERS if getattr(own, name, None) not in (None, 0, 1)]
    for request in requests:
        kwargs = normalize_gen_kwargs(request.args[1], reference.max_gen_toks)
        if odd := sorted(set(kwargs) - OURS):
            return f"a request asks for {', '.join(odd)}"
        if "" in kwargs["until"]:
            return "a request names an empty stop, which ends HFLM's batch at once"
        if kwargs["do_sample"] and not kwargs.get("temperature", 0.0) > 0:
            return "a request samples at temperature 0"
        if kwargs["do_sample"] and warped:
            return f"the model's generation config sets {', '.join(warped)}"
    return None


def generate_until(
    reference: HFLM,
    model: Any,
    encoder: Encoder,
    requests: Sequence[Instance],
    *,
    batch_rows: int = BATCH_ROWS,
    on_answer: OnAnswer | None = None,
) -> list[Generated]:
    """The answer to each request, in order.

    reference: whose tokenizer and limits hold. Requests that are the same are samples of one item,
    numbered in order; their seed is made of torch's seed, the document and the prompt.
    """
    answers: list[Generated | None] = [None] * len(requests)
    groups: dict[str, list[int]] = {}
    for place, request in enumerate(requests):
        groups.setdefault(canonical(request.args[1]), []).append(place)
    for places in groups.values():
        _answer_alike(reference, model, encoder, requests, places, answers, batch_rows, on_answer)
    return [answer for answer in answers if answer is not None]


def _answer_alike(
    reference: HFLM,
    model: Any,
    encoder: Encoder,
    requests: Sequence[Instance],
    places: Sequence[int],
    answers: list[Generated | None],
    batch_rows: int,
    on_answer: OnAnswer | None,
) -> None:
    """Answers the requests at `places`, which have the same generation arguments."""
    tokenizer = reference.tokenizer
    kwargs = normalize_gen_kwargs(requests[places[0]].args[1], reference.max_gen_toks)
    end = tokenizer.decode(reference.eot_token_id, skip_special_tokens=False)
    most = int(kwargs["max_gen_toks"])
    items: dict[tuple[Any, ...], list[int]] = {}
    for place in places:
        request = requests[place]
        key = (request.task_name, request.doc_id, request.idx, request.args[0])
        items.setdefault(key, []).append(place)
    # every item is asked as often as the one asked most
    repeats = max(map(len, items.values()))

    def tell(item: int, samples: list[Generated]) -> None:
        for place, answer in zip(asked[item], samples, strict=False):
            answers[place] = answer
            if on_answer is not None:
                on_answer(place, answer)

    asked = list(items.values())
    texts = [requests[same[0]].args[0] for same in asked]
    generate(
        model,
        encoder.prompts(texts, max_new_tokens=most),
        tokenizer=tokenizer,
        max_new_tokens=most,
        stops=handle_stop_sequences(kwargs["until"], eos=end),
        eos_ids=eos_ids(model, tokenizer),
        sampling=sampling_of(kwargs, model),
        seeds=[
            item_seed(requests[same[0]].doc_id, text)
            for same, text in zip(asked, texts, strict=True)
        ],
        repeats=repeats,
        batch_rows=batch_rows,
        on_done=tell,
        shares_prefix=why_not_shared(model) is None,
    )


def sampling_of(kwargs: Any, model: Any) -> Sampling | None:
    """How normalised generation arguments choose tokens; None is greedily."""
    if not kwargs["do_sample"]:
        return None
    own = model.generation_config
    top_k = _first(kwargs.get("top_k"), own.top_k, TOP_K)
    top_p = _first(kwargs.get("top_p"), own.top_p, TOP_P)
    return Sampling(float(kwargs["temperature"]), float(top_p), int(top_k))


def eos_ids(model: Any, tokenizer: Any) -> list[int]:
    """Tokens that end an answer: the model's own and the tokenizer's."""
    own = model.generation_config.eos_token_id
    found = set(own if isinstance(own, (list, tuple)) else [own]) | {tokenizer.eos_token_id}
    return sorted(int(each) for each in found if each is not None)


def item_seed(doc_id: int | None, prompt: str) -> int:
    """Seed of an item's streams: of torch's seed and the item alone."""
    said = f"{torch.initial_seed()}/{doc_id}/{prompt}"
    return int.from_bytes(hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()[:8])


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)
