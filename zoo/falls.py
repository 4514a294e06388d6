"""Whether something has fallen, asked again at every checkpoint without crying wolf.

A watch tests as long as a training goes on, and nobody says beforehand how often. Holm over what
there is so far would be wrong: each look would be fair, and the chance that any of many looks is
mistaken would grow with them. So each test gets its share of the level before its data are seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ALPHA = 0.05
"""The chance that a watch of a training in which nothing changed ever marks a fall, at most."""


@dataclass(frozen=True)
class Judged:
    """One test. level: what its one-sided p is held against; below: whether it is no greater."""

    level: float
    below: bool


def judged_in_turn(ps: Iterable[float | None], alpha: float = ALPHA) -> list[Judged]:
    """Tests in the order in which they were made, family-wise level alpha however many they become.

    ps: one-sided p of each; None where nothing could be tested, which costs nothing.
    The online fallback procedure of Tian and Ramdas 2021, "Online control of the familywise error
    rate", which holds under any dependence: test i has the level alpha * g_i, and the level of the
    test before it on top where that one rejected. The g_i sum to 1; here they are 1 / (i (i + 1)),
    so that the first test is that of a common two-sided 95 % interval.

    >>> [round(each.level, 4) for each in judged_in_turn([0.2, 0.001, 0.01, None, 0.9])]
    [0.025, 0.0083, 0.0125, 0.0, 0.015]
    """
    found: list[Judged] = []
    number, carried = 0, 0.0
    for p in ps:
        if p is None:
            found.append(Judged(0.0, below=False))
            continue
        number += 1
        level = alpha / (number * (number + 1)) + carried
        below = p <= level
        carried = level if below else 0.0
        found.append(Judged(level, below))
    return found


def one_sided(delta: float, p: float) -> float:
    """p against "it has not fallen", of a change whose two-sided p is `p`.

    >>> one_sided(-0.1, 0.04), one_sided(0.1, 0.04)
    (0.02, 0.98)
    """
    return p / 2 if delta < 0 else 1 - p / 2


def first_below(changes: Sequence[tuple[float | None, bool]]) -> int | None:
    """Place of the first change that was shown to be below 0 and after which none was above it.

    changes: in order of their steps, each with whether it was shown to be below 0. None where there
    is no such place. It is one of those that were shown, so it is mistaken no more often.

    >>> first_below([(-0.01, False), (-0.1, True), (-0.02, False)])
    1
    >>> first_below([(-0.1, True), (0.01, False), (-0.1, False)]) is None
    True
    """
    place = None
    for number in reversed(range(len(changes))):
        delta, shown = changes[number]
        if delta is not None and delta >= 0:
            break
        if shown:
            place = number
    return place
