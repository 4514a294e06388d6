"""The grids of trainings: what is drawn, what is shipped, and that a cell can be made again."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace

import pytest

import zoo
from zoo.api import open_zoo
from zoo.contrasts import SCHEMA, Tradeoff
from zoo.errors import ConfigError, ZooError
from zoo.importing.published import claim_of
from zoo.importing.recorded import analysis_of, recorded
from zoo.maintenance import keep_claims
from zoo.reporting import render
from zoo_nano.frontiers.grid import SEEDS, SHARES, cells, recipes, report_rows
from zoo_nano.frontiers.recording import shipped
from zoo_nano.world.reports import reports_in

GRID = list(cells())
RUNS = {run.name: run for run in shipped()}
MOST = 3 * 1024**2
"""Bytes that the package has for them."""


@pytest.fixture(scope="module", params=sorted(RUNS))
def shown(request, tmp_path_factory) -> Tradeoff:
    """A recorded run as `zoo report` shows it, over a store that is not there."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "zoo.toml").write_text("[zoo]\n")
    return zoo.report(request.param, store=folder / "none", config=folder / "zoo.toml")


def made_of(family: str) -> Counter[str]:
    """How many cells of the grid each way of training has, by what they are called less seed."""
    return Counter(cell.name.rpartition("-s")[0] for cell in GRID if cell.family == family)


def test_every_way_of_the_grid_has_three_seeds_and_a_name_of_its_own():
    assert len({cell.name for cell in GRID}) == len(GRID)
    for family in RUNS:
        assert set(made_of(family).values()) == {len(SEEDS)}
    brought = {recipe.name for recipe in recipes()}
    assert {f"{cell.family}/{cell.recipe}" for cell in GRID} == brought


def test_a_share_of_the_data_is_drawn_by_the_seed_from_the_training_part():
    whole = {report.text for report in reports_in("train")}
    few = [[row["text"] for row in report_rows(seed)][: SHARES[0]] for seed in SEEDS]
    assert all(set(rows) < whole and len(set(rows)) == SHARES[0] for rows in few)
    assert few[0] != few[1]
    assert {row["text"] for row in report_rows(1)} == whole


def test_both_grids_are_shipped_and_small():
    assert set(RUNS) == {cell.family for cell in GRID}
    assert sum(run.path.stat().st_size for run in RUNS.values()) < MOST


@pytest.mark.parametrize("name", sorted(RUNS))
def test_what_is_shipped_has_the_hash_that_is_named_and_no_folder_of_a_machine(name):
    data = gzip.decompress(RUNS[name].path.read_bytes())
    assert hashlib.sha256(data).hexdigest() == RUNS[name].sha256
    table = json.loads(data)
    assert {cell["status"] for cell in table["cells"]} == {"scored"}
    assert not any(mark in data.decode() for mark in ("/stages/", "checkpoint-", ".jsonl"))
    hashes = {cell["provenance"]["weights"] for cell in table["cells"]}
    models = {cell["spec"]["model"]["id"] for cell in table["cells"]}
    assert len(hashes) >= len(models) - 1, "each has weights of its own, but what looks things up"


def test_a_recorded_run_is_shown_with_what_it_says_of_methods(shown):
    trained = [point for point in shown.frontier if point.seeds]
    assert len(trained) > 5
    assert {point.seeds for point in trained} <= {*SEEDS}
    names = {cell.name for cell in GRID if cell.family == shown.family}
    ids = {model.removeprefix("nano/") for point in trained for model in point.models}
    assert {name.rpartition("-")[0] for name in ids} <= names
    assert "not measured here" in str(shown.provenance["recorded"])
    tested = {row["id"] for row in shown.claims if row["verdict"] != "not testable"}
    assert tested >= ({"H14"} if shown.family == "overoptimisation" else {"H3", "H4", "H21", "H22"})


def test_a_recorded_run_has_a_table_a_figure_and_json(shown):
    table = render(shown, "table")
    assert "Ways of training" in table
    assert table.lstrip().startswith(
        f"{shown.family} on {shown.suite}, recorded by the plugin nano\n"
    )
    assert render(shown, "svg", figure="frontier").startswith("<svg")
    assert json.loads(render(shown, "json"))["schema"] == SCHEMA


def test_the_page_of_many_trainings_begins_with_their_ways(shown):
    page = render(shown, "html")
    figures = re.findall(r'<section id="(\w+)"', page)
    assert figures[0] == "frontier"
    assert "plane" in figures


def test_no_stage_is_advised_for_what_none_can_do(shown):
    answers = {row["question"]: row["answer"] for row in shown.advice}
    if shown.family == "frontiers":
        said = answers["Which stage should I use for instruction?"]
        assert said.startswith("none: no stage scores better than a guesser")


def test_the_shipped_points_are_those_of_the_shipped_stages(shown):
    """Each change is that of its stage's own scores, which the run holds beside."""
    stages = {stage.model: stage for stage in shown.stages}
    for point in shown.frontier:
        root = stages[point.root]
        for model, (special, _) in zip(point.models, point.changes, strict=True):
            ends = [_skill(stages[name], point) for name in (point.root, model)]
            assert special == pytest.approx(ends[1] - ends[0], abs=1e-9)
        assert root.regime in ("pretrained", "instruction-tuned")


def _skill(stage, point) -> float:
    """S of a stage for the targets of a point, from its benchmarks."""
    rows = [
        score
        for score in stage.scores
        if score.protocol == point.protocol and score.capability in point.targets
    ]
    return sum(score.normalised * score.share for score in rows) / len(point.targets)


def test_what_the_store_has_of_the_family_comes_before_what_is_recorded(tmp_path):
    run = RUNS["overoptimisation"]
    data = gzip.decompress(run.path.read_bytes())
    claim = claim_of(data, json.loads(data)["run"]["id"], "org/results", "0" * 40, run.sha256)
    host = open_zoo(store=tmp_path)
    assert recorded(host, run.name) is not None
    assert recorded(host, run.name, suite="general") is None
    assert recorded(host, "nano") is None
    keep_claims(host.store, [(claim.record, claim.standing)])
    assert recorded(host, run.name) is None


def test_a_run_that_was_changed_is_refused_in_a_sentence(tmp_path):
    run = next(iter(RUNS.values()))
    data = gzip.decompress(run.path.read_bytes())
    path = tmp_path / "run.json.gz"
    path.write_bytes(gzip.compress(data.replace(b'"delta": 0', b'"delta": 1', 1)))
    with pytest.raises(ConfigError, match=r"^the recorded run .* sha256 .*install the plugin"):
        analysis_of(replace(run, path=path), "nano")
    path.write_bytes(b"no gzip")
    with pytest.raises(ConfigError, match="cannot be read"):
        analysis_of(replace(run, path=path), "nano")


@pytest.mark.train
def test_a_cell_of_the_grid_is_made_again(tmp_path):
    pytest.importorskip("trl")
    from zoo.manifests import read_manifest
    from zoo_nano.frontiers.making import entries_of, train

    cell = next(each for each in GRID if each.name == f"full-0.0003-{SHARES[0]}-s2")
    folder = train(cell, tmp_path, steps=1)
    manifest = read_manifest(folder)
    assert manifest is not None
    assert (manifest.status, manifest.targets) == ("finished", ("reports",))
    assert manifest.making.recipe == "full"
    assert manifest.making.settings["learning_rate"] == 3e-4
    assert manifest.making.examples == SHARES[0]
    (entry,) = entries_of(cell, tmp_path)
    assert entry["loader_args"] == {"pretrained": str(folder)}


def test_a_family_of_ones_own_is_never_shown_by_what_a_plugin_recorded(tmp_path):
    (tmp_path / "zoo.toml").write_text(
        '[families.frontiers]\nsuite = "core"\n'
        'models = [{ id = "org/mine", regime = "pretrained" }]\n'
    )
    config = tmp_path / "zoo.toml"
    host = open_zoo(config, store=tmp_path / "none")
    assert recorded(host, "frontiers") is None
    assert recorded(host, "overoptimisation") is not None
    with pytest.raises(ZooError, match="frontiers"):
        zoo.report("frontiers", store=tmp_path / "none", config=config)


def test_nobody_shows_a_run_as_the_family_of_another(tmp_path):
    run = RUNS["frontiers"]
    strange = [replace(run, name=name) for name in ("nano", "nobodys")]
    host = replace(open_zoo(store=tmp_path), builtins={"runs": strange})
    assert host.registry.runs.owner("nano") != host.registry.families.owner("nano")
    assert recorded(host, "nano") is None
    assert recorded(host, "nobodys") is not None
