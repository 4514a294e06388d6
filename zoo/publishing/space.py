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

    ids = [name for entry in board.entries for name in (entry.model, *entry.parents)]
    board = _renamed(board, public_names(ids))
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
