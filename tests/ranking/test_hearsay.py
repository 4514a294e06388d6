"""What others say of a model stands beside one's own numbers and changes none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from ranking.test_boards import BASE, CHILD, OTHER, SUITE, asked, board, ran, store
from zoo.benchmarks import Suite
from zoo.maintenance import keep_claims
from zoo.models import Model
from zoo.ranking import Entry
from zoo.results import RecordedCell, Result, RunRecord
from zoo.standings import standing_of
from zoo.store import Store
from zoo.structuring import plain

__all__ = ["store"]

BOTH = asked(BASE, (0.6, 0.5, 0.2)), asked(CHILD, (0.7, 0.6, 0.3))


def pulled(
    store: Store,
    name: str,
    *groups: Sequence[Result],
    repo: str = "they/results",
    suite: Suite = SUITE,
    said: Callable[[Any], Any] = lambda standing: standing,
) -> None:
    """A run of somebody else; said: changes what it says of itself."""
    results = [result for group in groups for result in group]
    cells = tuple(
        RecordedCell(
            r.spec,
            "scored",
            "",
            r.provenance.score_key,
            summary={"scores": plain(r.scores), "provenance": plain(r.provenance)},
        )
        for r in results
    )
    family = results[0].spec.model.family
    record = RunRecord(f"{name}@{repo[:4]}", family, plain(suite), name, {"source": repo}, cells)
    keep_claims(store, [(record, said(deepcopy(plain(standing_of(record, results)))))])


def told(model: Model, shares: Sequence[float], value: float, n: int = 100) -> list[Result]:
    """Aggregates without items, the first of another value and number."""
    first, *rest = (replace(each, items=()) for each in asked(model, shares))
    return [replace(first, scores=(replace(first.scores[0], value=value, n=n),)), *rest]


def own(store: Store, **wanted: Any) -> list[Entry]:
    return [entry for entry in board(store, **wanted).entries if not entry.source]


def means(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [table["general"], table["special"], *table["capabilities"].values()]
    return [each for each in found if each]


def boastful(standing: dict[str, Any]) -> dict[str, Any]:
    """No error anywhere, and children that have gained much."""
    for stage in standing["stages"]:
        for mean in means(stage):
            mean.update(stderr=0.0, low=mean["value"], high=mean["value"])
    for edge in standing["edges"]:
        for shift in means(edge):
            shift.update(delta=0.9, stderr=1e-4, low=0.8, high=1.0, p=0.0)
    return standing


@pytest.mark.parametrize("order", ["before", "after"])
def test_what_a_copy_says_of_its_errors_and_changes_is_not_said_of_ones_own(
    store: Store, order: str
) -> None:
    ran(store, "1", *BOTH)
    before = own(store)
    assert before[0].general is not None
    assert before[0].general.stderr
    pulled(store, "0" if order == "before" else "2", *BOTH, said=boastful)
    after = own(store)
    assert [(e.general, e.special, e.capabilities) for e in after] == [
        (e.general, e.special, e.capabilities) for e in before
    ]
    assert [[replace(d, p_adjusted=None) for d in e.deltas] for e in after] == [
        [replace(d, p_adjusted=None) for d in e.deltas] for e in before
    ]


def test_what_a_corrected_run_no_longer_says_is_gone(store: Store) -> None:
    pulled(store, "1", *BOTH)
    assert all(entry.from_items for entry in board(store).entries)
    bare = [replace(each, items=()) for each in asked(BASE, (0.6, 0.5, 0.2))]
    pulled(store, "1", bare, said=lambda _: None)
    (entry,) = board(store).entries
    assert not entry.from_items
    assert list(store.root.glob("standings/*")) == []


def test_a_value_on_no_scale_costs_the_claim_that_has_it_and_no_other(store: Store) -> None:
    ran(store, "1", *BOTH)
    before = own(store)
    pulled(store, "2", told(OTHER, (0.6, 0.5, 0.2), 87.5), said=lambda _: None)
    assert own(store) == before
    (claim,) = (entry for entry in board(store).entries if entry.source)
    assert claim.rank is None
    assert claim.gap == "its value is on no scale from a guesser to perfection: facts"


def test_a_benchmark_without_a_scale_stays_in_no_mean_whatever_others_say(store: Store) -> None:
    odd = Suite("mine", (replace(SUITE.benchmarks[0], chance=1.0), *SUITE.benchmarks[1:]))
    ran(store, "1", asked(BASE, (0.6, 0.5, 0.2), odd), suite=odd)
    (before,) = own(store)
    assert not before.gap
    pulled(store, "0", asked(OTHER, (0.6, 0.5, 0.2)))
    (after,) = own(store)
    assert (after.general, after.gap) == (before.general, "")


def test_where_all_that_is_known_is_of_others_their_scale_is_taken(store: Store) -> None:
    pulled(store, "1", asked(BASE, (0.6, 0.5, 0.2)))
    pulled(store, "2", told(OTHER, (0.6, 0.5, 0.2), 87.5), said=lambda _: None)
    gaps = {entry.model: entry.gap.partition(":")[0] for entry in board(store).entries}
    assert gaps == {
        "org/base": "",
        "org/other": "its value is on no scale from a guesser to perfection",
    }


def test_how_many_items_others_claim_weighs_nothing_of_ones_own(store: Store) -> None:
    parts = (replace(each, weight_by_size=True) for each in SUITE.benchmarks)
    suite = Suite("mine", tuple(replace(each, capability="all", group="all") for each in parts))
    general = Suite("mine", tuple(replace(each, axis="general") for each in suite.benchmarks))
    ran(store, "1", asked(BASE, (0.6, 0.5, 0.2), general), suite=general)
    before = own(store)
    many = told(OTHER, (0.6, 0.5, 0.2), 0.6, 10**9)
    pulled(store, "2", many, suite=general, said=lambda _: None)
    assert own(store) == before


def test_another_name_for_the_same_benchmarks_takes_no_leaderboard_away(store: Store) -> None:
    ran(store, "1", *BOTH)
    ran(store, "2", asked(OTHER, (0.6, 0.5, 0.2)), suite=replace(SUITE, name="again"))
    for name in ("mine", "again"):
        found = board(store, name)
        assert (found.suite, len(found.entries)) == (name, 3)


@pytest.mark.parametrize("name", ["0", "9"])
def test_a_pulled_run_says_not_what_a_suite_of_ones_own_is_made_of(store: Store, name: str) -> None:
    ran(store, "1", *BOTH)
    other = Suite("mine", SUITE.benchmarks[:1])
    pulled(store, name, asked(OTHER, (0.6,), other), suite=other)
    assert [column.benchmark for column in board(store).columns] == ["facts", "qa", "sums"]
    pulled(store, "99", asked(OTHER, (0.6, 0.5, 0.2)), repo="more/results")
    assert [column.benchmark for column in board(store).columns] == ["facts", "qa", "sums"]


def overweight(standing: dict[str, Any]) -> dict[str, Any]:
    """Of another composition: G and its changes are not those of the cells beside them."""
    for stage in standing["stages"]:
        stage["general"]["value"] += 0.05
    for edge in standing["edges"]:
        edge["general"].update(delta=0.9, stderr=1e-4, p=0.0)
    return standing


def test_a_paired_change_of_another_composition_is_not_put_beside_the_means(store: Store) -> None:
    pulled(store, "1", *BOTH, said=overweight)
    entries = {entry.model: entry for entry in board(store).entries}
    base, child = entries["org/base"], entries["org/child"]
    assert base.general is not None
    assert child.general is not None
    (delta,) = child.deltas
    assert not delta.paired
    assert delta.general is not None
    assert delta.general.delta == pytest.approx(child.general.value - base.general.value)
    assert delta.general.stderr == pytest.approx(
        (base.general.stderr**2 + child.general.stderr**2) ** 0.5
    )


def test_errors_are_from_items_only_where_the_standing_is_of_the_same_composition(
    store: Store,
) -> None:
    pulled(store, "1", *BOTH)
    assert all(entry.from_items for entry in board(store).entries)
    assert [d.paired for entry in board(store).entries for d in entry.deltas] == [True]
    pulled(store, "1", *BOTH, said=overweight)
    found = board(store)
    assert not any(entry.from_items for entry in found.entries)
    assert any("2 of 2 ranked entries have errors from aggregates" in n for n in found.notes)


def test_copies_of_ones_own_cells_widen_no_rank_and_cost_no_significance(store: Store) -> None:
    third = replace(CHILD, id="org/third")
    groups = (*BOTH, asked(third, (0.9, 0.6, 0.25)))
    ran(store, "1", *groups)
    before = own(store)
    for n in range(3):
        pulled(store, "1", *groups, repo=f"org{n}/results")
    assert own(store) == before
    found = board(store)
    assert len(found.entries) == 4 * len(before)
    for entry in found.entries:
        (same,) = (each for each in before if each.model == entry.model)
        assert (entry.rank, entry.deltas) == (same.rank, same.deltas)


def test_who_says_otherwise_of_ones_own_cells_is_ranked_by_what_they_say(store: Store) -> None:
    ran(store, "1", *BOTH)
    better = [replace(r, scores=(replace(r.scores[0], value=0.99),), items=()) for r in BOTH[0]]
    suite = Suite("mine", tuple(replace(each, chance=0.0) for each in SUITE.benchmarks))
    pulled(store, "2", better, suite=suite, said=lambda _: None)
    theirs = [entry for entry in board(store).entries if entry.source]
    assert [entry.cells for entry in theirs] == [
        entry.cells for entry in own(store) if entry.model == "org/base"
    ]
    assert theirs[0].rank != own(store)[-1].rank


def test_a_change_that_others_say_is_sure_is_not_surer_than_ones_own(store: Store) -> None:
    def sure(standing: dict[str, Any]) -> dict[str, Any]:
        for edge in standing["edges"]:
            edge["general"].update(p=0.0)
        return standing

    ran(store, "1", asked(BASE, (0.6, 0.5, 0.2)), asked(CHILD, (0.61, 0.5, 0.2)))
    pulled(store, "2", asked(BASE, (0.6, 0.5, 0.2)), asked(CHILD, (0.61, 0.5, 0.2)), said=sure)
    found = [delta.p_adjusted for entry in board(store).entries for delta in entry.deltas]
    assert len(found) == 2
    assert found[0] == found[1]
    assert found[0] is not None
    assert found[0] > 0.05
