"""Where names stand so that they hide least. Pixels from the upper left corner."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len

LETTER, LINE_HEIGHT = 6.3, 13.0
"""Pixels that a letter and a line of a label take."""

Spot = tuple[float, float]
Box = tuple[float, float, float, float]


def place_labels(
    names: Sequence[str], spots: Sequence[Spot], crowd: Sequence[Spot], size: Spot
) -> list[Box]:
    """A box for each name near its spot where it covers least of the crowd and of other names.

    crowd: places that are better left free. size: of the view; no box leaves it where another
    place is left.
    """
    taken: list[Box] = []
    for name, spot in zip(names, spots, strict=True):
        candidates = _candidates(spot, LETTER * cell_len(name))
        taken.append(min(candidates, key=lambda box: _cost(box, spot, crowd, taken, size)))
    return taken


def along(start: Spot, end: Spot) -> list[Spot]:
    """Points on a line, about five pixels apart."""
    steps = max(int(math.dist(start, end) / 5), 1)
    return [
        (start[0] + (end[0] - start[0]) * i / steps, start[1] + (end[1] - start[1]) * i / steps)
        for i in range(steps + 1)
    ]


def spread(values: Sequence[float], gap: float) -> list[float]:
    """The values, moved apart as little as keeps each at least `gap` from the next.

    >>> spread([5.0, 5.0, 20.0], 2.0)
    [4.0, 6.0, 20.0]
    """
    order = sorted(range(len(values)), key=lambda i: values[i])
    groups: list[tuple[float, list[int]]] = []  # (middle, members)
    for i in order:
        groups.append((values[i], [i]))
        while len(groups) > 1 and _collide(groups[-2], groups[-1], gap):
            (one, these), (two, those) = groups[-2:]
            members = these + those
            middle = (one * len(these) + two * len(those)) / len(members)
            groups[-2:] = [(middle, members)]
    moved = [0.0] * len(values)
    for middle, members in groups:
        for place, i in enumerate(members):
            moved[i] = middle + (place - (len(members) - 1) / 2) * gap
    return moved


def _collide(one: tuple[float, list[int]], two: tuple[float, list[int]], gap: float) -> bool:
    return two[0] - one[0] < gap * (len(one[1]) + len(two[1])) / 2


def _candidates(spot: Spot, width: float) -> list[Box]:
    """Boxes around a spot, the nearest and most usual places first."""
    x, y = spot
    boxes = []
    for distance in (9, 16, 26, 38):
        for left in (x + distance, x - distance - width, x - width / 2):
            for middle in (y - distance - 2, y + distance + 2, y):
                if abs(middle - y) < distance and left == x - width / 2:
                    continue
                top = middle - LINE_HEIGHT / 2
                boxes.append((left, top, left + width, top + LINE_HEIGHT))
    return boxes


def _cost(box: Box, spot: Spot, crowd: Sequence[Spot], taken: Sequence[Box], size: Spot) -> float:
    left, top, right, bottom = box
    hidden = sum(left - 2 < x < right + 2 and top - 1 < y < bottom + 1 for x, y in crowd)
    names = sum(
        left < other[2] + 4 and other[0] < right + 4 and top < other[3] and other[1] < bottom
        for other in taken
    )
    outside = left < 0 or right > size[0] or top < 0 or bottom > size[1]
    away = math.dist(spot, (min(max(spot[0], left), right), min(max(spot[1], top), bottom)))
    return 0.25 * away + hidden + 40 * names + 100 * outside
