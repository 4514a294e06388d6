"""A leaderboard's page: one HTML file with everything in it, under a strict policy.

Every text of models and families is data for the script, which writes it as text and never as
markup; the first entries stand in the page as a plain table for readers without JavaScript.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from zoo.effects import Mean, Shift
from zoo.ranking import Entry, Leaderboard, is_better, is_sure
from zoo.reporting.bundle import inline, json_for_script, own, policy
from zoo.reporting.figures import points
from zoo.reporting.leaderboard.layout import reading, title
from zoo.reporting.leaderboard.words import ranks, set_apart, settings, source
from zoo.reporting.text import clean
from zoo.results import PROTOCOLS

WITHOUT_SCRIPT = 100
"""Entries of each protocol that a reader without JavaScript sees."""

SCRIPTS = ("rows.js", "plane.js", "view.js")


def leaderboard_page(board: Leaderboard) -> str:
    """The page: a table to sort, search and filter, lineages, the plane of G and S."""
    environment = Environment(
        loader=PackageLoader("zoo.reporting.leaderboard", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    styles = [own("page.css"), _own("board.css")]
    scripts = [_own(name) for name in SCRIPTS]
    protocols = [p for p in PROTOCOLS if any(e.protocol == p for e in board.entries)]
    return environment.get_template("page.html.j2").render(
        title=title(board),
        facts=_facts(board, protocols),
        reading=list(reading(board)),
        shared=settings(board)[0],
        columns=[clean(column.benchmark) for column in board.columns],
        plain=[
            (
                protocol,
                [_plain(e) for e in board.entries if e.protocol == protocol][:WITHOUT_SCRIPT],
            )
            for protocol in protocols
        ],
        policy=policy(scripts, styles),
        styles=[Markup(each) for each in styles],
        scripts=[Markup(each) for each in scripts],
        data=json_for_script(page_data(board)),
    )


def page_data(board: Leaderboard) -> dict[str, Any]:
    """What the script shows: fractions with four digits, a mean as [value, low, high]."""
    apart = set_apart(board.entries)
    places = {(e.model, e.protocol, e.source): n for n, e in enumerate(board.entries)}
    anywhere = {(e.model, e.protocol): n for n, e in reversed(list(enumerate(board.entries)))}
    by_cells = {(e.cells, e.protocol): n for n, e in enumerate(board.entries)}

    def place(parent: str, entry: Entry) -> int:
        against = next((delta.cells for delta in entry.deltas if delta.parent == parent), "")
        at = by_cells.get((against, entry.protocol))
        if at is None:
            at = places.get((parent, entry.protocol, entry.source))
        return anywhere.get((parent, entry.protocol), -1) if at is None else at

    return {
        "sort": clean(board.sort),
        "benchmarks": [
            {
                "name": clean(column.benchmark),
                "shots": column.num_fewshot,
                "metric": clean(column.metric),
                "axis": column.axis,
                "capability": clean(column.capability),
            }
            for column in board.columns
        ],
        "capabilities": [
            {"name": clean(name), "axis": axis} for name, axis in board.capabilities.items()
        ],
        "rows": [
            {
                "model": clean(entry.model),
                "apart": apart.get(id(entry), ""),
                "revision": clean(entry.revision or ""),
                "family": clean(entry.family),
                "regime": clean(entry.regime),
                "protocol": entry.protocol,
                "licence": clean(entry.licence),
                "size": entry.parameters,
                "source": source(entry),
                "rank": [entry.rank.low, entry.rank.high] if entry.rank else None,
                "means": [
                    _mean(mean)
                    for mean in (
                        entry.general,
                        entry.special,
                        *(entry.capabilities.get(name) for name in board.capabilities),
                    )
                ],
                "scores": [_digits(score.value) if score else None for score in entry.scores],
                "deltas": [
                    {
                        "parent": clean(delta.parent),
                        "row": place(delta.parent, entry),
                        "paired": delta.paired,
                        "changes": [_shift(delta.general), _shift(delta.special)],
                        "sure": is_sure(delta),
                        "better": is_better(delta, board.sort),
                    }
                    for delta in entry.deltas
                ],
                "parents": [clean(parent) for parent in entry.parents],
                "above": [at for p in entry.parents if (at := place(p, entry)) >= 0],
                "identity": _identity(entry),
                "measured": entry.measured,
                "gap": clean(entry.gap),
            }
            for entry in board.entries
        ],
    }


def _facts(board: Leaderboard, protocols: Sequence[str]) -> list[tuple[str, str]]:
    return [
        ("models", f"{len({entry.model for entry in board.entries}):,}"),
        ("entries", f"{len(board.entries):,}"),
        ("benchmarks", f"{len(board.columns):,}"),
        ("asked", " and ".join(protocols)),
        ("ranked by", clean(board.sort)),
    ]


def _plain(entry: Entry) -> tuple[str, str, str, str]:
    general, special = (
        points(mean.value if mean else None) for mean in (entry.general, entry.special)
    )
    return clean(entry.model), ranks(entry), general, special


def _identity(entry: Entry) -> Mapping[str, str]:
    own = entry.identity
    versions = ", ".join(f"{clean(name)} {clean(each)}" for name, each in own.versions.items())
    said = {
        "revision": clean(entry.revision or ""),
        "weights": clean(own.weights),
        "dtype": clean(own.dtype),
        "loader": clean(own.loader),
        "engine": clean(own.engine),
        "items": "all" if own.limit is None else f"the first {own.limit} of each benchmark",
        "seed": str(own.seed),
        "training": ", ".join(
            f"{name} {value}"
            for name, value in (("step", entry.step), ("seed", entry.training_seed))
            if value is not None
        ),
        "measured": clean(own.finished),
        "versions": versions,
    }
    return {name: value for name, value in said.items() if value}


def _mean(mean: Mean | None) -> list[float | None] | None:
    return None if mean is None else [_digits(each) for each in (mean.value, mean.low, mean.high)]


def _shift(shift: Shift | None) -> list[float | None] | None:
    if shift is None:
        return None
    return [_digits(each) for each in (shift.delta, shift.low, shift.high)]


def _digits(value: float | None) -> float | None:
    return None if value is None else round(value, 8)


@cache
def _own(name: str) -> str:
    """A script or style that lies in this package."""
    return inline(files("zoo.reporting.leaderboard").joinpath(name).read_text("utf-8"))
