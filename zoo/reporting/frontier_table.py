"""What ways of training gain and pay over their seeds, and which of them are on the front."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.contrasts import Estimate
from zoo.reporting import figures
from zoo.reporting.draft import Draft
from zoo.reporting.tables import Block, Cell, Column, Row, Table
from zoo.reporting.text import clean
from zoo.reporting.ways import Plane, Way, planes

READING = (
    "Ways of training: changes against the root, means over training seeds with limits over seeds "
    "and items (of a stage that is not trained, over items). Front: the probability on these items "
    "that no other way, nor the root as it is, is better in both; ◆ from one half on; it needs "
    "three seeds."
)


def frontier_table(draft: Draft) -> Table:
    """A row for each way of training, a block for each protocol and set of targets."""
    columns = (
        Column("Seeds", aside="seeds {}"),
        Column("ΔS"),
        Column("ΔG"),
        Column("ΔOther"),
        Column("Seconds", aside="{} s"),
        Column("Front"),
    )
    found = planes(draft.tradeoff)
    blocks = tuple(Block(_title(plane, found), tuple(_rows(plane))) for plane in found)
    return Table("Ways of training", "Way", columns, blocks)


def _title(plane: Plane, all_of_them: list[Plane]) -> str:
    """`uniform, for reports`, with what is trained for where that differs."""
    if len({each.targets for each in all_of_them}) == 1:
        return plane.protocol
    return f"{plane.protocol}, for {', '.join(map(clean, plane.targets))}"


def _rows(plane: Plane) -> Iterator[Row]:
    for way in plane.ways:
        yield Row(
            way.name,
            (
                Cell(str(way.point.seeds) if way.point.seeds else figures.UNKNOWN),
                _change(way.point.special),
                _change(way.point.general),
                _change(way.point.other_special),
                Cell(_seconds(way)),
                Cell(_front(way)),
            ),
        )


def _change(estimate: Estimate) -> Cell:
    return Cell(figures.signed(estimate.value), figures.limits(estimate.low, estimate.high))


def _front(way: Way) -> str:
    """`◆ 0.78`, without the mark where it is rather not on the front."""
    if not figures.known(way.point.front):
        return figures.UNKNOWN
    return f"{'◆ ' if way.on_front else ''}{way.point.front:.2f}"


def _seconds(way: Way) -> str:
    seconds = way.point.seconds
    return f"{seconds:.0f}" if figures.known(seconds) else figures.UNKNOWN
