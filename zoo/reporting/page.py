"""One page of HTML that needs nothing else: charts, tables and items in one file, no request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from zoo.contrasts import Tradeoff
from zoo.reporting.bundle import for_script, json_for_script, own, policy, vega
from zoo.reporting.charts import FIGURES, Figure, theme
from zoo.reporting.data import to_json
from zoo.reporting.items import Items
from zoo.reporting.layout import lay_out
from zoo.reporting.lineage import parents, short_names
from zoo.reporting.packing import pack
from zoo.reporting.tables import Column
from zoo.reporting.text import clean
from zoo.reporting.verdicts import verdicts
from zoo.reporting.ways import condensed
from zoo.uncollected import uncollected

WIDE, NARROW = 620, 340
"""Pixels of a chart on a wide and on a narrow screen."""

HERO = "plane"
WAYS = "frontier"


def to_html(
    tradeoff: Tradeoff,
    sections: Sequence[tuple[str, str]] = (),
    items: Items | None = None,
) -> str:
    """Figures, tables, items, footnotes, and the JSON for machines.

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
    environment.filters |= {"runs": _runs}
    with uncollected():
        figures, specs = _figures(tradeoff)
        explorer = _explorer(tradeoff, items) if items is not None and items.tables else None
    scripts = [vega(), own("charts.js")] if figures else []
    if explorer is not None:
        scripts += [own("explorer.js"), own("explorer_view.js")]
    styles = [own("page.css")]
    report = lay_out(tradeoff, details=True)
    # of many stages that were trained alike the ways of training are what one came to see
    first = HERO if condensed(tradeoff) is tradeoff else WAYS
    return environment.get_template("page.html.j2").render(
        report=report,
        hero=next((figure for figure in figures if figure.name == first), None),
        figures=[figure for figure in figures if figure.name != first],
        facts=_facts(tradeoff, items),
        protocols=list(dict.fromkeys(p.protocol for f in figures for p in f.panels if p.protocol)),
        sections=[(clean(title), Markup(body)) for title, body in sections],
        styles=[Markup(each) for each in styles],
        scripts=[Markup(each) for each in scripts],
        policy=policy(scripts, styles, served=items is not None and items.served),
        verdicts=verdicts(tradeoff),
        specs=json_for_script(specs) if figures else None,
        items=json_for_script(explorer) if explorer is not None else None,
        json=for_script(to_json(tradeoff)),
    )


def explorer_index(tradeoff: Tradeoff) -> list[dict[str, Any]]:
    """The stages as the explorer names them; parents are places in this list, first parent
    first."""
    places = {stage.model: place for place, stage in enumerate(tradeoff.stages)}
    names = short_names(places)
    return [
        {
            "name": names[stage.model],
            "parents": [places[each] for each in parents(stage) if each in places],
        }
        for stage in tradeoff.stages
    ]


def _figures(tradeoff: Tradeoff) -> tuple[list[Figure], dict[str, Any]]:
    """Every figure that has something to show, and what the browser needs to draw it."""
    figures, specs = [], {}
    tradeoff = condensed(tradeoff)
    for name, draw in FIGURES.items():
        wide, narrow = draw(tradeoff, WIDE), draw(tradeoff, NARROW)
        if wide is not None and narrow is not None:
            figures.append(wide)
            specs[name] = {
                "wide": [panel.spec for panel in wide.panels],
                "narrow": [panel.spec for panel in narrow.panels],
            }
    palettes: Mapping[str, Any] = {"light": theme.LIGHT, "dark": theme.DARK}
    return figures, {**palettes, "look": theme.look(), "specs": specs}


def _explorer(tradeoff: Tradeoff, items: Items) -> dict[str, Any]:
    models = [stage.model for stage in tradeoff.stages]
    if items.served:
        benchmarks = [
            {name: value for name, value in table.facts(models).items() if name != "cells"}
            for table in items.tables
        ]
    else:
        benchmarks = pack(items.tables, models, items.asked_of)
    most = max(range(len(items.tables)), key=lambda i: sum(items.tables[i].changed))
    return {
        "stages": explorer_index(tradeoff),
        "benchmarks": benchmarks,
        "served": items.served,
        "first": most,
    }


def _facts(tradeoff: Tradeoff, items: Items | None) -> list[tuple[str, str]]:
    """What was measured, in numbers."""
    benchmarks = {(s.benchmark, s.metric, s.num_fewshot) for x in tradeoff.stages for s in x.scores}
    facts = [("stages", str(len(tradeoff.stages))), ("benchmarks", str(len(benchmarks)))]
    if items is not None:
        facts.append(("items", f"{sum(len(table.ids) for table in items.tables):,}"))
    protocols = dict.fromkeys(s.protocol for stage in tradeoff.stages for s in stage.scores)
    facts.append(("asked", " and ".join(protocols)))
    return facts


def _runs(columns: Iterable[Column]) -> list[tuple[str, list[Column]]]:
    """Neighbouring columns of one group together."""
    return [(group, list(run)) for group, run in groupby(columns, key=lambda each: each.group)]
