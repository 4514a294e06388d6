"""The nouns of the trade-off: what a stage scores and what an edge of the lineage changed.

Their fields are those of `zoo report --format json` (schema zoo.tradeoff/1). Every number is a
fraction in 0..1; low and high are unadjusted 95 % limits; None means unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from zoo.effects import Chain as Chain
from zoo.effects import Churn as Churn
from zoo.effects import Estimate as Estimate
from zoo.effects import Exchange as Exchange
from zoo.effects import Flag as Flag
from zoo.effects import FrontierPoint as FrontierPoint
from zoo.effects import Joint as Joint
from zoo.effects import Method as Method
from zoo.effects import Parsing as Parsing
from zoo.effects import Retention as Retention
from zoo.effects import Series as Series
from zoo.effects import Split as Split
from zoo.effects import Training as Training
from zoo.effects import Transfer as Transfer
from zoo.results import Protocol, Status

SCHEMA = "zoo.tradeoff/1"


@dataclass(frozen=True)
class StageScore:
    """One stage's score on one benchmark under one protocol.

    normalised: (score - chance) / (1 - chance), item by item, never clipped.
    imported: the format of the file it was read from, "" where it was measured here.
    group: benchmarks of one group count as one in the mean of their capability; "" stands alone.
    share: what it counts in that mean, where all of them sum to 1; 0 where it is in no mean.
    """

    benchmark: str
    metric: str
    filter: str
    protocol: Protocol
    axis: str
    capability: str
    num_fewshot: int | None
    n: int
    value: float | None
    stderr: float | None
    chance: float | None
    normalised: float | None
    status: Status
    error: str | None = None
    imported: str = ""
    group: str = ""
    share: float = 1.0


@dataclass(frozen=True)
class Stage:
    """One model of the family: general, special (the target set) and other special ability."""

    model: str
    revision: str | None
    regime: str
    base_model: str | tuple[str, ...] | None
    targets: tuple[str, ...]
    general: Mapping[Protocol, Estimate]
    special: Mapping[Protocol, Estimate]
    other_special: Mapping[Protocol, Estimate]
    scores: tuple[StageScore, ...]


@dataclass(frozen=True)
class Contrast:
    """The change from base to other on one benchmark, on the same items.

    delta, low, high: of the raw score, other minus base. p: two-sided, unadjusted;
    p_adjusted: Benjamini-Hochberg over the benchmarks of the family's edges.
    gained, lost: items that went from wrong to right and from right to wrong.
    mde: smallest change that 80 % of such comparisons would see.
    mixed: what differs between the two ends besides the model ("" where nothing does).
    """

    base: str
    other: str
    benchmark: str
    metric: str
    filter: str
    protocol: Protocol
    n: int
    delta: float | None
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    gained: int | None
    lost: int | None
    axis: str
    mde: float | None
    mixed: str = ""


@dataclass(frozen=True)
class Change:
    """The change of a composite along an edge; p_adjusted by Holm over the edge's declared pair."""

    delta: float | None
    low: float | None = None
    high: float | None = None
    p_adjusted: float | None = None


@dataclass(frozen=True)
class EdgeTradeoff:
    """What one edge gained and paid: G, S and the special skills that are not targets."""

    base: str
    other: str
    protocol: Protocol
    targets: tuple[str, ...]
    general: Change
    special: Change
    other_special: Change


@dataclass(frozen=True)
class Decomposition:
    """native = ability + format, exactly, on the items that all four cells share."""

    base: str
    other: str
    benchmark: str
    metric: str
    native: float
    ability: float
    format: float


@dataclass(frozen=True)
class Tradeoff:
    """A family on a suite: every stage, every edge, and what each edge traded.

    root_edges, root_tradeoffs: each stage against the root of its tree, where that is not its
    parent. siblings: two stages of one parent. probes: flat rows of measurements beyond scores.
    """

    family: str
    suite: str
    targets: tuple[str, ...]
    stages: tuple[Stage, ...]
    edges: tuple[Contrast, ...] = ()
    tradeoffs: tuple[EdgeTradeoff, ...] = ()
    decomposition: tuple[Decomposition, ...] = ()
    claims: tuple[Mapping[str, Any], ...] = ()
    root_edges: tuple[Contrast, ...] = ()
    root_tradeoffs: tuple[EdgeTradeoff, ...] = ()
    siblings: tuple[EdgeTradeoff, ...] = ()
    retention: tuple[Retention, ...] = ()
    transfer: tuple[Transfer, ...] = ()
    splits: tuple[Split, ...] = ()
    chains: tuple[Chain, ...] = ()
    exchange: tuple[Exchange, ...] = ()
    joint: tuple[Joint, ...] = ()
    flags: tuple[Flag, ...] = ()
    parsing: tuple[Parsing, ...] = ()
    churn: tuple[Churn, ...] = ()
    training: tuple[Training, ...] = ()
    methods: tuple[Method, ...] = ()
    series: tuple[Series, ...] = ()
    frontier: tuple[FrontierPoint, ...] = ()
    probes: tuple[Mapping[str, Any], ...] = ()
    advice: tuple[Mapping[str, Any], ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `zoo report --format json`, as plain dicts and lists."""
        return {"schema": SCHEMA, **_plain(asdict(self))}


def _plain(value: Any) -> Any:
    """Tuples become lists and nan becomes None, all the way down: JSON has neither."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value != value:
        return None
    return value
