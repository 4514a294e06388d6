"""Sides of a comparison, run in turn in one process; seconds and memory of each."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Side:
    """One side. wall, cpu: seconds of each round; memory: most bytes beyond those at its start,
    None where they cannot be told apart."""

    name: str
    run: Callable[[], Any]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: int | None = 0
    answers: Any = None

    @property
    def best(self) -> float:
        """Wall seconds of the best round."""
        return min(self.wall)

    def round(self, device: str) -> None:
        """Runs once."""
        before = _reset_peak(device)
        wall, cpu = time.perf_counter(), time.process_time()
        self.answers = self.run()
        _wait(device)
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)
        if self.memory is not None:
            self.memory = max(self.memory, _peak(device) - before)

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "wall": [round(each, 3) for each in self.wall],
            "cpu": [round(each, 3) for each in self.cpu],
            "extra_memory_mb": None if self.memory is None else round(self.memory / 1e6),
        }


def take_turns(
    sides: Sequence[Side], rounds: int, device: str, between: Callable[[], Any] = lambda: None
) -> None:
    """Runs the sides in turn, so that a machine whose speed drifts slows all of them.

    between: run before each round.
    """
    for _ in range(rounds):
        between()
        for side in sides:
            side.round(device)


def ratios(ours: Side, other: Side) -> dict[str, Any]:
    """How many times as long the other takes: best of all rounds, and round by round."""
    pairs = zip(ours.wall, other.wall, strict=True)
    return {
        "wall": round(other.best / ours.best, 2),
        "cpu": round(min(other.cpu) / min(ours.cpu), 2),
        "rounds": [round(theirs / mine, 2) for mine, theirs in pairs],
    }


@dataclass
class MatmulRate:
    """The measured peak, of matrix products in FLOP/s: sampled between rounds, the best counts.

    sizes: (inputs, outputs) of each weight of a layer of the model.
    """

    sizes: Sequence[tuple[int, int]]
    device: str
    dtype: str
    largest: float = 0.0
    mix: float = 0.0

    def sample(self, tokens: int = 2048, seconds: float = 0.7) -> None:
        """Multiplies the largest weight, and all of a layer's, each for so long."""
        import torch

        made: dict[str, Any] = {"device": self.device, "dtype": getattr(torch, self.dtype)}
        inputs = {width: torch.randn(tokens, width, **made) for width, _ in self.sizes}
        layer = [(inputs[width], torch.randn(out, width, **made)) for width, out in self.sizes]
        big = max(layer, key=lambda each: each[1].numel())
        with torch.inference_mode():
            self.largest = max(self.largest, self._best([big], tokens, seconds))
            self.mix = max(self.mix, self._best(layer, tokens, seconds))

    def _best(self, products: Sequence[tuple[Any, Any]], tokens: int, seconds: float) -> float:
        import torch

        work = 2 * tokens * sum(weight.numel() for _, weight in products)
        best, until = 0.0, time.perf_counter() + seconds
        while time.perf_counter() < until:
            start = time.perf_counter()
            for x, weight in products:
                torch.nn.functional.linear(x, weight)
            _wait(self.device)
            best = max(best, work / (time.perf_counter() - start))
        return best


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()


def _reset_peak(device: str) -> int:
    gc.collect()
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return int(torch.cuda.memory_allocated())
    if Path("/proc/self/clear_refs").exists():
        import ctypes

        # what earlier rounds freed is given back, or it would hide what this one takes
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    return 0


def _peak(device: str) -> int:
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated())
    return _status("VmHWM") if Path("/proc/self/clear_refs").exists() else 0


def _status(name: str) -> int:
    text = Path("/proc/self/status").read_text()
    found = re.search(rf"{name}:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else 0
