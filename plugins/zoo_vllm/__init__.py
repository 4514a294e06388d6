"""The loader `vllm`: lm-eval's vLLM backend, with questions read once. Needs the extra `[vllm]`.

`zoo run --loader vllm --loader-args tensor_parallel_size=2`. vLLM is imported when the loader is
chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from zoo import hookimpl
from zoo.errors import ConfigError, ModelError
from zoo.evaluation.checkpoints import find_checkpoint
from zoo.evaluation.preflight.code import TRUST
from zoo.hookspecs import Loader
from zoo.models import Model
from zoo.probing import describe

if TYPE_CHECKING:
    from lm_eval.api.model import LM

AT_ONCE = 2048
"""Prompts that are handed over in one call, where --batch-size says nothing: vLLM batches by
itself, and what a call brought is kept before the next one."""

ALL = "all"
"""A tensor_parallel_size that stands for every GPU the process sees."""


def missing() -> str:
    """Why it cannot be used here, "" where it can."""
    if find_spec("vllm") is None:
        return 'vLLM is not installed; install it with pip install "stagezoo[vllm]"'
    return ""


def load_vllm(
    model: Model, *, device: str, dtype: str, batch_size: int | str, **options: Any
) -> LM:
    """Loads a folder or a Hub id, with an adapter over it where loader_args name one.

    loader_args: those of lm-eval's VLLM and of vLLM's own engine. vLLM takes the GPUs that the
    process sees, whichever `device` names. safetensors only; code of a repository only where
    `trust_remote_code` pins it. Raises ModelError with the reason.
    """
    if reason := missing():
        raise ModelError(f"--loader vllm: {reason}")
    args = engine_args(model, options)
    if device.startswith("cuda:") and device != "cuda:0":
        raise ConfigError(
            f"vLLM chooses among the GPUs that the process sees, so it cannot be put on {device}; "
            "set CUDA_VISIBLE_DEVICES instead of --device"
        )
    if args.get("tensor_parallel_size") == ALL:
        import torch

        args["tensor_parallel_size"] = max(1, torch.cuda.device_count())
    text = str(batch_size)
    args |= {"dtype": dtype, "batch_size": int(text) if text.isdigit() else AT_ONCE}
    from zoo_vllm.model import ReadsOnce

    try:
        return ReadsOnce(**args)
    except Exception as problem:
        raise ModelError(f"{model.id} cannot be loaded by vLLM: {describe(problem)}") from problem


def engine_args(model: Model, options: Mapping[str, Any]) -> dict[str, Any]:
    """What lm-eval's VLLM is made with: where the files lie, and what loader_args say.

    Raises ModelError where code of a repository is allowed and not pinned.
    """
    args = {**model.loader_args, **options}
    if trusted := bool(args.get(TRUST)):
        checkpoint = find_checkpoint(replace(model, loader_args=args))  # or it says why not
        model = replace(model, revision=checkpoint.commit or model.revision)
        args |= checkpoint.fetched
    args[TRUST] = trusted
    args["revision"] = model.revision if model.revision and "pretrained" not in args else None
    if (adapter := args.pop("peft", None)) is not None:
        args["lora_local_path"] = str(adapter)
    usual = {"pretrained": model.id, "load_format": "safetensors", "enable_prefix_caching": True}
    return {**usual, **args}


@hookimpl
def zoo_loaders() -> list[Loader]:
    """One loader: vllm."""
    return [
        Loader(
            "vllm",
            load_vllm,
            "lm-eval-vllm/1",
            pools=True,
            spread={"tensor_parallel_size": ALL},
            missing=missing,
        )
    ]
