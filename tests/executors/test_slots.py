"""Planning is pure: which work goes where, without a GPU in sight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.benchmarks import Benchmark
from zoo.errors import ConfigError
from zoo.executors.slots import (
    choose,
    devices_of,
    rounds,
    shards,
    spread,
    too_wide,
    visible_devices,
)
from zoo.executors.work import Unit, Work
from zoo.hookspecs import Job
from zoo.models import Model, Prompting
from zoo.results import RunSpec


def work(
    name: str, sizes: list[int], *, base: str = "", tokenizer: str = "", gpus: int = 1
) -> Work:
    """A work of one unit for each size; every unit is two specs that share an answer."""
    model = Model(name)
    units = []
    for number, size in enumerate(sizes):
        benchmark = Benchmark(f"task-{number}", "acc")
        pair = [RunSpec(model, benchmark, p, Prompting()) for p in ("uniform", "native")]
        units.append(Unit(tuple(pair), size))
    specs = tuple(spec for unit in units for spec in unit.specs)
    return Work(Job(model, specs), tuple(units), base or name, tokenizer, gpus)


def cells(works: Iterable[Work]) -> Counter[tuple[object, ...]]:
    """How often each spec is in some works."""
    return Counter(spec.identity for each in works for spec in each.job.specs)


sizes = st.lists(st.integers(0, 1000), min_size=1, max_size=12)
families = st.lists(sizes, min_size=1, max_size=6).map(
    lambda many: [work(f"m{number}", each) for number, each in enumerate(many)]
)


@given(sizes, st.integers(1, 8))
def test_shards_hold_every_spec_once_and_what_shares_an_answer_together(
    requests: list[int], parts: int
) -> None:
    whole = work("m", requests)
    found = shards(whole, parts)
    assert cells(found) == cells([whole])
    for each in found:
        units = Counter(spec.identity for unit in each.units for spec in unit.specs)
        assert units == cells([each])
        order = [whole.job.specs.index(spec) for spec in each.job.specs]
        assert order == sorted(order)


@given(sizes, st.integers(1, 8))
def test_no_shard_is_much_larger_than_it_must_be(requests: list[int], parts: int) -> None:
    largest = max(each.requests for each in shards(work("m", requests), parts))
    # Graham's bound for any order; the largest first only makes it better
    assert largest <= sum(requests) / parts + (1 - 1 / parts) * max(requests) + 1e-9


@given(families, st.integers(1, 10))
def test_works_are_split_only_where_places_would_stand_empty(
    works: list[Work], places: int
) -> None:
    found = spread(works, places)
    if places <= len(works):
        assert found == works
    else:
        units = sum(len(each.units) for each in works)
        assert len(found) == min(places, units)
    assert cells(found) == cells(works)


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=6),
    st.integers(1, 8),
)
def test_every_work_that_fits_gets_its_devices_and_no_device_serves_two_at_once(
    widths: list[int], count: int
) -> None:
    works = [work(f"m{n}", [10, 20], gpus=width) for n, width in enumerate(widths)]
    devices = devices_of("cuda", None, None, count) if count > 1 else ("cuda:0",)
    done: Counter[tuple[object, ...]] = Counter()
    for round_ in rounds(works, devices):
        assert len(round_.slots) <= len(round_.works)
        used = [device for slot in round_.slots for device in slot.devices]
        assert len(used) == len(set(used))
        assert {len(slot.devices) for slot in round_.slots} == {w.gpus for w in round_.works}
        done.update(cells(round_.works))
    assert done == cells(each for each in works if each.gpus <= count)
    assert all(bool(too_wide(each, devices)) == (each.gpus > count) for each in works)


def test_a_model_for_more_gpus_than_there_are_is_named() -> None:
    said = too_wide(work("org/large", [1], gpus=4), ("cuda:0", "cuda:1"))
    assert said.startswith("org/large needs 4 GPUs and this run has 2")


def test_siblings_go_to_the_worker_that_has_their_base() -> None:
    last = work("a0", [5], base="a")
    waiting = [work("b1", [90], base="b"), work("a1", [1], base="a"), work("a2", [2], base="a")]
    assert choose(waiting, last, {"b"}) == 2
    assert choose(waiting, None, {"a"}) == 0, "another worker begins with another base"
    assert choose(waiting, None, {"a", "b"}) == 0, "the largest, where all bases are taken"


def test_of_strange_bases_one_of_the_same_tokenizer_comes_first() -> None:
    last = work("a", [1], tokenizer="t")
    waiting = [work("b", [90], tokenizer="u"), work("c", [1], tokenizer="t")]
    assert choose(waiting, last, set()) == 1


def test_places_are_the_devices_that_are_wished_or_there() -> None:
    assert devices_of("cpu", None, None, 0) == ("cpu",)
    assert devices_of("cuda", None, None, 1) == ("cuda",)
    assert devices_of("cuda:1", None, None, 4) == ("cuda:1",)
    assert devices_of("cuda", "cuda:0; cuda:3", None, 4) == ("cuda:0", "cuda:3")
    assert devices_of("cuda", ["cuda:2"], 2, 4) == ("cuda:2", "cuda:2")


@pytest.mark.parametrize(
    ("device", "wanted", "workers", "said"),
    [
        ("cuda", "cuda:4", None, "torch sees 4 CUDA devices"),
        ("cuda", "gpu:0", None, "not of the kind"),
        ("cpu", "cuda:0", None, "set --device cuda"),
        ("cpu", None, 0, "at least one worker"),
    ],
)
def test_places_that_cannot_be_are_refused(
    device: str, wanted: str | None, workers: int | None, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        devices_of(device, wanted, workers, 4)


def test_a_worker_sees_its_own_devices_among_those_this_process_sees() -> None:
    assert visible_devices(("cpu",), "0,1") is None
    assert visible_devices(("cuda:2", "cuda:3"), None) == "2,3"
    assert visible_devices(("cuda:0", "cuda:1"), "5, GPU-8f2a") == "5,GPU-8f2a"
