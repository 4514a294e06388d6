"""How much is learned and how much forgotten: ways of training over the embedded world.

grid        what is trained: recipes, learning rates, amounts of data, seeds
making      trains a cell of the grid and asks its models
recording   a grid's results as a run that can travel without its weights
data/       what was found, as shipped

`python -m zoo_nano.frontiers --out DIR` makes it again, and `zoo report frontiers` shows it.
"""
