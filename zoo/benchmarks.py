"""Benchmarks and the suites they form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Axis = Literal["general", "special"]
Policy = Literal["open", "gated", "canary"]


@dataclass(frozen=True)
class Benchmark:
    """One measure: a task of lm-eval, how it is asked, and what its score stands for.

    task: name of an lm-eval task. In a suite file it may name one of lm-eval's groups, which then
        stands for every task below it, each a benchmark of its own.
    metric, filter: which of the task's numbers is the score.
    num_fewshot: examples before each item; None leaves it to the task.
    version: of the task, for people; the bytes of the task decide identity.
    axis: whether the capability is a general or a special one.
    capability: what is measured; benchmarks of one capability are averaged.
    chance: score of a guesser, 0..1; None means one over the number of choices, item by item,
        for multiple choice and 0 for everything else.
    repeats: answers sampled for an item.
    gen_kwargs: laid over the regime's and the task's generation arguments.
    cluster: field of a document whose value names the cluster of items that stand or fall
        together (the same fact, the same passage); None means each item for itself.
    policy: whether items may be published: open, gated or canary.
    licence: of its data, as its publisher names it; "" where nobody has said.
    group: benchmarks of one group count as one among those of their capability; "" stands alone.
        Tasks that a group of lm-eval's was expanded into have its name.
    weight: in the mean of its group, beside the others' weights.
    weight_by_size: whether the number of items that were scored takes the place of `weight`; None
        means as lm-eval aggregates the group that it was expanded from, else no.

    >>> Benchmark("arc_easy", "acc_norm", num_fewshot=0, chance=0.25).name
    'arc_easy'
    """

    task: str
    metric: str
    filter: str = "none"
    num_fewshot: int | None = None
    version: str | None = None
    axis: Axis = "general"
    capability: str = ""
    chance: float | None = None
    repeats: int = 1
    gen_kwargs: Mapping[str, Any] = field(default_factory=dict)
    cluster: str | None = None
    policy: Policy = "open"
    licence: str = ""
    group: str = ""
    weight: float = 1.0
    weight_by_size: bool | None = None

    @property
    def name(self) -> str:
        """What tables call it; a suite that asks one task twice says how with the shots."""
        return self.task

    @property
    def key(self) -> tuple[str, str, str, int | None]:
        """What may stand only once in a suite."""
        return self.task, self.metric, self.filter, self.num_fewshot


@dataclass(frozen=True)
class Suite:
    """Benchmarks that are run together, the same for every stage.

    >>> suite = Suite("mine", (Benchmark("a", "acc", axis="special", capability="law"),))
    >>> suite.capabilities("special")
    ('law',)
    """

    name: str
    benchmarks: tuple[Benchmark, ...]
    title: str = ""

    def capabilities(self, axis: Axis) -> tuple[str, ...]:
        """Capabilities of one axis, in the order of the suite, each once."""
        return tuple(dict.fromkeys(b.capability for b in self.benchmarks if b.axis == axis))
