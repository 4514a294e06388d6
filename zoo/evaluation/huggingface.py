"""The built-in loaders of Hugging Face checkpoints.

`torch` is the engine of `zoo.engine`; `hf` is lm-eval's own HFLM, the reference, from which the
engine takes model and tokenizer. HFLM's logits cache stays off: with it, two requests of equal
tokens and another split between context and continuation are served each other's likelihood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, ModelError, did_you_mean
from zoo.evaluation.bases import Bases, shareable
from zoo.evaluation.kinds import is_causal, is_masked
from zoo.evaluation.weights import load_weights
from zoo.fingerprints import canonical
from zoo.hookspecs import Loader, LoadModel
from zoo.models import Model

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.models.huggingface import HFLM

TIERS = ("packed", "padded", "hflm")


def load_hf(
    model: Model,
    *,
    device: str,
    dtype: str,
    batch_size: int | str,
    bases: Bases | None = None,
    **options: Any,
) -> HFLM:
    """Loads a folder or a Hub id, with an adapter over it where loader_args names one.

    bases: where the weights stay for the next adapter; None keeps nothing.
    Raises ModelError with the reason, as `load_weights` does.
    """
    make = _hflm if bases is None else partial(_over_a_base, bases)
    lm = load_weights(model, make, device=device, dtype=dtype, batch_size=batch_size, **options)
    if is_masked(lm.config.to_dict()):
        raise ModelError(_other_kind(model, "a masked language model", "from left to right"))
    return lm


def _hflm(**args: Any) -> HFLM:
    from lm_eval.models.huggingface import HFLM

    return HFLM(**args, logits_cache=False)


def _over_a_base(bases: Bases, **args: Any) -> HFLM:
    """The model, its adapter over the base that is kept, or that is kept from now on."""
    adapter = args.get("peft")
    plain = {name: value for name, value in args.items() if name != "peft"}
    key = canonical(plain)
    base = bases.take(key)
    if base is None:
        base = _hflm(**plain)
        bases.keep(key, base)
    if adapter is None:
        return base
    if shareable(base):
        return bases.adapted(base, str(adapter), args["revision"])
    del base
    bases.drop()
    return _hflm(**args)


def _other_kind(model: Model, kind: str, way: str) -> str:
    return (
        f"{model.id} is {kind}, which this loader would read {way}; name a loader that takes it "
        "(`zoo plugins --hook zoo_loaders`), or none for `zoo run`"
    )


def load_torch(
    model: Model,
    *,
    device: str,
    dtype: str,
    batch_size: int | str,
    bases: Bases | None = None,
    **options: Any,
) -> LM:
    """Loads as `load_hf` does, and answers with the engine. batch_size: answers written at once.

    loader_args may name a `tier`, the fastest way of scoring to try: packed, padded or hflm.
    """
    from zoo.engine.adapter import TorchLM

    args = {**model.loader_args, **options}
    tier = args.pop("tier", None)
    if tier not in (None, *TIERS):
        raise ConfigError(f"loader_args name the tier {tier!r}" + did_you_mean(str(tier), TIERS))
    plain = replace(model, loader_args=args)
    reference = load_hf(plain, device=device, dtype=dtype, batch_size=batch_size, bases=bases)
    if reference.backend == "seq2seq":
        raise ModelError(_other_kind(model, "an encoder-decoder", "as one text"))
    return TorchLM(reference, tier=tier, batch_rows=_count(batch_size))


def _count(batch_size: int | str) -> int | None:
    """A batch size that is a number; None where it is the loader's to choose."""
    text = str(batch_size)
    return int(text) if text.isdigit() and int(text) > 0 else None


@contextmanager
def _keeping_bases(load: Callable[..., LM]) -> Iterator[LoadModel]:
    """Within, `load` keeps the weights of one base in memory for the adapters over it."""
    bases = Bases()
    try:
        yield partial(load, bases=bases)
    finally:
        bases.drop()


SPREAD = {"parallelize": True}
"""HFLM's own way of laying a model over several devices."""

HF = Loader(
    "hf", load_hf, "lm-eval-hflm/1", spread=SPREAD, session=partial(_keeping_bases, load_hf)
)
TORCH = Loader(
    "torch",
    load_torch,
    "zoo-torch/1",
    pools=True,
    spread=SPREAD,
    session=partial(_keeping_bases, load_torch),
    takes=is_causal,
)
