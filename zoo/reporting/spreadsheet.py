"""One row for each stage, benchmark and protocol: the score, and its change against the parent."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import fields

from zoo.contrasts import StageScore, Tradeoff
from zoo.reporting.joins import Joins, row_key
from zoo.reporting.lineage import parents
from zoo.reporting.text import clean

SCORE_COLUMNS = tuple(field.name for field in fields(StageScore))
DELTA_COLUMNS = (
    "n",
    "delta",
    "low",
    "high",
    "p",
    "p_adjusted",
    "gained",
    "lost",
    "mde",
    "mixed",
)
COLUMNS = (
    "family",
    "suite",
    "model",
    "revision",
    "regime",
    *SCORE_COLUMNS,
    "base",
    *(f"delta_{name}" if name == "n" else name for name in DELTA_COLUMNS),
)

FORMULA_STARTS = tuple("=+-@＝＋－＠")


def neutralise(value: object) -> object:
    """Numbers as they are; text that a spreadsheet would run as a formula behind an apostrophe.

    >>> neutralise("=1+1"), neutralise(-0.5), neutralise("plain")
    ("'=1+1", -0.5, 'plain')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, int | float):
        return value
    text = clean(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def to_csv(tradeoff: Tradeoff) -> str:
    """Fractions in 0..1, unknown is empty; a merge has one row for each parent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in _rows(tradeoff):
        writer.writerow(map(neutralise, row))
    return text.getvalue()


def _rows(tradeoff: Tradeoff) -> Iterator[list[object]]:
    joins = Joins(tradeoff)
    for stage in tradeoff.stages:
        family = [tradeoff.family, tradeoff.suite, stage.model, stage.revision, stage.regime]
        for score in stage.scores:
            values = [getattr(score, name) for name in SCORE_COLUMNS]
            for base in parents(stage) or (None,):
                pair = (base or "", stage.model)
                contrast = joins.contrast(pair, score.protocol, row_key(score))
                change = [getattr(contrast, name, None) for name in DELTA_COLUMNS]
                yield [*family, *values, base, *change]
