"""Settings that all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

pytest_plugins = ["zoo.testing"]

# A worker has one thread: several would wait for one another's.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_xdist_auto_num_workers() -> int:
    """One more worker than cores: about a fifth of a test's time goes by in waiting, for a server
    that hangs or a lease that ends."""
    return (os.cpu_count() or 1) + 1


# The first example pays for importing scipy or torch: no example is timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
