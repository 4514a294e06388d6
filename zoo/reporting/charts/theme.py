"""Colours by name, light and dark, and the look that all charts share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, 'Noto Sans KR', sans-serif"

INK, SOFT, FAINT, LINE, PAPER = "@ink", "@soft", "@faint", "@line", "@paper"
GAIN, LOSS, GREY = "@gain", "@loss", "@grey"
SERIES = tuple(f"@series{number}" for number in range(7))
"""Okabe and Ito (2008), told apart by every kind of colour vision; the last is ink."""
DIVERGING = ("@down", "@middle", "@up")
"""Light enough to write upon."""

LIGHT: Mapping[str, str] = {
    INK: "#1f2328",
    SOFT: "#5b6068",
    FAINT: "#8a8f98",
    LINE: "#e4e6ea",
    PAPER: "#ffffff",
    GAIN: "#0072b2",
    LOSS: "#d55e00",
    GREY: "#b6bac1",
    "@down": "#f0ad82",
    "@middle": "#f6f6f4",
    "@up": "#86c0e6",
    "@series0": "#0072b2",
    "@series1": "#d55e00",
    "@series2": "#009e73",
    "@series3": "#b5588f",
    "@series4": "#3f9bd1",
    "@series5": "#c98a00",
    "@series6": "#1f2328",
}
DARK: Mapping[str, str] = {
    INK: "#e8e6e3",
    SOFT: "#a9adb5",
    FAINT: "#7f858f",
    LINE: "#31353b",
    PAPER: "#16181c",
    GAIN: "#4aa8e8",
    LOSS: "#f0894a",
    GREY: "#565b64",
    "@down": "#8f4a1c",
    "@middle": "#23272d",
    "@up": "#1d5f8c",
    "@series0": "#4aa8e8",
    "@series1": "#f0894a",
    "@series2": "#2cc299",
    "@series3": "#de8fbf",
    "@series4": "#8cc9ef",
    "@series5": "#edb33c",
    "@series6": "#e8e6e3",
}


def look() -> dict[str, Any]:
    """The Vega-Lite configuration of every chart."""
    return {
        "font": FONT,
        "background": PAPER,
        "view": {"stroke": None},
        "axis": {
            "labelColor": SOFT,
            "titleColor": INK,
            "labelFontSize": 11,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "gridColor": LINE,
            "domainColor": FAINT,
            "tickColor": FAINT,
        },
        "legend": {
            "labelColor": INK,
            "titleColor": INK,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "symbolSize": 90,
        },
        "header": {"labelColor": INK, "titleColor": INK},
        "title": {"color": INK, "subtitleColor": SOFT, "fontSize": 13, "anchor": "start"},
        "text": {"color": INK},
    }


def painted(value: Any, palette: Mapping[str, str]) -> Any:
    """A spec with the colours of a palette in place of their names."""
    if isinstance(value, str):
        return palette.get(value, value)
    if isinstance(value, Mapping):
        return {key: painted(each, palette) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [painted(each, palette) for each in value]
    return value
