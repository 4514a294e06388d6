"""The cells of a family, ready to be laid side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from zoo.benchmarks import Benchmark, Suite
from zoo.columns import Cell, read_cells
from zoo.composites import BenchmarkKey, sized, unfit
from zoo.lineages import Edge, Pin, pin
from zoo.matching import Matched, match
from zoo.models import Model
from zoo.pairing import Aligned, align, settled, setup_differences
from zoo.results import PROTOCOLS, Protocol, Result
from zoo.stages import Cells


class Sheet:
    """The family's cells by model and protocol, in the order of the suite.

    fit: the benchmarks that may enter a composite. left_out: the others, and why.
    """

    def __init__(
        self,
        models: Sequence[Model],
        suite: Suite,
        results: Sequence[Result],
        trained_for: Mapping[Pin, tuple[str, ...]],
        measured: tuple[str, ...],
    ) -> None:
        self._trained_for, self._measured = trained_for, measured
        chosen = {
            (pin(model), protocol): _results_of(model, protocol, suite, results)
            for model in models
            for protocol in PROTOCOLS
        }
        read = iter(read_cells([result for row in chosen.values() for result in row]))
        self._cells: dict[tuple[Pin, Protocol], Cells] = {
            place: {result.spec.benchmark.key: next(read) for result in row}
            for place, row in chosen.items()
        }
        scored = {
            benchmark.key: [
                row[benchmark.key]
                for row in self._cells.values()
                if benchmark.key in row and row[benchmark.key].status == "scored"
            ]
            for benchmark in suite.benchmarks
        }
        self.left_out = {
            benchmark.key: reason
            for benchmark in suite.benchmarks
            if (reason := unfit(benchmark, scored[benchmark.key]))
        }
        sizes = {
            key: max((cell.result.score.n for cell in row if cell.result.score), default=0)
            for key, row in scored.items()
        }
        self.fit = sized((b for b in suite.benchmarks if b.key not in self.left_out), sizes)

    def cells(self, model: Model, protocol: Protocol) -> Cells:
        """A model's cells under one protocol."""
        return self._cells[pin(model), protocol]

    def aligned(self, model: Model, protocol: Protocol) -> dict[BenchmarkKey, Aligned]:
        """A model's scored cells under one protocol, each laid out alone."""
        cells = self.cells(model, protocol)
        return {key: align(cell) for key, cell in cells.items() if cell.status == "scored"}

    def scored(self) -> Iterator[Cell]:
        """Every scored cell, model by model."""
        return (c for row in self._cells.values() for c in row.values() if c.status == "scored")

    def targets(self, model: Model) -> tuple[str, ...]:
        """What a model was trained for, as far as the suite measures it."""
        return tuple(t for t in self._trained_for[pin(model)] if t in self._measured)

    def matches(self, pairs: Iterable[Edge], *, both: bool = False) -> Iterator[Matched]:
        """Pairs of stages under every protocol that either was asked under.

        both: S is of what either was trained for, not of the second one's targets alone.
        """
        for base, other in pairs:
            targets = self.targets(other)
            if both:
                targets = tuple(dict.fromkeys((*self.targets(base), *targets)))
            for protocol in PROTOCOLS:
                ends = self.cells(base, protocol), self.cells(other, protocol)
                if any(ends):
                    yield match(base, other, protocol, targets, ends)

    def lines(
        self, models: Sequence[Model], protocol: Protocol
    ) -> Iterator[tuple[Benchmark, Aligned]]:
        """Each fit benchmark that all models have scored alike, one row a model."""
        for benchmark in self.fit:
            rows = [self.cells(model, protocol).get(benchmark.key) for model in models]
            found = [cell for cell in rows if cell is not None and cell.status == "scored"]
            if len(found) == len(rows) and not any(
                setup_differences(found[0], cell) for cell in found[1:]
            ):
                line = align(*found)
                if line.n:
                    yield benchmark, line

    def four(self, edge: Edge) -> dict[BenchmarkKey, Aligned]:
        """Both ends under both protocols on common items: base and other uniform, then native.

        Left out where either change mixes loaders, dtypes or the like.
        """
        found = {}
        for key in self.cells(edge[0], PROTOCOLS[0]):
            four = [self.cells(model, p).get(key) for p in PROTOCOLS for model in edge]
            cells = [cell for cell in four if cell is not None and cell.status == "scored"]
            if len(cells) < 4 or any(setup_differences(*cells[at : at + 2]) for at in (0, 2)):
                continue
            aligned = align(*cells)
            if aligned.n:
                found[key] = aligned
        return found


def _results_of(
    model: Model, protocol: Protocol, suite: Suite, results: Sequence[Result]
) -> list[Result]:
    """A model's results under one protocol, in the order of the suite.

    A model without a revision is not pinned: its results, which are, count as its own.
    """
    found = {
        result.spec.benchmark.key: result
        for result in results
        if result.spec.protocol == protocol
        and result.spec.model.id == model.id
        and model.revision in (None, result.spec.model.revision)
    }
    return [settled(found[b.key]) for b in suite.benchmarks if b.key in found]
