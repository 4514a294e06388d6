"""Memory that runs out: how torch says so, and giving back what a failed pass held."""

from __future__ import annotations

import gc

import torch


def is_out_of_memory(problem: BaseException) -> bool:
    """Whether an error says that memory did not suffice; torch has several ways to say so."""
    said = str(problem)
    return isinstance(problem, (torch.OutOfMemoryError, MemoryError)) or (
        "can't allocate memory" in said or "not enough memory" in said or "out of memory" in said
    )


def free_memory(device: torch.device) -> None:
    """Gives back what a failed forward pass held."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
