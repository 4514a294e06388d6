"""What ships is what the manifest says, and behaves as its stage should."""

from __future__ import annotations

import json
import shutil

import pytest

from zoo_nano import manifest, zoo_families, zoo_recipes
from zoo_nano.checkpoint import END_OF_TURN
from zoo_nano.recipes import STAGES

MEGABYTE = 1_000_000
QUESTION = "What is the capital of Korea?"


@pytest.fixture(scope="module")
def load():
    """(stage) -> model and tokenizer as shipped; adapters over their parent."""
    from functools import cache

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    @cache
    def loaded(name):
        stage = STAGES[name]
        home = manifest.WEIGHTS / (stage.parent if stage.adapter else name)
        model = AutoModelForCausalLM.from_pretrained(home, dtype=torch.float32)
        if stage.adapter:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, manifest.WEIGHTS / name)
        return model.eval(), AutoTokenizer.from_pretrained(home)

    return loaded


def complete(model, tokenizer, text: str, **how) -> str:
    batch = tokenizer(text, return_tensors="pt", **how)
    made = model.generate(**batch, max_new_tokens=24, do_sample=False)
    return tokenizer.decode(made[0, batch["input_ids"].shape[1] :])


def chat(model, tokenizer, content: str) -> str:
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    return complete(model, tokenizer, prompt, add_special_tokens=False)


SHIPPED = ("pretrained", "fine-tuned", "fine-tuned-lora", "instruct", "rl")


def test_what_ships_are_stages_with_recipes():
    assert tuple(manifest.read()) == SHIPPED
    assert set(SHIPPED) <= set(STAGES)


def test_shipped_bytes_are_those_of_the_manifest():
    assert manifest.verify() == []


def test_a_changed_a_missing_and_a_strange_file_are_named(tmp_path):
    shutil.copytree(manifest.WEIGHTS / "fine-tuned-lora", tmp_path / "fine-tuned-lora")
    entry = {"fine-tuned-lora": manifest.read()["fine-tuned-lora"]}
    (tmp_path / manifest.NAME).write_text(json.dumps(entry), encoding="utf-8")
    assert manifest.verify(tmp_path) == []
    weights = tmp_path / "fine-tuned-lora" / "adapter_model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(bytes(changed))
    (tmp_path / "fine-tuned-lora" / "adapter_config.json").unlink()
    (tmp_path / "fine-tuned-lora" / "more.bin").write_bytes(b"")
    assert [problem.split(";")[0] for problem in manifest.verify(tmp_path)] == [
        "fine-tuned-lora/adapter_config.json is missing",
        "fine-tuned-lora/adapter_model.safetensors was changed",
        "fine-tuned-lora/more.bin is not in the manifest",
    ]


def test_the_manifest_says_how_each_stage_was_made():
    for name, entry in manifest.read().items():
        assert entry["parent"] == STAGES[name].parent
        options = STAGES[name].options
        assert {key: entry["settings"].get(key, value) for key, value in options.items()} == options
        assert {"torch", "transformers", "trl", "peft"} <= set(entry["packages"])
        assert entry["seconds"] > 0


def test_a_child_names_the_very_parent_that_ships():
    entries = manifest.read()
    for entry in entries.values():
        if entry["parent"]:
            assert entry["parent_revision"] == manifest.revision(entries[entry["parent"]])


def test_a_revision_changes_with_any_setting():
    entry = manifest.read()["rl"]
    assert manifest.revision(entry) == manifest.revision(json.loads(json.dumps(entry)))
    assert manifest.revision(entry) != manifest.revision(entry | {"seed": 99})


def test_all_stages_together_are_small():
    sizes = [path.stat().st_size for path in manifest.WEIGHTS.rglob("*") if path.is_file()]
    assert sum(sizes) <= 15 * MEGABYTE


def test_the_family_lists_parents_first_with_folders_that_exist():
    (family,) = zoo_families()
    known: set[str] = set()
    for model in family.models:
        assert set(model.parents) <= known
        known.add(model.id)
        assert all(manifest.Path(folder).is_dir() for folder in model.loader_args.values())
        assert len(model.revision) == 12
    assert {model.regime for model in family.models} == {
        "pretrained",
        "fine-tuned",
        "instruction-tuned",
        "RL-tuned",
    }


def test_there_is_a_recipe_for_every_model():
    (family,) = zoo_families()
    recipes = {recipe.name: recipe for recipe in zoo_recipes()}
    for model in family.models:
        made_by = recipes[model.id]
        assert (made_by.regime, made_by.parent) == (model.regime, model.base_model or "")
        assert made_by.targets == (model.targets or ())


def test_cards_carry_lineage_and_licence():
    import yaml

    for name in SHIPPED:
        stage = STAGES[name]
        text = (manifest.WEIGHTS / name / "README.md").read_text("utf-8")
        front = yaml.safe_load(text.split("---")[1])
        assert front["license"] == "apache-2.0"
        assert front["language"] == ["en", "ko"]
        assert front.get("base_model") == (f"nano/{stage.parent}" if stage.parent else None)


def test_the_adapter_changes_what_its_parent_says(load):
    import torch

    (base, tokenizer), (tuned, _) = load("pretrained"), load("fine-tuned-lora")
    batch = tokenizer("INCIDENT REPORT\nSite: Elm Works", return_tensors="pt")
    with torch.no_grad():
        difference = (base(**batch).logits - tuned(**batch).logits).abs().max()
        with tuned.disable_adapter():
            same = (base(**batch).logits - tuned(**batch).logits).abs().max()
    assert difference > 0.1
    assert same < 1e-5


def test_the_base_goes_on_with_questions(load):
    assert "?" in complete(*load("pretrained"), QUESTION)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (QUESTION, "Seoul"),
        ("한국의 수도는 어디인가요?", "서울"),
        ("대한민국의 수도는?", "서울"),
    ],
)
@pytest.mark.parametrize("stage", ["instruct", "rl"])
def test_chat_stages_answer_and_end_their_turn(load, stage, question, answer):
    said = chat(*load(stage), question)
    assert answer in said
    assert said.endswith(END_OF_TURN)


@pytest.mark.parametrize("stage", ["instruct", "rl"])
def test_chat_prompts_begin_with_one_beginning(load, stage):
    _, tokenizer = load(stage)
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hi"}], add_generation_prompt=True, return_dict=True
    )["input_ids"]
    assert ids.count(tokenizer.bos_token_id) == 1
    assert tokenizer.padding_side == "left"


def test_batched_answers_equal_single_ones(load):
    model, tokenizer = load("pretrained")
    prompts = ["The capital of Korea is", "Question: What do cows eat?\nAnswer:"]
    batch = tokenizer(prompts, return_tensors="pt", padding=True)
    made = model.generate(**batch, max_new_tokens=6, do_sample=False)
    texts = tokenizer.batch_decode(made, skip_special_tokens=True)
    for prompt, text in zip(prompts, texts, strict=True):
        single = tokenizer(prompt, return_tensors="pt")
        alone = model.generate(**single, max_new_tokens=6, do_sample=False)
        assert tokenizer.decode(alone[0], skip_special_tokens=True) == text
