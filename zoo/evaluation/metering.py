"""What asking a model takes: memory at its peak, and energy where the device tells."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.evaluation.requests import Request

if TYPE_CHECKING:
    from lm_eval.api.model import LM

JOULES_PER_KWH = 3.6e6


@dataclass
class Meter:
    """What was measured between the beginning and the end; None where it cannot be.

    peak_memory_bytes: on a GPU what torch held there, else the resident memory of the process.
    kwh: of the whole GPU, whatever else it did.
    """

    peak_memory_bytes: int | None = None
    kwh: float | None = None


@contextlib.contextmanager
def metered(device: str) -> Iterator[Meter]:
    """Measures what happens within; the meter is read afterwards."""
    meter = Meter()
    if device.startswith("cuda"):
        import torch

        at = torch.device(device)
        torch.cuda.reset_peak_memory_stats(at)
        before = _joules(at)
        yield meter
        meter.peak_memory_bytes = int(torch.cuda.max_memory_allocated(at))
        after = _joules(at)
        if before is not None and after is not None:
            meter.kwh = (after - before) / JOULES_PER_KWH
    else:
        resets = _reset_peak()
        yield meter
        meter.peak_memory_bytes = _peak() if resets else None


def tokens_in(lm: LM, requests: Sequence[Request]) -> int | None:
    """Tokens of prompts and continuations, as the model's tokenizer spells them; None without one.

    A prompt counts for each of its requests: what an engine saves by reading it once is its own.
    """
    tokenizer: Any = getattr(lm, "tokenizer", None)
    if tokenizer is None or not callable(tokenizer):
        return None
    texts = [request.context + (request.continuation or "") for request in requests]
    return sum(map(len, tokenizer(texts, add_special_tokens=False)["input_ids"]))


def _joules(device: Any) -> float | None:
    """Energy that a GPU has used since its driver was loaded, where NVML is installed and tells."""
    try:
        import pynvml
        import torch

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(
            f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        )
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except Exception:  # the library, the driver or the device does not have it
        return None


def _reset_peak() -> bool:
    """Begins the process's peak anew, which Linux allows; whether it did."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _peak() -> int | None:
    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        if found := re.search(r"VmHWM:\s*(\d+) kB", status):
            return int(found[1]) * 1024
    return None
