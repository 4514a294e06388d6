"""The page of the catalogue, from its data."""

from __future__ import annotations

from collections.abc import Iterator

import zoo_catalogue
from generate.docstrings import table
from zoo.models import Family, Model

_HEAD = """\
# The catalogue

This page is generated from `plugins/zoo_catalogue/families.toml` by `python docs/generate`.

Lineages whose stages are public on the Hub, known to zoo by name: `zoo run olmo2-1b` runs one,
`zoo plan olmo2-1b` says before what that takes (download, disk, memory, tokens, time), and
`zoo tree olmo2-1b` draws it. Nothing is downloaded before a cell needs an answer.

The catalogue holds ids, regimes, parents and what the stages were trained for. No commit is
pinned: what is run is the main branch of the day, and its commit is kept with every number. To pin
a lineage, add it to your zoo.toml with [`zoo add`](how-to/evaluate-your-fine-tune.md). Licences are
what the cards are remembered to name; the card decides. "Unverified" entries were written from
memory.

A family of zoo.toml comes before one of the catalogue, by name and by model. To leave the catalogue
out: `[plugins] block = ["catalogue"]`.
"""


def render_catalogue() -> str:
    """The page as markdown, a section for each family."""
    parts = [_HEAD]
    for family in zoo_catalogue.zoo_families():
        parts.append(f"## `{family.name}`\n\n{family.title}\n")
        heads = ("stage", "regime", "parent", "trained for", "licence", "note")
        parts.append(table(heads, _rows(family)))
    return "\n".join(parts)


def _rows(family: Family) -> Iterator[tuple[str, ...]]:
    for model in family.models:
        yield (
            f"`{model.id}`",
            model.regime,
            ", ".join(f"`{parent}`" for parent in model.parents),
            ", ".join(model.targets or ()),
            model.licence,
            _note(model),
        )


def _note(model: Model) -> str:
    return "; ".join(piece.why for piece in model.evidence)
