"""A tiny real checkpoint."""

from support.fixtures import base, own_caches

__all__ = ["base", "own_caches"]
