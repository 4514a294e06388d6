"""Loads a checkpoint's weights with every check, whatever class they are loaded into.

For loaders, the host's own and plugins': a loader says which class, and this the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from zoo.errors import ModelError, ZooError
from zoo.evaluation.checkpoints import find_checkpoint
from zoo.evaluation.preflight.code import TRUST, how_to_pin
from zoo.fingerprints import read_json
from zoo.models import Model
from zoo.probing import describe
from zoo.snapshots import causes, is_silence

if TYPE_CHECKING:
    import torch

LOGITS_BYTES = 512 * 1024**2
"""How much a CPU batch's logits may take where they are kept for every position."""

MAX_ROWS = 64


class HoldsModel(Protocol):
    """An lm-eval LM that shows the module it asks."""

    @property
    def model(self) -> torch.nn.Module:
        """With all weights, an adapter's too."""
        ...


T = TypeVar("T", bound=HoldsModel)


def load_weights(
    model: Model,
    make: Callable[..., T],
    *,
    device: str,
    dtype: str,
    batch_size: int | str,
    **options: Any,
) -> T:
    """What `make` makes of a folder or a Hub id. options: laid over the model's loader_args.

    safetensors only; code of a repository only where `trust_remote_code` pins it.
    make: is given, by name, `pretrained` (a folder or a Hub id), `revision`, `device`, `dtype`,
    `batch_size`, `trust_remote_code`, `use_safetensors` for from_pretrained, and whatever else the
    loader_args hold (`peft`, `tokenizer`, `max_length`, its own).
    Raises ModelError with the reason, also for a weight that is no finite number.
    """
    from huggingface_hub import constants
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    args = {**model.loader_args, **options}
    trusted, peft = bool(args.get(TRUST)), args.get("peft")
    if trusted or (peft is not None and not Path(str(peft)).expanduser().is_dir()):
        checkpoint = find_checkpoint(replace(model, loader_args=args))  # or it says why not
        model = replace(model, revision=checkpoint.revision or model.revision)
        args |= checkpoint.fetched
    args[TRUST] = trusted
    pretrained, revision = str(args.pop("pretrained", model.id)), args.pop("revision", None)
    folder = Path(pretrained).expanduser()
    if folder.is_dir():
        pretrained, revision = str(folder), "main"
    else:
        # an adapter's own revision is not its base's
        revision = (revision if peft is not None else model.revision or revision) or "main"
    if batch_size == "auto" and device == "cpu":
        batch_size = _rows(folder)
    args |= {"pretrained": pretrained, "revision": revision, "use_safetensors": True}
    args |= {"device": device, "dtype": dtype, "batch_size": batch_size}
    try:
        lm = make(**args)
    except ZooError:
        raise
    except Exception as problem:
        if not trusted and TRUST in str(problem):
            found = find_checkpoint(model)
            reason = how_to_pin(model.id, "its classes", found.commit, found.folder)
            raise ModelError(reason) from problem
        if not folder.is_dir() and constants.HF_HUB_OFFLINE:
            raise ModelError(
                f"{model.id} is not in the cache whole, and HF_HUB_OFFLINE is set; `zoo prefetch "
                f"SUITE {model.id}` fetches it where there is a network ({describe(problem)})"
            ) from problem
        if not folder.is_dir() and any(map(is_silence, causes(problem))):
            raise ModelError(
                f"{model.id} is not in the cache whole and the Hub stopped answering "
                f"({describe(problem)}); run again to go on with the download, and set "
                "HF_HUB_DOWNLOAD_TIMEOUT (seconds) higher where the network is slow"
            ) from problem
        raise ModelError(f"{model.id} cannot be loaded: {describe(problem)}") from problem
    _check_weights(lm.model, model.id)
    return lm


def _check_weights(module: torch.nn.Module, model_id: str) -> None:
    """Raises ModelError for a weight that is no number: greedy decoding would not show it."""
    import torch

    for name, tensor in module.named_parameters():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ModelError(f"{model_id} has a weight that is no finite number, in {name}")


def _rows(folder: Path) -> int:
    """Rows of a CPU batch: as many as keep the logits of a full context within bounds."""
    config = read_json(folder / "config.json")
    vocabulary = int(config.get("vocab_size") or 50_000)
    context = min(int(config.get("max_position_embeddings") or 2048), 2048)
    rows = LOGITS_BYTES // (vocabulary * context * 4)
    return max(1, min(MAX_ROWS, rows))
