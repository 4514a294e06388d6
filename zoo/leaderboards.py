"""A zoo's leaderboards, from what zoo.toml names and the store's index holds."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from zoo.errors import UnknownNameError
from zoo.host import Host
from zoo.maintenance import refresh_index
from zoo.ranking import Leaderboard as Board
from zoo.ranking import Wanted, choose_suite, leaderboard_of, read_material
from zoo.reporting.leaderboard import render_leaderboard
from zoo.uncollected import uncollected

if TYPE_CHECKING:
    import pandas as pd


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
    host: Host, name: str | None = None, suite: str | None = None, wanted: Wanted | None = None
) -> Leaderboard:
    """The leaderboard of that name in zoo.toml; without a name its first one, or, where it has
    none, one of all families on the suite that most models were asked.

    suite: instead of the leaderboard's own. wanted: its families count where they are not all.
    Raises UnknownNameError where there is no such leaderboard, or no run of the suite.
    """
    wanted, tables = wanted or Wanted(), host.config.leaderboards
    if name is not None and name not in tables:
        remedy = f"write [leaderboards.{name}] into zoo.toml"
        raise UnknownNameError("leaderboard", name, tables, remedy)
    name = name or next(iter(tables), "")
    if name:
        table = tables[name]
        suite = suite or table.suite
        if wanted.families == Wanted().families:
            wanted = replace(wanted, families=table.families)
    refresh_index(host.store)
    chosen = choose_suite(host.store, suite)
    with uncollected():
        board = leaderboard_of(read_material(host.store, chosen), wanted, name)
    if suite is None:
        said = f"of what the store holds, {chosen} is the suite that most models were asked"
        board = replace(board, notes=(said, *board.notes))
    return Leaderboard(**_own(board))


def _own(board: Board) -> dict[str, Any]:
    return {each.name: getattr(board, each.name) for each in fields(Board)}
