"""The executor `ray`, on a real cluster of three nodes on this machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.zoos import numbers

from executors.conftest import Clumsy
from zoo.errors import ConfigError, ExecutorError
from zoo.hookspecs import Job
from zoo.models import Model
from zoo_ray.demands import Demand


@pytest.fixture
def cluster(clumsy: Clumsy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without cores and two nodes of one core each, which see the folders of `clumsy`."""
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    monkeypatch.setenv("PYTHONPATH", f"{clumsy.folder.parent / 'site'}")
    import ray
    from ray.cluster_utils import Cluster

    # connected while there is only the head: a node that this process hangs on must not be killed
    made = Cluster(initialize_head=True, connect=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(2):
            made.add_node(num_cpus=1)
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@pytest.mark.ray
def test_a_run_outlives_a_node_that_dies_in_the_middle_and_ends_with_the_same_numbers(
    clumsy: Clumsy, cluster: Any, base: Path, tmp_path: Path
) -> None:
    clumsy.zoo.model("base", base, "pretrained", loader='"torch"')
    for name in ("a", "b"):
        clumsy.zoo.add(name, "fine-tuned", base_model='"./base"')
    clumsy.falls("hang", "a", "Answer.", 1)
    clumsy.falls("die", "b", "Answer.", 1)
    killed: list[str] = []

    def kill(name: str, facts: Mapping[str, Any]) -> None:
        if name == "cell" and facts["model"] == "a" and not killed:
            killed.append(facts["node"])
            while clumsy.left("hang"):  # what was not reached would hang the next node's actor
                time.sleep(0.05)
            (node,) = [n for n in cluster.list_all_nodes() if n.node_id == facts["node"]]
            cluster.remove_node(node, allow_graceful=False)

    spread, seen = clumsy.run("ray", also=kill, address=cluster.address)
    assert killed
    assert not spread.failed, [result.error for result in spread.failed]
    fallen = [facts for name, facts in seen.seen if name == "fallen"]
    assert ("a", "was lost with its node") in {(f["model"], f["reason"]) for f in fallen}
    assert any(f["model"] == "b" and "ActorDiedError" in f["reason"] for f in fallen)
    placed = {facts["node"] for name, facts in seen.seen if name == "placed"}
    assert len(placed) == 2
    (clumsy.zoo.root / "results").rename(tmp_path / "spread")
    alone, _ = clumsy.run()
    assert numbers(spread) == numbers(alone)
    what_no_node_has_is_named(clumsy, cluster)


def what_no_node_has_is_named(clumsy: Clumsy, cluster: Any) -> None:
    """On the same cluster, which took seconds to start. Ray may not yet know that a node died."""
    clumsy.zoo.add("large", "fine-tuned", base_model='"./base"', gpus="4")
    outcome, _ = clumsy.run("ray", device="cuda", address=cluster.address, patience=1)
    errors = {result.spec.model.id: result.error for result in outcome.failed}
    for model, gpus in (("large", "4 GPUs"), ("a", "1 GPU")):
        assert errors[model].startswith(f"{model} asks for a node with {gpus}, and of the ")
        assert errors[model].endswith(
            " nodes none has more than 0 GPUs; add a node that has, or run with less"
        )


@pytest.mark.ray
def test_a_cluster_that_cannot_be_reached_is_named_with_the_remedy(clumsy: Clumsy) -> None:
    pytest.importorskip("ray")
    clumsy.zoo.add("a", "pretrained")
    with pytest.raises(ExecutorError, match=r"no Ray cluster at '127\.0\.0\.1:1'.*ray start"):
        clumsy.run("ray", address="127.0.0.1:1")


def test_without_ray_the_remedy_is_one_sentence(
    clumsy: Clumsy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    clumsy.zoo.add("a", "pretrained")
    with pytest.raises(ConfigError, match=r"pip install 'stagezoo\[ray\]'"):
        clumsy.run("ray")


def test_a_model_asks_for_gpus_on_cuda_and_for_cores_elsewhere() -> None:
    on_cuda, on_cpu = {"device": "cuda"}, {"device": "cpu"}
    assert Demand.of(Job(Model("m"), (), on_cuda), 2) == Demand(gpus=1)
    assert Demand.of(Job(Model("m", gpus=4), (), on_cuda), 2) == Demand(gpus=4)
    assert Demand.of(Job(Model("m", gpus=4), (), on_cpu), 2) == Demand(cpus=2)


def test_a_demand_is_met_by_one_node_or_by_none() -> None:
    nodes = [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 64.0}, {}]
    assert Demand(gpus=2).unmet("m", nodes) == ""
    assert Demand(cpus=64).unmet("m", nodes) == ""
    assert "4 GPUs, and of the 3 nodes none has more than 2 GPUs" in Demand(gpus=4).unmet(
        "m", nodes
    )
    assert "m asks for more than any one" in Demand(cpus=64, gpus=1).unmet("m", nodes)
    assert "none has more than 0 cores" in Demand(cpus=1).unmet("m", [])
