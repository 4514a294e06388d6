"""What stands on a plane: dots with their regions, and the part of the plane that is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.contrasts import Estimate
from zoo.reporting import figures
from zoo.reporting.charts.labels import Spot

ELLIPSE = math.sqrt(-2 * math.log(0.05))
"""Standard deviations from the middle that hold 95 % of a two-dimensional normal distribution."""

Covariance = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Dot:
    """A stage on one panel; s and g are fractions with their limits.

    covariance: of (s, g) over the items, drawn as an ellipse; None draws the limits as a cross.
    front: probability that no other stage is better in both; None where it was not computed.
    """

    model: str
    name: str
    regime: str
    s: Estimate
    g: Estimate
    covariance: Covariance | None = None
    front: float | None = None

    @property
    def place(self) -> Spot:
        """(s, g) in points."""
        return 100 * (self.s.value or 0.0), 100 * (self.g.value or 0.0)

    @property
    def ends(self) -> tuple[Spot, Spot]:
        """((s low, s high), (g low, g high)) in points: the value itself where unknown."""
        return _ends(self.s), _ends(self.g)

    @property
    def ellipse(self) -> list[Spot]:
        """The 95 % ellipse in points, closed; empty where the covariance is not known."""
        if self.covariance is None:
            return []
        (a, b), (_, d) = self.covariance
        if not a > 0:
            return []
        x, along_x = math.sqrt(a), b / math.sqrt(a)
        rest = math.sqrt(max(d - along_x * along_x, 0.0))
        turns = [2 * math.pi * i / 48 for i in range(49)]
        s, g = self.place
        return [
            (
                s + 100 * ELLIPSE * x * math.cos(turn),
                g + 100 * ELLIPSE * (along_x * math.cos(turn) + rest * math.sin(turn)),
            )
            for turn in turns
        ]


@dataclass(frozen=True)
class Frame:
    """The part of the plane that is shown, and how many pixels it takes.

    low, high: (s, g) at the lower left and the upper right corner, in points.
    """

    low: Spot
    high: Spot
    width: float
    height: float

    def pixel(self, spot: Spot) -> Spot:
        """Pixels from the upper left corner."""
        x = (spot[0] - self.low[0]) / (self.high[0] - self.low[0]) * self.width
        y = (self.high[1] - spot[1]) / (self.high[1] - self.low[1]) * self.height
        return x, y

    def point(self, x: float, y: float) -> Spot:
        """The inverse of `pixel`."""
        s = self.low[0] + x / self.width * (self.high[0] - self.low[0])
        g = self.high[1] - y / self.height * (self.high[1] - self.low[1])
        return s, g


def _ends(estimate: Estimate) -> Spot:
    value = 100 * (estimate.value or 0.0)
    low = 100 * estimate.low if figures.known(estimate.low) else value
    high = 100 * estimate.high if figures.known(estimate.high) else value
    return low, high
