"""Where a score says little: ceilings, floors, and changes too small to have been seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from zoo.contrasts import Contrast, Flag, Stage, StageScore

CEILING = 0.95
FLOOR = 0.10


def stage_flags(stage: Stage) -> list[Flag]:
    """Ceiling where the raw score is .95 or more, floor where the normalised one is below .10.

    A score where lower is better has its ceiling where the normalised one is .95.
    """
    rows = []
    for score in stage.scores:
        if score.value is None or score.normalised is None:
            continue
        # a raw score and its normalised one rise together unless lower is better
        raw = score.value if score.normalised <= score.value else score.normalised
        if raw >= CEILING:
            why = f"the score is {100 * raw:.1f} of 100: a gain would hardly show"
            rows.append(_flag(stage.model, score, "ceiling", why))
        if score.normalised < FLOOR:
            chance = 100 * (score.chance or 0.0)
            why = (
                f"the score is {100 * score.value:.1f} and a guesser's {chance:.1f}: "
                "a loss would hardly show"
            )
            rows.append(_flag(stage.model, score, "floor", why))
    return rows


def edge_flags(contrasts: Sequence[Contrast], bases: Sequence[float | None]) -> list[Flag]:
    """Underpowered where the minimum detectable effect is above half of the headroom.

    bases: the raw mean of the parent of each contrast, None where it is no share of 1. The row
    belongs to the child.
    """
    rows = []
    for contrast, base in zip(contrasts, bases, strict=True):
        if base is None or contrast.mde is None:
            continue
        headroom = 1 - base
        if contrast.mde > headroom / 2:
            why = (
                f"a change against {contrast.base} below {100 * contrast.mde:.1f} points would "
                f"hardly be seen, and {100 * headroom:.1f} are left to gain"
            )
            rows.append(
                Flag(
                    contrast.other,
                    contrast.protocol,
                    contrast.benchmark,
                    contrast.metric,
                    "underpowered",
                    why,
                )
            )
    return rows


def _flag(model: str, score: StageScore, kind: Literal["ceiling", "floor"], why: str) -> Flag:
    return Flag(model, score.protocol, score.benchmark, score.metric, kind, why)
