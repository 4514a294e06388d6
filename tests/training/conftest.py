"""A zoo in an empty folder whose host knows the recipes of `nudge`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training import nudge
from zoo.executors import builtins
from zoo.host import Host
from zoo.training.making import Made, make, prepare
from zoo.training.order import Wish


def open_host() -> Host:
    """The zoo of the working folder."""
    return Host(builtins={**builtins(), "recipes": tuple(nudge.zoo_recipes())})


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.chdir(tmp_path)
    return open_host()


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Made]:
    """Trains nano/nudged, as the keywords say otherwise."""
    monkeypatch.chdir(tmp_path)

    def carried_out(*, restart: bool = False, tell: Any = None, **wish: Any) -> Made:
        told = Wish(**{"family": "nano", "stage": "nudged", **wish})
        own = open_host()
        heard = {"tell": tell} if tell else {}
        return make(own, prepare(own, told, restart=restart), restart=restart, **heard)

    return carried_out
