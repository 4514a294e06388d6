"""What the engines are asked: texts of the shapes of well-known benchmarks."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import material

OPTIONS = "\nA. x\nB. y\nC. z\nD. w\nAnswer:"

TASK = """
task: speed_choices
dataset_path: json
dataset_kwargs:
  data_files:
    test: {folder}/test.jsonl
    dev: {folder}/dev.jsonl
test_split: test
fewshot_split: dev
fewshot_config:
  sampler: first_n
output_type: multiple_choice
doc_to_text: "{{{{question.strip()}}}}\\nA. {{{{choices[0]}}}}\\nB. {{{{choices[1]}}}}\\nC. \
{{{{choices[2]}}}}\\nD. {{{{choices[3]}}}}\\nAnswer:"
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: answer
num_fewshot: {shots}
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
  - metric: acc_norm
    aggregation: mean
    higher_is_better: true
"""


def mmlu(docs: int) -> list[tuple[str, str]]:
    """Five shots of about 700 tokens, the same for all; questions of about 85; " A" to " D"."""
    source = random.Random(0)
    shots = f"The following are multiple choice questions about {material.text_of(source, 3)}.\n\n"
    for _ in range(5):
        shots += f"{material.text_of(source, 120)}{OPTIONS} {source.choice('ABCD')}\n\n"
    pairs = []
    for _ in range(docs):
        length = max(15, int(source.lognormvariate(math.log(68), 0.6)) - 15)
        context = shots + material.text_of(source, length) + OPTIONS
        pairs += [(context, f" {letter}") for letter in "ABCD"]
    return pairs


def hellaswag(docs: int) -> list[tuple[str, str]]:
    """850 tokens of shots, other ones for each document; contexts of 60; four endings of 25."""
    source = random.Random(0)

    def around(mean: int, spread: int, least: int) -> str:
        return material.text_of(source, max(least, int(source.gauss(mean, spread))))

    pairs = []
    for _ in range(docs):
        shots = "\n\n".join(material.text_of(source, 85) for _ in range(10))
        context = f"{shots}\n\n{around(60, 15, 20)}"
        pairs += [(context, " " + around(25, 8, 5)) for _ in range(4)]
    return pairs


def prompts(count: int, shared: int, own: int) -> list[str]:
    """Prompts of about shared + own tokens, the first `shared` of them the same."""
    source = random.Random(0)
    beginning = material.text_of(source, shared) + "\n\n" if shared else ""
    lengths = [max(4, int(source.gauss(own, own / 8))) for _ in range(count)]
    return [beginning + material.text_of(source, length) for length in lengths]


def choices(folder: Path, docs: int, shots: int = 5) -> Path:
    """A task of lm-eval with four choices, its data beside it; returns its file."""
    source = random.Random(0)

    def doc() -> dict[str, Any]:
        return {
            "question": material.text(source, 60),
            "choices": [material.text(source, 6) for _ in range(4)],
            "answer": source.randrange(4),
        }

    for name, count in (("test", docs), ("dev", 20)):
        lines = "".join(json.dumps(doc()) + "\n" for _ in range(count))
        (folder / f"{name}.jsonl").write_text(lines)
    path = folder / "speed_choices.yaml"
    path.write_text(TASK.format(folder=folder, shots=shots))
    return path
