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
    for edge in tradeoff.tradeoffs:
        yield from _change(edge, results)


def _spent(cells: Sequence[Result]) -> Row:
    """Sums over cells; null where any of them did not measure it."""
    provenances = [cell.provenance for cell in cells]

    def total(name: str) -> Any:
        values = [getattr(each, name) for each in provenances]
        return None if None in values else sum(values)

    peaks = [each.peak_memory_bytes for each in provenances]
    written = [item.n_tokens for cell in cells for item in cell.items if item.n_tokens is not None]
    return {
        "n": sum(len(cell.items) for cell in cells),
        "seconds": total("seconds"),
        "tokens_in": total("tokens_in"),
        "tokens_out": sum(written),
        "peak_memory_bytes": None if None in peaks else max(p for p in peaks if p is not None),
        "kwh": total("kwh"),
    }


def _change(edge: EdgeTradeoff, results: Sequence[Result]) -> Iterator[Row]:
    """Tokens of an answer, child minus parent, on the benchmarks that both wrote."""
    lengths: dict[str, dict[object, float]] = {edge.base: {}, edge.other: {}}
    for result in results:
        tokens = [item.n_tokens for item in result.items if item.n_tokens is not None]
        if result.spec.model.id in lengths and result.spec.protocol == edge.protocol and tokens:
            key = result.spec.benchmark.key
            lengths[result.spec.model.id][key] = sum(tokens) / len(tokens)
    shared = lengths[edge.base].keys() & lengths[edge.other].keys()
    if not shared:
        return
    before, after = (
        sum(lengths[model][key] for key in shared) / len(shared)
        for model in (edge.base, edge.other)
    )
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
