"""Masked language models, BERT and kin: scored by pseudo-log-likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo import hookimpl
from zoo.evaluation.kinds import is_masked
from zoo.hookspecs import Loader
from zoo.models import Model

if TYPE_CHECKING:
    from lm_eval.api.model import LM


def load(model: Model, **how: Any) -> LM:
    """Loads a folder or a Hub id, with an adapter over it where loader_args name one.

    loader_args may name `pll` (within_word_l2r or original) and `max_length`.
    Raises ModelError with the reason.
    """
    from zoo.evaluation.weights import load_weights
    from zoo_masked.model import MaskedLM

    return load_weights(model, MaskedLM, **how)


@hookimpl
def zoo_loaders() -> list[Loader]:
    """One loader: masked."""
    return [
        Loader(
            "masked",
            load,
            "zoo-masked/1",
            takes=is_masked,
            unanswered={"generate_until": "a masked language model fills gaps and writes no text"},
        )
    ]
