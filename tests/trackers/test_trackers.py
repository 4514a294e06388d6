"""Scores as points of a training run: what they say, and what the real libraries wrote of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from store.recorded import BENCHMARK, keep, record
from support.saying import Said, say

from trackers.offline_file import records
from trackers.service import service
from zoo.api import open_zoo, publication_of
from zoo.api import report as zoo_report
from zoo.benchmarks import Suite
from zoo.errors import ConfigError, PublishError
from zoo.models import Model
from zoo.publishing import Bundle, Notes
from zoo.publishing.publication import Wanted
from zoo.store import Store
from zoo_trackers.points import points_of
from zoo_trackers.trackio_run import publish as to_trackio
from zoo_trackers.weights_and_biases import publish as to_wandb

SUMS = replace(BENCHMARK, task="sums", axis="special", capability="sums")
BASE = Model("org/base", "a" * 40, "f", "pretrained")
STEPS = [
    Model(f"org/sft-{step}", f"{step:040}", "f", "fine-tuned", parent, ("sums",), step=step)
    for step, parent in ((100, "org/base"), (200, "org/sft-100"))
]
ANSWERS: Mapping[str, Sequence[float]] = {
    "org/base": (0, 1, 0, 1, 0, 0),
    "org/sft-100": (1, 1, 0, 1, 0, 0),
    "org/sft-200": (1, 1, 1, 1, 0, 1),
}
KEY = "0123456789" * 4
TRAINING = """
import trackio
trackio.init("train", name="sft", config={"lr": 0.1}, embed=False, auto_log_gpu=False,
             auto_log_cpu=False)
for step in (100, 200, 300):
    trackio.log({"loss": 1 / step}, step=step)
trackio.finish()
"""


def add_run(
    store: Store,
    name: str,
    models: Sequence[Model],
    settings: Mapping[str, Any] | None = None,
    **changed: Sequence[float],
) -> None:
    cells = [
        keep(
            store,
            model=model,
            benchmark=benchmark,
            weights=name,
            value=number,
            answers=changed.get(model.id.partition("/")[2].replace("-", "_"), ANSWERS[model.id]),
        )
        for model in models
        for number, benchmark in enumerate((BENCHMARK, SUMS))
    ]
    made = record(name, *cells, suite=Suite("mine", (BENCHMARK, SUMS)), **(settings or {}))
    store.add_run(replace(made, started=f"2026-11-{int(name[-2:]):02}T08:00:00+00:00"))


def bundle_of(root: Path) -> Bundle:
    host = open_zoo(store=root / "results")
    wanted = Wanted(to="trackio", repo="train/sft")
    (entry,) = publication_of(host, wanted).entries
    return entry.bundle


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo with one run of a base and two checkpoints of a training."""
    root = tmp_path_factory.mktemp("trackers")
    add_run(Store(root / "results"), "20261101", [BASE, *STEPS])
    (root / "zoo.toml").write_text(
        '[publish.wandb]\nrepo = "me/train/sft1"\n[publish.trackio]\nrepo = "train/sft"\n'
    )
    return root


@pytest.fixture(scope="module")
def bundle(root: Path) -> Bundle:
    return bundle_of(root)


def limited(said: Mapping[str, Any], name: str, value: str = "value") -> dict[str, float]:
    """A number of a report with its limits, as metrics."""
    every = {name: said[value], f"{name}_low": said["low"], f"{name}_high": said["high"]}
    return {key: number for key, number in every.items() if number is not None}


def test_each_checkpoint_is_a_point_at_its_step_with_the_numbers_of_the_report(
    root: Path, bundle: Bundle
) -> None:
    found = {point.model: point for point in points_of(bundle)}
    assert {name: point.step for name, point in found.items()} == {
        "org/base": None,
        "org/sft-100": 100,
        "org/sft-200": 200,
    }
    report = zoo_report("f", store=root / "results").to_dict()
    stages = {stage["model"]: stage for stage in report["stages"]}
    edges = {edge["other"]: edge for edge in report["tradeoffs"]}
    for model in STEPS:
        metrics, stage, edge = found[model.id].metrics, stages[model.id], edges[model.id]
        assert edge["base"] == model.base_model
        wanted = {
            **limited(stage["general"]["uniform"], "zoo/mine/G/uniform"),
            **limited(stage["special"]["uniform"], "zoo/mine/S/uniform"),
            **limited(edge["general"], "zoo/mine/delta_G/uniform", "delta"),
            **limited(edge["special"], "zoo/mine/delta_S/uniform", "delta"),
        }
        assert {name: metrics[name] for name in wanted} == wanted
        capability = metrics["zoo/mine/capability/sums/uniform"]
        assert capability == pytest.approx(stage["special"]["uniform"]["value"])
        unknown = set(metrics) - set(wanted)
        assert all(name.startswith("zoo/mine/capability/sums/") for name in unknown)
    deltas = [found[m.id].metrics["zoo/mine/delta_S/uniform"] for m in STEPS]
    assert all(delta > 0 for delta in deltas)


def test_a_model_without_a_step_bears_its_name(bundle: Bundle) -> None:
    (base,) = [point for point in points_of(bundle) if point.step is None]
    assert base.metrics
    assert all(name.startswith("zoo/mine/org/base/") for name in base.metrics)


def test_a_point_is_known_again_and_another_measurement_is_another_point(
    bundle: Bundle, tmp_path: Path
) -> None:
    store = Store(tmp_path / "results")
    add_run(store, "20261102", [BASE, *STEPS], sft_200=(1, 1, 1, 1, 1, 1))
    before = {point.model: point.mark for point in points_of(bundle)}
    after = {point.model: point.mark for point in points_of(bundle_of(tmp_path))}
    assert {name for name in before if before[name] == after[name]} == {"org/base", "org/sft-100"}


def test_measurements_of_different_items_share_no_metric(bundle: Bundle, tmp_path: Path) -> None:
    told = [{"limit": 4}, {"limit": 12, "seed": 7}, {"num_fewshot": 5}]
    heads = ["mine-first-4", "mine-first-12-seed-7", "mine-5-shot"]
    found = [bundle]
    for number, settings in enumerate(told):
        add_run(Store(tmp_path / f"{number}" / "results"), "20261102", [BASE, *STEPS], settings)
        found.append(bundle_of(tmp_path / f"{number}"))
    for each, head in zip(found, ["mine", *heads], strict=True):
        names = [name for point in points_of(each) for name in point.metrics]
        assert names
        assert all(name.startswith(f"zoo/{head}/") for name in names)


def test_two_trainings_in_one_run_are_refused_and_patterns_choose(tmp_path: Path) -> None:
    other = replace(STEPS[0], id="org/sft-200", step=100)
    add_run(Store(tmp_path / "results"), "20261103", [BASE, STEPS[0], other])
    bundle = bundle_of(tmp_path)
    with pytest.raises(ConfigError, match="org/sft-100 and org/sft-200 are both of step 100"):
        points_of(bundle)
    assert [point.model for point in points_of(bundle, ["org/*-100"])] == ["org/sft-100"]
    with pytest.raises(ConfigError, match="names none of what was run: org/base, org/sft-100"):
        points_of(bundle, ["org/nothing"])


def test_what_holds_no_results_and_what_names_no_run_is_refused(
    bundle: Bundle, tmp_path: Path
) -> None:
    notes = Notes(tmp_path / "notes.json", "wandb", "x")
    page = Bundle("space", "org/page", {"index.html": b""}, "A page")
    with pytest.raises(PublishError, match="publish without --space, --pr"):
        points_of(page)
    with pytest.raises(ConfigError, match="write it as entity/project/run-id"):
        to_wandb(bundle, "train/sft", notes, None, "step", 1.0)
    with pytest.raises(ConfigError, match="write it as project/run"):
        to_trackio(bundle, "sft", notes, None)


def test_a_library_that_is_missing_is_named_with_its_extra(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = Notes(tmp_path / "notes.json", "wandb", "x")
    for library in ("wandb", "trackio"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(PublishError, match=r'pip install "stagezoo\[wandb\]"'):
        to_wandb(bundle, "me/train/sft", notes, None, "step", 1.0)
    with pytest.raises(PublishError, match=r'pip install "stagezoo\[trackio\]"'):
        to_trackio(bundle, "train/sft", notes, None)


@pytest.fixture(scope="module")
def said(root: Path) -> dict[str, Said]:
    """What `zoo publish` says with the libraries that are installed, in one process for each."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WANDB_")},
        "HOME": str(root),
        "WANDB_DIR": str(root),
        "TRACKIO_DIR": str(root / "trackio"),
        "HF_HUB_OFFLINE": "1",
    }
    offline = {**environment, "WANDB_MODE": "offline", "WANDB_API_KEY": KEY}
    wandb, trackio = ["publish", "--to", "wandb"], ["publish", "--to", "trackio"]
    found: dict[str, Said] = {}
    (root / "empty").mkdir()
    watch = ["watch", "empty", "--once", "--suite", "core", "--device", "cpu", "--publish"]
    found["beside, wandb"], found["beside, trackio"] = say(
        [(root, [*watch, to]) for to in ("wandb", "trackio")], environment
    )
    if find_spec("wandb"):
        found["first"], found["again"] = say([(root, wandb), (root, wandb)], offline)
        (found["keyless"],) = say([(root, [*wandb, "--repo", "me/train/new"])], environment)
    if find_spec("trackio"):
        (found["no training"],) = say([(root, trackio)], environment)
        subprocess.run(
            [sys.executable, "-c", TRAINING], env=environment, check=True, capture_output=True
        )
        found["trackio"], found["trackio again"] = say([(root, trackio)] * 2, environment)
    return found


def test_wandb_is_given_each_point_once_over_the_step_of_the_training(
    said: dict[str, Said], root: Path, bundle: Bundle
) -> None:
    pytest.importorskip("wandb")
    assert said["first"].status == 0, said["first"].err
    assert "3 of 3 points kept here; send them with `wandb sync " in said["first"].out
    assert said["again"].status == 0, said["again"].err
    assert "was given it all before" in said["again"].out
    (file,) = root.glob("wandb/offline-run-*-sft1/run-sft1.wandb")
    written = [(each.WhichOneof("record_type"), each) for each in records(file)]
    (run,) = [each.run for kind, each in written if kind == "run"]
    assert (run.entity, run.project, run.run_id) == ("me", "train", "sft1")
    metrics = {each.metric.glob_name or each.metric.name: each.metric for k, each in written
               if k == "metric"}  # fmt: skip
    assert metrics["zoo/*"].step_metric == "train/global_step"
    rows = [values(each.history.item) for kind, each in written if kind == "history"]
    points = {point.step: dict(point.metrics) for point in points_of(bundle)}
    found = {
        row["train/global_step"]: {k: v for k, v in row.items() if k.startswith("zoo/")}
        for row in rows
    }
    assert found == {step: metrics for step, metrics in points.items() if step is not None}
    summary: dict[str, Any] = {}
    for kind, each in written:
        if kind == "summary":
            summary |= values(each.summary.update)
    assert {name: summary[name] for name in points[None]} == points[None]


def test_a_run_of_the_service_is_gone_on_with_and_nothing_in_it_is_lost_or_doubled(
    root: Path, bundle: Bundle, tmp_path: Path
) -> None:
    pytest.importorskip("wandb")
    told = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    trained = [{"_step": n, "train/global_step": 100 * n, "loss": 1 / n} for n in (1, 2)]
    publish = ["publish", "--to", "wandb", "--config", str(root / "zoo.toml"), "--store"]
    stores = [shutil.copytree(root / "results", tmp_path / name) for name in ("one", "two")]
    for store in stores:
        shutil.rmtree(store / "outbox", ignore_errors=True)
    with service({"lr": 0.1}, list(trained)) as there:
        environment = {
            **told,
            "HOME": str(tmp_path),
            "WANDB_DIR": str(tmp_path),
            "WANDB_BASE_URL": there.url,
            "WANDB_API_KEY": KEY,
            "HF_HUB_OFFLINE": "1",
        }
        one, two = say([(tmp_path, [*publish, str(store)]) for store in stores], environment)
        assert (one.status, two.status) == (0, 0), one.err + two.err
        assert f"3 of 3 points at {there.url}" in one.out
        assert "has it all at" in two.out, "another store is told by the run"
        assert there.history[:2] == trained
        points = {point.step: dict(point.metrics) for point in points_of(bundle)}
        assert {
            row["train/global_step"]: {k: v for k, v in row.items() if k.startswith("zoo/")}
            for row in there.history[2:]
        } == {step: metrics for step, metrics in points.items() if step is not None}
        assert there.config["lr"]["value"] == 0.1
        assert {name: there.summary[name] for name in points[None]} == points[None]
        assert not [each for each in there.received if KEY in each]


def test_a_watch_says_that_a_training_is_in_the_way_of_wandb(said: dict[str, Said]) -> None:
    sentence = "zoo: W&B takes one writer to a run at a time"
    assert sentence in said["beside, wandb"].err
    assert "no checkpoint of empty was evaluated" in said["beside, trackio"].err
    assert "one writer" not in said["beside, trackio"].err


def values(items: Any) -> dict[str, Any]:
    """Items of a record of W&B, by name."""
    return {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in items}


def test_wandb_is_never_asked_for_a_key_and_none_is_kept(said: dict[str, Said], root: Path) -> None:
    pytest.importorskip("wandb")
    assert said["keyless"].status == 1
    assert "there is no key for W&B" in said["keyless"].err
    files = [path for path in root.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_trackio_is_given_each_point_once_and_the_training_keeps_its_settings(
    said: dict[str, Said], root: Path, bundle: Bundle
) -> None:
    pytest.importorskip("trackio")
    assert said["no training"].status == 1
    assert "name the run of the training" in said["no training"].err
    assert said["trackio"].status == 0, said["trackio"].err
    assert "3 of 3 points" in said["trackio"].out
    assert "train/sft has it all" in said["trackio again"].out
    reading = (
        "import json\n"
        "from trackio import Api\n"
        "from trackio.sqlite_storage import SQLiteStorage\n"
        "(run,) = Api().runs('train')\n"
        "rows = SQLiteStorage.get_logs('train', 'sft')\n"
        "print(json.dumps([run.config, rows]))\n"
    )
    environment = {**os.environ, "TRACKIO_DIR": str(root / "trackio")}
    done = subprocess.run(
        [sys.executable, "-c", reading], env=environment, check=True, capture_output=True, text=True
    )
    config, rows = json.loads(done.stdout.splitlines()[-1])
    assert config["lr"] == 0.1
    found = [
        (row["step"], {k: v for k, v in row.items() if k.startswith("zoo/")})
        for row in rows
        if "loss" not in row
    ]
    points = points_of(bundle)
    assert len(rows) == 3 + len(points)
    for point in points:
        wanted = pytest.approx(dict(point.metrics))
        steps = [step for step, metrics in found if metrics == wanted]
        assert len(steps) == 1
        assert point.step in (None, *steps)
