"""What a run runs on: device, dtype, versions. Resolved once and written into every result."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from typing import Any

from zoo.errors import ConfigError, DeviceError
from zoo.probing import describe

DTYPES = ("auto", "float32", "bfloat16", "float16")
PACKAGES = ("stagezoo", "torch", "transformers", "lm_eval", "datasets", "peft")


def resolve_device(wanted: str, *, here: bool = True) -> str:
    """The device to use: "auto" is cuda where there is one, else cpu.

    here: whether it is to be used on this machine, so that it must be there.
    Raises ConfigError where the wish cannot be met.
    """
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:[0-9]+)?", wanted):
        raise ConfigError(f"--device {wanted!r} is not known; use auto, cpu, cuda or cuda:N")
    if here and wanted != "cpu":
        if not torch.cuda.is_available():
            raise ConfigError(
                f"--device {wanted}: torch {torch.__version__} sees no CUDA device here"
            )
        if int(wanted.partition(":")[2] or 0) >= (seen := torch.cuda.device_count()):
            raise ConfigError(
                f"--device {wanted}: there is none of that number; torch sees {seen} CUDA devices "
                "here and counts them from cuda:0"
            )
    return wanted


def resolve_dtype(wanted: str, device: str) -> str:
    """ "auto" is float32 on a CPU and the checkpoint's own dtype ("auto") on a GPU."""
    if wanted not in DTYPES:
        raise ConfigError(f"--dtype {wanted!r} is not known; use one of {', '.join(DTYPES)}")
    return "float32" if wanted == "auto" and device == "cpu" else wanted


def checkpoint_dtype(config: Mapping[str, Any]) -> str:
    """The dtype that "auto" means for a checkpoint: what its config.json names, else float32."""
    inner = config.get("text_config") or {}
    named = [each.get(name) for each in (config, inner) for name in ("dtype", "torch_dtype")]
    found = next((name for name in named if isinstance(name, str) and name != "auto"), "float32")
    return found.removeprefix("torch.")


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of the packages that may move a number."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@lru_cache(maxsize=8)
def hardware(device: str) -> str:
    """The device's name, for people."""
    if device.startswith("cuda"):
        import torch

        return str(torch.cuda.get_device_name(device))
    return platform.processor() or platform.machine()


def raise_if_device_failed(problem: BaseException) -> None:
    """Raises DeviceError where a failure, or what it came from, is an error of CUDA.

    After one every later call in the process fails too, except after a lack of memory, which torch
    finds before CUDA is harmed.
    """
    at: BaseException | None = problem
    while at is not None:
        kinds = {kind.__name__ for kind in type(at).__mro__}
        if "OutOfMemoryError" in kinds:
            return
        if "AcceleratorError" in kinds or "CUDA error" in str(at):
            raise DeviceError(describe(at)) from problem
        at = at.__cause__ or at.__context__
