"""The embedded family's chat stages are asked alike: their template knows no thinking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo.evaluation.preparing import Cell, Preparer
from zoo.evaluation.tasks import TaskLoader
from zoo.executors import builtins
from zoo.host import Host
from zoo.plan import Wishes
from zoo.running import plan_family


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cell]:
    """The native cells of a question that is answered in writing, by regime."""
    root: Path = tmp_path_factory.mktemp("zoo")
    (root / "zoo.toml").write_text("")
    host = Host(config_path=root / "zoo.toml", plugins_enabled=False, builtins=builtins())
    (family,) = host.discovery.resolve(["nano"])
    suite = host.suite(None, ("core_qa",), family)
    plan = plan_family(host, family, suite, Wishes(protocols=("native",), limit=4))
    preparer = Preparer(
        TaskLoader(host.catalogue.tasks),
        lambda model, config=None: host.loader_of(model, None, config),
        "float32",
    )
    return {spec.model.regime: preparer.prepare(spec) for spec in plan.specs}


def arguments(cell: Cell) -> dict[str, Any]:
    (found,) = {str(request.gen_kwargs): request.gen_kwargs for request in cell.requests}.values()
    assert found is not None
    return dict(found)


def test_rl_is_asked_and_scored_as_the_stage_it_was_made_of(cells: dict[str, Cell]) -> None:
    instruct, rl = cells["instruction-tuned"], cells["RL-tuned"]
    assert arguments(rl) == arguments(instruct)
    assert arguments(rl)["until"]
    assert rl.requests == instruct.requests
    assert rl.stops == instruct.stops == ()
    assert rl.spec.prompting == instruct.spec.prompting
    assert ("no thinking", "its chat template knows no thinking") in rl.spec.rules
