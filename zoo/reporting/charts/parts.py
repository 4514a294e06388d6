"""What the charts of edges share: names, rows, and the shape of a view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.contrasts import Contrast
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.draft import Draft
from zoo.reporting.joins import RowKey
from zoo.reporting.text import clean, shorten
from zoo.results import Protocol

LABEL_WIDTH = 26
LINE = 22
"""Pixels that a row of a chart takes."""


@dataclass(frozen=True)
class Edge:
    """One edge under one protocol, with the changes that can be drawn, row by row."""

    pair: tuple[str, str]
    protocol: Protocol
    base: str
    other: str
    changes: Sequence[tuple[RowKey, Contrast]]

    @property
    def title(self) -> str:
        """`base → other, native`."""
        return f"{self.base} → {self.other}, {self.protocol}"


def edges(draft: Draft) -> Iterator[Edge]:
    """Edges in the order of the tree, the protocols of each together; those with any change."""
    for pair in draft.pairs:
        for protocol in draft.protocols:
            found = [
                (key, contrast)
                for key in draft.joins.rows
                if (contrast := draft.joins.contrast(pair, protocol, key))
                and figures.known(contrast.delta)
                and not is_raw(draft, protocol, key)
            ]
            if found:
                yield Edge(pair, protocol, draft.name(pair[0]), draft.name(pair[1]), found)


def is_raw(draft: Draft, protocol: Protocol, key: RowKey) -> bool:
    """Whether a benchmark's numbers are no shares of 1, so that points do not measure them."""
    scores = [each for each in draft.joins.across(protocol, key) if each.status == "scored"]
    return bool(scores) and not any(figures.known(each.normalised) for each in scores)


def named(draft: Draft, key: RowKey) -> str:
    """A benchmark's name, with as much more as tells it from its namesakes."""
    benchmark, metric, _, shots = key
    namesakes = [each for each in draft.joins.rows if each[0] == benchmark]
    name = clean(benchmark) or "(no name)"
    if len({each[1] for each in namesakes}) > 1:
        name += f" ({clean(metric)})"
    if len({each[3] for each in namesakes}) > 1:
        name += f" {shots}-shot"
    return shorten(name, LABEL_WIDTH)


def unseen(contrast: Contrast) -> bool:
    """Whether the change is below the minimum detectable effect."""
    assert figures.known(contrast.delta)
    return figures.known(contrast.mde) and abs(contrast.delta) < contrast.mde


def view(layers: Sequence[Any], width: float, height: float) -> dict[str, Any]:
    """Layers over each other in a view of this size, its axes and legends included."""
    import altair as alt

    chart = alt.layer(*layers).properties(
        width=width, height=height, autosize=alt.AutoSizeParams(type="fit", contains="padding")
    )
    return dict(chart.to_dict(validate=False))


def zero_line() -> Any:
    """A layer with a thin line where nothing changes."""
    import altair as alt

    return (
        alt.Chart(alt.Data(values=[{"zero": 0}]))
        .mark_rule(color=theme.FAINT)
        .encode(x=alt.X("zero:Q"))
    )


def rows_high(count: int) -> int:
    """Pixels for a chart of so many rows, its axis included."""
    return LINE * count + 60
