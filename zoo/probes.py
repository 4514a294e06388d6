"""What probes ask beyond the suite, and the rows they make of what was answered. Pure."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.contrasts import Tradeoff
from zoo.errors import ConfigError, did_you_mean
from zoo.hookspecs import Probe
from zoo.lineages import edges_of, targets_of
from zoo.models import Family, Model, Regime
from zoo.probing import describe
from zoo.registry import Things
from zoo.results import LIKELIHOOD, PROTOCOLS, Result, RunSpec

Row = Mapping[str, Any]
ALL = "all"
COLUMNS = {"model": str, "kind": str, "benchmark": str | None, "protocol": str | None}
"""What every row has, besides the name of its probe."""


@dataclass(frozen=True)
class Known:
    """What a probe is told: a family, what it was trained for, and what was asked and answered.

    models: of the family. specs: the suite's cells as planned. results: of these and of the cells
    that probes wanted, as far as there are any. targets: by model id, the capabilities it was
    trained for. writes: tasks that are answered in writing.
    """

    models: tuple[Model, ...]
    specs: tuple[RunSpec, ...]
    results: tuple[Result, ...] = ()
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    writes: frozenset[str] = frozenset()

    @property
    def edges(self) -> list[tuple[Model, Model]]:
        """(parent, child) for every parent in the family."""
        return edges_of(self.models)

    def written(self) -> list[RunSpec]:
        """The suite's cells that are answered in writing."""
        return [spec for spec in self.specs if spec.benchmark.task in self.writes]

    def scored(self, purpose: str = "") -> list[Result]:
        """Scored cells of one purpose; "" for the suite's own."""
        return [
            result
            for result in self.results
            if result.status == "scored" and result.spec.purpose == purpose
        ]


def known_of(
    family: Family,
    regimes: Mapping[str, Regime],
    specs: Sequence[RunSpec],
    results: Sequence[Result],
    output_types: Mapping[str, str],
) -> Known:
    """What probes are told. output_types: lm-eval's, by task, where they are known."""
    return Known(
        family.models,
        tuple(specs),
        tuple(results),
        {model.id: targets_of(model, regimes) for model in family.models},
        frozenset(task for task, kind in output_types.items() if kind == "generate_until"),
    )


def chosen(
    brought: Things[Probe], names: Sequence[str], arguments: Mapping[str, Any]
) -> list[Probe]:
    """The probes that are named, "all" for every one, in the order they are listed in.

    arguments: by "probe.argument". Raises UnknownNameError for a probe that nobody brings, and
    ConfigError for an argument that a named probe does not take.
    """
    for name in names:
        if name != ALL:
            brought.get(name)
    found = [probe for name, probe in brought.items() if ALL in names or name in names]
    taken = {f"{probe.name}.{name}" for probe in found for name in _arguments_of(probe)}
    for name in arguments:
        if name not in taken:
            raise ConfigError(
                f"--probe-args: none of the probes that are run takes {name!r}"
                f"{did_you_mean(name, taken)}"
            )
    return found


def wanted(
    probes: Iterable[Probe],
    known: Known,
    arguments: Mapping[str, Any],
    say: Callable[[str], None] = lambda _: None,
) -> tuple[RunSpec, ...]:
    """The cells that probes want asked and that are not among the results, each once.

    Probes of one `wants` share its cells, and so the arguments that any of them is given. Where two
    others want the same with fewer or more samples or items, the most are asked. say: told of a
    probe that fails, in a sentence.
    """
    sharing: dict[Callable[..., Iterable[RunSpec]], list[Probe]] = {}
    for probe in probes:
        if probe.wants is not None:
            sharing.setdefault(probe.wants, []).append(probe)
    found: dict[tuple[object, ...], RunSpec] = {}
    for wants, (probe, *others) in sharing.items():
        own = {
            name: arguments[f"{each.name}.{name}"]
            for each in (probe, *others)
            for name in _arguments_of(probe)
            if f"{each.name}.{name}" in arguments
        }
        try:
            specs = list(wants(known, **own))
            if odd := [spec for spec in specs if not isinstance(spec, RunSpec) or not spec.purpose]:
                raise TypeError(f"it wants {odd[0]!r:.80}, which is no RunSpec with a purpose")
        except ConfigError:
            raise  # an argument that cannot be meant
        except Exception as problem:
            say(f"the probe {probe.name!r} cannot say what it wants: {describe(problem)}")
            continue
        for spec in specs:
            other = found.get(spec.identity)
            found[spec.identity] = spec if other is None else _larger(other, spec)
    done = {result.spec.identity for result in known.results}
    return tuple(spec for identity, spec in found.items() if identity not in done)


def rows_of(
    probes: Iterable[Probe], known: Known, tradeoff: Tradeoff, say: Callable[[str], None]
) -> Iterator[Row]:
    """The rows of all probes: those that models were asked for, and those made of stored cells.

    say: told of a probe that fails, in a sentence.
    """
    for result in known.results:
        yield from result.rows
    for probe in probes:
        if probe.rows is None:
            continue
        try:
            yield from whole_rows(probe, "", probe.rows(known, tradeoff))
        except Exception as problem:
            say(f"the probe {probe.name!r} has no rows: {describe(problem)}")


def whole_rows(probe: Probe, model: str, rows: Iterable[Any]) -> tuple[Row, ...]:
    """Rows with all that every row has; what a probe does not say is null, its model "" (all).

    Raises TypeError or ValueError where a row is no flat mapping of JSON values.
    """
    place = {"model": model, "protocol": None, "benchmark": None, "kind": "summary"}
    found = []
    for row in rows:
        if not isinstance(row, Mapping):
            raise TypeError(f"a row is a {type(row).__name__}, not a mapping")
        for name, value in row.items():
            if isinstance(value, (Mapping, list, tuple)):
                raise TypeError(f"{name!r} of a row is a {type(value).__name__}; rows are flat")
        made = {**place, **row, "probe": probe.name}
        for name, kinds in COLUMNS.items():
            if not isinstance(made[name], kinds):
                raise TypeError(f"{name!r} of a row is {made[name]!r}")
        if made["protocol"] not in (None, *PROTOCOLS):
            raise ValueError(f"the protocol of a row is {made['protocol']!r}")
        json.dumps(made, allow_nan=False)
        found.append(made)
    return tuple(found)


def sampled(spec: RunSpec, purpose: str, *, samples: int, items: int, **gen_kwargs: Any) -> RunSpec:
    """A suite's cell asked for several drawn answers to its first items.

    gen_kwargs: laid over the cell's own.
    """
    for name, number in (("samples", samples), ("items", items)):
        if not isinstance(number, int) or number < 1:
            raise ConfigError(f"{name} is {number!r}; it is a whole number above 0")
    own = {**spec.prompting.gen_kwargs, **gen_kwargs, "do_sample": True}
    return replace(
        spec,
        benchmark=replace(spec.benchmark, repeats=samples),
        prompting=replace(spec.prompting, gen_kwargs=own),
        limit=items if spec.limit is None else min(items, spec.limit),
        purpose=purpose,
        rules=(),
    )


def likelihoods(written: Result, model: Model, purpose: str) -> RunSpec:
    """How likely a model finds the answers of a cell that is scored."""
    spec = written.spec
    return replace(
        spec,
        model=model,
        benchmark=replace(spec.benchmark, metric=LIKELIHOOD, filter="none", gen_kwargs={}),
        prompting=replace(spec.prompting, gen_kwargs={}),
        purpose=purpose,
        likelihood_of=written.provenance.response_key,
    )


def _arguments_of(probe: Probe) -> list[str]:
    """What --probe-args may set of a probe."""
    if probe.wants is None:
        return []
    parameters = inspect.signature(probe.wants).parameters.values()
    return [each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY]


def _larger(one: RunSpec, two: RunSpec) -> RunSpec:
    def size(spec: RunSpec) -> tuple[int, float]:
        return spec.benchmark.repeats, float("inf") if spec.limit is None else spec.limit

    return max(one, two, key=size)
