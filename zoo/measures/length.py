"""How long answers are, of what use the length is, and what would be right within a budget.

Rows are those of a probe called "length", made from the stored items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from zoo.clustered import Floats, Part
from zoo.columns import Cell, Codes
from zoo.composites import known
from zoo.matching import Matched
from zoo.pairing import higher_is_better
from zoo.ratios import ratio_of_medians
from zoo.stats import composite_difference, composite_mean

Row = Mapping[str, Any]

ENOUGH = 0.90
"""The share of a parent's answers that its budget is long enough for."""


def length(cells: Sequence[Cell], edges: Sequence[Matched]) -> Iterator[Row]:
    """Summaries, accuracy within budgets, and changes along edges.

    cells: scored, those of one model and protocol together. Cells without a count of tokens have no
    rows. A score of .5 or more counts as correct.
    """
    for (model, protocol), group in groupby(cells, key=_who):
        place = {"probe": "length", "model": model, "protocol": protocol}
        generated = [(cell, found) for cell in group if (found := _answers(cell))]
        for cell, answers in generated:
            named = {**place, "benchmark": cell.result.spec.benchmark.name}
            yield {**named, "kind": "summary", **_summary(answers)}
            for budget in _budgets(answers.tokens):
                yield {**named, "kind": "budget", **_within(answers, budget)}
        if generated:
            pooled = _pooled([answers for _, answers in generated])
            yield {**place, "benchmark": None, "kind": "summary", **_summary(pooled)}
    for edge in edges:
        yield from _changes(edge)


@dataclass(frozen=True, eq=False)
class _Answers:
    """(a,) answers whose tokens were counted. thinking: those of tokens that are, and cut: whether
    the cap came before their end; nan where no end of thinking is declared."""

    ids: Codes
    tokens: Floats
    thinking: Floats
    right: Floats
    truncated: Floats
    cut: Floats
    clusters: Codes


def _who(cell: Cell) -> tuple[str, str]:
    return cell.result.spec.model.id, cell.result.spec.protocol


def _answers(cell: Cell) -> _Answers | None:
    counted = ~np.isnan(cell.tokens)
    if not counted.any() or cell.scores.min() < 0 or cell.scores.max() > 1:
        return None
    scores = cell.scores if higher_is_better(cell.result) else 1 - cell.scores
    return _Answers(
        cell.answers[counted],
        cell.tokens[counted],
        cell.thinking[counted],
        (scores[counted] >= 0.5).astype(float),
        cell.truncated[counted],
        cell.cut[counted],
        cell.clusters[counted],
    )


def _pooled(several: Sequence[_Answers]) -> _Answers:
    return _Answers(
        *(
            np.concatenate([getattr(each, name) for each in several])
            for name in ("ids", "tokens", "thinking", "right", "truncated", "cut", "clusters")
        )
    )


def _summary(answers: _Answers) -> Row:
    right = answers.right == 1
    thought = ~np.isnan(answers.thinking)
    thinking, tokens = answers.thinking[thought], answers.tokens[thought]
    return {
        "n": int(answers.tokens.size),
        "median_tokens": _median(answers.tokens),
        "median_correct": _median(answers.tokens[right]),
        "median_wrong": _median(answers.tokens[~right]),
        "truncated": _share(answers.truncated),
        "median_thinking": _median(thinking),
        "median_answer": _median(tokens - thinking),
        "thinking_cut": _share(answers.cut),
    }


def _budgets(tokens: Floats) -> list[int]:
    """Powers of two from 8 on, to the first that all answers fit into."""
    longest, budgets = int(tokens.max()), [8]
    while budgets[-1] < longest:
        budgets.append(2 * budgets[-1])
    return budgets


def _within(answers: _Answers, budget: int) -> Row:
    """The share of answers that are right and done within so many tokens."""
    fit = answers.right * (answers.tokens <= budget)
    found = composite_mean([Part(fit, answers.clusters)])
    return {
        "budget": budget,
        "accuracy": found.value,
        "low": known(found.low),
        "high": known(found.high),
    }


def _changes(edge: Matched) -> Iterator[Row]:
    place = {
        "probe": "length",
        "model": edge.other.id,
        "protocol": edge.protocol,
        "kind": "change",
        "base": edge.base.id,
    }
    pairs, budgets = [], []
    for key, (base, other) in edge.cells.items():
        if edge.contrasts[key].mixed:
            continue
        before, after = _answers(base), _answers(other)
        if before is None or after is None or not np.array_equal(before.ids, after.ids):
            continue
        budget = float(np.quantile(before.tokens, ENOUGH, method="inverted_cdf"))
        pairs.append((before, after))
        budgets.append(np.full(before.tokens.size, budget))
        name = other.result.spec.benchmark.name
        yield {**place, "benchmark": name, "budget": budget, **_change(*pairs[-1], budgets[-1])}
    if pairs:
        before, after = (_pooled(list(each)) for each in zip(*pairs, strict=True))
        change = _change(before, after, np.concatenate(budgets))
        yield {**place, "benchmark": None, "budget": None, **change}


def _change(before: _Answers, after: _Answers, budget: Floats) -> Row:
    """The ratio of median tokens, and the gain where both are held to the parent's budget."""
    ratio = ratio_of_medians(before.tokens, after.tokens, before.clusters)
    held = after.right * (after.tokens <= budget) - before.right * (before.tokens <= budget)
    gain = composite_difference([Part(held, before.clusters, 1.0, -1.0, 1.0)])
    return {
        "n": int(before.tokens.size),
        "ratio": ratio.value if ratio else None,
        "low": ratio.low if ratio else None,
        "high": ratio.high if ratio else None,
        "gain": gain.value,
        "gain_low": known(gain.low),
        "gain_high": known(gain.high),
        "gain_all": float((after.right - before.right).mean()),
    }


def _share(flags: Floats) -> float | None:
    """The share of those that are known."""
    known_ones = flags[~np.isnan(flags)]
    return float(known_ones.mean()) if known_ones.size else None


def _median(tokens: Floats) -> float | None:
    return float(np.median(tokens)) if tokens.size else None
