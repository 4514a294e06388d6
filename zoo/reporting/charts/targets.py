"""The plane once for each target: who gained this one skill, and what it cost."""

from __future__ import annotations

from zoo.composites import capability_mean
from zoo.contrasts import Estimate, Stage, Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts.dots import Dot
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.plane import dot_of, joints, planes
from zoo.reporting.lineage import short_names
from zoo.reporting.text import clean
from zoo.results import Protocol


def targets(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A plane for each target where there are several; all under one protocol, on one pair of
    axes."""
    if len(tradeoff.targets) < 2:
        return None
    protocol = _protocol(tradeoff)
    found = {target: _dots(tradeoff, target, protocol) for target in tradeoff.targets}
    found = {target: dots for target, dots in found.items() if dots}
    if not found:
        return None
    names = list(found)
    specs = []
    for target in names:
        specs += planes(tradeoff, [found[target]], width, target)
    return Figure(
        "targets",
        "One plane for each target",
        (f"S is one target at a time; {protocol} protocol",),
        "The same general ability against each single skill that some stage was trained for. Where "
        "several benchmarks measure one skill, the limits of S are not drawn.",
        tuple(
            Panel(f"S: {clean(target)}", spec, _alt(target, found[target]))
            for target, spec in zip(names, specs, strict=True)
        ),
        ("Target", "Stage", "S", "G"),
        [
            (clean(target), dot.name, figures.points(dot.s.value), figures.points(dot.g.value))
            for target in names
            for dot in found[target]
        ],
    )


def _protocol(tradeoff: Tradeoff) -> Protocol:
    """The native protocol where any stage has a place under it."""
    native = any(
        estimate is not None and figures.known(estimate.value)
        for stage in tradeoff.stages
        for estimate in (stage.special.get("native"),)
    )
    return "native" if native else "uniform"


def _dots(tradeoff: Tradeoff, target: str, protocol: Protocol) -> list[Dot]:
    names = short_names(stage.model for stage in tradeoff.stages)
    joint = joints(tradeoff, protocol, (target,))
    found = (
        dot_of(
            stage,
            names[stage.model],
            _single(stage, target, protocol),
            stage.general.get(protocol),
            joint.get(stage.model),
        )
        for stage in tradeoff.stages
    )
    return [dot for dot in found if dot is not None]


def _single(stage: Stage, target: str, protocol: Protocol) -> Estimate | None:
    """A stage's mean over the benchmarks of one capability, with limits where it is only one."""
    scores = [s for s in stage.scores if (s.capability, s.protocol) == (target, protocol)]
    value = capability_mean(scores)
    if value is None:
        return None
    (first, *others) = scores
    if others or first.stderr is None or first.chance is None or first.chance >= 1:
        return Estimate(value)
    half = 1.96 * first.stderr / (1 - first.chance)
    return Estimate(value, value - half, value + half)


def _alt(target: str, dots: list[Dot]) -> str:
    places = "; ".join(
        f"{dot.name} at S {figures.points(dot.s.value)}, G {figures.points(dot.g.value)}"
        for dot in dots
    )
    return f"Trade-off plane for {clean(target)} alone. {places}."
