"""What a manifest says of a model, and that one which cannot be read says nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import ConfigError
from zoo.fingerprints import file_digest
from zoo.lineages import checkpoint_groups, parents_first, seed_groups
from zoo.manifests import (
    NAME,
    Manifest,
    Parent,
    Rows,
    described,
    read_manifest,
    write_manifest,
)
from zoo.models import Model
from zoo.structuring import plain, read

MANIFEST = Manifest(
    recipe="nano/fine-tuned",
    of="full",
    regime="fine-tuned",
    family="nano",
    stage="fine-tuned",
    seed=3,
    options={"learning_rate": 1e-3, "modules": ["q", "v"]},
    targets=("reports",),
    parent=Parent("nano/pretrained", "abc"),
    data=Rows("rows.jsonl", 100, "f" * 64),
    status="finished",
    seconds=12.5,
    log=({"step": 1, "loss": 2.0}, {"step": 40, "loss": 1.0}),
    files={"model.safetensors": "0" * 64},
)
REGIMES = {"fine-tuned": object()}


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    write_manifest(tmp_path, MANIFEST)
    assert read_manifest(tmp_path) == MANIFEST
    assert json.loads((tmp_path / NAME).read_text())["schema"] == "zoo.training/1"
    assert read_manifest(tmp_path.parent) is None


def test_a_finished_stage_knows_how_it_was_made_and_others_are_believed_first(tmp_path):
    write_manifest(tmp_path, MANIFEST)
    found = described(Model("m"), tmp_path, REGIMES)
    assert found.made.recipe == "full"
    assert found.made.settings == {
        "learning_rate": 1e-3,
        "modules": ["q", "v"],
        "data": "f" * 64,
    }
    assert (found.made.examples, found.made.seconds) == (100, 12.5)
    assert (found.seed, found.step, found.base_model) == (3, 40, "nano/pretrained")
    assert found.targets == ("reports",)
    assert [piece.regime for piece in found.evidence] == ["fine-tuned"]
    assert read(Model, plain(found), "a record") == found
    said = Model("m", base_model="other", targets=(), seed=1, step=2, regime="RL-tuned")
    kept = described(said, tmp_path, REGIMES)
    assert replace(kept, made=None) == said


def test_a_manifest_of_other_weights_than_lie_beside_it_says_nothing(tmp_path):
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"trained")
    write_manifest(tmp_path, replace(MANIFEST, files={weights.name: file_digest(weights)}))
    assert described(Model("m"), tmp_path, REGIMES).made
    weights.write_bytes(b"another")
    assert described(Model("m"), tmp_path, REGIMES) == Model("m")
    weights.rename(tmp_path / "model-00001-of-00002.safetensors")
    assert described(Model("m"), tmp_path, REGIMES) == Model("m")


def test_an_unfinished_stage_says_nothing_and_its_checkpoints_do(tmp_path):
    write_manifest(tmp_path, replace(MANIFEST, status="unfinished"))
    assert described(Model("m"), tmp_path, REGIMES) == Model("m")
    found = described(Model("c"), tmp_path / "checkpoint-30", REGIMES)
    assert (found.step, found.seed, found.made.seconds) == (30, 3, None)
    assert described(Model("c"), tmp_path / "other-30", REGIMES) == Model("c")


def test_checkpoints_of_one_training_form_a_series_with_the_stage_as_its_last(tmp_path):
    write_manifest(tmp_path, MANIFEST)
    names = ("checkpoint-30", "", "checkpoint-20", "checkpoint-9")
    models = [described(Model(name or "end"), tmp_path / name, REGIMES) for name in names]
    (series,) = checkpoint_groups(models)
    assert [model.step for model in series] == [9, 20, 30, 40]
    assert [model.made.seconds for model in series] == [None, None, None, 12.5]


def test_seeds_of_one_training_are_told_from_trainings_on_other_data(tmp_path):
    variants = {
        "seed 3": MANIFEST,
        "seed 4": replace(MANIFEST, seed=4),
        "fewer": replace(MANIFEST, seed=5, data=Rows("rows.jsonl", 10, "e" * 64)),
        "other": replace(MANIFEST, seed=6, data=Rows("rows.jsonl", 100, "d" * 64)),
        "faster": replace(MANIFEST, seed=7, options={"learning_rate": 1e-2}),
    }
    models = []
    for name, manifest in variants.items():
        write_manifest(tmp_path, manifest)
        models.append(described(Model(name), tmp_path, REGIMES))
    assert [[m.id for m in group] for group in seed_groups(models)] == [["seed 3", "seed 4"]]


def test_amounts_of_one_source_are_known_as_such_and_its_name_stays_here():
    makings = [
        replace(MANIFEST, data=Rows(*rows), device="cpu", threads=2).making
        for rows in (
            ("a.jsonl", 100, "a" * 64),
            ("a.jsonl", 10, "b" * 64),
            ("b.jsonl", 10, "b" * 64),
        )
    ]
    many, few, other = makings
    assert many.settings["data"] != few.settings["data"]
    assert many.source == few.source != other.source
    assert "jsonl" not in repr(makings)
    assert many.machine == "cpu, threads 2"


def test_rows_that_a_recipe_draws_by_the_seed_are_repetitions_of_one_training(tmp_path):
    models = []
    for seed in (1, 2):
        drawn = replace(MANIFEST, seed=seed, data=Rows("", 100, str(seed) * 64))
        write_manifest(tmp_path, drawn)
        models.append(described(Model(str(seed)), tmp_path, REGIMES))
    assert len(seed_groups(models)) == 1


BROKEN = [
    b"",
    b"[]",
    b"{}",
    b"\xff",
    b"[" * 100_000,
    b'{"schema": "zoo.training/2"}',
    *(
        json.dumps({"schema": "zoo.training/1", **plain(MANIFEST), **change}).encode()
        for change in (
            {"seed": "1"},
            {"seed": 10**30},
            {"seconds": float("nan")},
            {"unknown": 1},
            {"status": "done"},
            {"parent": {"id": ""}},
            {"parent": {"id": "a\x1b[31m"}},
            {"targets": ["x" * 1000]},
            {"regime": "\n"},
            {"log": [3]},
            {"data": {"rows": -1}},
        )
    ),
    json.dumps(plain(MANIFEST)).replace("12.5", "1e999").encode(),
]


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
def test_a_manifest_that_cannot_be_read_is_no_error_of_its_model(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(ConfigError) as problem:
        read_manifest(tmp_path)
    assert str(problem.value).startswith(str(tmp_path / NAME))
    assert described(Model("m"), tmp_path, REGIMES) == Model("m")
    assert described(Model("m"), tmp_path / "checkpoint-3", REGIMES) == Model("m")


FIELDS = st.sampled_from(sorted(Manifest.__dataclass_fields__))
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(FIELDS, ANYTHING, max_size=3))
def test_whatever_stands_in_a_manifest_a_model_can_be_written_down(tmp_path_factory, change):
    folder = tmp_path_factory.getbasetemp()
    (folder / NAME).write_text(json.dumps({**plain(MANIFEST), **change}))
    found = described(Model("m"), folder, REGIMES)
    assert read(Model, plain(found), "a record") == found
    json.dumps(plain(found), allow_nan=False)


def test_checkpoints_of_one_training_stand_together_in_the_order_of_their_steps() -> None:
    def made(name: str, step: int | None, seed: int) -> Model:
        return Model(name, regime="fine-tuned", base_model="base", step=step, seed=seed)

    models = [
        made("b-80", 80, 2),
        Model("base", regime="pretrained"),
        made("a-40", 40, 1),
        made("other", None, 1),
        made("b-20", 20, 2),
        made("a-9", 9, 1),
    ]
    found = [model.id for model in parents_first(models, {})]
    assert found == ["base", "b-20", "b-80", "a-9", "a-40", "other"]
