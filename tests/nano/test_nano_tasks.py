"""The tasks are what lm-eval accepts, agree with the suite, and fit the context of the models."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jinja2
import pytest
import yaml

from zoo_nano.checkpoint import CONTEXT
from zoo_nano.manifest import WEIGHTS

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CORE = BENCHMARKS / "tasks" / "core"
SUITE = tomllib.loads((BENCHMARKS / "suites" / "core.toml").read_text("utf-8"))
TASKS = sorted(path.stem for path in CORE.glob("*.yaml"))
CHAT = ("instruct", "rl")


class Loader(yaml.SafeLoader):
    """Reads `!function` as the name it carries."""


Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))


def task(name: str) -> dict:
    return yaml.load((CORE / f"{name}.yaml").read_text("utf-8"), Loader)


def documents(config: dict, split: str) -> list[dict]:
    path = CORE / config["dataset_kwargs"]["data_files"][split]
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def tokenizers():
    from transformers import AutoTokenizer

    return {name: AutoTokenizer.from_pretrained(WEIGHTS / name) for name in ("pretrained", *CHAT)}


def test_the_suite_asks_every_task_once():
    assert sorted(entry["task"] for entry in SUITE["benchmarks"]) == TASKS


@pytest.mark.parametrize("entry", SUITE["benchmarks"], ids=lambda entry: entry["task"])
def test_the_suite_names_a_number_the_task_gives(entry):
    config = task(entry["task"])
    assert entry["metric"] in {metric["metric"] for metric in config["metric_list"]}
    filters = {each["name"] for each in config.get("filter_list", [{"name": "none"}])}
    assert entry["filter"] in filters
    assert float(entry["version"]) == config["metadata"]["version"]
    assert entry["cluster"] in documents(config, "test")[0]
    if "choices" in documents(config, "test")[0]:
        assert entry["chance"] == 1 / len(documents(config, "test")[0]["choices"])
    else:
        assert entry["chance"] == 0


@pytest.mark.parametrize("name", TASKS)
def test_all_splits_of_a_task_have_the_same_columns(name):
    config = task(name)
    columns = {
        tuple(row)
        for split in config["dataset_kwargs"]["data_files"]
        for row in documents(config, split)
    }
    assert len(columns) == 1


@pytest.mark.parametrize("entry", SUITE["benchmarks"], ids=lambda entry: entry["task"])
def test_every_prompt_fits_the_context_with_and_without_the_chat_template(entry, tokenizers):
    config = task(entry["task"])
    render = jinja2.Template(config["doc_to_text"]).render
    before = ""
    if shots := entry["num_fewshot"]:
        examples = documents(config, config["fewshot_split"])
        texts = [f"{render(row)} {row['answer']}\n" for row in examples]
        before = "".join(sorted(texts, key=lambda text: len(text.encode()))[-shots:])
    for row in documents(config, "test"):
        prompt = before + render(row)
        for name, tokenizer in tokenizers.items():
            if name in CHAT:
                asked = tokenizer.apply_chat_template(
                    [{"role": "user", "content": prompt}],
                    tokenize=False,
                    add_generation_prompt=True,
                )
                length = len(tokenizer(asked, add_special_tokens=False)["input_ids"])
            else:
                length = len(tokenizer(prompt)["input_ids"])
            if "generation_kwargs" in config:
                length += config["generation_kwargs"]["max_gen_toks"]
            else:
                length += max(len(tokenizer(option)["input_ids"]) for option in row["choices"])
            assert length <= CONTEXT, row["id"]


@pytest.mark.parametrize("name", [t for t in TASKS if "generation_kwargs" in task(t)])
def test_the_gold_answer_fits_the_generation_budget(name, tokenizers):
    config = task(name)
    for row in documents(config, "test"):
        length = len(tokenizers["instruct"](" " + row["answer"] + "\n")["input_ids"])
        assert length <= config["generation_kwargs"]["max_gen_toks"], row["id"]


def test_lm_eval_builds_every_task(monkeypatch):
    from lm_eval.tasks import TaskManager

    monkeypatch.chdir(CORE)  # relative data_files resolve against the working folder
    manager = TaskManager(include_path=str(CORE), include_defaults=False)
    loaded = manager.load(TASKS)["tasks"]
    assert sorted(loaded) == TASKS
    for name in TASKS:
        assert len(list(loaded[name].test_docs())) == len(documents(task(name), "test"))
