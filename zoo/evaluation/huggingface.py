"""The built-in loader `hf`: lm-eval's own HFLM over transformers, the reference.

Its logits cache stays off: with it, two requests of equal tokens and another split between
context and continuation are served each other's likelihood.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ModelError
from zoo.fingerprints import read_json
from zoo.hookspecs import Loader
from zoo.models import Model

if TYPE_CHECKING:
    from lm_eval.api.model import LM

LOGITS_BYTES = 512 * 1024**2
"""How much a CPU batch's logits may take; HFLM keeps them for every position."""

MAX_ROWS = 64


def load_hf(model: Model, *, device: str, dtype: str, batch_size: int | str, **options: Any) -> LM:
    """Loads a folder or a Hub id, with an adapter over it where loader_args names one.

    safetensors only, no remote code. Raises ModelError with the reason.
    """
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    from lm_eval.models.huggingface import HFLM

    args = {**model.loader_args, **options}
    pretrained = str(args.pop("pretrained", model.id))
    if batch_size == "auto" and device == "cpu":
        batch_size = _rows(Path(pretrained))
    revision = args.pop("revision", None) or ("main" if _is_folder(pretrained) else model.revision)
    try:
        lm: LM = HFLM(
            pretrained=pretrained,
            revision=revision or "main",
            device=device,
            dtype=dtype,
            batch_size=batch_size,
            logits_cache=False,
            trust_remote_code=False,
            use_safetensors=True,
            **args,
        )
    except Exception as problem:
        lines = str(problem).strip().splitlines() or [""]
        raise ModelError(
            f"{model.id} cannot be loaded: {type(problem).__name__}: {lines[0]}"
        ) from problem
    return lm


def _is_folder(name: str) -> bool:
    return Path(name).expanduser().is_dir()


def _rows(folder: Path) -> int:
    """Rows of a CPU batch: as many as keep the logits of a full context within bounds."""
    config = read_json(folder / "config.json")
    vocabulary = int(config.get("vocab_size") or 50_000)
    context = min(int(config.get("max_position_embeddings") or 2048), 2048)
    rows = LOGITS_BYTES // (vocabulary * context * 4)
    return max(1, min(MAX_ROWS, rows))


HF = Loader("hf", load_hf, numerics="lm-eval-hflm/1")
