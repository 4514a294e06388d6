"""What a device's failure means for the process, and a model that lies on several devices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.evaluating import cell_of, evaluate, make_evaluator, spec

from zoo.errors import ConfigError, DeviceError, ModelError
from zoo.evaluation.environment import raise_if_device_failed, resolve_device
from zoo.evaluation.huggingface import HF, load_hf
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


@pytest.mark.parametrize("device", ["cuda:x", "cuda:-1", "cuda:", "cudax", "cpu:1", "mps"])
def test_a_device_that_is_no_name_of_one_is_refused(device: str) -> None:
    for here in (True, False):
        with pytest.raises(ConfigError, match=f"--device '{device}' is not known; use auto, cpu"):
            resolve_device(device, here=here)


def test_a_gpu_beyond_those_that_are_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert resolve_device("cuda:1") == "cuda:1"
    with pytest.raises(ConfigError, match=r"--device cuda:2: .* torch sees 2 CUDA devices"):
        resolve_device("cuda:2")
    assert resolve_device("cuda:2", here=False) == "cuda:2"


def hflm_with_room_for(rows: int) -> tuple[Loader, list[int]]:
    """lm-eval's HFLM on a device that holds so many rows; how many each call had."""
    import torch

    seen: list[int] = []

    def full(_module: Any, args: tuple[Any, ...]) -> None:
        seen.append(args[0].shape[0])
        if args[0].shape[0] > rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    def load(model: Model, **how: Any) -> Any:
        lm: Any = load_hf(model, **how)
        lm.model.get_input_embeddings().register_forward_pre_hook(full)
        return lm

    return replace(HF, load=load, session=None), seen


@pytest.mark.parametrize("task", ["tiny_choice", "tiny_write", "tiny_rolling"])
def test_out_of_memory_halves_the_batch_of_lm_evals_own_model_and_is_recorded(
    task: str, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    loader, seen = hflm_with_room_for(3)
    evaluator, _ = make_evaluator(tmp_path / "1", task_folder, loader=loader, batch_size=8)
    (found,) = evaluator.evaluate([cell_of(evaluator, spec(base, task))])
    (plain,) = evaluate(make_evaluator(tmp_path / "2", task_folder)[0], spec(base, task))
    assert found.error == ""
    assert found.provenance.batch_size == "2"
    assert list(dict.fromkeys(seen))[:3] == [8, 4, 2]
    assert [item.score for item in found.items] == pytest.approx(
        [item.score for item in plain.items]
    )


def test_memory_that_does_not_suffice_for_one_row_fails_the_cell(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    loader, seen = hflm_with_room_for(0)
    evaluator, _ = make_evaluator(tmp_path, task_folder, loader=loader, batch_size=4)
    (found,) = evaluator.evaluate([cell_of(evaluator, spec(base, "tiny_choice"))])
    assert found.status == "failed"
    assert "out of memory" in found.error
    assert seen[-1] == 1
