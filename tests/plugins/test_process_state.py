"""What a guest changes of what is everybody's is noticed and put back."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from zoo.process_state import PARTS, kept

CHANGES: dict[str, Callable[[Path], Any]] = {
    "the working folder": lambda folder: os.chdir(folder),
    "the seed of random": lambda _: random.seed(7),
    "numpy's seed": lambda _: np.random.seed(7),
    "torch's seed": lambda _: torch.manual_seed(torch.initial_seed() + 1),
    "torch's default dtype": lambda _: torch.set_default_dtype(torch.float64),
    "whether torch computes gradients": lambda _: torch.set_grad_enabled(False),
    "whether torch is deterministic": lambda _: torch.use_deterministic_algorithms(True),
    "the precision of torch's products": lambda _: torch.set_float32_matmul_precision("medium"),
    "torch's number of threads": lambda _: torch.set_num_threads(torch.get_num_threads() + 1),
    "the root logger": lambda _: logging.getLogger().addHandler(logging.NullHandler()),
    "signal handlers": lambda _: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "the recursion limit": lambda _: sys.setrecursionlimit(sys.getrecursionlimit() + 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named_and_put_back(name: str, tmp_path: Path) -> None:
    (part,) = (part for part in PARTS if part.name == name)
    before = part.read()
    with kept() as changed:
        CHANGES[name](tmp_path)
        assert part.read() != before
    assert changed == [name]
    assert part.read() == before


def test_every_part_but_the_locale_is_changed_here() -> None:
    """Which locales there are depends on the machine."""
    assert {part.name for part in PARTS} - {"the locale"} == CHANGES.keys()


def test_what_changes_nothing_is_not_accused() -> None:
    with kept() as changed:
        random.Random(3).random()
        logging.getLogger("guest").setLevel(logging.DEBUG)
        torch.randn(2, generator=torch.Generator().manual_seed(1))
    assert changed == []


def test_it_is_put_back_where_the_guest_raised(tmp_path: Path) -> None:
    here = Path.cwd()

    def visit() -> None:
        with kept():
            os.chdir(tmp_path)
            raise KeyError("guest")

    with pytest.raises(KeyError):
        visit()
    assert Path.cwd() == here
