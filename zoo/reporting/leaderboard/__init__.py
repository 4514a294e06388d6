"""How a leaderboard is shown: tables, a page, a spreadsheet, and the JSON that others read.

layout   its tables, the same for every format
sheet    one line for each entry, as CSV
page     the page, whole and self-contained
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from zoo.errors import UnknownNameError
from zoo.ranking import Leaderboard

FORMATS = ("table", "markdown", "latex", "json", "csv", "html")


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that `--format json` satisfies."""
    text = files(__package__).joinpath("leaderboard.schema.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def render_leaderboard(
    board: Leaderboard, format: str, *, width: int = 100, color: bool = False
) -> str:
    """The leaderboard as text in one of `FORMATS`.

    width: columns of the terminal, for "table". color: whether "table" may hold ANSI escapes.
    Raises UnknownNameError (a ConfigError) for any other format.
    """
    match format:
        case "table":
            from zoo.reporting.leaderboard.layout import lay_out_board
            from zoo.reporting.terminal import captured, print_tables

            return captured(lambda c: print_tables(lay_out_board(board), c), width, color)
        case "markdown":
            from zoo.reporting.leaderboard.layout import lay_out_board
            from zoo.reporting.markdown import markdown_of

            return markdown_of(lay_out_board(board, details=True))
        case "latex":
            from zoo.reporting.latex import latex_of
            from zoo.reporting.leaderboard.layout import lay_out_board

            return latex_of(lay_out_board(board, details=True))
        case "csv":
            from zoo.reporting.leaderboard.sheet import to_csv

            return to_csv(board)
        case "json":
            return json.dumps(board.to_dict(), ensure_ascii=False, allow_nan=False)
        case "html":
            from zoo.reporting.leaderboard.page import leaderboard_page

            return leaderboard_page(board)
    raise UnknownNameError("leaderboard format", format, FORMATS)
