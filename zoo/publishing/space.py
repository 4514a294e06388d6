"""A leaderboard as a static Space: its page, whole and self-contained, and its data.

Static Spaces cost nothing and run nothing on the Hub's side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import yaml

from zoo.publishing.bundle import Bundle
from zoo.publishing.card import CARD
from zoo.publishing.manifest import spell
from zoo.publishing.names import public_names, renamed
from zoo.ranking import Leaderboard

PAGE = "index.html"


def space_bundle(board: Leaderboard, target: str, results: str, *, private: bool = True) -> Bundle:
    """The Space `target`. results: the data set that its numbers are published in."""
    from zoo.reporting.leaderboard.page import leaderboard_page

    board = _publicly(board)
    title = f"Leaderboard: {board.suite}"
    front = {
        "title": title,
        "emoji": "📊",
        "colorFrom": "blue",
        "colorTo": "gray",
        "sdk": "static",
        "app_file": PAGE,
        "datasets": [results],
        "tags": ["stagezoo", "leaderboard"],
    }
    spelt = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    said = "Made by `zoo publish --space` of stagezoo; the next one writes it anew.\n"
    files = {
        CARD: f"---\n{spelt}---\n\n{said}".encode(),
        PAGE: leaderboard_page(board).encode(),
        "leaderboard.json": spell(renamed(board.to_dict(), {})),
    }
    return Bundle("space", target, files, title, private)


def _publicly(board: Leaderboard) -> Leaderboard:
    """The leaderboard with models called as in the results: a folder may have held several."""
    ids = sorted({name for each in board.entries for name in (each.model, *each.parents)})
    known = {each.model: each.identity.weights for each in board.entries}
    names = public_names(ids, known)
    entries = tuple(
        _renamed(
            each,
            names
            if known[each.model] == each.identity.weights
            else public_names(ids, {**known, each.model: each.identity.weights}),
        )
        for each in board.entries
    )
    return replace(_renamed(replace(board, entries=()), names), entries=entries)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Nouns in which models are called by their public names."""
    if is_dataclass(value) and not isinstance(value, type):
        own = {each.name: _renamed(getattr(value, each.name), names) for each in fields(value)}
        return replace(value, **own)
    if isinstance(value, tuple):
        parts = (_renamed(each, names) for each in value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, Mapping):
        return {key: _renamed(each, names) for key, each in value.items()}
    return renamed(value, names) if isinstance(value, str) else value
