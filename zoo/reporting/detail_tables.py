"""What is said beyond scores and changes: against the root, along lines, its price, its form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from zoo.contrasts import Chain, Estimate, Exchange, Parsing, Retention
from zoo.reporting import figures
from zoo.reporting.cells import change_cell
from zoo.reporting.draft import Draft
from zoo.reporting.lineage import roots
from zoo.reporting.tables import Block, Cell, Column, Row, Table
from zoo.reporting.text import clean, shorten
from zoo.results import Protocol

LABEL_WIDTH = 40

Found = TypeVar("Found", Exchange, Parsing)


READING = (
    "Kept: the normalised score as a share of the root's, where the root has 10 points or more; "
    "G paid for a point of S: −ΔG / ΔS, printed where ΔS is more than 3 standard errors; angle: 0° "
    "a gain of S alone, −90° a loss of G alone. Along a line, lost: right at some stage and wrong "
    "at the last; recovered: right, then wrong, and right at the last; backward transfer: the last "
    "score minus that of the stage that was trained for it, else the root's; forgetting: the best "
    "earlier score minus the last, the best picked on other items."
)
"""What the words of these tables mean, for the foot of a report."""


def detail_tables(draft: Draft) -> Iterator[Table]:
    """Those that have anything to show, in the order of the page."""
    tables = (_kept(draft), _against_root(draft), _exchange(draft), _chains(draft), _parsing(draft))
    return (table for table in tables if table.blocks)


def _kept(draft: Draft) -> Table:
    """What is left of the root's ability: a row for each benchmark, a column for each stage."""
    starts = {stage.model for stage in roots(draft.tradeoff.stages)}
    rows = [row for row in draft.tradeoff.retention if row.base in starts]
    stages = [s.model for s, _ in draft.tree if s.model in {row.other for row in rows}]
    found = {(r.protocol, r.benchmark, r.metric, r.other): r for r in rows}
    blocks = []
    for protocol in draft.protocols:
        named = dict.fromkeys((r.benchmark, r.metric) for r in rows if r.protocol == protocol)
        body = tuple(
            Row(
                _named(draft, *name),
                tuple(_retained(found.get((protocol, *name, model))) for model in stages),
            )
            for name in named
        )
        # a root that could not do it has nothing to keep
        body = tuple(r for r in body if any(c.text != figures.UNKNOWN for c in r.cells))
        blocks += [Block(protocol, body)] if body else []
    return Table(
        "Kept of the root's ability (percent)",
        "Benchmark",
        tuple(Column(draft.name(model)) for model in stages),
        tuple(blocks),
    )


def _retained(row: Retention | None) -> Cell:
    """`92 [88, 97]`: the share of the root's normalised score, unknown where the root has none."""
    if row is None or row.retention is None or not figures.known(row.retention.value):
        return Cell(figures.UNKNOWN)
    return Cell(figures.points(row.retention.value), _limits(row.retention))


def _against_root(draft: Draft) -> Table:
    """G, S and Other of each stage whose root is not its parent, against that root."""
    blocks = []
    for protocol in draft.protocols:
        rows = tuple(
            Row(
                f"{draft.name(each.base)} ⇢ {draft.name(each.other)}",
                (
                    Cell(shorten(", ".join(map(clean, each.targets)), LABEL_WIDTH) or "none"),
                    *map(change_cell, (each.general, each.special, each.other_special)),
                ),
            )
            for each in draft.tradeoff.root_tradeoffs
            if each.protocol == protocol
        )
        blocks += [Block(protocol, rows)] if rows else []
    columns = (Column("Targets", align="left"), Column("ΔG"), Column("ΔS"), Column("ΔOther"))
    return Table("From the root in one step", "Root ⇢ stage", columns, tuple(blocks))


def _exchange(draft: Draft) -> Table:
    """What a point of S cost in G; where the ratio is not printed, why not."""
    rows = _by_protocol(draft, draft.tradeoff.exchange)
    columns = (
        Column("G paid for a point of S"),
        Column("Angle"),
        *(Column(each, group="Probability") for each in ("S+ G+", "S+ G−", "S− G+", "S− G−")),
    )
    blocks = tuple(
        Block(
            protocol,
            tuple(
                Row(f"{draft.name(r.base)} → {draft.name(r.other)}", _paid(draft, r)) for r in found
            ),
        )
        for protocol, found in rows.items()
    )
    return Table("What a point cost", "Edge", columns, blocks)


def _paid(draft: Draft, row: Exchange) -> tuple[Cell, ...]:
    rate = Cell(figures.UNKNOWN, notes=(draft.note(f"no rate: {row.reason}"),))
    if row.rate is not None and figures.known(row.rate.value):
        low, high = row.rate.low, row.rate.high
        interval = ""
        if figures.known(low) and figures.known(high):
            interval = f"[{_signed(low)}, {_signed(high)}]"
        rate = Cell(_signed(row.rate.value), interval)
    angle = figures.UNKNOWN
    if row.angle_degrees is not None:
        angle = f"{_signed(row.angle_degrees, 0)}°"
    shares = (row.quadrants.get(name) for name in ("S+G+", "S+G-", "S-G+", "S-G-"))
    return (
        rate,
        Cell(angle),
        *(Cell(figures.UNKNOWN if each is None else f"{each:.2f}") for each in shares),
    )


def _signed(value: float, places: int = 2) -> str:
    """A number that is no share, with a true minus sign; 0 has none."""
    text = f"{value:+.{places}f}"
    return text.replace("-", "−") if float(text) else text[1:]


def _chains(draft: Draft) -> Table:
    """Items and scores along each line of three stages or more."""
    columns = (
        *(Column(each) for each in ("Lost", "Recovered", "Never", "Always")),
        Column("Backward transfer"),
        Column("Forgetting"),
    )
    blocks: dict[str, list[Row]] = {}
    for row in draft.tradeoff.chains:
        if len(row.models) > 2:
            line = " → ".join(map(draft.name, row.models))
            label = _named(draft, row.benchmark, row.metric)
            blocks.setdefault(f"{line}, {row.protocol}", []).append(Row(label, _along(row)))
    found = tuple(Block(shorten(title, 120), tuple(rows)) for title, rows in blocks.items())
    return Table("Along whole lines", "Benchmark", columns, found)


def _along(row: Chain) -> tuple[Cell, ...]:
    counts = (row.lost, row.recovered, row.never, row.always)
    return (
        *(Cell(figures.count(each)) for each in counts),
        _change(row.backward_transfer),
        _change(row.forgetting),
    )


def _parsing(draft: Draft) -> Table:
    """The share of answers that could be read, and how many of those were right."""
    stages = [stage.model for stage, _ in draft.tree]
    blocks = []
    for protocol, rows in _by_protocol(draft, draft.tradeoff.parsing).items():
        found = {(row.benchmark, row.metric, row.model): row for row in rows}
        names = dict.fromkeys((row.benchmark, row.metric) for row in rows)
        body = tuple(
            Row(
                _named(draft, *name),
                tuple(_parsed(found.get((*name, model))) for model in stages),
            )
            for name in names
        )
        blocks.append(Block(protocol, body))
    columns = tuple(Column(draft.name(model)) for model in stages)
    return Table(
        "Answers read, and right where read (percent)", "Benchmark", columns, tuple(blocks)
    )


def _parsed(row: Parsing | None) -> Cell:
    if row is None:
        return Cell(figures.UNKNOWN)
    return Cell(
        figures.points(row.parsed), extra=f"right {figures.points(row.correct_given_parsed)}"
    )


def _change(estimate: Estimate | None) -> Cell:
    if estimate is None or not figures.known(estimate.value):
        return Cell(figures.UNKNOWN)
    return Cell(figures.signed(estimate.value), figures.limits(estimate.low, estimate.high))


def _limits(estimate: Estimate) -> str:
    if not (figures.known(estimate.low) and figures.known(estimate.high)):
        return ""
    return f"[{figures.points(estimate.low)}, {figures.points(estimate.high)}]"


def _named(draft: Draft, benchmark: str, metric: str) -> str:
    """A benchmark, with its metric where the family is asked two of one task."""
    metrics = {row[1] for row in draft.joins.rows if row[0] == benchmark}
    name = clean(benchmark) or "(no name)"
    return shorten(f"{name} ({clean(metric)})" if len(metrics) > 1 else name, LABEL_WIDTH)


def _by_protocol(draft: Draft, rows: Iterable[Found]) -> Mapping[Protocol, list[Found]]:
    """Rows by protocol, those that have any."""
    found: dict[Protocol, list[Found]] = {protocol: [] for protocol in draft.protocols}
    for row in rows:
        found.setdefault(row.protocol, []).append(row)
    return {protocol: each for protocol, each in found.items() if each}
