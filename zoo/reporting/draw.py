"""Figures as pictures that stand alone: SVG for papers, PNG for cards and mails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.contrasts import Tradeoff
from zoo.errors import ConfigError, UnknownNameError
from zoo.reporting.charts import FIGURES, Figure, theme
from zoo.reporting.ways import condensed

FONT = "Helvetica, Arial, sans-serif"
PANEL = 430
"""Pixels of one panel; two stand beside each other."""


def to_svg(tradeoff: Tradeoff, figure: str = "plane") -> str:
    """A figure as SVG, in light colours.

    Raises UnknownNameError for a figure that does not exist, ConfigError for one that this
    trade-off has nothing for.
    """
    return svg_of(_figure(tradeoff, figure))


def svg_of(figure: Figure) -> str:
    """One figure as SVG, in light colours."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(whole(figure)))


def to_png(tradeoff: Tradeoff, figure: str = "plane", scale: float = 2.0) -> bytes:
    """The same as PNG, `scale` pixels for each of the SVG's. Raises as `to_svg`."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(whole(_figure(tradeoff, figure)), scale=scale))


def whole(figure: Figure) -> dict[str, Any]:
    """The panels side by side under the figure's title, as one Vega-Lite specification."""
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "title": {
            "text": figure.title,
            "subtitle": list(figure.subtitle),
            "anchor": "start",
            "fontSize": 16,
            "subtitleFontSize": 12,
            "offset": 14,
        },
        "columns": 2,
        "spacing": 16,
        "concat": [_panel(panel.title, panel.spec) for panel in figure.panels],
        "config": {**theme.look(), "font": FONT},
    }
    painted = theme.painted(spec, theme.LIGHT)
    assert isinstance(painted, dict)
    return painted


def _figure(tradeoff: Tradeoff, name: str) -> Figure:
    if name not in FIGURES:
        raise UnknownNameError("figure", name, FIGURES, f"there are {', '.join(FIGURES)}")
    tradeoff = condensed(tradeoff)
    figure = FIGURES[name](tradeoff, PANEL)
    if figure is not None and len(figure.panels) == 1:
        figure = FIGURES[name](tradeoff, 2 * PANEL)
    if figure is None:
        raise ConfigError(f"there is nothing to draw in the figure {name!r} of this report")
    return figure


def _panel(title: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    own = {
        name: each for name, each in spec.items() if name not in ("$schema", "config", "autosize")
    }
    return {**own, "title": {"text": title, "anchor": "start", "frame": "group", "fontSize": 12}}
