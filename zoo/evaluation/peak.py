"""What a device computes at most, by its vendor: what an estimate of time rests on."""

from __future__ import annotations

from zoo.evaluation.environment import hardware

GPUS = {
    "H200": (989, 67),
    "H100 PCIe": (756, 51),
    "H100": (989, 67),
    "A100": (312, 19.5),
    "L40S": (362, 91.6),
    "A10G": (70, 35),
    "A10": (125, 31.2),
    "L4": (121, 30.3),
    "V100": (125, 15.7),
    "T4": (65, 8.1),
}
"""TFLOP/s in 16 bits (dense) and in float32, from the vendor's data sheets, by what the name of a
device holds; the first that fits counts."""

CPU_CORE = 0.064
"""TFLOP/s of a thread in float32: 32 operations a cycle (AVX2 with two multiply-adds) at 2 GHz."""


def peak_of(device: str, dtype: str) -> tuple[float, str] | None:
    """(Operations a second, what that is taken from); None for a device that is not in GPUS."""
    import torch

    if device == "cpu":
        threads = torch.get_num_threads()
        return threads * CPU_CORE * 1e12, f"{threads} threads of {CPU_CORE * 1e3:.0f} GFLOP/s"
    name = hardware(device)
    wide = dtype not in ("bfloat16", "float16")
    for part, figures in GPUS.items():
        if part in name:
            return figures[wide] * 1e12, f"the {figures[wide]:g} TFLOP/s of {part} in {dtype}"
    return None
