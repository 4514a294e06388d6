"""How fast a device multiplies matrices, tried out: what an estimate of time rests on."""

from __future__ import annotations

import time

SIZES = {"cpu": 1024, "cuda": 8192}
"""Rows and columns of the matrices, large enough to be bound by arithmetic."""

ROUNDS = 3


def matmul_rate(device: str, dtype: str) -> float:
    """Floating-point operations a second of a product of large matrices, the best of some.

    A product of two n x n matrices is counted as 2 n^3 operations.
    """
    import torch

    at = torch.device(device)
    size = SIZES[at.type]
    kind = getattr(torch, dtype if dtype in ("float32", "bfloat16", "float16") else "float32")
    left = torch.ones(size, size, device=at, dtype=kind)
    best = float("inf")
    for _ in range(ROUNDS + 1):
        if at.type == "cuda":
            torch.cuda.synchronize(at)
        started = time.perf_counter()
        left @ left
        if at.type == "cuda":
            torch.cuda.synchronize(at)
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best
