"""Making a stage from its parent: what is to be done, by whom, and what came of it.

assignment   what a recipe is given
options      keyword-only arguments of a recipe, and values for them
recipes      which recipe makes a stage
order        from a wish to what is to be done
data         rows, checked and hashed
folder       whose a folder is, whether it is finished, who is at work in it
aside        what stood in it before it was begun anew
steps        how a training goes
card         the card of a stage whose recipe wrote none
checkpoints  those on the way: which to go on from, which stay
making       the order carried out, from rows to the entry of zoo.toml
"""

from __future__ import annotations

from zoo.training.assignment import Assignment

__all__ = ["Assignment"]
