"""A folder of tiny lm-eval tasks over local JSON lines, one or more for each output type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

THINGS = ("cat", "dog", "mat", "house", "sky", "red", "blue", "ten", "one", "two", "six", "mango")

DOCS = [
    {
        "number": i,
        "group": i // 2,
        "question": f"what comes after the {thing}?",
        "choices": [thing, "the sky", "seven"],
        "gold": i % 3,
        "answer": [thing, "the sky", "seven"][i % 3],
    }
    for i, thing in enumerate(THINGS)
]

CHOICE = {
    "output_type": "multiple_choice",
    "doc_to_text": "question: {{question}}\nanswer:",
    "doc_to_choice": "choices",
    "doc_to_target": "gold",
    "metric_list": [
        {"metric": name, "aggregation": "mean", "higher_is_better": True}
        for name in ("acc", "acc_norm")
    ],
}
WRITE = {
    "output_type": "generate_until",
    "doc_to_text": "question: {{question}}\nanswer:",
    "doc_to_target": "answer",
    "generation_kwargs": {"until": ["\n\n"], "max_gen_toks": 8, "do_sample": False},
    "metric_list": [
        {"metric": "exact_match", "aggregation": "mean", "higher_is_better": True},
    ],
    "filter_list": [
        {
            "name": "first-letter",
            "filter": [
                {"function": "regex", "regex_pattern": "([a-z])"},
                {"function": "take_first"},
            ],
        },
        {"name": "whole", "filter": [{"function": "take_first"}]},
    ],
}
TASKS: Mapping[str, Mapping[str, Any]] = {
    "tiny_choice": CHOICE,
    "tiny_shots": {**CHOICE, "num_fewshot": 2, "description": "Answer.\n\n"},
    "tiny_mutual": {
        **CHOICE,
        "metric_list": [
            {"metric": name, "aggregation": "mean", "higher_is_better": True}
            for name in ("acc_mutual_info", "acc")
        ],
    },
    "tiny_last": {
        "output_type": "loglikelihood",
        "doc_to_text": "{{question}}",
        "doc_to_target": "{{' ' + answer}}",
        "metric_list": [
            {"metric": "acc", "aggregation": "mean", "higher_is_better": True},
            {"metric": "perplexity", "aggregation": "perplexity", "higher_is_better": False},
        ],
    },
    "tiny_rolling": {
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "{{question}} {{answer}}",
        "metric_list": [
            {
                "metric": "bits_per_byte",
                "aggregation": "bits_per_byte",
                "higher_is_better": False,
            },
        ],
    },
    "tiny_write": WRITE,
    "tiny_write_shots": {**WRITE, "num_fewshot": 2},
    "tiny_several": {
        **{key: value for key, value in WRITE.items() if key != "filter_list"},
        "doc_to_target": "choices",
    },
    "tiny_vote": {
        **WRITE,
        "repeats": 3,
        "generation_kwargs": {
            "until": ["\n\n"],
            "max_gen_toks": 2,
            "do_sample": True,
            "temperature": 0.5,
        },
        "filter_list": [
            {
                "name": "vote",
                "filter": [{"function": "majority_vote"}, {"function": "take_first"}],
            }
        ],
    },
    "tiny_lists": {
        **{key: value for key, value in WRITE.items() if key != "filter_list"},
        "process_results": "!function scoring.letters",
        "metric_list": [
            {
                "metric": "letters",
                "aggregation": "!function scoring.mean_of_all",
                "higher_is_better": True,
            }
        ],
    },
}

SCORING = '''
def letters(doc, results):
    """A list of values for each item; it also changes the document it is given."""
    doc.pop("group", None)
    return {"letters": [letter in results[0] for letter in doc["answer"]]}


def mean_of_all(items):
    flat = [value for values in items for value in values]
    return sum(flat) / len(flat)
'''


class _Function(str):
    """A `!function` reference, written as YAML writes it."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(
    _Function, lambda dumper, value: dumper.represent_scalar("!function", str(value))
)


def write_task(folder: Path, name: str, *, data: str = "docs.jsonl", **config: Any) -> Path:
    """Writes one task file over a JSON lines file (named as it shall stand in the YAML)."""
    task = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": data, "train": data}},
        "test_split": "test",
        "fewshot_split": "train",
        "target_delimiter": " ",
        **config,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.dump(_functions(task), Dumper=_Dumper), encoding="utf-8")
    return path


def write_docs(path: Path, docs: list[dict[str, Any]]) -> None:
    """JSON lines."""
    path.write_text("".join(json.dumps(doc) + "\n" for doc in docs), encoding="utf-8")


def write_tasks(folder: Path, *, absolute: bool = False) -> Path:
    """Every tiny task with its data; absolute data files, as lm-eval itself needs them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_docs(folder / "docs.jsonl", DOCS)
    (folder / "scoring.py").write_text(SCORING, encoding="utf-8")
    data = str(folder.resolve() / "docs.jsonl") if absolute else "docs.jsonl"
    for name, config in TASKS.items():
        write_task(folder, name, data=data, **config)
    return folder


def _functions(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("!function "):
        return _Function(value.removeprefix("!function "))
    if isinstance(value, Mapping):
        return {key: _functions(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_functions(each) for each in value]
    return value
