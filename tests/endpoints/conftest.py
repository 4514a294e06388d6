"""A server with the tiny checkpoints behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.endpoint import Endpoint, Weights, serving
from support.fixtures import base, chat, own_caches, task_folder

__all__ = ["base", "chat", "own_caches", "task_folder"]


@pytest.fixture(scope="session")
def weights(base: Path, chat: Path) -> dict[str, Weights]:
    """The checkpoints, loaded once."""
    return {"base": Weights(base), "chat": Weights(chat)}


@pytest.fixture
def endpoint(weights: dict[str, Weights], monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """A server of its own, so that no late request of another test is counted; and no key."""
    for name in ("OPENAI_API_KEY", "OPENAI_API_KEY_127_0_0_1", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with serving(weights) as served:
        yield served
