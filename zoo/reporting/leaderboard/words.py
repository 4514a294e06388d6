"""Entries in words: what to call them, how large they are, what sets two apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from zoo.ranking import Entry, Leaderboard
from zoo.reporting.figures import UNKNOWN
from zoo.reporting.text import clean

HERE = "measured here"
SETTINGS = ("dtype", "loader", "engine", "limit", "seed", "weights")


def size(parameters: int | None) -> str:
    """A number of parameters as people say it.

    >>> size(1_600_000), size(7_240_000_000), size(None)
    ('1.6M', '7.2B', '—')
    """
    if parameters is None:
        return UNKNOWN
    for unit, name in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if parameters >= unit:
            return f"{parameters / unit:.1f}".removesuffix(".0") + name
    return str(parameters)


def ranks(entry: Entry) -> str:
    """`3` or `2–5`; a dash for what is incomplete."""
    if entry.rank is None:
        return UNKNOWN
    low, high = entry.rank.low, entry.rank.high
    return str(low) if low == high else f"{low}–{high}"


def source(entry: Entry) -> str:
    """Where its numbers come from."""
    return clean(entry.source) or HERE


def settings(board: Leaderboard) -> tuple[dict[str, str], list[str]]:
    """(what all entries share of how they were measured, the names of what they do not)."""
    shared, differing = {}, []
    for name in SETTINGS:
        values = {str(getattr(entry.identity, name)) for entry in board.entries}
        if name == "weights":
            continue
        if len(values) == 1:
            shared[name] = clean(values.pop())
        elif values:
            differing.append(name)
    return shared, differing


def set_apart(entries: Sequence[Entry]) -> Mapping[int, str]:
    """By id() of an entry, what tells it from others about the same model and protocol."""
    counts = Counter((entry.model, entry.protocol) for entry in entries)
    said: dict[int, str] = {}
    for (model, protocol), count in counts.items():
        if count < 2:
            continue
        alike = [e for e in entries if (e.model, e.protocol) == (model, protocol)]
        for entry in alike:
            said[id(entry)] = ", ".join(_differences(entry, alike))
    return said


def _differences(entry: Entry, alike: Sequence[Entry]) -> list[str]:
    def differ(values: Sequence[object]) -> bool:
        return len(set(values)) > 1

    words = []
    if differ([each.source for each in alike]):
        words.append(source(entry))
    if differ([each.revision for each in alike]) and entry.revision:
        words.append(f"@ {clean(entry.revision)[:8]}")
    for name in SETTINGS:
        values = [getattr(each.identity, name) for each in alike]
        if differ(values):
            own = getattr(entry.identity, name)
            if name == "limit":
                words.append("all items" if own is None else f"first {own} items")
            elif name == "weights":
                words.append(f"weights {clean(own)[:8]}")
            else:
                words.append(clean(own) if name in ("dtype", "loader") else f"{name} {clean(own)}")
    return words
