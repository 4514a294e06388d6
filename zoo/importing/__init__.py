"""Results that were written elsewhere, read into the store: one reader for each format.

files -> results (`formats`, one reader each) -> whose they are (`whose`; of models that no family
names, `unnamed`) -> cells (`cells`) -> runs in the store (`runs`). What others have published comes
from the Hub (`pulling`) and is taken as it was recorded (`published`). Nothing is asked, no weight
is loaded.
"""
