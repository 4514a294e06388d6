"""Models that no family names: lineages made of what files say of them, and of their names.

A model whose base is said stands in one family with it, named after the root; any other is a family
of one. The regime is what the plugins make of the name and of what the file says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo.discovery import Discovery
from zoo.importing.nouns import Results
from zoo.models import Facts, Family, Model
from zoo.placing import parents_first

Lineage = tuple[Family, tuple[tuple[str, Results], ...]]
"""A family, and its results with the ids of the models that they are of."""


def lineages(unnamed: Sequence[Results], discovery: Discovery) -> list[Lineage]:
    """Families of models that no family names, in the order of their first results."""
    by_model: dict[str, list[Results]] = {}
    for results in unnamed:
        by_model.setdefault(results.model, []).append(results)
    bases = _bases(by_model)
    families: dict[str, list[Model]] = {}
    for name, found in by_model.items():
        root = _line(name, bases)[-1]
        families.setdefault(root, []).append(_model(name, root, bases.get(name), found, discovery))
    return [
        (
            Family(root, parents_first(models)),
            tuple((model.id, each) for model in models for each in by_model[model.id]),
        )
        for root, models in families.items()
    ]


def _model(
    name: str, family: str, base: str | None, found: Sequence[Results], discovery: Discovery
) -> Model:
    """A model as its results say, the newest first where they differ."""
    newest = max(found, key=lambda each: each.date)
    facts = Facts(name, card={**newest.card, **({"base_model": base} if base else {})})
    model = Model(
        name,
        revision=newest.revision,
        family=family,
        base_model=base,
        evidence=newest.evidence,
        licence=str(newest.card.get("license", "")),
        parameters=newest.parameters,
    )
    return discovery.classified(model, facts)


def _bases(by_model: Mapping[str, Sequence[Results]]) -> dict[str, str]:
    """The base of each model whose results name one; none where that would close a circle."""
    bases: dict[str, str] = {}
    for name, found in by_model.items():
        said = next((each.card["base_model"] for each in found if each.card.get("base_model")), "")
        if said and name not in _line(said, bases):
            bases[name] = said
    return bases


def _line(name: str, bases: Mapping[str, str]) -> list[str]:
    """A model and all it descends from, as far as that is said."""
    line = [name]
    while line[-1] in bases:
        line.append(bases[line[-1]])
    return line
