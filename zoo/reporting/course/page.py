"""A page that holds the chart and its numbers, and nothing that it would have to ask for."""

from __future__ import annotations

import base64

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from zoo.courses import Course
from zoo.reporting.bundle import csp_hash, own
from zoo.reporting.charts.figure import Figure
from zoo.reporting.course.words import reading, title, verdicts


def to_page(course: Course, figure: Figure, svg: str, every: float | None) -> str:
    """HTML without a script. every: seconds after which it loads itself again; None for never."""
    environment = Environment(
        loader=PackageLoader("zoo.reporting.course", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = own("page.css")
    policy = f"default-src 'none'; style-src '{csp_hash(style)}'; img-src data:"
    return environment.get_template("page.html.j2").render(
        title=title(course),
        every=every,
        policy=policy,
        style=Markup(style),
        picture=base64.b64encode(svg.encode()).decode(),
        alt=" ".join(panel.alt for panel in figure.panels),
        verdicts=verdicts(course),
        reading=reading(course),
        head=figure.head,
        rows=figure.rows,
    )
