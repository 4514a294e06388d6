"""Making a stage from its parent: what is to be done, by whom, and what came of it.

assignment   what a recipe is given
checkpoints  those on the way: which to go on from, which stay
"""

from __future__ import annotations

from zoo.training.assignment import Assignment

__all__ = ["Assignment"]
