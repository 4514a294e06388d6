"""The course of a training for people: a table, a chart, a page."""

from __future__ import annotations

from pathlib import Path

from zoo.courses import Course
from zoo.errors import ConfigError

FORMATS = (".html", ".svg")


def format_of(path: Path) -> str:
    """What a file's ending says it holds. Raises ConfigError for another than FORMATS."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ConfigError(f"--output {path}: end the name with {' or '.join(FORMATS)}")
    return suffix


def picture(course: Course, format: str, every: float | None = None) -> bytes:
    """The course as a file. format: of FORMATS. every: seconds after which a page loads itself
    again; None once the course is over."""
    from zoo.reporting.course.chart import figure_of
    from zoo.reporting.course.page import to_page
    from zoo.reporting.draw import svg_of

    figure = figure_of(course)
    svg = svg_of(figure) if figure.panels else ""
    return (svg if format == ".svg" else to_page(course, figure, svg, every)).encode()
