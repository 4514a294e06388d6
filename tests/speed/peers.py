"""The engines that are compared: ours, lm-eval's HFLM at several batch sizes, lm-eval's vLLM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import material

BATCHES = {
    "cpu": {"likelihood": (1, 8), "generate": (1, 8, 32)},
    "cuda": {"likelihood": (32, 64, "auto"), "generate": (32, 64)},
}
"""Batch sizes at which HFLM is tried where none are given; the best of them counts."""


def batches(device: str, kind: str, given: Sequence[int] | None) -> Sequence[int | str]:
    """The batch sizes to try. kind: likelihood or generate."""
    return given or BATCHES["cuda" if device.startswith("cuda") else "cpu"][kind]


def hflm(model: Any, batch_size: int | str, **options: Any) -> Any:
    """lm-eval's HFLM, its logits cache on as it is by default; in half precision its softmax in
    fp32, without which it is farther off."""
    from lm_eval.models.huggingface import HFLM

    return HFLM(
        pretrained=model,
        tokenizer=material.tokenizer(),
        batch_size=batch_size,
        softmax_dtype="float32",
        **options,
    )


def ours(model: Any) -> Any:
    """The engine over the same model."""
    from zoo.engine.adapter import TorchLM

    return TorchLM.of(model, material.tokenizer())


def vllm(model: Any, dtype: str, folder: Path) -> tuple[Any, str | None]:
    """lm-eval's vLLM backend over the same weights, or None and why it is left out."""
    if find_spec("vllm") is None:
        return None, "vLLM is not installed"
    from lm_eval.models.vllm_causallms import VLLM

    model.save_pretrained(folder)
    material.tokenizer().save_pretrained(folder)
    try:
        lm = VLLM(str(folder), dtype=dtype, max_model_len=4096, gpu_memory_utilization=0.6)
    except Exception as problem:  # a driver, a CPU build without the dtype: vLLM says which
        return None, f"vLLM does not start: {type(problem).__name__}: {str(problem)[:200]}"
    return lm, None


def peers(
    model: Any, dtype: str, folder: Path, sizes: Sequence[int | str]
) -> tuple[Mapping[str, Any], dict[str, str]]:
    """(the engines other than ours by name, why others are left out)."""
    found = {f"hflm bs={size}": hflm(model, size) for size in sizes}
    lm, reason = vllm(model, dtype, folder)
    if lm is None:
        return found, {"vllm": str(reason)}
    return {**found, "vllm": lm}, {}
