"""Evaluates the checkpoints of a training while it writes them.

looking        what is seen of a folder
completeness   whether that is a whole checkpoint
holding        keeps a checkpoint's files while it is evaluated
measuring      results to a point of the training's course
remembering    points that an earlier watch measured
lives          which training of a folder they belong to
recalling      what a watch takes up of an earlier one
neighbours     how to work beside a training on one machine
placing        who a checkpoint is, and who its parent
watching       the watch itself
"""
