"""Tiny real checkpoints, and a zoo over tiny tasks to watch them with."""

from support.fixtures import adapter, base, own_caches

__all__ = ["adapter", "base", "own_caches"]
