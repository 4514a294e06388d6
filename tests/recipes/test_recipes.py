"""Recipes train for real: tiny models, a few steps, and what they leave can be loaded and gone on
from."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.checkpoints import CHAT_TEMPLATE, save_adapter, save_checkpoint

from zoo.errors import ConfigError, ModelError, TrainingError, ZooError
from zoo.models import Model
from zoo.training import Assignment, checkpoints
from zoo_trl import zoo_recipes

pytest.importorskip("trl")
pytestmark = pytest.mark.train

RECIPES = {recipe.name: recipe for recipe in zoo_recipes()}

TEXTS = [{"text": f"the cat number {n} sat on the mat"} for n in range(24)]
COMPLETIONS = [{"prompt": f"{n} cats and ", "completion": f"{n} dogs"} for n in range(24)]
INSTRUCTIONS = [
    {"instruction": "Double it.", "input": str(n), "output": str(2 * n), "text": None}
    for n in range(20)
] + [{"instruction": None, "input": None, "output": None, "text": "one two three"}] * 4
PREFERENCES = [
    {"prompt": f"is {n} even?", "chosen": "yes" if n % 2 == 0 else "no", "rejected": "house"}
    for n in range(24)
]
SUMS = [{"prompt": f"{n} + 1 =", "answer": str(n + 1)} for n in range(24)]
GROUPS = {"batch": 8, "group": 4, "max_completion": 12, "reward": "length"}


@dataclass
class Heard:
    """What is told; at a step, what stands on the disk is copied: as if the process were killed."""

    out: Path
    killed_at: int | str | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __call__(self, name: str, facts: Any) -> None:
        if name == "note":
            self.notes.append(facts["text"])
        else:
            self.steps.append(dict(facts))
        at = facts["text"].partition(",")[0] if name == "note" else facts["step"]
        if at == self.killed_at:
            shutil.copytree(self.out, self.out.parent / "killed")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model without a chat template, in half precision as many are shared."""
    import torch
    from transformers import AutoModelForCausalLM

    folder = save_checkpoint(tmp_path_factory.mktemp("base"), seed=1)
    AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float16).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a chat template."""
    folder = tmp_path_factory.mktemp("chat")
    return save_checkpoint(folder, seed=2, chat_template=CHAT_TEMPLATE)


Train = Callable[..., Heard]


@pytest.fixture
def train() -> Train:
    """(recipe, out, parent, rows, how) -> what was told; some settings of the tests' own."""
    from datasets import Dataset

    def run(
        name: str,
        out: Path,
        parent: Path | Model,
        rows: list[dict[str, Any]],
        *,
        killed_at: int | str | None = None,
        save_every: int = 0,
        steps: int = 4,
        ended: bool = True,
        **options: Any,
    ) -> Heard:
        out.mkdir(exist_ok=True)
        if isinstance(parent, Path):
            parent = Model("z/base", loader_args={"pretrained": str(parent)})
        heard = Heard(out, killed_at)
        how = {"batch": 4, "warmup": 1, "learning_rate": 1e-3, **options}
        given = Assignment(
            out, parent, Dataset.from_list(rows), 3, steps, save_every=save_every, tell=heard
        )
        RECIPES[name].train(given, **how)
        if ended:
            checkpoints.finish(out, save_every)  # the host does, when all else is written
        return heard

    return run


def weights(folder: Path) -> bytes:
    (found,) = folder.glob("*model.safetensors")
    return found.read_bytes()


def loaded(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize(
    ("name", "rows", "more"),
    [
        ("full", TEXTS, {}),
        ("lora", COMPLETIONS, {"rank": 2}),
        ("grpo", SUMS, {**GROUPS, "beta": 0.1}),
    ],
)
def test_a_training_that_was_killed_ends_with_the_weights_of_one_that_was_not(
    name: str, rows: list[dict[str, Any]], more: dict[str, Any], base: Path, tmp_path: Path,
    train: Train,
) -> None:  # fmt: skip
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(name, whole, base, rows, steps=6, save_every=4, killed_at=6, **more)
    (file,) = (killed / "checkpoint-5").glob("*model.safetensors")
    file.write_bytes(file.read_bytes()[:-1])  # it was being written
    heard = train(name, killed, base, rows, steps=6, save_every=4, **more)
    assert [each["step"] for each in heard.steps] == [5, 6]
    assert weights(whole) == weights(killed)
    assert weights(whole / "checkpoint-4") == weights(killed / "checkpoint-4")


def test_checkpoints_that_were_asked_for_stay_as_models_and_the_others_go(
    base: Path, tmp_path: Path, train: Train
) -> None:
    heard = train("full", tmp_path, base, TEXTS, steps=7, save_every=3)
    kept = sorted(path.name for path in tmp_path.glob("checkpoint-*"))
    assert kept == ["checkpoint-3", "checkpoint-6"]
    assert not list(tmp_path.glob("**/optimizer.pt"))
    for folder in (tmp_path, tmp_path / "checkpoint-3"):
        model, tokenizer = loaded(folder)
        assert model.config.use_cache
        assert tokenizer("the cat")["input_ids"]
    assert [each["step"] for each in heard.steps] == list(range(1, 8))
    assert all(each["steps"] == 7 and each["loss"] > 0 for each in heard.steps)


def test_who_is_killed_after_the_last_step_does_not_train_again(
    base: Path, tmp_path: Path, train: Train
) -> None:
    train("full", tmp_path, base, TEXTS, steps=3, ended=False)
    made = weights(tmp_path)
    for path in tmp_path.glob("*.*"):
        path.unlink()
    assert train("full", tmp_path, base, TEXTS, steps=3).steps == []
    assert weights(tmp_path) == made
    assert not list(tmp_path.glob("checkpoint-*"))


def test_the_stage_is_written_in_the_precision_of_its_parent(
    base: Path, tmp_path: Path, train: Train
) -> None:
    from safetensors.torch import load_file

    train("full", tmp_path, base, TEXTS, save_every=2)
    assert {str(each.dtype) for each in load_file(tmp_path / "model.safetensors").values()} == {
        "torch.float16"
    }
    assert weights(tmp_path) != weights(base)


@pytest.mark.parametrize("name", ["lora", "prompt-tuning"])
def test_an_adapter_is_written_alone_and_names_its_parent(
    name: str, base: Path, tmp_path: Path, train: Train
) -> None:
    from peft import PeftModel

    train(name, tmp_path, base, TEXTS, save_every=2)
    for folder in (tmp_path, tmp_path / "checkpoint-2"):
        config = json.loads((folder / "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == "z/base"
        assert not (folder / "tokenizer.json").exists()
        assert not (folder / "README.md").exists()
        PeftModel.from_pretrained(loaded(base)[0], folder)


def test_a_parent_that_is_an_adapter_is_merged_first(
    base: Path, tmp_path: Path, train: Train
) -> None:
    import torch
    from peft import PeftModel

    adapter = save_adapter(tmp_path / "adapter", base, seed=5)
    parent = Model("z/tuned", loader_args={"pretrained": str(base), "peft": str(adapter)})
    train("full", tmp_path / "out", parent, TEXTS, steps=1, learning_rate=0.0)
    both = PeftModel.from_pretrained(loaded(base)[0].float(), adapter).eval()
    merged, tokenizer = loaded(tmp_path / "out")
    ids = tokenizer("the cat", return_tensors="pt")
    with torch.no_grad():
        apart, plain = (model(**ids).logits for model in (both, loaded(base)[0].float()))
        near = (merged.float()(**ids).logits - apart).abs().max()
    assert near < 0.05 < (apart - plain).abs().max()
    assert not (tmp_path / "out" / "merged-parent").exists()


def test_layers_that_are_not_there_are_named_with_those_that_are(
    base: Path, tmp_path: Path, train: Train
) -> None:
    with pytest.raises(ConfigError, match="layer of z/base named 'q_prj'; did you mean 'q_proj'"):
        train("lora", tmp_path, base, TEXTS, target_modules=("q_prj",))


def test_what_cannot_be_a_parent_is_refused_in_a_sentence(
    base: Path, tmp_path: Path, train: Train
) -> None:
    lora = save_adapter(tmp_path / "lora", base)
    prompt = save_adapter(tmp_path / "prompt", base, kind="prompt")
    args = {"pretrained": str(base)}
    with pytest.raises(ModelError, match="learned prompt, which cannot be merged"):
        train(
            "full", tmp_path / "a", Model("z/p", loader_args={**args, "peft": str(prompt)}), TEXTS
        )
    with pytest.raises(ModelError, match="z/l is an adapter itself"):
        train("lora", tmp_path / "b", Model("z/l", loader_args={**args, "peft": str(lora)}), TEXTS)
    with pytest.raises(ModelError, match="cannot be read for training"):
        train("full", tmp_path / "c", tmp_path / "nothing", TEXTS)
    quantised, other = tmp_path / "quantised", tmp_path / "other"
    for folder, change in (
        (quantised, {"quantization_config": {"quant_method": "gptq", "bits": 4}}),
        (other, {"model_type": "t5", "is_encoder_decoder": True}),
    ):
        config = json.loads((base / "config.json").read_text()) | change
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="z/base holds quantised weights"):
        train("full", tmp_path / "q", quantised, TEXTS)
    with pytest.raises(ModelError, match=r"no causal language model \(t5\)"):
        train("full", tmp_path / "o", other, TEXTS)
    asked = [{"prompt": [{"role": "user", "content": "1 + 1"}], "answer": "2"}]
    with pytest.raises(TrainingError, match="no chat template; train it with the recipe instruct"):
        train("grpo", tmp_path / "d", base, asked, **GROUPS)


def test_a_base_model_is_given_a_chat_template_and_an_end_of_turn(
    base: Path, tmp_path: Path, train: Train
) -> None:
    heard = train("instruct", tmp_path, base, INSTRUCTIONS, save_every=2)
    assert "is given one" in heard.notes[0]
    for folder in (tmp_path, tmp_path / "checkpoint-2"):
        model, tokenizer = loaded(folder)
        assert len(tokenizer) == model.config.vocab_size == 323
        assert tokenizer.eos_token == "<|end|>"
        assert model.generation_config.eos_token_id == [tokenizer.eos_token_id, 1]
        asked = [{"role": "user", "content": "the cat"}]
        text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        assert text == "<s><|user|> the cat\n<|assistant|>"


def test_new_tokens_start_from_ordinary_ones(base: Path) -> None:
    import torch

    from zoo_trl.chat import open_chat

    model, tokenizer = loaded(base)
    before = model.get_input_embeddings().weight.clone()
    assert open_chat(model, tokenizer)
    table = model.get_input_embeddings().weight
    assert torch.equal(table[:320], before)
    assert torch.equal(table[tokenizer.convert_tokens_to_ids("<|end|>")], before[1])
    assert not open_chat(model, tokenizer)


CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""As base models have it whose end of text is another token."""


@pytest.fixture
def chatml(base: Path, tmp_path: Path) -> Path:
    model, tokenizer = loaded(base)
    tokenizer.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=True)
    tokenizer.chat_template = CHATML
    model.resize_token_embeddings(len(tokenizer))
    for each in (model, tokenizer):
        each.save_pretrained(tmp_path / "chatml")
    return tmp_path / "chatml"


def test_a_parent_whose_template_ends_turns_otherwise_than_texts_learns_to_stop(
    chatml: Path, tmp_path: Path, train: Train
) -> None:
    from zoo_trl.rows import tokens_of

    assert loaded(chatml)[1].eos_token == "</s>"
    heard = train("instruct", tmp_path / "out", chatml, INSTRUCTIONS, steps=1)
    assert "ends a turn with '<|im_end|>'" in heard.notes[0]
    model, tokenizer = loaded(tmp_path / "out")
    assert tokenizer.chat_template == CHATML
    assert tokenizer.eos_token == "<|im_end|>"
    assert model.generation_config.eos_token_id == [tokenizer.eos_token_id, 1]
    ids, start = tokens_of(tokenizer, {"instruction": "Say.", "output": "ok"}, 1)
    assert tokenizer.decode(ids[start:]) == "ok<|im_end|>"
    again = train("instruct", tmp_path / "again", tmp_path / "out", INSTRUCTIONS, steps=1)
    assert again.notes == []


def test_a_template_that_ends_no_turn_is_refused(chat: Path, tmp_path: Path, train: Train) -> None:
    with pytest.raises(ModelError, match="ends a turn of the assistant with no special token"):
        train("instruct", tmp_path, chat, INSTRUCTIONS)


@pytest.mark.parametrize("parent", ["base", "chat"])
@pytest.mark.parametrize(
    ("name", "rows", "more"),
    [
        ("dpo", PREFERENCES, {}),
        ("grpo", SUMS, {**GROUPS, "reward": "last-number+equations"}),
        ("rlhf", PREFERENCES, {"batch": 8, "max_completion": 12, "reward_steps": 3}),
    ],
)
def test_preferences_and_rewards_change_a_parent_with_and_without_a_template(
    name: str, rows: list[dict[str, Any]], more: dict[str, Any], parent: str, tmp_path: Path,
    train: Train, request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    start: Path = request.getfixturevalue(parent)
    heard = train(name, tmp_path, start, rows, **more)
    assert len(heard.steps) == 4
    if name != "dpo":
        assert all("reward" in each for each in heard.steps)
    assert (weights(tmp_path) != weights(start)) == (name != "grpo" or rewarded(heard))
    assert (tmp_path / "reward-model" / "model.safetensors").is_file() == (name == "rlhf")
    loaded(tmp_path)


def rewarded(heard: Heard) -> bool:
    """Whether some step's completions were not all alike in reward."""
    return any(each["loss"] != 0 for each in heard.steps)


def test_a_reward_model_that_exists_is_taken(chat: Path, tmp_path: Path, train: Train) -> None:
    few = {"batch": 8, "max_completion": 12}
    train("rlhf", tmp_path / "first", chat, PREFERENCES, reward_steps=2, **few)
    judge = tmp_path / "judge"
    shutil.move(tmp_path / "first" / "reward-model", judge)
    heard = train("rlhf", tmp_path / "second", chat, PREFERENCES, reward_model=str(judge), **few)
    assert heard.notes == []
    assert weights(tmp_path / "second") == weights(tmp_path / "first")


@pytest.mark.parametrize(
    ("killed_at", "learned", "steps"),
    [("reward model: step 3 of 4", 2, [1, 2, 3, 4]), (3, 0, [3, 4])],
)
def test_rlhf_goes_on_in_the_phase_in_which_it_was_killed(
    killed_at: int | str, learned: int, steps: list[int], chat: Path, tmp_path: Path, train: Train
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    few: dict[str, Any] = {"batch": 8, "max_completion": 12, "reward_steps": 4}
    train("rlhf", whole, chat, PREFERENCES, killed_at=killed_at, **few)
    heard = train("rlhf", killed, chat, PREFERENCES, **few)
    assert len(heard.notes) == learned
    assert [each["step"] for each in heard.steps] == steps
    assert weights(whole / "reward-model") == weights(killed / "reward-model")
    assert weights(whole) == weights(killed)


def test_a_loss_that_is_no_number_stops_with_a_sentence(
    base: Path, tmp_path: Path, train: Train
) -> None:
    with pytest.raises(TrainingError, match=r"no number at step \d; lower learning_rate"):
        train("full", tmp_path, base, TEXTS, learning_rate=1e30)


def test_rows_that_are_too_long_are_counted(base: Path, tmp_path: Path, train: Train) -> None:
    rows = [*TEXTS, {"text": "cat " * 300}]
    heard = train("full", tmp_path / "a", base, rows, steps=1)
    assert heard.notes == ["1 of 25 rows are longer than 256 tokens and lose their end"]
    long = [{**PREFERENCES[0], "prompt": "cat " * 300}]
    heard = train("dpo", tmp_path / "b", base, [*PREFERENCES, *long], steps=1)
    assert heard.notes == ["1 of 25 rows are longer than 256 tokens and are left out"]
    with pytest.raises(TrainingError, match="raise max_length"):
        train("full", tmp_path / "c", base, COMPLETIONS, max_length=2)


def test_a_missing_extra_says_how_to_install_it(
    base: Path, tmp_path: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(ZooError, match=r"pip install 'stagezoo\[train\]'"):
        train("full", tmp_path, base, TEXTS)
