"""What is true of a method of training: the training seed is the unit, not the item."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from zoo.clustered import Floats
from zoo.effects import Estimate
from zoo.stats import LEVEL

FEW = 3
"""Training seeds below which nothing is said of a method."""


def over_seeds(changes: Sequence[float]) -> Estimate:
    """The mean of k seeds' changes and its t interval with k - 1 degrees of freedom.

    >>> round(over_seeds([0.1, 0.2, 0.3]).low, 3)
    -0.048
    """
    from scipy.special import stdtrit

    k = len(changes)
    mean = math.fsum(changes) / k
    if k < 2:
        return Estimate(mean)
    error = float(np.std(changes, ddof=1)) / math.sqrt(k)
    half = float(stdtrit(k - 1, 0.5 + LEVEL / 2)) * error
    return Estimate(mean, mean - half, mean + half)


def after_peak(course: Floats) -> Estimate:
    """The last checkpoint minus the best, over seeds; course: (seeds, checkpoints), two or more.

    The best of a seed is picked by the mean of the other seeds and read on this one, since the best
    of what it was picked by is too high.

    >>> after_peak(np.array([[0.0, 0.5, 0.2], [0.0, 0.6, 0.2], [0.1, 0.5, 0.1]])).value.__round__(2)
    -0.37
    """
    falls = [
        float(own[-1] - own[np.delete(course, at, axis=0).mean(axis=0).argmax()])
        for at, own in enumerate(course)
    ]
    return over_seeds(falls)
