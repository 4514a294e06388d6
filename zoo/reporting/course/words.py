"""What is said of a training's course, in words."""

from __future__ import annotations

from zoo.courses import Course, Point
from zoo.falls import ALPHA
from zoo.reporting.figures import limits, signed
from zoo.reporting.text import clean


def title(course: Course) -> str:
    """What is watched, and by which suite."""
    return f"{clean(course.folder)} on {clean(course.suite)}"


def verdicts(course: Course) -> list[str]:
    """For each protocol whether G has fallen."""
    what = "the parent" if course.base else "the first checkpoint"
    said = []
    for protocol in course.protocols:
        fall = course.fall(protocol)
        if fall is not None:
            change = fall.change
            said.append(
                f"{protocol}: G is below that of {what} from step {fall.step:,} on "
                f"({clean(fall.name)}: {signed(change.delta)} {limits(change.low, change.high)})"
            )
        elif any((r := p.readings.get(protocol)) and r.change for p in course.points):
            said.append(f"{protocol}: G was not shown to be below that of {what}")
    return said


def reading(course: Course) -> list[str]:
    """How to read the numbers."""
    targets = ", ".join(map(clean, course.targets)) or "none"
    what = "the parent, step 0" if course.base else "the first checkpoint that was measured"
    return [
        f"S is over: {targets}. In points: a guesser has 0 and perfection 100; limits are 95 %. "
        f"ΔG is against {what}: {clean(course.reference) or 'none yet'}, on the same items.",
        f"A star says that ΔG is below 0 by a test that counts every look: in a training that "
        f"changes nothing, at most {ALPHA:.0%} of watches ever mark a fall.",
    ]


def remark(course: Course, point: Point) -> str:
    """What failed or could not be compared at a point."""
    said = [f"{len(point.failed)} cells failed"] if point.failed else []
    apart = dict.fromkeys(r.apart for r in point.readings.values() if r.apart)
    if point.model != course.reference:
        said += [f"not compared: {clean(each)}" for each in apart]
    return "; ".join(said)
