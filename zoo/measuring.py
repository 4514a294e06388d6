"""Probes that ask a loaded model themselves: asked once for each model, their rows kept.

Such a measurement is a cell like any other, without items: its rows lie under a score key that is
made of the bytes of the model, the probe and the plugin that brings it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zoo.benchmarks import Benchmark
from zoo.errors import StoreError, ZooError
from zoo.evaluation.evaluator import Evaluator, OnEvent
from zoo.evaluation.outcomes import result_of
from zoo.evaluation.preparing import Cell
from zoo.executors import Settings, evaluator_for
from zoo.fingerprints import digest
from zoo.hookspecs import Executor, Probe
from zoo.host import Host
from zoo.models import Family, Prompting
from zoo.probes import whole_rows
from zoo.probing import describe
from zoo.redaction import redact
from zoo.results import Item, Provenance, Result, RunSpec
from zoo.store import SCORES
from zoo.structuring import plain


def measured(
    host: Host,
    probes: Sequence[Probe],
    family: Family,
    executor: Executor,
    settings: Settings,
    done: Sequence[Result],
    tell: OnEvent,
) -> Iterator[Result]:
    """What probes measure on each model that has a scored cell; one that raises costs only itself.

    Raises StoreError where rows cannot be kept.
    """
    asking = [probe for probe in probes if probe.measure is not None]
    if not asking:
        return
    evaluator = evaluator_for(plain(settings))
    for model in family.models:
        of = next((r.spec for r in done if r.spec.model.id == model.id and r.items), None)
        cell = evaluator.prepare(of) if of is not None else None
        if not isinstance(cell, Cell):
            continue  # none of its cells could be asked, and each says why
        for probe in asking:
            yield _measured(host, probe, family, executor, settings, evaluator, cell, tell)


def _measured(
    host: Host,
    probe: Probe,
    family: Family,
    executor: Executor,
    settings: Settings,
    evaluator: Evaluator,
    cell: Cell,
    tell: OnEvent,
) -> Result:
    asked, identity = cell.spec, cell.checkpoint.identity
    spec = RunSpec(
        asked.model,
        Benchmark(probe.name, "rows"),
        asked.protocol,
        Prompting(),
        asked.seed,
        asked.limit,
        purpose="measured by a probe",
    )
    loader = host.loader_of(asked.model, settings.loader)
    plugin = host.registry.probes.owner(probe.name)
    key = digest(
        {
            "probe": [probe.name, plugin.distribution, plugin.version],
            "model": [asked.model.id, identity.weights, identity.tokenizer, identity.chat_template],
            "loader": [loader.name, loader.numerics, cell.dtype, dict(asked.model.loader_args)],
            "family": [model.id for model in family.models],
        }
    )
    if not settings.fresh and (kept := host.store.get_or_set_aside(SCORES, key)) is not None:
        return result_of(spec, kept, reused=True)
    if not settings.asks or executor.remote:
        where = f"the executor {executor.name!r}" if executor.remote else "a rescoring"
        why = f"it asks the model in the process of the run, which {where} does not load"
        return Result(spec, "failed", error=why)
    tell("loading", {"model": asked.model.id})
    try:
        assert probe.measure is not None
        rows = whole_rows(
            probe, asked.model.id, probe.measure(asked.model, evaluator.load(cell), family)
        )
    except StoreError:
        raise
    except ZooError as problem:
        return Result(spec, "failed", error=redact(str(problem)))
    except Exception as problem:
        why = f"the probe {probe.name!r} failed: {redact(describe(problem))}"
        return Result(spec, "failed", error=why)
    provenance = Provenance(
        score_key=key,
        weights=identity.weights,
        tokenizer=identity.tokenizer,
        chat_template=identity.chat_template,
        loader=loader.name,
        engine=loader.numerics,
        dtype=cell.dtype,
        device=settings.device,
        plugins={plugin.name: f"{plugin.distribution} {plugin.version}"},
    )
    summary = {"scores": [], "provenance": plain(provenance), "rows": [dict(row) for row in rows]}
    columns: dict[str, list[object]] = {name: [] for name in Item.__dataclass_fields__}
    if settings.fresh:
        host.store.set_aside(SCORES, key)
    return result_of(spec, host.store.put(SCORES, key, columns, summary))
