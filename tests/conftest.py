"""Settings that all tests share."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

pytest_plugins = ["zoo.testing"]

# One worker a core is as many threads as there are cores; more would wait for one another.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The first example pays for importing scipy or torch: no example is timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

LONG = ("tests/docs/test_snippets.py", "tests/running/test_chaos.py", "tests/cli/test_main_job.py")
"""Begun first, so that no worker is left with one of them when the others are done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first; the others stay in their order."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
