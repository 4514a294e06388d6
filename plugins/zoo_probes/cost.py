"""Cost: what it took to ask a model, and what longer answers cost for a point gained or lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.contrasts import EdgeTradeoff, Tradeoff
from zoo.probes import Known
from zoo.results import Result

Row = Mapping[str, Any]


def rows(known: Known, tradeoff: Tradeoff) -> Iterator[Row]:
    """For each model what its suite took, answers that protocols share counted once; along edges
    the change of an answer's length and what a point comes to in it."""
    results = known.scored()
    for model in known.models:
        own = {r.provenance.response_key: r for r in results if r.spec.model.id == model.id}
        if own:
            yield {"model": model.id, "kind": "summary", **_spent(list(own.values()))}
    lengths: dict[tuple[Any, ...], float] = {
        (spec.model.id, spec.protocol, spec.benchmark.key): sum(tokens) / len(tokens)
        for spec, tokens in ((result.spec, _written(result)) for result in results)
        if tokens
    }
    for edge in tradeoff.tradeoffs:
        yield from _change(edge, lengths)


def _spent(cells: Sequence[Result]) -> Row:
    """Sums over cells; null where any of them did not measure it."""
    provenances = [cell.provenance for cell in cells]

    def total(name: str) -> Any:
        values = [getattr(each, name) for each in provenances]
        return None if None in values else sum(values)

    peaks = [each.peak_memory_bytes for each in provenances]
    return {
        "n": sum(len(cell.items) for cell in cells),
        "seconds": total("seconds"),
        "tokens_in": total("tokens_in"),
        "tokens_out": sum(sum(_written(cell)) for cell in cells),
        "peak_memory_bytes": None if None in peaks else max(p for p in peaks if p is not None),
        "kwh": total("kwh"),
    }


def _written(result: Result) -> list[int]:
    """Tokens of a cell's written answers."""
    return [item.n_tokens for item in result.items if item.n_tokens is not None]


def _change(edge: EdgeTradeoff, lengths: Mapping[tuple[Any, ...], float]) -> Iterator[Row]:
    """Tokens of an answer, child minus parent, on the benchmarks that both wrote.

    lengths: by model, protocol and benchmark.
    """
    ends = [
        {at[2]: mean for at, mean in lengths.items() if at[:2] == (model, edge.protocol)}
        for model in (edge.base, edge.other)
    ]
    shared = ends[0].keys() & ends[1].keys()
    if not shared:
        return
    before, after = (sum(end[key] for key in shared) / len(shared) for end in ends)
    gained, paid = edge.special, edge.general
    gains = gained.delta is not None and gained.low is not None and gained.low > 0
    pays = paid.delta is not None and paid.high is not None and paid.high < 0
    more = after - before
    yield {
        "model": edge.other,
        "base": edge.base,
        "protocol": edge.protocol,
        "kind": "change",
        "tokens_per_answer": more,
        "tokens_per_point_gained": more / (100 * (gained.delta or 1)) if gains else None,
        "tokens_per_point_paid": more / (-100 * (paid.delta or 1)) if pays else None,
    }
