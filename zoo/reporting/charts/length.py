"""Length: how long right and wrong answers are, and what is right within a budget of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import rows_high, view
from zoo.reporting.charts.probes import Row, curve, panels_of, protocol_of, title_of

HEIGHT = 300


def length(tradeoff: Tradeoff, width: int) -> Figure | None:
    """For each benchmark and protocol a panel of medians, and one of accuracy within a budget."""
    summaries = {
        key: drawn
        for key, rows in panels_of(tradeoff, "length", "summary").items()
        if (drawn := [row for row in rows if _ends(row)])
    }
    budgets = panels_of(tradeoff, "length", "budget")
    panels = []
    for key, rows in summaries.items():
        title = title_of(key)
        panels.append(Panel(title, _medians(rows, width), _alt(title, rows), protocol_of(key)))
        if key in budgets:
            title = title_of(key, "right within a budget")
            spec = _budget(tradeoff, budgets[key], width)
            panels.append(Panel(title, spec, _alt_budget(title, budgets[key]), protocol_of(key)))
    if not panels:
        return None
    thought = any(thinks(row) for rows in summaries.values() for row in rows)
    return Figure(
        "length",
        "Length of answers",
        ("median tokens: ● of right answers, ○ of wrong ones",),
        "Longer answers and better ones often come together; that alone does not show that length "
        "is the cause. An answer longer than the budget counts as wrong in the curves.",
        tuple(panels),
        (
            *("Benchmark", "Stage", "Items", "Median", "Right", "Wrong", "Cut at the cap"),
            *(("Thinking", "Answer", "Cut while thinking") if thought else ()),
        ),
        [
            (
                title_of(key),
                row["stage"],
                figures.count(row.get("n")),
                *(
                    figures.points(row.get(name), raw=True)
                    for name in ("median_tokens", "median_correct", "median_wrong")
                ),
                figures.points(row.get("truncated")),
                *(_thinking(row) if thought else ()),
            )
            for key, rows in summaries.items()
            for row in rows
        ],
    )


def thinks(row: Mapping[str, Any]) -> bool:
    """Whether a summary of lengths is of answers that begin with thinking."""
    return bool(row.get("median_thinking") or row.get("thinking_cut"))


def _thinking(row: Row) -> tuple[str, str, str]:
    return (
        figures.tokens(row.get("median_thinking")),
        figures.tokens(row.get("median_answer")),
        figures.points(row.get("thinking_cut")),
    )


def _ends(row: Row) -> list[tuple[str, float]]:
    found = (("right", row.get("median_correct")), ("wrong", row.get("median_wrong")))
    return [(kind, value) for kind, value in found if figures.known(value)]


def _medians(rows: Sequence[Row], width: int) -> dict[str, Any]:
    import altair as alt

    dots = [
        {"stage": row["stage"], "kind": kind, "tokens": tokens}
        for row in rows
        for kind, tokens in _ends(row)
    ]
    y = alt.Y("stage:N", sort=None, title=None, axis=alt.Axis(ticks=False, labelLimit=150))
    base = alt.Chart(alt.Data(values=dots))
    return view(
        [
            base.mark_line(color=theme.FAINT, strokeWidth=1.5).encode(
                x=alt.X("tokens:Q", title="tokens"), y=y, detail=alt.Detail("stage:N")
            ),
            base.mark_point(size=80, opacity=1, filled=True, stroke=theme.SERIES[0]).encode(
                x=alt.X("tokens:Q"),
                y=y,
                fill=alt.Fill(
                    "kind:N",
                    legend=None,
                    scale=alt.Scale(
                        domain=["right", "wrong"], range=[theme.SERIES[0], theme.PAPER]
                    ),
                ),
                tooltip=[alt.Tooltip("stage:N"), alt.Tooltip("kind:N"), alt.Tooltip("tokens:Q")],
            ),
        ],
        width,
        rows_high(len(rows)),
    )


def _budget(tradeoff: Tradeoff, rows: Sequence[Row], width: int) -> dict[str, Any]:
    import altair as alt

    x = alt.X("budget:Q", title="budget (tokens)")
    layers, _ = curve(tradeoff, rows, x, "accuracy", "right (points)")
    return view(layers, width, HEIGHT)


def _alt(title: str, rows: Sequence[Row]) -> str:
    said = [
        f"{row['stage']} " + " and ".join(f"{tokens:g} {kind}" for kind, tokens in _ends(row))
        for row in rows
    ]
    return f"Median tokens of right and wrong answers, {title}: {'; '.join(said)}."


def _alt_budget(title: str, rows: Sequence[Row]) -> str:
    best: dict[str, Row] = {}
    for row in rows:
        if figures.known(row.get("accuracy")):
            best[row["stage"]] = max(row, best.get(row["stage"], row), key=lambda r: r["budget"])
    said = [
        f"{stage} {figures.points(row['accuracy'])} at {row['budget']} tokens"
        for stage, row in best.items()
    ]
    return f"{title}: {'; '.join(said)}."
