"""How a trade-off is shown: tables, figures, a page, and the JSON that others read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.contrasts import Tradeoff
from zoo.errors import UnknownNameError

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.reporting.items import Items

FORMATS = ("table", "markdown", "latex", "csv", "json", "html", "svg", "png")
PICTURES = ("svg", "png")

__all__ = ["FORMATS", "PICTURES", "print_tradeoff", "render", "render_bytes"]


def render(
    tradeoff: Tradeoff,
    format: str,
    *,
    width: int = 100,
    color: bool = False,
    sections: Sequence[tuple[str, str]] = (),
    items: Items | None = None,
    figure: str = "plane",
) -> str:
    """The trade-off as text in one of `FORMATS` but "png", which is no text.

    width: columns of the terminal, for "table". color: whether "table" may hold ANSI escapes.
    sections: (title, HTML) pairs that "html" sets below its own; the HTML is trusted as it is.
    items: what the page's explorer shows. figure: which one "svg" draws (see
    `zoo.reporting.charts.FIGURES`).

    Raises UnknownNameError (a ConfigError) for any other format.
    """
    match format:
        case "table":
            from zoo.reporting.terminal import to_terminal

            return to_terminal(tradeoff, width=width, color=color)
        case "markdown":
            from zoo.reporting.markdown import to_markdown

            return to_markdown(tradeoff)
        case "latex":
            from zoo.reporting.latex import to_latex

            return to_latex(tradeoff)
        case "csv":
            from zoo.reporting.spreadsheet import to_csv

            return to_csv(tradeoff)
        case "json":
            from zoo.reporting.data import to_json

            return to_json(tradeoff)
        case "html":
            from zoo.reporting.page import to_html

            return to_html(tradeoff, sections, items)
        case "svg":
            from zoo.reporting.draw import to_svg

            return to_svg(tradeoff, figure)
    raise UnknownNameError("report format", format, FORMATS)


def render_bytes(tradeoff: Tradeoff, format: str, **options: Any) -> bytes:
    """The trade-off as a file in any of `FORMATS`; text is UTF-8. options: as of `render`."""
    if format != "png":
        return render(tradeoff, format, **options).encode()
    from zoo.reporting.draw import to_png

    return to_png(tradeoff, options.get("figure", "plane"))


def print_tradeoff(tradeoff: Tradeoff, console: Console) -> None:
    """Print the tables to a terminal, as wide and as colourful as the console is."""
    from zoo.reporting.terminal import print_report

    print_report(tradeoff, console)
