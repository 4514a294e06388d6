"""A recipe trains on the one device that it is told, whatever else torch sees."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import ConfigError
from zoo.training import Assignment
from zoo_trl.fitting import Pace, configured, prepared, settings
from zoo_trl.parents import Parent

PACE = Pace(1e-3, 1.0, 4, 4, 1, 1, "cosine")


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch says of a machine with four GPUs."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)


def on(device: str, out: Path) -> Assignment:
    return Assignment(out, None, None, 3, device=device)


@pytest.mark.train
@pytest.mark.parametrize(("device", "index"), [("cuda", 0), ("cuda:0", 0), ("cuda:3", 3)])
def test_one_gpu_is_trained_on_however_many_there_are(
    device: str, index: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    trl = pytest.importorskip("trl")
    from accelerate import Accelerator

    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    gpu = torch.device("cuda", index)
    for _ in range(2):  # a process may train more than once
        config = configured(trl.SFTConfig, on(device, tmp_path), PACE)
        assert config.device == gpu
        assert Accelerator().device == gpu
        assert config.n_gpu == 1
        assert config.train_batch_size == 4
        assert not config.parallel_mode.value.startswith("not_distributed")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "4,5,6,7"
    config = configured(trl.SFTConfig, on("cpu", tmp_path), PACE)
    assert config.device == Accelerator().device == torch.device("cpu")


def test_the_reference_of_a_reinforcement_is_laid_over_no_other_gpu() -> None:
    parent = Parent(None, None, "org/base", "abc", None, "org/base", None)
    assert parent.again == {"device_map": None, "revision": "abc"}


@pytest.mark.train
@pytest.mark.usefixtures("four_gpus")
@pytest.mark.parametrize("device", ["cuda:x", "cuda:", "cuda:-1", "cpu:1", "cuda:4"])
def test_a_device_that_is_none_is_refused_in_a_sentence(device: str, tmp_path: Path) -> None:
    pytest.importorskip("trl")

    def train(assignment: Assignment, **_: Any) -> None:
        raise AssertionError(f"{assignment.device} was trained on")

    with pytest.raises(ConfigError, match=f"--device '?{device}'?"):
        prepared(train)(on(device, tmp_path))


def test_bfloat16_is_not_used_where_it_is_only_emulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    for has_it in (True, False):

        def supported(including_emulation: bool = True, has_it: bool = has_it) -> bool:
            return has_it or including_emulation

        monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
        assert settings(on("cuda", tmp_path), PACE)["bf16"] is has_it
        assert settings(on("cpu", tmp_path), PACE)["bf16"] is False
