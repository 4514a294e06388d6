"""What a figure is: panels that stand beside each other, and the same numbers in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.results import Protocol

Spec = Mapping[str, Any]
"""A Vega-Lite view. Colours are names of `theme`, so that one spec is drawn light and dark."""


@dataclass(frozen=True)
class Panel:
    """One view of a figure.

    alt: what it shows, in words with its most important numbers. protocol: the only one it speaks
        of, None where it speaks of both or of neither.
    """

    title: str
    spec: Spec
    alt: str
    protocol: Protocol | None = None


@dataclass(frozen=True)
class Figure:
    """A picture of a trade-off.

    name: what `--figure` calls it. subtitle: lines that are printed on it. note: what it shows and
    what it does not, for a reader of the page. head, rows: the numbers behind it, as text.
    """

    name: str
    title: str
    subtitle: tuple[str, ...]
    note: str
    panels: tuple[Panel, ...]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
