"""Models that see, LLaVA, Idefics and kin: asked with images by lm-eval's multimodal backend."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from zoo import hookimpl
from zoo.errors import ConfigError, ModelError
from zoo.evaluation.kinds import sees
from zoo.hookspecs import Loader
from zoo.models import Model

if TYPE_CHECKING:
    from lm_eval.api.model import LM

ROWS = 8
"""Rows of a batch on a GPU where their number is left to us; halved where memory runs out."""

OURS = ("interleave", "max_images", "tokenizer")
"""Arguments of lm-eval's backend that change a prompt, which is rendered before it is asked."""


def numerics() -> str:
    """Version of the numbers: transformers scales images with torchvision where that is installed,
    else with Pillow, and their pixels differ."""
    return "zoo-multimodal/1" + ("-torchvision" if find_spec("torchvision") else "")


def missing() -> str:
    """Why it cannot be used here, "" where it can."""
    if find_spec("PIL") is None:
        return 'Pillow is not installed; install it with pip install "stagezoo[multimodal]"'
    return ""


def load(model: Model, *, device: str, batch_size: int | str, **how: Any) -> LM:
    """Loads a folder or a Hub id, with an adapter over it where loader_args name one.

    loader_args are those of lm-eval's HFMultimodalLM (`image_max_side`, `convert_img_format`,
    `min_pixels` and others), but for those that change a prompt.
    Raises ModelError with the reason, and ConfigError.
    """
    if reason := missing():
        raise ModelError(f"--loader multimodal: {reason}")
    if refused := sorted({*model.loader_args, *how} & {*OURS}):
        raise ConfigError(
            f"the loader 'multimodal' takes no {refused[0]!r}: prompts are rendered before they "
            "are asked, with all images and the checkpoint's own processor; leave it out"
        )
    from zoo.evaluation.weights import load_weights
    from zoo_multimodal.model import MultimodalLM

    if batch_size == "auto" and device != "cpu":
        batch_size = ROWS
    return load_weights(model, MultimodalLM, device=device, batch_size=batch_size, **how)


@hookimpl
def zoo_loaders() -> list[Loader]:
    """One loader: multimodal."""
    return [
        Loader(
            "multimodal",
            load,
            numerics(),
            spread={"parallelize": True},
            takes=sees,
            images=("generate_until",),
            missing=missing,
        )
    ]
