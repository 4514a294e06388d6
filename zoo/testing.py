"""Fixtures for tests of plugins. In a conftest.py: `pytest_plugins = ["zoo.testing"]`.

echo_model        an lm-eval LM without weights, whose answers are a pure function of the request
tiny_checkpoint   the folder of a random causal LM of some 40,000 parameters, with its tokenizer
zoo_with          a zoo that has the host's own plugins and the given one, and no other

A plugin that `zoo_with` is given is found as any other is, by its entry point: the one that is
installed where there is one, else one that is made in a folder on the path. So what a test sees is
what `zoo plugins` would list.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from zoo.authoring.lonely import LonelyZoo, lonely_zoo
from zoo.authoring.tiny import save_checkpoint

if TYPE_CHECKING:
    from lm_eval.api.model import LM

__all__ = ["LonelyZoo", "echo_model", "save_checkpoint", "tiny_checkpoint", "zoo_with"]


@pytest.fixture
def echo_model() -> LM:
    """An lm-eval LM that repeats the last line of a prompt; see `zoo.evaluation.echo`."""
    from zoo.evaluation.echo import load_echo
    from zoo.models import Model

    return load_echo(Model("echo"))


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama checkpoint, the same in every run. Copy it before you change it."""
    return save_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")


@pytest.fixture
def zoo_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType], LonelyZoo]:
    """(module) -> a zoo with the host's own plugins and this one; raises AssertionError with the
    reason where the host does not take it."""

    def make(module: ModuleType) -> LonelyZoo:
        folder = tmp_path / f"zoo of {module.__name__}"
        folder.mkdir()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        name = _entry_point(module) or _announce(module, folder / "site", monkeypatch)
        zoo = lonely_zoo(name, folder)
        assert zoo.plugin.status == "ok", f"{name} is {zoo.plugin.status}: {zoo.plugin.reason}"
        return zoo

    return make


def _entry_point(module: ModuleType) -> str | None:
    """The name under which the module is installed as a plugin, if it is."""
    from zoo.hookspecs import GROUP

    found = importlib.metadata.entry_points(group=GROUP)
    return next((each.name for each in found if each.value == module.__name__), None)


def _announce(module: ModuleType, site: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Puts a distribution on the path whose entry point is the module; its name."""
    name = module.__name__.replace("_", "-").replace(".", "-")
    info = site / f"{module.__name__}-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n")
    (info / "entry_points.txt").write_text(f"[zoo]\n{name} = {module.__name__}\n")
    folders = [str(site), *([str(Path(module.__file__).parent)] if module.__file__ else [])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(folders))  # of processes that a test starts
    monkeypatch.syspath_prepend(str(site))
    assert module.__name__ in sys.modules
    return name
