"""One page of HTML that needs nothing else: no script, no font, no request."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from zoo.contrasts import Tradeoff
from zoo.reporting.data import to_json
from zoo.reporting.layout import lay_out
from zoo.reporting.plane import to_svg
from zoo.reporting.tables import Column
from zoo.reporting.text import clean

_FOR_SCRIPT = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def to_html(tradeoff: Tradeoff, sections: Sequence[tuple[str, str]] = ()) -> str:
    """The figure, the tables, footnotes, caption, and the JSON for machines.

    sections: (title, HTML) pairs; the HTML is trusted as it is, but the page's policy forbids it
    scripts, styles and requests.
    """
    environment = Environment(
        loader=PackageLoader("zoo.reporting", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"csp_hash": csp_hash, "runs": _runs}
    return environment.get_template("page.html.j2").render(
        report=lay_out(tradeoff),
        plane=Markup(to_svg(tradeoff)) if _is_drawable(tradeoff) else "",
        sections=[(clean(title), Markup(body)) for title, body in sections],
        json=Markup(to_json(tradeoff).translate(_FOR_SCRIPT)),
    )


def _is_drawable(tradeoff: Tradeoff) -> bool:
    """Whether any stage has a place on the plane: an empty figure says nothing."""
    return any(
        stage.general[protocol].value is not None and stage.special[protocol].value is not None
        for stage in tradeoff.stages
        for protocol in stage.general.keys() & stage.special.keys()
    )


def csp_hash(content: str) -> str:
    """What a Content-Security-Policy calls an inline element of exactly this content."""
    digest = hashlib.sha256(str(content).encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def _runs(columns: Iterable[Column]) -> list[tuple[str, list[Column]]]:
    """Neighbouring columns of one group together."""
    return [(group, list(run)) for group, run in groupby(columns, key=lambda each: each.group)]
