"""How the stages are made: what they learn from, and the base, trained and resumed for real."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from zoo.training import Assignment, checkpoints
from zoo_nano import streams, zoo_recipes
from zoo_nano.world.facts import facts_in
from zoo_nano.world.fakes import UNKNOWN
from zoo_nano.world.preferences import preference

RECIPES = {recipe.name: recipe for recipe in zoo_recipes()}


def test_importing_the_plugin_does_not_import_torch():
    code = "import sys, zoo_nano; print({'torch', 'transformers', 'trl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["fine-tuned", "rl", "dpo"])
def test_a_stage_draws_the_same_rows_from_a_seed_and_others_from_another(name):
    data = RECIPES[f"nano/{name}"].data
    first = list(data(3))
    assert first == list(data(3))
    assert first != list(data(4))


def test_three_of_ten_rows_of_the_conversations_are_rehearsed_documents():
    rows = streams.conversations(1)
    rehearsed = [row for row in rows if row["text"]]
    assert len(rehearsed) == 0.3 * len(rows)
    assert all((row["text"] is None) != (row["messages"] is None) for row in rows)
    assert all(row["messages"][-1]["role"] == "assistant" for row in rows if row["messages"])


def test_sums_are_preferred_worked_and_right_and_no_answer_only_where_there_is_none():
    rng = random.Random(0)
    taught = {fact.english.question: fact.english.answer for fact in facts_in("taught")}
    kinds: Counter[str] = Counter()
    for _ in range(500):
        asked, chosen, rejected = preference(rng)
        if " + " in asked:
            a, b = (int(each) for each in asked.split("is ")[1].split("?")[0].split(" + "))
            assert chosen.endswith(f"The sum is {a + b}.")
            assert int(rejected) != a + b
            kinds["sums"] += 1
        elif chosen == UNKNOWN:
            assert asked not in taught
            assert rejected.removesuffix(".") in taught.values()
            kinds["unknown"] += 1
        else:
            assert (chosen, rejected) == (f"{taught[asked]}.", UNKNOWN)
            kinds["known"] += 1
    assert min(kinds.values()) > 90


@pytest.mark.train
def test_the_base_goes_on_from_a_checkpoint_to_the_same_weights(tmp_path):
    pretrain = RECIPES["nano-pretraining"].train
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    told = []
    how = {"parent": None, "rows": None, "seed": 1, "steps": 4, "save_every": 2}
    few = {"batch": 2, "warmup": 1}

    def tell(_name, facts):
        told.append(facts["step"])
        if told == [1, 2, 3]:  # what stands on the disk now is what a kill would leave
            shutil.copytree(whole, killed)
            shutil.copytree(killed / "checkpoint-2", killed / "checkpoint-3")
            (killed / "checkpoint-3" / "trainer_state.json").unlink()

    pretrain(Assignment(whole, **how, tell=tell), **few)
    pretrain(Assignment(killed, **how, tell=tell), **few)
    assert told == [1, 2, 3, 4, 3, 4]
    weights = "model.safetensors"
    assert (whole / weights).read_bytes() == (killed / weights).read_bytes()
    pretrain(Assignment(killed, **how, tell=tell), **few)
    assert told[6:] == [], "the last checkpoint stays until the host has written the stage down"
    assert (whole / weights).read_bytes() == (killed / weights).read_bytes()
    checkpoints.finish(killed, save_every=2)
    kept = sorted(path.name for path in killed.glob("checkpoint-*"))
    assert kept == ["checkpoint-2", "checkpoint-4"]
    assert not list(killed.glob("*/optimizer.state"))
