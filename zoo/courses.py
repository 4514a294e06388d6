"""The course of a training: what its checkpoints score, over their steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from zoo.effects import Estimate, Shift
from zoo.falls import ALPHA, Judged, first_below, judged_in_turn, one_sided
from zoo.results import PROTOCOLS, Protocol


@dataclass(frozen=True)
class Reading:
    """A checkpoint under one protocol, normalised, with 95 % limits.

    special: over the targets. capabilities: each target by name. change: of G against the
    reference, on the same items; None for the reference itself, or where `apart` says why.
    """

    general: Estimate
    special: Estimate
    capabilities: Mapping[str, Estimate] = field(default_factory=dict)
    change: Shift | None = None
    apart: str = ""


@dataclass(frozen=True)
class Point:
    """One checkpoint as it was measured.

    name: of its folder. measured: when its run began, UTC, ISO 8601. seconds: that it took; None
    where an earlier watch measured it. failed: names of cells without a score.
    """

    step: int
    name: str
    model: str
    revision: str | None
    readings: Mapping[Protocol, Reading]
    measured: str
    run: str = ""
    seconds: float | None = None
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fall:
    """From which step on G is below the reference. at: the step that shows it."""

    protocol: Protocol
    step: int
    name: str
    change: Shift


@dataclass(frozen=True)
class Course:
    """A training as far as it was measured.

    reference: what G is compared with: the parent, which stands at step 0 as `base`, or without
    one the first checkpoint that was measured. targets: what S stands for. tested: every point in
    the order in which it was measured, those that others have replaced among them: each was a
    look, and looks count. dropped: of these, runs whose points are of another life of the training.
    """

    name: str
    folder: str
    suite: str
    targets: tuple[str, ...]
    protocols: tuple[Protocol, ...] = PROTOCOLS
    reference: str = ""
    base: Point | None = None
    tested: tuple[Point, ...] = ()
    dropped: frozenset[str] = frozenset()

    def with_point(self, point: Point) -> Course:
        """The course with one more point."""
        return replace(self, tested=(*self.tested, point))

    def since(self, step: int, written: str) -> Course:
        """The course after the checkpoint of a step was written: a later step that was measured
        before that belongs to an earlier life of the training, and leaves the drawing."""
        old = {p.run for p in self.points if p.step > step and p.measured < written}
        return replace(self, dropped=self.dropped | old) if old else self

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """What is drawn: of each checkpoint what was measured last, in order of the steps."""
        newest = {point.name: point for point in self.tested if point.run not in self.dropped}
        return tuple(sorted(newest.values(), key=lambda point: point.step))

    @cached_property
    def tests(self) -> Mapping[tuple[str, Protocol], Judged]:
        """By run and protocol, whether the change of G was shown to be below 0.

        The level is shared evenly between the protocols, so that it is the watch's own.
        """
        found: dict[tuple[str, Protocol], Judged] = {}
        for protocol in self.protocols:
            ps = [_p(point, protocol) for point in self.tested]
            tests = judged_in_turn(ps, ALPHA / len(self.protocols))
            found |= {(p.run, protocol): t for p, t in zip(self.tested, tests, strict=True)}
        return found

    def below(self, point: Point, protocol: Protocol) -> bool:
        """Whether G of a point was shown to be below the reference."""
        return (point.run, protocol) in self.tests and self.tests[point.run, protocol].below

    def fall(self, protocol: Protocol) -> Fall | None:
        """Where G begins to lie below the reference and stays there; None where it does not."""
        changes = [(p, r.change) for p in self.points if (r := p.readings.get(protocol))]
        known = [(point, change) for point, change in changes if change is not None]
        place = first_below([(change.delta, self.below(p, protocol)) for p, change in known])
        if place is None:
            return None
        point, change = known[place]
        return Fall(protocol, point.step, point.name, change)

    def row(self, point: Point) -> dict[str, Any]:
        """A point as plain JSON."""
        readings: dict[str, Any] = {}
        for protocol, reading in point.readings.items():
            test = self.tests.get((point.run, protocol))
            shown = {"level": test.level, "below": test.below} if test and reading.change else {}
            readings[protocol] = {
                "general": asdict(reading.general),
                "special": asdict(reading.special),
                "capabilities": {name: asdict(e) for name, e in reading.capabilities.items()},
                "change": {**asdict(reading.change), **shown} if reading.change else None,
                "apart": reading.apart,
            }
        return {
            "step": point.step,
            "name": point.name,
            "model": point.model,
            "revision": point.revision,
            "protocols": readings,
            "seconds": point.seconds,
            "failed": list(point.failed),
            "falls": {p: fall.step for p in self.protocols if (fall := self.fall(p))},
        }


def _p(point: Point, protocol: Protocol) -> float | None:
    reading = point.readings.get(protocol)
    if reading is None or reading.change is None or reading.change.p is None:
        return None
    return one_sided(reading.change.delta, reading.change.p)
