"""The nouns of a leaderboard: its fields are those of `zoo leaderboard --format json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from zoo.benchmarks import Axis
from zoo.effects import Mean, Shift
from zoo.results import Protocol
from zoo.structuring import plain

SCHEMA = "zoo.leaderboard/1"
GENERAL, SPECIAL = "G", "S"


@dataclass(frozen=True)
class Ranks:
    """The ranks that an entry may have, 1 the best; with 95 % probability those of *all* entries
    lie within theirs."""

    low: int
    high: int


@dataclass(frozen=True)
class Column:
    """A benchmark of the suite."""

    benchmark: str
    metric: str
    filter: str
    num_fewshot: int | None
    axis: Axis
    capability: str


class CellScore(NamedTuple):
    """An entry's score on one benchmark: raw, and normalised (None where that is unknown).

    is_unfit: it is on no scale from a guesser to perfection, and may enter no composite.
    """

    value: float
    stderr: float | None
    n: int
    normalised: float | None
    normalised_stderr: float | None
    score_key: str
    is_unfit: bool

    def to_dict(self) -> dict[str, float | None]:
        """What the JSON says of it."""
        return {
            "value": self.value,
            "stderr": self.stderr,
            "n": self.n,
            "normalised": self.normalised,
        }


@dataclass(frozen=True)
class Delta:
    """What an entry changed against one of its parents, in normalised fractions.

    paired: on the same items; otherwise from both ends' standard errors, which is wider.
    cells: of the parent's entry, as `Entry.cells`.
    p_adjusted: of what the leaderboard is sorted by, Holm over the deltas under one protocol.
    """

    parent: str
    cells: str
    paired: bool
    general: Shift | None
    special: Shift | None
    capabilities: Mapping[str, Shift] = field(default_factory=dict)
    p_adjusted: float | None = None

    def of(self, measure: str) -> Shift | None:
        """The change of G, of S, or of a capability."""
        return _measured(self, measure)


@dataclass(frozen=True)
class Identity:
    """What tells a claim from another one about the same model. seed: of the run; limit: items of
    each benchmark, None for all. versions: of what measured it."""

    dtype: str
    loader: str
    engine: str
    limit: int | None
    seed: int
    weights: str
    versions: Mapping[str, str]
    finished: str


@dataclass(frozen=True)
class Entry:
    """One model under one protocol, asked in one way.

    rank: None where it is incomplete, which `gap` says in words. general, special: over all
    capabilities of the axis, 0 a guesser and 1 perfection, None where a benchmark is missing.
    scores: by place of the leaderboard's columns, None where it was not asked. parents: ids;
    deltas: those that can be told. step, training_seed: of its training. source: "" for what was
    measured here, "imported", or the repository that it was pulled from. from_items: whether
    the errors were computed from items, and so know what benchmarks share. cells: digest of the
    score keys that all this is of.
    """

    rank: Ranks | None
    model: str
    revision: str | None
    family: str
    regime: str
    parents: tuple[str, ...]
    protocol: Protocol
    general: Mean | None
    special: Mean | None
    capabilities: Mapping[str, Mean]
    scores: tuple[CellScore | None, ...]
    deltas: tuple[Delta, ...]
    parameters: int | None
    licence: str
    step: int | None
    training_seed: int | None
    source: str
    identity: Identity
    measured: int
    from_items: bool
    cells: str
    gap: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether it may be ranked."""
        return not self.gap

    def of(self, measure: str) -> Mean | None:
        """Its G, S, or ability in a capability."""
        return _measured(self, measure)


@dataclass(frozen=True)
class Leaderboard:
    """A suite's leaderboard.

    sort: what it is ranked by, "G", "S" or a capability. entries: under each protocol, the ranked
    ones from the best down, then the incomplete ones. limit: items of each benchmark that the
    ranked entries were asked, None for all. notes: what a reader has to know, one sentence each.
    """

    name: str
    suite: str
    sort: str
    columns: tuple[Column, ...]
    capabilities: Mapping[str, Axis]
    entries: tuple[Entry, ...]
    limit: int | None = None
    notes: tuple[str, ...] = ()
    level: Literal["95 %"] = "95 %"

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `zoo leaderboard --format json`, as plain dicts and lists."""
        own = plain(replace(self, entries=()))
        del own["entries"]
        rows = [
            {
                **plain(replace(entry, scores=())),
                "scores": [score and score.to_dict() for score in entry.scores],
                "complete": entry.is_complete,
            }
            for entry in self.entries
        ]
        return {"schema": SCHEMA, **own, "rows": rows}


def _measured(of: Any, measure: str) -> Any:
    if measure == GENERAL:
        return of.general
    return of.special if measure == SPECIAL else of.capabilities.get(measure)
