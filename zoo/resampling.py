"""Draws of many estimates at once, as a bootstrap over items would give them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zoo.clustered import Floats

DRAWS = 4000
SEED = 20240601


def joint_draws(values: ArrayLike, covariance: ArrayLike, draws: int = DRAWS) -> Floats:
    """(draws, k) draws of k estimates around their (k,) values; the same at every call.

    A bootstrap over clusters with Gaussian multipliers: every cluster's influence on all estimates
    is weighted with one normal number. For estimates that are sums of influences such draws are
    exactly normal with the (k, k) cluster-robust covariance, so they are drawn from it directly,
    which costs the same for a hundred items as for a million. Chernozhukov, Chetverikov and Kato
    2013, "Gaussian approximations and multiplier bootstrap for maxima of sums".
    """
    rng = np.random.default_rng(SEED)
    centre, spread = np.asarray(values, dtype=float), np.asarray(covariance, dtype=float)
    return rng.multivariate_normal(centre, spread, size=draws, method="eigh", check_valid="ignore")
