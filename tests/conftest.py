"""Settings that all tests share."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["zoo.testing"]

# The first example pays for importing scipy or torch: no example is timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
