"""Sections that plugins bring for the page: one that fails costs only itself."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import escape

from zoo.contrasts import Tradeoff
from zoo.hookspecs import Section
from zoo.probing import describe


def rendered(sections: Iterable[Section], tradeoff: Tradeoff) -> list[tuple[str, str]]:
    """(title, HTML) of each section; of one that raises or gives no text, what went wrong.

    One that gives an empty text has nothing to say and is left out.
    """
    done = []
    for section in sections:
        try:
            html = section.render(tradeoff)
            if not isinstance(html, str):
                raise TypeError(f"it gives {type(html).__name__} instead of HTML")
        except Exception as problem:
            why = f"The section {section.name!r} cannot be shown: {describe(problem)}"
            html = f"<p>{escape(why)}</p>"
        if html:
            done.append((section.title, html))
    return done
