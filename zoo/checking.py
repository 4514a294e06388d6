"""What a run would do, found out as a run does and without one."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.evaluation.evaluator import OnEvent
from zoo.host import Host
from zoo.plan import Plan
from zoo.preparation import cells_to_ask, prepare_cells
from zoo.results import Result, RunSpec
from zoo.running import Options, settings_of
from zoo.structuring import plain


@dataclass(frozen=True)
class Checked:
    """What a run would do: cells that fail now, that the store has, and that are to be asked."""

    failed: tuple[Result, ...]
    reused: tuple[Result, ...]
    asked: tuple[RunSpec, ...]
    requests: int


def check_family(
    host: Host, plan: Plan, options: Options, on_event: OnEvent = lambda *_: None
) -> Checked:
    """Prepares every cell of a plan, as a run does before it loads the first weight."""
    results: dict[int, Result] = {}
    settings = settings_of(host, options)
    cells = prepare_cells(plan, plain(settings), results, on_event)
    remote = host.executor(options.executor).remote
    waiting = cells_to_ask(host, cells, None if remote else settings.device, results, on_event)
    sizes = {cell.response_key: cell.size for cell in waiting.values()}
    return Checked(
        tuple(each for each in results.values() if each.status == "failed") + plan.failed,
        tuple(each for each in results.values() if each.reused),
        tuple(cell.spec for cell in waiting.values()),
        sum(sizes.values()),
    )
