"""Before the first weight is loaded: a plan's cells, and which of them are to be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from zoo.errors import StoreError
from zoo.evaluation.evaluator import OnEvent
from zoo.evaluation.preflight.inspection import inspect
from zoo.evaluation.preparing import Cell
from zoo.executors import evaluator_for
from zoo.host import Host
from zoo.redaction import redact
from zoo.results import Result, RunSpec
from zoo.structuring import plain


def prepare_cells(
    specs: Sequence[RunSpec],
    settings: Mapping[str, Any],
    results: dict[int, Result],
    on_event: OnEvent,
) -> dict[int, Cell]:
    """Cells by their place in the plan; what fails or is in the store goes into `results`."""
    evaluator = evaluator_for(settings)
    cells: dict[int, Cell] = {}
    for number, spec in enumerate(specs):
        on_event("preparing", {"done": number, "cells": len(specs), "name": spec.name})
        prepared = evaluator.prepare(spec)
        if isinstance(prepared, Result):
            results[number] = replace(prepared, error=redact(prepared.error))
            continue
        cells[number] = prepared
        if (found := evaluator.finished(prepared)) is not None:
            results[number] = found
    return cells


def cells_to_ask(
    host: Host,
    cells: Mapping[int, Cell],
    device: str | None,
    results: dict[int, Result],
    tell: OnEvent,
) -> dict[int, Cell]:
    """Cells that are to be asked, by their place in the plan; what cannot be goes into `results`.

    What is found of this machine is told. Raises StoreError where the run is not to be begun.
    """
    waiting = {number: cell for number, cell in cells.items() if number not in results}
    found = inspect(list(waiting.values()), device=device, store=host.store.root)
    for finding in found:
        tell("finding", plain(finding))
        if not finding.refuses:
            continue
        if not finding.model:
            raise StoreError(finding.text)
        for number, cell in list(waiting.items()):
            if cell.spec.model.id == finding.model:
                results[number] = Result(cell.spec, "failed", error=finding.text)
                del waiting[number]
    return waiting
