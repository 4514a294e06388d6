"""A leaderboard as flat lines, one for each entry: fractions in 0..1, None where not known."""

from __future__ import annotations

import csv
import io
from typing import Any

from zoo.effects import Mean, Shift
from zoo.ranking import Entry, Leaderboard
from zoo.reporting.spreadsheet import neutralise

FACTS = ("model", "revision", "family", "regime", "protocol", "parameters", "licence", "source")
IDENTITY = ("dtype", "loader", "engine", "limit", "seed", "weights", "finished")
AXES = ("G", "S")


def to_csv(board: Leaderboard) -> str:
    """The lines as CSV, unknown is empty, foreign text behind an apostrophe where it is a
    formula."""
    text = io.StringIO()
    lines = flat(board)
    writer = csv.writer(text, lineterminator="\n")
    if lines:
        writer.writerow(map(neutralise, lines[0]))
    for line in lines:
        writer.writerow(map(neutralise, line.values()))
    return text.getvalue()


def flat(board: Leaderboard) -> list[dict[str, Any]]:
    """A line for each entry, all with the same keys: ranks, facts, G, S and capabilities with their
    limits, deltas to the first parent that is known, raw scores by benchmark, identity."""
    return [_line(entry, board) for entry in board.entries]


def _line(entry: Entry, board: Leaderboard) -> dict[str, Any]:
    delta = next(iter(entry.deltas), None)
    line: dict[str, Any] = {
        "rank_low": entry.rank.low if entry.rank else None,
        "rank_high": entry.rank.high if entry.rank else None,
        **{name: getattr(entry, name) for name in FACTS},
    }
    for name in (*AXES, *board.capabilities):
        line |= _parts(name, entry.of(name), "value")
    line["parent"] = delta.parent if delta else None
    line["paired"] = delta.paired if delta else None
    for name in AXES:
        shift = delta.of(name) if delta else None
        line |= _parts(f"delta_{name}", shift, "delta")
        line[f"delta_{name}_p"] = shift.p if shift else None
    for column, score in zip(board.columns, entry.scores, strict=True):
        shots = "" if column.num_fewshot is None else f":{column.num_fewshot}"
        line[f"{column.benchmark}{shots} {column.metric}"] = score.value if score else None
    line |= {name: getattr(entry.identity, name) for name in IDENTITY}
    return {**line, "measured": entry.measured, "gap": entry.gap}


def _parts(name: str, of: Mean | Shift | None, middle: str) -> dict[str, float | None]:
    return {
        name: getattr(of, middle, None),
        f"{name}_low": of.low if of else None,
        f"{name}_high": of.high if of else None,
    }
