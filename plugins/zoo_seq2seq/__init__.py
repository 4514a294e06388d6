"""Encoder-decoders, T5 and kin: a prompt is read by the encoder, the decoder answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo import hookimpl
from zoo.evaluation.kinds import is_encoder_decoder
from zoo.evidence import Clue, weigh
from zoo.hookspecs import Loader
from zoo.models import Evidence, Facts, Model

if TYPE_CHECKING:
    from lm_eval.api.model import LM

INSTRUCTED = frozenset({"t0", "t0p", "t0pp", "mt0"})
"""Names of encoder-decoders that were trained to follow instructions, as Flan is."""


def load(model: Model, **how: Any) -> LM:
    """Loads a folder or a Hub id, with an adapter over it where loader_args name one.

    loader_args are those of lm-eval's HFLM. Raises ModelError with the reason.
    """
    from zoo.evaluation.weights import load_weights
    from zoo_seq2seq.model import Seq2SeqLM

    return load_weights(model, Seq2SeqLM, **how)


@hookimpl
def zoo_loaders() -> list[Loader]:
    """One loader: seq2seq."""
    return [
        Loader(
            "seq2seq",
            load,
            "zoo-seq2seq/1",
            spread={"parallelize": True},
            takes=is_encoder_decoder,
        )
    ]


@hookimpl
def zoo_classify(facts: Facts) -> list[Evidence]:
    """Names of instruction-tuned encoder-decoders that say so in no word."""
    if not is_encoder_decoder(facts.config):
        return []
    return weigh(facts, "instruction-tuned", [Clue("name", 0.9, INSTRUCTED)])
