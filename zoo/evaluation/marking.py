"""The answers to a cell as its items and scores: here, or apart where they are code that is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.evaluation.preparing import Cell
from zoo.evaluation.requests import Response
from zoo.evaluation.thinking import with_thinking
from zoo.results import Item, Score


def marked(
    cell: Cell, responses: Sequence[Sequence[Response]]
) -> tuple[Sequence[Item], Sequence[Score]]:
    """Items and scores. responses: for each request, its samples. Raises CellError."""
    benchmark = cell.spec.benchmark
    if cell.spec.likelihood_of:
        from zoo.evaluation.likelihoods import score_likelihoods

        asked = cell.loaded, benchmark, cell.requests
        found = score_likelihoods(*asked, responses, _tokenizer(cell))
        return found.items, found.scores
    items, scores = _scored(cell, responses)
    if cell.think_end is None:
        return items, scores
    thinks, tokenizer = cell.spec.prompting.thinks, _tokenizer(cell)
    return with_thinking(items, cell.think_end, thinks=thinks, tokenizer=tokenizer), scores


def _tokenizer(cell: Cell) -> Any:
    return cell.checkpoint.tokenizer() if cell.checkpoint.tokenizer_folder else None


def _scored(
    cell: Cell, responses: Sequence[Sequence[Response]]
) -> tuple[Sequence[Item], Sequence[Score]]:
    how: dict[str, Any] = {"think_end_token": cell.think_end, "stops": cell.stops}
    benchmark = cell.spec.benchmark
    if cell.loaded.sandbox is None:
        from zoo.evaluation.scoring import score

        found = score(cell.loaded, benchmark, cell.requests, responses, **how)
        return found.items, found.scores
    from zoo.evaluation.apart import score_apart

    return score_apart(cell.loaded, benchmark, cell.spec.limit, cell.requests, responses, **how)
