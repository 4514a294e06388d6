"""What a run would do, found as a run finds it before the first weight is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zoo.evaluation.evaluator import OnEvent
from zoo.evaluation.preparing import Cell
from zoo.host import Host
from zoo.models import Family
from zoo.plan import Plan
from zoo.preparation import cells_to_ask, prepare_cells
from zoo.probes import chosen
from zoo.results import Result, RunSpec
from zoo.running import Options, settings_of
from zoo.structuring import plain
from zoo.waves import WAVES, wanted_by


@dataclass(frozen=True)
class Checked:
    """What a run would do: cells that fail now, that cannot be asked of a model of its kind, that
    the store has, and that are to be asked.

    specs: all that could be planned, those among them that probes want of what the store has.
    requests: answers that are lacking, by purpose ("" for the suite's own cells).
    cells: all that could be prepared.
    """

    specs: tuple[RunSpec, ...]
    failed: tuple[Result, ...]
    not_applicable: tuple[Result, ...]
    reused: tuple[Result, ...]
    asked: tuple[RunSpec, ...]
    requests: Mapping[str, int]
    cells: tuple[Cell, ...] = ()


def check_family(
    host: Host, family: Family, plan: Plan, options: Options, on_event: OnEvent = lambda *_: None
) -> Checked:
    """Prepares every cell of a plan, as a run does before it loads the first weight."""
    settings = settings_of(host, options)
    device = None if host.executor(options.executor).remote else settings.device
    probes = chosen(host.registry.probes, options.probes, options.probe_args)
    specs: tuple[RunSpec, ...] = ()
    known: list[Result] = []
    asked: list[RunSpec] = []
    sizes: dict[str, tuple[str, int]] = {}
    ready: list[Cell] = []
    more = plan.specs + wanted_by(host, probes, family, plan, known, options.probe_args, on_event)
    for _ in range(WAVES):
        if not more:
            break
        results: dict[int, Result] = {}
        cells = prepare_cells(more, plain(settings), results, on_event)
        ready += cells.values()
        waiting = cells_to_ask(host, cells, device, results, on_event)
        specs += more
        known += results.values()
        asked += [cell.spec for cell in waiting.values()]
        for cell in waiting.values():
            sizes.setdefault(cell.response_key, (cell.spec.purpose, cell.size))
        unasked = {spec.identity for spec in asked}
        wished = wanted_by(host, probes, family, plan, known, options.probe_args, on_event)
        more = tuple(spec for spec in wished if spec.identity not in unasked)
    requests: dict[str, int] = {}
    for purpose, size in sizes.values():
        requests[purpose] = requests.get(purpose, 0) + size
    return Checked(
        specs,
        tuple(each for each in known if each.status == "failed") + plan.failed,
        tuple(each for each in known if each.status == "not_applicable"),
        tuple(each for each in known if each.reused),
        tuple(asked),
        requests,
        tuple(ready),
    )
