"""What a device's failure means for the process, and a model that lies on several devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.evaluating import cell_of, make_evaluator, spec

from zoo.errors import DeviceError, ModelError
from zoo.evaluation.environment import raise_if_device_failed, resolve_device
from zoo.hookspecs import Loader
from zoo.models import Model


def wrapped(cause: Exception) -> Exception:
    """As loaders raise it: the error's own text is gone into another's."""
    try:
        try:
            raise cause
        except Exception as problem:
            raise ModelError("org/m cannot be loaded") from problem
    except ModelError as problem:
        return problem


def test_an_error_of_cuda_is_seen_through_the_errors_around_it() -> None:
    problem = RuntimeError("CUDA error: an illegal memory access was encountered")
    for each in (problem, wrapped(problem)):
        with pytest.raises(DeviceError, match="illegal memory access"):
            raise_if_device_failed(each)


def test_a_lack_of_memory_and_any_other_failure_leave_the_process_sound() -> None:
    import torch

    sound = [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), ValueError("x")]
    for problem in sound:
        raise_if_device_failed(problem)
        raise_if_device_failed(wrapped(problem))


@pytest.mark.parametrize(
    ("gpus", "device", "told"),
    [(4, "cuda", {"lay_out": "wide"}), (1, "cuda", {}), (4, "cpu", {})],
)
def test_a_loader_is_told_to_spread_a_model_of_several_gpus(
    tmp_path: Path, task_folder: Path, gpus: int, device: str, told: dict[str, Any]
) -> None:
    seen: list[dict[str, Any]] = []

    def load(
        _model: Model, *, device: str, dtype: str, batch_size: int | str, **options: Any
    ) -> Any:
        seen.append(options)
        raise ModelError(f"nothing is loaded on {device} in {dtype} by {batch_size}")

    loader = Loader("wide", load, reads_files=False, spread={"lay_out": "wide"})
    evaluator, _ = make_evaluator(tmp_path, task_folder, loader=loader)
    evaluator.device = device
    cell = cell_of(evaluator, spec(Model("m", gpus=gpus), "tiny_choice"))
    (result,) = evaluator.evaluate([cell])
    assert result.status == "failed"
    assert seen == [told]


def test_a_device_of_another_machine_is_taken_at_its_word() -> None:
    import torch

    if not torch.cuda.is_available():
        assert resolve_device("cuda", here=False) == "cuda"
    assert resolve_device("cpu", here=False) == "cpu"
