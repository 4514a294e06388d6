"""A stage is made, stands in zoo.toml, is found again, and is never made over somebody's files."""

from __future__ import annotations

import json
import shutil
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from training.conftest import open_host
from zoo.claims import NotTestable
from zoo.errors import ConfigError, TrainingError, UnknownNameError
from zoo.findings import probe_rows
from zoo.manifests import NAME, Manifest, Parent, read_manifest, write_manifest
from zoo.measures.making import making
from zoo.training.card import card_of
from zoo.training.folder import held

OUT = Path("stages/nano/nudged")


def models_of(path: Path = Path("zoo.toml")) -> dict[str, dict[str, object]]:
    tables = tomllib.loads(path.read_text())["families"]
    return {model["id"]: model for table in tables.values() for model in table["models"]}


def test_a_stage_of_a_plugins_family_is_trained_and_joins_it_in_zoo_toml(train):
    heard = []
    made = train(tell=lambda name, facts: heard.append((name, dict(facts))), threads=1)
    assert made.fresh
    assert [name for name, _ in heard] == ["start", *["step"] * 4, "finished"]
    listed = models_of()
    assert "nano/pretrained" in listed
    assert listed["./stages/nano/nudged"] == {
        "id": "./stages/nano/nudged",
        "regime": "fine-tuned",
        "base_model": "nano/pretrained",
        "targets": ["reports"],
        "parameters": 1598880,
        "seed": 1,
    }
    assert made.model.id == "./stages/nano/nudged"
    assert made.model.made.settings["rate"] == 2.0
    assert made.model.made.examples == 5
    (family,) = open_host().discovery.resolve(["nano"])
    assert made.model.id in [model.id for model in family.models]


def test_the_manifest_says_what_was_done_and_hashes_what_came_of_it(train):
    train(threads=1)
    found = read_manifest(OUT.resolve())
    assert (found.status, found.recipe, found.of) == ("finished", "nano/nudged", "nudge")
    assert found.options["rate"] == 2.0
    assert found.parent.id == "nano/pretrained"
    assert len(found.parent.weights) == 64
    assert found.data.source == ""
    assert [point["step"] for point in found.log] == [1, 2, 3, 4]
    assert {"README.md", "config.json", "model.safetensors"} <= found.files.keys()
    assert NAME not in found.files
    assert found.threads == 1
    assert {"stagezoo", "torch", "transformers"} <= found.packages.keys()
    assert sorted(path.name for path in OUT.iterdir()) == sorted([*found.files, NAME])


def test_the_same_again_changes_nothing_and_mends_the_entry(train):
    train()
    before = {path: path.read_bytes() for path in OUT.iterdir()}
    toml = Path("zoo.toml").read_text()
    again = train()
    assert not again.fresh
    assert again.addition.entries == {}
    assert again.addition.notes == ()
    assert Path("zoo.toml").read_text() == toml
    Path("zoo.toml").unlink()
    assert not train().fresh
    assert "./stages/nano/nudged" in models_of()
    assert {path: path.read_bytes() for path in OUT.iterdir()} == before


def test_stages_that_are_finished_at_one_moment_all_join(train):
    names = [f"stage-{number}" for number in range(6)]
    for name in names:
        train(stage=name, recipe="nano/nudged")
    Path("zoo.toml").unlink()
    with ThreadPoolExecutor(len(names)) as pool:
        made = list(pool.map(lambda name: train(stage=name, recipe="nano/nudged"), names))
    assert not any(each.fresh for each in made)
    (nano,) = tomllib.loads(Path("zoo.toml").read_text())["families"].values()
    listed = [each["id"] for each in nano["models"]]
    assert len(listed) == len({*listed})
    assert {f"./stages/nano/{name}" for name in names} <= {*listed}


def test_a_training_of_something_else_is_named_by_what_differs_and_begun_anew_on_demand(train):
    train()
    weights = (OUT / "model.safetensors").read_bytes()
    with pytest.raises(ConfigError) as problem:
        train(seed=2, options={"rate": "3"})
    said = str(problem.value)
    assert "was made with seed 1 instead of 2 and rate 2.0 instead of 3.0 and data" in said
    assert "--restart begins anew" in said
    made = train(seed=2, options={"rate": "3"}, restart=True)
    assert made.fresh
    assert (OUT / "model.safetensors").read_bytes() != weights
    assert made.addition.notes == (
        "zoo.toml says seed = 1 of it, and it was made with 2; change it there",
    )


def test_a_training_that_was_stopped_before_it_had_weights_holds_nobody_up(train):
    made = train(out=Path("begun"))
    Path("stopped").mkdir()
    write_manifest(Path("stopped"), replace(made.manifest, status="unfinished", files={}))
    assert train(seed=2, out=Path("stopped")).manifest.seed == 2


def test_a_finished_stage_that_lacks_a_file_is_said_and_made_again_on_demand(train):
    train()
    (OUT / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"lacks model.safetensors; --restart makes it again"):
        train()
    assert train(restart=True).fresh


def test_a_finished_stage_whose_weights_were_changed_is_said_and_made_again_on_demand(train):
    train()
    (OUT / "README.md").write_text("my own card")
    assert not train().fresh
    weights = OUT / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000] + bytes(1000))
    with pytest.raises(ConfigError, match=r"model.safetensors was changed since; --restart makes"):
        train()
    assert train(restart=True).fresh
    assert not train().fresh
    assert OUT.with_name("nudged.before").joinpath("README.md").read_text() == "my own card"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_cannot_be_meant_or_fails_leaves_what_stood_as_it_was_and_nothing_else(train):
    train(save_every=2)
    before = files(Path("stages"))
    with pytest.raises(ConfigError, match="cannot be checked"):
        train(options={"rate": "-1"}, restart=True)
    with pytest.raises(TrainingError, match="out of luck"):
        train(options={"fails": "out of luck"}, restart=True)
    assert files(Path("stages")) == before
    with pytest.raises(ConfigError, match="cannot be checked"):
        train(options={"rate": "-1"}, out=Path("mistyped"))
    with pytest.raises(TrainingError, match="out of luck"):
        train(options={"fails": "out of luck"}, out=Path("mistyped"))
    assert train(out=Path("mistyped")).fresh


def test_what_a_stage_is_made_from_is_not_begun_anew_over(train):
    train(save_every=2)
    (OUT / "mine.jsonl").write_text('{"text": "a"}\n')
    before = files(OUT)
    for flag, wish in {
        "--from": {"parent": f"{OUT}/checkpoint-2"},
        "--data": {"data": f"{OUT}/mine.jsonl"},
        "--set kind": {"options": {"kind": f"{OUT}/README.md"}},
    }.items():
        with pytest.raises(ConfigError, match=f"{flag} names .* move it elsewhere"):
            train(restart=True, **wish)
    assert files(OUT) == before


def test_beginning_anew_deletes_what_a_training_wrote_when_the_new_one_is_finished_only(train):
    train(save_every=2)
    was = files(OUT)
    (OUT / "thesis.tex").write_text("years of work")
    (OUT / "notes").mkdir()
    (OUT / "notes/today.md").write_text("it rained")
    theirs = OUT.with_name("nudged.before")
    theirs.mkdir()
    (theirs / "README.md").write_text("a copy of mine")

    def stop(name, facts):
        if name == "step" and facts["step"] == 3:
            raise KeyboardInterrupt

    notes = []
    with pytest.raises(KeyboardInterrupt):
        train(seed=2, save_every=2, restart=True, tell=stop)
    aside = OUT.with_name("nudged.before-2")
    kept = {str(OUT / Path(p).relative_to(aside)): data for p, data in files(aside).items()}
    assert was.items() <= kept.items()
    made = train(
        seed=2,
        save_every=2,
        tell=lambda n, facts: notes.append(facts["text"]) if n == "note" else 0,
    )
    assert notes == [
        f"what stood in {OUT.resolve()} lies in {aside.resolve()} until the stage is finished"
    ]
    assert not aside.exists()
    assert (theirs / "README.md").read_text() == "a copy of mine"
    assert (OUT / "thesis.tex").read_text() == "years of work"
    assert (OUT / "notes/today.md").read_text() == "it rained"
    assert "notes, thesis.tex was not written by zoo train" in made.addition.notes[-1]
    assert files(OUT).keys() == {
        *was, str(OUT / "thesis.tex"), str(OUT / "notes/today.md")
    }  # fmt: skip


@pytest.mark.parametrize("restart", [False, True])
def test_somebody_elses_folder_is_never_written_into_nor_cleared(train, restart):
    OUT.mkdir(parents=True)
    (OUT / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match=r"holds files and no zoo-training\.json"):
        train(restart=restart)
    with pytest.raises(ConfigError, match="is a file; name a folder"):
        train(out=OUT / "thesis.tex", restart=restart)
    for out in (Path("."), Path("..")):
        with pytest.raises(ConfigError, match="name a folder of its own with --out"):
            train(out=out, restart=restart)
    assert [path.name for path in OUT.iterdir()] == ["thesis.tex"]


def test_two_at_once_on_one_folder_are_one(train):
    with held(OUT.resolve()), pytest.raises(ConfigError, match="another training is at work"):
        train()
    assert train().fresh


def test_a_recipe_that_fails_costs_no_checkpoint_and_the_same_goes_on(train):
    broken = {"rate": 2.0, "fails": "out of luck"}
    with pytest.raises(TrainingError, match="nudge failed: RuntimeError: out of luck"):
        train(recipe="nudge", data="rows.csv", options=broken, **rows())
    half = read_manifest(OUT.resolve())
    assert half.status == "unfinished"
    assert half.log[-1]["step"] == 1
    assert (OUT / "checkpoint-1").is_dir()
    assert "./stages/nano/nudged" not in (models_of() if Path("zoo.toml").exists() else {})


def rows() -> dict[str, object]:
    Path("rows.csv").write_text("text,more\na,1\nb,2\n")
    return {"save_every": 1, "parent": "nano/pretrained"}


def test_a_training_that_was_stopped_goes_on_to_the_same_weights_and_its_time_adds_up(train):
    whole = train(out=Path("whole"), save_every=1)
    seen = []

    def stop(name, facts):
        seen.append(facts.get("step"))
        if name == "step" and facts["step"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(save_every=1, tell=stop)
    spent = read_manifest(OUT.resolve()).seconds
    assert spent > 0
    seen.clear()
    made = train(save_every=1, tell=lambda _, facts: seen.append(facts.get("step")))
    assert seen == [3, 3, 4, 4], "the start says how far it had come, the end how far it is"
    assert made.manifest.seconds > spent
    assert [point["step"] for point in made.manifest.log] == [1, 2, 3, 4]
    same = [folder / "model.safetensors" for folder in (OUT, whole.out)]
    assert same[0].read_bytes() == same[1].read_bytes()


def test_who_is_killed_before_checkpoints_are_cleared_away_has_a_finished_stage(train):
    def killed(name, facts):
        if name == "step" and facts["step"] == 3:  # as a Trainer does, to go on from
            shutil.copytree(OUT / "checkpoint-2", OUT / "checkpoint-3")
        if name == "finished":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(save_every=2, tell=killed)
    assert (OUT / "checkpoint-3/optimizer.pt").exists()
    assert not train(save_every=2).fresh
    assert sorted(path.name for path in OUT.glob("checkpoint-*")) == [
        "checkpoint-2",
        "checkpoint-4",
    ]
    assert not list(OUT.rglob("optimizer.pt"))


def test_checkpoints_that_are_kept_are_models_of_the_same_training(train):
    train(save_every=2)
    (family,) = open_host().discovery.resolve(["nano/pretrained", f"{OUT}/checkpoint-2", str(OUT)])
    found = {Path(model.id).name: model for model in family.models}
    assert [found[name].step for name in ("checkpoint-2", "nudged")] == [2, 4]
    assert found["checkpoint-2"].parents == ("nano/pretrained",)
    assert found["checkpoint-2"].regime == "fine-tuned"
    assert found["checkpoint-2"].targets == ("reports",)
    assert found["checkpoint-2"].made.settings == found["nudged"].made.settings


def test_a_recipe_that_leaves_no_checkpoint_is_told_from_one_that_does(train):
    with pytest.raises(TrainingError, match="left no checkpoint"):
        train(stage="void", recipe="nothing", options={"size": 3})
    assert list(Path("stages/nano/void").iterdir()) == [], "another attempt may be of other options"


def test_a_new_family_is_made_of_ones_own_base_and_data(train):
    Path("rows.jsonl").write_text('{"text": "a"}\n{"text": "b", "more": 1}\n')
    first = train(stage="base", recipe="nano/nudged")
    own = {
        "recipe": "nudge",
        "data": "rows.jsonl",
        "parent": str(first.out.relative_to(Path.cwd())),
    }
    made = train(family="mine", stage="sums", targets=("arithmetic",), limit=1, **own)
    assert made.manifest.data.rows == 1
    assert made.manifest.data.source == "rows.jsonl"
    assert made.model.base_model == "./stages/nano/base"
    assert not train(family="mine", stage="sums", targets=("arithmetic",), limit=1, **own).fresh
    assert made.model.targets == ("arithmetic",)


def test_without_a_parent_the_root_of_the_family_is_taken_and_said(host):
    from zoo.training.order import Wish, plan_training

    order = plan_training(host, Wish("nano", "mine", recipe="nudge"))
    assert order.parent.id == "nano/pretrained"
    assert "starts from the root of the family: nano/pretrained" in order.notes[0]
    with pytest.raises(ConfigError, match="there is no family 'nobody' whose root"):
        plan_training(host, Wish("nobody", "mine", recipe="nudge"))
    with pytest.raises(UnknownNameError):
        plan_training(host, Wish("nano", "mine", recipe="nudge", parent="pretrained"))
    with pytest.raises(ConfigError, match="is no name of a stage"):
        plan_training(host, Wish("nano", "../mine", recipe="nudge"))


def test_a_card_is_written_whose_text_is_harmless(train):
    train(options={"kind": "<script>|`x`"}, stage="card", recipe="nano/nudged")
    text = Path("stages/nano/card/README.md").read_text()
    front = yaml.safe_load(text.split("---")[1])
    assert front["base_model"] == "nano/pretrained"
    assert "<script>" not in text


def test_no_path_of_this_machine_stands_in_a_card():
    told = {"reward_model": "/home/alice/acme-secret/rm", "judges": ["private/rm"], "rate": 0.25}
    made = Manifest(
        "rlhf", "rlhf", "RL-tuned", "f", "s", 1, told, parent=Parent("/home/alice/base")
    )
    text = card_of(made)
    assert "0.25" in text
    assert "alice" not in text
    assert "private" not in text
    assert (
        yaml.safe_load(card_of(replace(made, parent=Parent("org/base"))).split("---")[1])[
            "base_model"
        ]
        == "org/base"
    )


def test_how_stages_were_made_stands_in_every_report_and_claims_find_it(train):
    made = train(save_every=2).model
    found = type("Found", (), {"probes": tuple(making([made]))})
    (data,) = probe_rows(found, "training", "data")
    assert (data["model"], data["examples"], data["rate"]) == (made.id, 5, 2.0)
    assert data["modules"] == "norm"
    (cost,) = probe_rows(found, "cost", "training")
    assert cost["seconds"] == made.made.seconds > 0
    with pytest.raises(NotTestable):
        probe_rows(type("Found", (), {"probes": ()}), "training", "data")
    json.dumps([data, cost], allow_nan=False)
