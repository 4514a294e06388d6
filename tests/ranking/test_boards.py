"""A leaderboard says what the store holds: claim by claim, as far as the data can tell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tradeoff.lineage import FLOAT32, cell

from ranking.synthetic import fill
from zoo.benchmarks import Benchmark, Suite
from zoo.errors import ConfigError, UnknownNameError
from zoo.fingerprints import digest
from zoo.maintenance import keep_run
from zoo.models import Model
from zoo.ranking import (
    Entry,
    Leaderboard,
    Wanted,
    choose_suite,
    leaderboard_of,
    read_material,
    significant,
    top,
)
from zoo.results import RecordedCell, Result, RunRecord
from zoo.store import Store
from zoo.structuring import plain

FACTS = Benchmark("facts", "acc", num_fewshot=0, capability="knowledge", chance=0.5)
QA = Benchmark("qa", "acc", num_fewshot=0, capability="answering")
SUMS = Benchmark("sums", "acc", num_fewshot=0, axis="special", capability="math")
SUITE = Suite("mine", (FACTS, QA, SUMS))
BASE = Model("org/base", "r1", "f", "pretrained", licence="mit", parameters=1_000_000_000)
CHILD = replace(BASE, id="org/child", regime="fine-tuned", base_model="org/base")
OTHER = replace(BASE, id="org/other", family="g", licence="apache-2.0", parameters=7_000_000_000)


def scores(share: float, n: int = 100) -> str:
    right = round(share * n)
    return "1" * right + "0" * (n - right)


def asked(
    model: Model, shares: Sequence[float], suite: Suite = SUITE, finished: str = "1", **facts: Any
) -> list[Result]:
    """Scored cells of the suite's first benchmarks; facts: of provenance; limit: of the run."""
    limit = facts.pop("limit", None)
    found = []
    for benchmark, share in zip(suite.benchmarks, shares, strict=False):
        identity = [model.id, benchmark.task, share, finished, limit, facts]
        made = cell(model, benchmark, scores(share))
        spec = replace(made.spec, limit=limit)
        key = digest([str(each) for each in identity])
        provenance = replace(FLOAT32, score_key=key, weights=model.id, finished=finished, **facts)
        found.append(replace(made, spec=spec, provenance=provenance))
    return found


def ran(
    store: Store, name: str, *groups: list[Result], suite: Suite = SUITE, **settings: Any
) -> None:
    """A run of these cells, kept as a run keeps them."""
    results = [result for group in groups for result in group]
    cells = tuple(RecordedCell(r.spec, "scored", "", r.provenance.score_key) for r in results)
    family = results[0].spec.model.family
    keep_run(store, RunRecord(name, family, plain(suite), name, settings, cells), results)


def board(store: Store, suite: str | None = None, **wanted: Any) -> Leaderboard:
    return leaderboard_of(read_material(store, choose_suite(store, suite)), Wanted(**wanted))


def by_model(found: Leaderboard) -> dict[str, Entry]:
    assert len({entry.model for entry in found.entries}) == len(found.entries)
    return {entry.model: entry for entry in found.entries}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_general_ability_is_normalised_by_chance_and_the_mean_over_capabilities(
    store: Store,
) -> None:
    ran(store, "1", asked(BASE, (0.75, 0.4, 0.2)))
    entry = by_model(board(store))["org/base"]
    assert entry.general is not None
    assert entry.general.value == pytest.approx((0.5 + 0.4) / 2)
    assert entry.special is not None
    assert entry.special.value == pytest.approx(0.2)
    assert entry.capabilities["knowledge"].value == pytest.approx(0.5)
    assert entry.from_items
    assert (entry.licence, entry.parameters, entry.measured) == ("mit", 10**9, 3)


def test_a_group_counts_as_one_benchmark_weighted_by_its_items(store: Store) -> None:
    def part(task: str) -> Benchmark:
        return Benchmark(
            task, "acc", capability="knowledge", chance=0.0, group="quiz", weight_by_size=True
        )

    alone = Benchmark("alone", "acc", capability="knowledge", chance=0.0)
    suite = Suite("groups", (part("art"), part("law"), alone))
    made = []
    for benchmark, share, n in zip(suite.benchmarks, (1.0, 0.5, 0.2), (10, 90, 50), strict=True):
        result = cell(BASE, benchmark, scores(share, n))
        provenance = replace(FLOAT32, score_key=digest([benchmark.task]), weights="w", finished="1")
        made.append(replace(result, provenance=provenance))
    ran(store, "1", made, suite=suite)
    (entry,) = board(store).entries
    wanted = ((10 * 1.0 + 90 * 0.5) / 100 + 0.2) / 2
    assert entry.general is not None
    assert entry.general.value == pytest.approx(wanted)
    assert entry.capabilities["knowledge"].value == pytest.approx(wanted)
    assert entry.capabilities["knowledge"] == entry.general, "its error comes from the items too"


def test_what_is_incomplete_has_no_rank_and_says_what_is_missing(store: Store) -> None:
    ran(store, "1", asked(BASE, (0.6, 0.5, 0.5)), asked(CHILD, (0.99, 0.99)))
    found = board(store)
    assert [entry.model for entry in found.entries] == ["org/base", "org/child"]
    base, child = found.entries
    assert base.rank is not None
    assert (base.rank.low, base.rank.high) == (1, 1)
    assert child.rank is None
    assert not child.is_complete
    assert child.gap == "lacks 1 of 3 benchmarks: sums"
    assert any("1 of 2 entries are incomplete" in note for note in found.notes)


def test_a_claim_over_fewer_items_is_never_ranked_among_those_over_all(store: Store) -> None:
    ran(store, "1", asked(BASE, (0.6, 0.5, 0.5)), asked(OTHER, (0.6, 0.5, 0.5)))
    ran(store, "2", asked(CHILD, (0.9, 0.9, 0.9), limit=20))
    child = by_model(board(store))["org/child"]
    assert child.rank is None
    assert "the first 20 items of each benchmark, the others all items" in child.gap


def test_a_child_is_held_against_its_parent_on_the_same_items(store: Store) -> None:
    ran(store, "1", asked(BASE, (0.6, 0.5, 0.2)), asked(CHILD, (0.6, 0.5, 0.8)))
    (delta,) = by_model(board(store, sort="S"))["org/child"].deltas
    assert (delta.parent, delta.paired) == ("org/base", True)
    assert delta.special is not None
    assert delta.special.delta == pytest.approx(0.6)
    assert delta.p_adjusted is not None
    assert delta.p_adjusted < 0.001
    assert delta.general is not None
    assert delta.general.delta == 0


def test_a_parent_of_another_run_is_held_against_it_unpaired_and_wider(store: Store) -> None:
    both = asked(BASE, (0.6, 0.5, 0.2)), asked(CHILD, (0.6, 0.5, 0.8))
    ran(store, "1", *both)
    (paired,) = by_model(board(store))["org/child"].deltas
    apart = Store(store.root / "apart")
    for name, own in zip("12", both, strict=True):
        ran(apart, name, own)
    (unpaired,) = by_model(board(apart))["org/child"].deltas
    assert paired.paired
    assert not unpaired.paired
    assert paired.special is not None
    assert unpaired.special is not None
    assert unpaired.special.delta == pytest.approx(paired.special.delta)
    assert unpaired.special.stderr > paired.special.stderr


def test_ends_of_other_dtypes_are_not_subtracted(store: Store) -> None:
    ran(store, "1", asked(BASE, (0.6, 0.5, 0.2)))
    ran(store, "2", asked(CHILD, (0.6, 0.5, 0.8), dtype="bfloat16"))
    assert by_model(board(store))["org/child"].deltas == ()


def test_of_equal_claims_the_newest_counts_and_others_stand_beside_one_another(
    store: Store,
) -> None:
    ran(store, "1", asked(BASE, (0.6, 0.5, 0.2), finished="1"))
    ran(store, "2", asked(BASE, (0.8, 0.5, 0.2), finished="2"))
    (entry,) = board(store).entries
    assert entry.scores[0] is not None
    assert entry.scores[0].value == 0.8
    ran(store, "3", asked(BASE, (0.7, 0.5, 0.2)), source="org/results@abc")
    ran(store, "4", asked(BASE, (0.7, 0.5, 0.3), dtype="bfloat16"))
    claims = {(e.source, e.identity.dtype): e.scores[0].value for e in board(store).entries}
    assert claims == {
        ("", "float32"): 0.8,
        ("org/results@abc", "float32"): 0.7,
        ("", "bfloat16"): 0.7,
    }


def test_aggregates_are_ranked_with_the_errors_that_they_have_and_a_note_says_so(
    store: Store,
) -> None:
    bare = [replace(each, items=()) for each in asked(BASE, (0.6, 0.5, 0.2), loader="lm-eval")]
    with_error = [replace(each, scores=(replace(each.scores[0], stderr=0.04),)) for each in bare]
    suite = Suite("mine", (FACTS, replace(QA, chance=0.0), replace(SUMS, chance=0.0)))
    ran(store, "1", with_error, suite=suite)
    found = board(store)
    (entry,) = found.entries
    assert not entry.gap
    assert entry.general is not None
    assert entry.general.value == pytest.approx((0.2 + 0.5) / 2)
    assert entry.general.stderr == pytest.approx(((0.08 / 2) ** 2 + (0.04 / 2) ** 2) ** 0.5)


def test_a_chance_that_nobody_knows_is_no_zero(store: Store) -> None:
    ran(store, "1", [replace(each, items=()) for each in asked(BASE, (0.6, 0.5, 0.2))])
    (entry,) = board(store).entries
    assert entry.gap == "what a guesser scores is not known: qa, sums"
    assert entry.general is None


def test_filters_choose_entries_and_ranks_are_among_those(store: Store) -> None:
    ran(store, "1", asked(BASE, (0.6, 0.5, 0.2)), asked(CHILD, (0.7, 0.5, 0.2)))
    ran(store, "2", asked(OTHER, (0.9, 0.9, 0.9)))
    for name, value, models in (
        ("families", ("f*",), {"org/base", "org/child"}),
        ("regime", "fine-tuned", {"org/child"}),
        ("licence", "Apache*", {"org/other"}),
        ("min_size", 2_000_000_000, {"org/other"}),
        ("max_size", 2_000_000_000, {"org/base", "org/child"}),
        ("protocol", "native", set()),
    ):
        assert {entry.model for entry in board(store, **{name: value}).entries} == models, name
    assert board(store, regime="none").notes == ("the filters choose none of 3 entries",)
    (only,) = board(store, regime="fine-tuned").entries
    assert only.rank is not None
    assert only.rank.high == 1
    assert [delta.parent for delta in only.deltas] == ["org/base"]


def test_significant_keeps_children_that_are_better_than_a_parent(store: Store) -> None:
    worse = replace(CHILD, id="org/worse")
    equal = replace(CHILD, id="org/equal")
    ran(
        store,
        "1",
        asked(BASE, (0.6, 0.5, 0.2)),
        asked(CHILD, (0.9, 0.9, 0.2)),
        asked(worse, (0.2, 0.1, 0.9)),
        asked(equal, (0.6, 0.5, 0.2)),
    )
    assert [e.model for e in significant(board(store)).entries] == ["org/child"]
    assert [e.model for e in significant(board(store, sort="S")).entries] == ["org/worse"]


def test_the_first_entries_keep_their_ranks_among_all(tmp_path: Path) -> None:
    whole = board(fill(tmp_path, 30, 8, ("uniform", "native")))
    first = top(whole, 3)
    assert len(first.entries) == 6
    assert [e.protocol for e in first.entries] == ["uniform"] * 3 + ["native"] * 3
    assert first.entries[:3] == whole.entries[:3]
    assert max(e.rank.high for e in whole.entries if e.rank) <= 30


def test_the_suite_that_most_models_were_asked_is_chosen_and_others_by_name(store: Store) -> None:
    small = Suite("small", (QA,))
    ran(store, "1", asked(BASE, (0.6, 0.5, 0.2)), asked(CHILD, (0.6, 0.5, 0.2)))
    ran(store, "2", asked(OTHER, (0.5,), small), suite=small)
    assert board(store).suite == "mine"
    assert len(board(store, "small").entries) == 3  # all three were asked this benchmark
    with pytest.raises(UnknownNameError, match="did you mean 'small'"):
        board(store, "smal")
    with pytest.raises(UnknownNameError, match="did you mean 'math'"):
        board(store, sort="maths")


def test_a_leaderboard_is_json_without_nan_and_one_row_an_entry(store: Store) -> None:
    ran(store, "1", asked(BASE, (0.6, 0.5, 0.2)), asked(CHILD, (0.6, 0.5)))
    said = json.loads(json.dumps(board(store).to_dict(), allow_nan=False))
    assert said["schema"] == "zoo.leaderboard/1"
    assert [row["complete"] for row in said["rows"]] == [True, False]
    assert said["rows"][0]["rank"] == {"low": 1, "high": 1}
    assert said["rows"][1]["scores"][2] is None


def test_a_suite_of_which_nothing_is_scored_is_never_chosen_and_named_it_says_so(
    store: Store,
) -> None:
    ran(store, "1", asked(BASE, (0.7, 0.4, 0.2)))
    other = Suite("other", (Benchmark("law", "acc"),))
    failed = [
        replace(cell(model, other.benchmarks[0], "1"), status="failed", scores=(), items=())
        for model in (BASE, CHILD, OTHER)
    ]
    cells = tuple(RecordedCell(each.spec, "failed", error="gated") for each in failed)
    keep_run(store, RunRecord("2", "f", plain(other), "2", {}, cells), failed)
    assert choose_suite(store) == "mine"
    with pytest.raises(ConfigError, match="no model has a score on other yet"):
        choose_suite(store, "other")


def test_an_empty_store_has_nothing_to_rank(store: Store) -> None:
    with pytest.raises(ConfigError, match="the store holds no run yet; `zoo run` makes one"):
        choose_suite(store)
