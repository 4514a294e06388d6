"""Results that were written elsewhere, read into the store: one reader for each format.

files -> results (`formats`, one reader each) -> whose they are (`whose`) -> cells (`cells`) -> a
run in the store (`runs`). Nothing is asked, no weight is loaded.
"""
