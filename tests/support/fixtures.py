"""Fixtures over the parts here; a folder's conftest imports those it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import checkpoints, tasks, zoos


@pytest.fixture(scope="session", autouse=True)
def own_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is remembered from other runs, and nothing is left behind."""
    import datasets
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        cache = str(tmp_path_factory.mktemp("datasets"))
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
        patch.setenv("HF_DATASETS_CACHE", cache)  # of processes that a test starts
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint without a chat template. Tests that change it copy it first."""
    return checkpoints.save_checkpoint(tmp_path_factory.mktemp("models") / "base", seed=1)


@pytest.fixture(scope="session")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of other weights with a chat template that holds BOS."""
    return checkpoints.save_checkpoint(
        tmp_path_factory.mktemp("models") / "chat",
        seed=2,
        chat_template=checkpoints.CHAT_TEMPLATE,
    )


@pytest.fixture(scope="session")
def adapter(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """A LoRA adapter over `base`."""
    return checkpoints.save_adapter(tmp_path_factory.mktemp("models") / "adapter", base)


@pytest.fixture(scope="session")
def task_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny tasks, their data files relative. Tests that change them write their own."""
    return tasks.write_tasks(tmp_path_factory.mktemp("tasks"))


@pytest.fixture
def tiny_zoo(tmp_path: Path, base: Path, chat: Path, adapter: Path) -> zoos.TinyZoo:
    """A zoo of three stages that a test may change."""
    root = tmp_path / "zoo"
    root.mkdir()
    return zoos.make_zoo(root, base, chat, adapter)
