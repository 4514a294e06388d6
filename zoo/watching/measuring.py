"""From a checkpoint's results to a point of the course of its training."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.benchmarks import Suite
from zoo.composites import ability, composition, difference_parts, known
from zoo.courses import Point, Reading
from zoo.effects import Shift
from zoo.lineages import pin
from zoo.matching import Matched
from zoo.models import Model
from zoo.results import PROTOCOLS, Protocol, Result
from zoo.sheet import Sheet
from zoo.stats import composite_difference
from zoo.uncollected import uncollected


def specials(suite: Suite) -> tuple[str, ...]:
    """The suite's special capabilities: what S is over where nobody says what was trained for."""
    return tuple(dict.fromkeys(b.capability for b in suite.benchmarks if b.axis == "special"))


def point_of(
    model: Model,
    results: Sequence[Result],
    reference: tuple[Model, Sequence[Result]] | None,
    suite: Suite,
    targets: tuple[str, ...],
    *,
    name: str,
    measured: str,
    run: str,
    seconds: float | None = None,
) -> Point:
    """A checkpoint's point. results: its own. reference: what G is compared with, and its results.

    G is over the general capabilities that are no target, S over the targets, as along an edge.
    """
    base, more = reference or (model, ())
    alone = pin(base) == pin(model)
    models = [model] if alone else [base, model]
    every = [*results, *(() if alone else more)]
    capabilities = tuple(dict.fromkeys(b.capability for b in suite.benchmarks))
    with uncollected():
        sheet = Sheet(models, suite, every, {pin(m): targets for m in models}, capabilities)
        pairs = [] if alone else [(base, model)]
        matches = {each.protocol: each for each in sheet.matches(pairs)}
        readings = {
            protocol: _reading(sheet, model, protocol, targets, matches.get(protocol))
            for protocol in PROTOCOLS
            if sheet.cells(model, protocol)
        }
    return Point(
        step=model.step or 0,
        name=name,
        model=model.id,
        revision=model.revision,
        readings=readings,
        measured=measured,
        run=run,
        seconds=seconds,
        failed=tuple(result.spec.name for result in results if result.status == "failed"),
    )


def _reading(
    sheet: Sheet,
    model: Model,
    protocol: Protocol,
    targets: tuple[str, ...],
    matched: Matched | None,
) -> Reading:
    cells = sheet.aligned(model, protocol)
    parts = composition(sheet.fit, targets)
    change, apart = None, ""
    if matched is not None:
        mixed = dict.fromkeys(each.mixed for each in matched.contrasts.values() if each.mixed)
        apart = "; ".join(mixed)
        pairs = None if apart else difference_parts(parts.general, matched.pairs)
        if pairs is not None:
            found = composite_difference(pairs)
            limits = known(found.low), known(found.high)
            change = Shift(found.value, known(found.stderr), *limits, known(found.p))
        apart = apart or ("" if change else "not all of G is scored at both ends")
    return Reading(
        general=ability(parts.general, cells),
        special=ability(parts.special, cells),
        capabilities={t: ability(composition(sheet.fit, (t,)).special, cells) for t in targets},
        change=change,
        apart=apart,
    )
