"""Whether a model's weights fit into the memory of the device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.evaluation.environment import checkpoint_dtype
from zoo.evaluation.preflight.findings import Finding, size
from zoo.weights import weight_files

ITEM = {
    "F64": 8, "I64": 8, "U64": 8, "C64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2,
    "I16": 2, "U16": 2,
}  # fmt: skip
"""Bytes of a number by the safetensors name of its type; all others take one at most."""

FLOATING = ("F64", "F32", "F16", "BF16")
LOADED = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}

SPREADING = frozenset(
    """parallelize device_map max_memory_per_gpu max_cpu_memory offload_folder load_in_8bit
    load_in_4bit gptqmodel autogptq gguf_file delta quantization_config""".split()
)
"""Loader arguments with which weights lie elsewhere, or are smaller, than a sum tells."""

CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Memory:
    """Bytes of a device: free now, and in all. device: its name, for people."""

    device: str
    free: int
    total: int


def memory_of(device: str) -> Memory:
    """What a device has; of a CPU, no more than this process's container may take."""
    if device.startswith("cuda"):
        import torch

        free, total = torch.cuda.mem_get_info(device)
        return Memory(device, free, total)
    import psutil

    machine = psutil.virtual_memory()
    free, total = int(machine.available), int(machine.total)
    limit, used = _number(CGROUP / "memory.max"), _number(CGROUP / "memory.current")
    if limit is not None and limit < total:
        total, free = limit, min(free, max(0, limit - (used or 0)))
    return Memory(device, free, total)


def weight_bytes(folder: Path, dtype: str) -> int | None:
    """Bytes that a checkpoint's tensors take when loaded in a dtype, from the headers of its
    safetensors files; None where not all of them are there, or one cannot be read.

    Stored quantised weights stay as they are; floating-point ones become `dtype`.
    """
    from safetensors import SafetensorError, safe_open

    total = 0
    for name in weight_files(folder):
        try:
            with safe_open(folder / name, framework="np") as file:
                for key in file.keys():  # noqa: SIM118 - it is no mapping
                    tensor = file.get_slice(key)
                    total += _tensor_bytes(tensor.get_shape(), tensor.get_dtype(), dtype)
        except (OSError, SafetensorError):
            return None
    return total


def as_loaded(stored: int, config: Mapping[str, Any], dtype: str) -> int:
    """Bytes in memory of weights that take so many in their files, by what config.json says.

    >>> as_loaded(1000, {"torch_dtype": "bfloat16"}, "float32")
    2000
    """
    if "quantization_config" in config:
        return stored
    own = LOADED.get(checkpoint_dtype(config), 4)
    return stored * LOADED.get(dtype, own) // own


def fits(
    model: str, needed: int, dtype: str, memory: Memory, loader_args: Mapping[str, Any]
) -> Iterator[Finding]:
    """A refusal where the weights alone are larger than the device, a warning where they are
    larger than what is free; what the model computes comes on top and is not counted."""
    if SPREADING & set(loader_args):
        return
    remedy = "use another device, a smaller --dtype, or parallelize=true with several GPUs"
    what = f"the weights of {model} take {size(needed)} in {dtype}"
    if needed > memory.total:
        text = f"{what}, and {memory.device} has {size(memory.total)} in all; {remedy}"
        yield Finding(text, model, refuses=True)
    elif needed > memory.free:
        text = f"{what}, and {memory.device} has {size(memory.free)} free; free some, or {remedy}"
        yield Finding(text, model)


def _tensor_bytes(shape: list[int], stored: str, dtype: str) -> int:
    numbers = 1
    for length in shape:
        numbers *= length
    width = LOADED.get(dtype) if stored in FLOATING else None
    return numbers * (width or ITEM.get(stored, 1))


def _number(path: Path) -> int | None:
    """The number in a file; None where there is none ("max" is none)."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
