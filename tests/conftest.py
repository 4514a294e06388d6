"""Settings that all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

pytest_plugins = ["zoo.testing"]

# One worker a core is as many threads as there are cores; more would wait for one another.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The first example pays for importing scipy or torch: no example is timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
