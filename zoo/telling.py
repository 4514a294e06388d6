"""What a run tells those who listen to it: facts made of its plan and its results. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.benchmarks import Suite
from zoo.evaluation.preparing import Cell
from zoo.models import Family
from zoo.plan import Plan
from zoo.results import Result


def what_lies_ahead(
    plan: Plan,
    family: Family,
    suite: Suite,
    results: Mapping[int, Result],
    waiting: Mapping[int, Cell],
) -> dict[str, Any]:
    """What a run has before it, in all and by model. Cells that share an answer ask it once."""
    asked: dict[str, dict[str, int]] = {model.id: {} for model in family.models}
    seen: set[str] = set()
    for cell in waiting.values():
        if cell.response_key not in seen:
            seen.add(cell.response_key)
            asked.setdefault(cell.spec.model.id, {})[cell.response_key] = cell.size
    found = [*results.values(), *plan.failed]
    return {
        "family": family.name,
        "suite": suite.name,
        "models": len(family.models),
        "cells": len(plan.specs) + len(plan.failed),
        "reused": sum(result.reused for result in found),
        "failed": sum(result.status == "failed" for result in found),
        "requests": sum(sum(sizes.values()) for sizes in asked.values()),
        "by_model": [
            {
                "model": model,
                "cells": sum(cell.spec.model.id == model for cell in waiting.values()),
                "reused": sum(r.reused for r in found if r.spec.model.id == model),
                "requests": sum(sizes.values()),
            }
            for model, sizes in asked.items()
        ],
    }


def what_came(result: Result) -> dict[str, Any]:
    """What is told of a result."""
    spec = result.spec
    return {
        "model": spec.model.id,
        "benchmark": spec.benchmark.name,
        "protocol": spec.protocol,
        "name": spec.name,
        "status": result.status,
        "error": result.error,
    }
