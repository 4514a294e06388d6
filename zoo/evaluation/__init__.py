"""(model, specs) -> results: the only importer of lm-eval beside the engine.

preparing    preflight: spec -> cell with requests and keys; no weight is loaded
answering    a loaded model's raw answers
scoring      raw answers -> items and scores
evaluator    the order of these, and what the store already has
"""
