"""The built-in loaders of Hugging Face checkpoints.

`torch` is the engine of `zoo.engine`; `hf` is lm-eval's own HFLM, the reference, from which the
engine takes model and tokenizer. HFLM's logits cache stays off: with it, two requests of equal
tokens and another split between context and continuation are served each other's likelihood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, ModelError, did_you_mean
from zoo.evaluation.bases import Bases, shareable
from zoo.evaluation.checkpoints import find_checkpoint
from zoo.evaluation.preflight.code import TRUST, how_to_pin
from zoo.fingerprints import canonical, read_json
from zoo.hookspecs import Loader, LoadModel
from zoo.models import Model
from zoo.probing import describe
from zoo.snapshots import causes, is_silence

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.models.huggingface import HFLM

LOGITS_BYTES = 512 * 1024**2
"""How much a CPU batch's logits may take; HFLM keeps them for every position."""

MAX_ROWS = 64

TIERS = ("packed", "padded", "hflm")


def load_hf(
    model: Model,
    *,
    device: str,
    dtype: str,
    batch_size: int | str,
    bases: Bases | None = None,
    **options: Any,
) -> LM:
    """Loads a folder or a Hub id, with an adapter over it where loader_args names one.

    safetensors only; code of a repository only where `trust_remote_code` pins it. bases: where the
    weights stay for the next adapter; None keeps nothing. Raises ModelError with the reason.
    """
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
    args |= {"pretrained": pretrained, "revision": revision}
    args |= {"device": device, "dtype": dtype, "batch_size": batch_size}
    try:
        lm = _hflm(args) if bases is None else _over_a_base(args, bases)
    except Exception as problem:
        if not trusted and TRUST in str(problem):
            found = find_checkpoint(model)
            reason = how_to_pin(model.id, "its classes", found.commit, found.folder)
            raise ModelError(reason) from problem
        if not folder.is_dir() and any(map(is_silence, causes(problem))):
            raise ModelError(
                f"{model.id} is not in the cache whole and the Hub stopped answering "
                f"({describe(problem)}); run again to go on with the download, and set "
                "HF_HUB_DOWNLOAD_TIMEOUT (seconds) higher where the network is slow"
            ) from problem
        raise ModelError(f"{model.id} cannot be loaded: {describe(problem)}") from problem
    _check_weights(lm, model.id)
    return lm


def _hflm(args: Mapping[str, Any]) -> HFLM:
    from lm_eval.models.huggingface import HFLM

    return HFLM(**args, logits_cache=False, use_safetensors=True)


def _over_a_base(args: Mapping[str, Any], bases: Bases) -> HFLM:
    """The model, its adapter over the base that is kept, or that is kept from now on."""
    adapter = args.get("peft")
    plain = {name: value for name, value in args.items() if name != "peft"}
    key = canonical(plain)
    base = bases.take(key)
    if base is None:
        base = _hflm(plain)
        bases.keep(key, base)
    if adapter is None:
        return base
    if shareable(base):
        return bases.adapted(base, str(adapter), args["revision"])
    del base
    bases.drop()
    return _hflm(args)


def _check_weights(lm: HFLM, model_id: str) -> None:
    """Raises ModelError for a weight that is no number: greedy decoding would not show it."""
    import torch

    weights: torch.nn.Module = lm.model
    for name, tensor in weights.named_parameters():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ModelError(f"{model_id} has a weight that is no finite number, in {name}")


def _rows(folder: Path) -> int:
    """Rows of a CPU batch: as many as keep the logits of a full context within bounds."""
    config = read_json(folder / "config.json")
    vocabulary = int(config.get("vocab_size") or 50_000)
    context = min(int(config.get("max_position_embeddings") or 2048), 2048)
    rows = LOGITS_BYTES // (vocabulary * context * 4)
    return max(1, min(MAX_ROWS, rows))


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
)
