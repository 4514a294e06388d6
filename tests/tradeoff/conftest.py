"""Settings of the property tests of the analysis."""

from hypothesis import settings

# The first example pays for importing scipy: no example is timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
