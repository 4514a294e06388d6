"""The one device that a recipe trains on, whatever else torch sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zoo.evaluation.environment import resolve_device


def gpu_of(device: str) -> Any:
    """The GPU that "cuda" or "cuda:i" names, as torch calls it; None for a CPU."""
    import torch

    kind, _, index = device.partition(":")
    return torch.device(kind, int(index or 0)) if kind == "cuda" else None


@contextmanager
def chosen(device: str) -> Iterator[None]:
    """Makes the GPU torch's current one, and the former again afterwards; a CPU needs nothing.

    Raises ConfigError where there is no such device.
    """
    import torch

    gpu = gpu_of(resolve_device(device))
    if gpu is None:
        yield
        return
    with torch.cuda.device(gpu):
        yield


def bound(kind: type, device: str, **values: Any) -> Any:
    """A trainer's settings, of the class `kind`, that hold it to the one device.

    Left to itself, transformers takes the first GPU and lays the model over all that torch sees,
    with as many times the batch. What it would find out is therefore there before it looks: the
    settings' device and their number of GPUs, and the device that accelerate moves tensors to.
    """
    config: Any = kind.__new__(kind)
    if (gpu := gpu_of(device)) is not None:
        from accelerate.state import AcceleratorState, PartialState

        AcceleratorState._reset_state(reset_partial_state=True)
        config.distributed_state = PartialState()
        config.distributed_state.device = gpu
        config._n_gpu = 1
        config._setup_devices = gpu
    config.__init__(**values)
    return config
