"""A zoo's leaderboards, from what zoo.toml names and the store's index holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, UnknownNameError
from zoo.fingerprints import digest
from zoo.host import Host
from zoo.maintenance import refresh_index
from zoo.ranking import Leaderboard as Board
from zoo.ranking import Material, Wanted, choose_suite, leaderboard_of, read_material
from zoo.reporting.leaderboard import render_leaderboard
from zoo.results import RunRecord
from zoo.uncollected import uncollected

if TYPE_CHECKING:
    import pandas as pd

IMPORTED = "imported"
"""The source of what was imported from a file here."""


@dataclass(frozen=True)
class Leaderboard(Board):
    """A leaderboard, with ways to look at it."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `zoo leaderboard --format json`, as plain dicts and lists."""
        return Board(**_own(self)).to_dict()

    def to_frame(self) -> pd.DataFrame:
        """One row for each entry, with the columns of `--format csv`."""
        import pandas as pd

        from zoo.reporting.leaderboard.sheet import flat

        return pd.DataFrame(flat(self))

    def to_html(self) -> str:
        """The leaderboard's page, whole and self-contained."""
        return render_leaderboard(self, "html")


def open_leaderboard(
    host: Host,
    name: str | None = None,
    suite: str | None = None,
    wanted: Wanted | None = None,
    records: Sequence[RunRecord] | None = None,
) -> Leaderboard:
    """The leaderboard of that name in zoo.toml; without a name its first one, or, where it has
    none, one of all families on the suite that most models were asked.

    suite: instead of the leaderboard's own. wanted: its families count where they are not all.
    records: one of what these runs have measured or imported alone, on a suite of theirs.
    Raises UnknownNameError where there is no such leaderboard, or no run of the suite, and
    ConfigError where nothing of it has a score.
    """
    wanted, tables = wanted or Wanted(), host.config.leaderboards
    if name is not None and name not in tables:
        remedy = f"write [leaderboards.{name}] into zoo.toml"
        raise UnknownNameError("leaderboard", name, tables, remedy)
    name = name or next(iter(tables), "")
    if records is not None and suite is None:
        suite = _suite_of(records, tables[name].suite if name else None)
    if name:
        table = tables[name]
        suite = suite or table.suite
        if wanted.families == Wanted().families:
            wanted = replace(wanted, families=table.families)
    refresh_index(host.store)
    chosen = choose_suite(host.store, suite)
    material = read_material(host.store, chosen)
    if records is not None:
        material = _narrowed(material, records)
    with uncollected():
        board = leaderboard_of(material, wanted, name)
    if suite is None:
        said = f"of what the store holds, {chosen} is the suite that most models were asked"
        board = replace(board, notes=(said, *board.notes))
    return Leaderboard(**_own(board))


def _suite_of(records: Sequence[RunRecord], named: str | None) -> str:
    """The named suite where the runs have it, else the one of which they have asked most models."""
    asked: dict[str, set[str]] = {}
    for record in records:
        models = {cell.spec.model.id for cell in record.cells}
        asked.setdefault(str(record.suite.get("name", "")), set()).update(models)
    return named if named in asked else max(asked, key=lambda each: len(asked[each]))


def _narrowed(material: Material, records: Sequence[RunRecord]) -> Material:
    """The claims of these runs' cells; what was pulled from others is none of them."""
    keys = {cell.score_key for record in records for cell in record.cells}
    claims = []
    for claim in material.claims:
        cells = {b: cell for b, cell in claim.cells.items() if cell.score_key in keys}
        if cells and claim.facts["source"] in ("", IMPORTED):
            of = digest(sorted(cell.score_key for cell in cells.values()))
            claims.append(replace(claim, cells=cells, digest=of))
    if not claims:
        raise ConfigError(
            f"the runs have no score on {material.suite.name}, of which a leaderboard could be"
        )
    return replace(material, claims=tuple(claims))


def _own(board: Board) -> dict[str, Any]:
    return {each.name: getattr(board, each.name) for each in fields(Board)}
