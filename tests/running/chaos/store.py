"""What a store must still hold, whatever befell the runs that wrote it."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from zoo.store import RESPONSES, SCORES, Store, leases
from zoo.store.attempts import attempts_folder, read_all
from zoo.store.cleaning import clear, find_waste

GATE = 2e-4
"""Nats by which log-likelihoods may differ that the engine found in other batches."""


def kept(root: Path) -> dict[str, str]:
    """Every answer that a store has on the disk, checked, by what was asked.

    Attempts come first: an answer that becomes part of a cell meanwhile is seen twice, not never.
    """
    store = Store(root)
    found: dict[str, str] = {}
    for key in list(store.attempts.cells()):
        known = read_all(attempts_folder(root, key), key)
        assert known.differing == [], "an answer was given twice, and not alike"
        for number, samples in known.answers.items():
            found |= {f"{key} {number} {n}": _spelled(each) for n, each in samples.items()}
    for key, columns in cells(root).items():
        numbers = columns["request"], columns["sample"]
        for place, number in enumerate(zip(*numbers, strict=True)):
            each = {name: values[place] for name, values in columns.items()}
            found[f"{key} {number[0]} {number[1]}"] = _spelled(each)
    assert store.verify() == []
    list(store.records())
    return found


def cells(root: Path) -> dict[str, dict[str, list[Any]]]:
    """Columns of every finished cell of answers, by key."""
    store = Store(root)
    return {key: dict((store.get(RESPONSES, key) or ({},))[0]) for key in store.keys(RESPONSES)}


def scores(root: Path) -> list[tuple[str, Any]]:
    """Scores of the newest run's cells, by name."""
    store = Store(root)
    summaries = (
        (cell.spec.name, store.summary(SCORES, cell.score_key))
        for cell in next(store.records()).cells
    )
    return sorted((name, summary and summary["scores"]) for name, summary in summaries)


def are_alike(
    ours: dict[str, dict[str, list[Any]]], theirs: dict[str, dict[str, list[Any]]]
) -> bool:
    """Whether cells hold the same answers, log-likelihoods within the engine's gate."""
    return ours.keys() == theirs.keys() and all(
        columns.keys() == theirs[key].keys() and all(map(_are_close, values, theirs[key][name]))
        for key, columns in ours.items()
        for name, values in columns.items()
    )


def swept(root: Path) -> list[str]:
    """Attempts that are still there when what serves nobody is gone: a run that was killed just
    behind the finishing of a cell leaves its attempts."""
    time.sleep(2 * leases.STALE)
    store = Store(root)
    clear(find_waste(store))
    return list(store.attempts.cells())


def _are_close(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=0, abs_tol=GATE)
    return bool(one == other)


def _spelled(answer: dict[str, Any]) -> str:
    """An answer as the stub logs it."""
    text = answer.get("text")
    return repr(answer["loglikelihood"]) if text is None else str(text)
