"""What the engine's tests share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from engine_models import tokenizer_in


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tokenizer_in(str(tmp_path_factory.mktemp("tokenizer")))


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny models are slower on many threads than on one."""
    torch.set_num_threads(1)
