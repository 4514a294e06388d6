"""The nouns of what stages keep, lose and pay, beside those of `zoo.contrasts`.

Every number is a fraction in 0..1 unless its field says otherwise; scores are normalised (0 for a
guesser, 1 for perfection), limits are unadjusted and 95 %, None means unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from zoo.results import Protocol


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class SeedEstimate(Estimate):
    """A mean over training seeds, its 95 % interval over these and over items.

    items: its standard error over items, None where it is not known.
    """

    items: float | None = None


@dataclass(frozen=True)
class Mean:
    """A normalised mean, its standard error and its 95 % limits."""

    value: float
    stderr: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Shift:
    """A change of such a mean, child minus parent; p: two-sided, unadjusted."""

    delta: float
    stderr: float | None
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True)
class Retention:
    """What is left of a benchmark's ability after an edge.

    base_normalised: the parent's score. retention: the child's over the parent's, None where the
    parent's is below .10 or the interval has no end. forgetting: the loss, 0 where there is none;
    gain likewise.
    """

    base: str
    other: str
    protocol: Protocol
    benchmark: str
    metric: str
    axis: str
    capability: str
    base_normalised: float
    retention: Estimate | None
    forgetting: Estimate
    gain: Estimate


@dataclass(frozen=True)
class Chain:
    """The items of one benchmark along a lineage, from the root to a leaf.

    models: root first. n: items that all of them were asked. lost: right at some stage, wrong at
    the last. recovered: right, later wrong, right at the last. never, always: right at no stage, at
    every one. The counts are None where scores are not 0 and 1.
    backward_transfer: the last score minus that of the stage that learned the capability.
    forgetting: the best earlier score minus the last, the best picked on one half of the items and
    read on the other.
    """

    models: tuple[str, ...]
    protocol: Protocol
    benchmark: str
    metric: str
    n: int
    lost: int | None
    recovered: int | None
    never: int | None
    always: int | None
    backward_transfer: Estimate | None
    forgetting: Estimate | None


@dataclass(frozen=True)
class Exchange:
    """What a point of S cost in G along an edge.

    rate: -dG/dS, None where dS is within 3 standard errors of 0. angle_degrees: atan2(dG, dS), 0
    for a gain in S alone, -90 for a loss of G alone. quadrants: probabilities of the signs of dS
    and dG, "S+G-" and so on. reason: why the rate is unknown, "" where it is known.
    """

    base: str
    other: str
    protocol: Protocol
    rate: Estimate | None
    angle_degrees: float | None
    quadrants: Mapping[str, float]
    reason: str = ""


@dataclass(frozen=True)
class Joint:
    """S and G of a stage as one point with its uncertainty.

    targets: what S stands for. covariance: of (S, G), 2 x 2. pareto: the probability that no other
    stage is at least as good in both and better in one.
    """

    model: str
    protocol: Protocol
    targets: tuple[str, ...]
    special: Estimate
    general: Estimate
    covariance: tuple[tuple[float, float], tuple[float, float]]
    pareto: float


@dataclass(frozen=True)
class Flag:
    """Why a stage's score on a benchmark says little."""

    model: str
    protocol: Protocol
    benchmark: str
    metric: str
    kind: Literal["ceiling", "floor", "underpowered"]
    why: str


@dataclass(frozen=True)
class Parsing:
    """How many answers had a form that can be scored.

    parsed: share of n answers. correct_given_parsed: raw score of the parsed ones, None where there
    are none. The raw score of all is the product; a benchmark that scores unparsed answers has no
    row.
    """

    model: str
    protocol: Protocol
    benchmark: str
    metric: str
    n: int
    parsed: float
    correct_given_parsed: float | None


@dataclass(frozen=True)
class Manner:
    """How two models answered one benchmark: each pair is A's and B's, None where not known.

    parsed: the share of answers with a form that can be scored. tokens: the median.
    """

    benchmark: str
    protocol: Protocol
    parsed: tuple[float | None, float | None]
    tokens: tuple[float | None, float | None]


@dataclass(frozen=True)
class Churn:
    """The share of items whose score changed along an edge.

    floor: the same between training seeds of the child's stage, None where there is one seed.
    excess: churn minus its floor, on the items that all were asked.
    """

    base: str
    other: str
    protocol: Protocol
    benchmark: str
    metric: str
    n: int
    churn: float
    floor: float | None
    excess: Estimate | None


@dataclass(frozen=True)
class Transfer:
    """The change of one capability, against the parent or the root.

    p_adjusted: Benjamini-Hochberg over a protocol's capabilities and edges, parents and roots
    apart.
    """

    base: str
    other: str
    protocol: Protocol
    capability: str
    axis: str
    against: Literal["parent", "root"]
    delta: float
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None


@dataclass(frozen=True)
class Split:
    """native = ability + format for a composite, exactly, on the items that all four cells share.

    ability: the change under the uniform protocol; format: what the native one adds to it.
    """

    base: str
    other: str
    composite: Literal["general", "special"]
    native: Estimate
    ability: Estimate
    format: Estimate


@dataclass(frozen=True)
class Training:
    """How a stage was made, as far as its record says.

    adapter: whether it is an adapter over its parent; kind: in words, "" for none. parameters: of
    the whole model; trained_parameters: of the adapter alone; None where its files do not say.
    recipe: as its manifest says, "" where it has none. settings: what the recipe was told.
    examples: rows it learned from. seconds: of training.
    """

    model: str
    step: int | None
    seed: int | None
    adapter: bool
    kind: str = ""
    parameters: int | None = None
    trained_parameters: int | None = None
    recipe: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    examples: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Method:
    """The change along an edge over training seeds: of the method, not of one checkpoint.

    models: children that differ in their seed only. general, special: mean over them with t
    intervals over seeds and items. says: what the intervals are over.
    """

    base: str
    models: tuple[str, ...]
    protocol: Protocol
    targets: tuple[str, ...]
    seeds: int
    general: SeedEstimate
    special: SeedEstimate
    says: str


@dataclass(frozen=True)
class Series:
    """Checkpoints of one training in order of their step.

    peak: the checkpoint with the best S. after_peak: S of the last checkpoint minus S of the best,
    the best picked on one half of the items and read on the other. general_change: G of the last
    minus G of the first.
    """

    models: tuple[str, ...]
    steps: tuple[int, ...]
    protocol: Protocol
    targets: tuple[str, ...]
    general: tuple[Estimate, ...]
    special: tuple[Estimate, ...]
    peak: str | None
    after_peak: Estimate | None
    general_change: Estimate | None


@dataclass(frozen=True)
class FrontierPoint:
    """A way of training on the plane of what was gained and what was paid, over its seeds.

    root: what the changes are against. base: what was trained from. recipe: as the manifest says;
    the regime of a stage that is not trained (retrieval). settings: what the recipe was told.
    step: of the checkpoint. last: whether no checkpoint of the same training is later.
    examples: rows learned from. seconds: of a whole training, mean. adapter: whether it is one.
    models: ids, in order of their seeds. seeds: how many; 0 of a stage that is not trained.
    changes: (S, G) of each model, minus the root's. special, general, other_special: means with t
    limits over seeds and items, over items where seeds is 0. front: probability that neither
    another point nor the root is at least as good in S and G, on these items; None with 1 or 2
    seeds.
    errors: of each of `changes` its standard errors over items. source: who brought the data, as
    `zoo.models.Making` has it. rows: SHA-256 of the rows of each model. times: seconds of each
    training, () where one is not known. machines: the different devices and
    threads that they ran on.
    """

    root: str
    base: str
    recipe: str
    settings: Mapping[str, Any]
    step: int | None
    last: bool
    examples: int | None
    seconds: float | None
    adapter: bool
    protocol: Protocol
    targets: tuple[str, ...]
    models: tuple[str, ...]
    seeds: int
    changes: tuple[tuple[float, float], ...]
    special: SeedEstimate
    general: SeedEstimate
    other_special: SeedEstimate
    front: float | None
    errors: tuple[tuple[float | None, float | None], ...] = ()
    source: str = ""
    rows: tuple[str, ...] = ()
    times: tuple[float, ...] = ()
    machines: tuple[str, ...] = ()
