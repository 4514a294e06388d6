"""What a process has one of, and a guest must leave as it found it: seeds, defaults, the folder.

A plugin's import or hook that changes any of it would change other people's numbers. `kept` notes
what is there, and afterwards says what was changed and puts it back.
"""

from __future__ import annotations

import locale
import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

FRESH_TORCH_SEED = 67280421310721
"""Of torch's generator before anyone has seeded it (c10's default_rng_seed_val)."""


@dataclass(frozen=True)
class _Part:
    """One thing. read: its value, which can be compared; write: puts a value back.

    module: the library it belongs to, without which there is nothing to read. fresh: its value once
    that library is imported, for one that was imported in between; None where that is not known.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    module: str = "sys"
    fresh: Any = None


def _torch() -> Any:
    return sys.modules["torch"]


def _numpy() -> Any:
    return sys.modules["numpy"]


def _comparable(state: Any) -> tuple[Any, ...]:
    """numpy's state with its array as a tuple: arrays have no one answer to =="""
    return tuple(tuple(each.tolist()) if hasattr(each, "tolist") else each for each in state)


def _root_logger() -> tuple[Any, ...]:
    root = logging.getLogger()
    return root.level, tuple(root.handlers), logging.root.manager.disable


def _set_root_logger(value: tuple[Any, ...]) -> None:
    root = logging.getLogger()
    root.level, root.handlers, logging.root.manager.disable = value[0], list(value[1]), value[2]
    logging.root.manager._clear_cache()  # type: ignore[attr-defined]


def _signals() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}


def _set_signals(value: Mapping[int, Any]) -> None:
    if threading.current_thread() is threading.main_thread():
        for number, handler in value.items():
            signal.signal(number, handler)


PARTS = (
    _Part("the working folder", os.getcwd, os.chdir),
    _Part("the seed of random", random.getstate, random.setstate),
    _Part(
        "numpy's seed",
        lambda: _comparable(_numpy().random.get_state()),
        lambda value: _numpy().random.set_state(value),
        "numpy.random",
    ),
    _Part(
        "torch's seed",
        lambda: _torch().initial_seed(),
        lambda value: _torch().manual_seed(value),
        "torch",
        FRESH_TORCH_SEED,
    ),
    _Part(
        "torch's default dtype",
        lambda: str(_torch().get_default_dtype()).removeprefix("torch."),
        lambda value: _torch().set_default_dtype(getattr(_torch(), value)),
        "torch",
        "float32",
    ),
    _Part(
        "whether torch computes gradients",
        lambda: _torch().is_grad_enabled(),
        lambda value: _torch().set_grad_enabled(value),
        "torch",
        True,
    ),
    _Part(
        "whether torch is deterministic",
        lambda: _torch().are_deterministic_algorithms_enabled(),
        lambda value: _torch().use_deterministic_algorithms(value),
        "torch",
        False,
    ),
    _Part(
        "the precision of torch's products",
        lambda: _torch().get_float32_matmul_precision(),
        lambda value: _torch().set_float32_matmul_precision(value),
        "torch",
        "highest",
    ),
    _Part(
        "torch's number of threads",
        lambda: _torch().get_num_threads(),
        lambda value: _torch().set_num_threads(value),
        "torch",
    ),
    _Part("the root logger", _root_logger, _set_root_logger),
    _Part("signal handlers", _signals, _set_signals),
    _Part(
        "the locale",
        lambda: locale.setlocale(locale.LC_ALL),
        lambda value: locale.setlocale(locale.LC_ALL, value),
    ),
    _Part("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
)


@contextmanager
def kept() -> Iterator[list[str]]:
    """Puts back, at the end of the block, what it changed; the list then names each such thing."""
    changed: list[str] = []
    before = {part.name: part.read() for part in PARTS if part.module in sys.modules}
    try:
        yield changed
    finally:
        for part in PARTS:
            if part.module not in sys.modules:
                continue
            was = before.get(part.name, part.fresh)
            if was is not None and part.read() != was:
                part.write(was)
                changed.append(part.name)
