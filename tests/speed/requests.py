"""The host's work before a model is asked: building requests and encoding them, beside lm-eval.

    python tests/speed/requests.py [--docs 5000] [--shots 5] [--rounds 2] [--json]

A multiple-choice task of four choices is made on the spot. Building: lm-eval's own
`build_all_requests`, its templates in its own environment, against `build_requests`. Encoding:
the tokenization of HFLM's `loglikelihood`, request by request, against `Encoder.pairs`. Both must
give the same.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import material

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
"""


def write_task(folder: Path, docs: int, shots: int) -> Path:
    """The task's file, its data beside it."""
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


class Building:
    """Both ways of building one task's requests."""

    def __init__(self, path: Path) -> None:
        import lm_eval.utils
        from lm_eval.tasks import TaskManager

        from zoo.benchmarks import Benchmark
        from zoo.evaluation.tasks import TaskLoader
        from zoo.tasks import read_task

        self._utils = lm_eval.utils
        self._stock_environment = lm_eval.utils.env
        manager = TaskManager(include_path=str(path.parent), include_defaults=False)
        self._stock = manager.load(["speed_choices"])["tasks"]["speed_choices"]
        benchmark = Benchmark(
            task="speed_choices", metric="acc", axis="general", capability="knowledge", chance=0.25
        )
        loader = TaskLoader({"speed_choices": read_task(path, "speed")})
        self._loaded = loader.load(benchmark, None)
        self._our_environment = lm_eval.utils.env

    def stock(self) -> list[tuple]:
        """lm-eval's requests, as (document, index, context, continuation)."""
        self._utils.env = self._stock_environment
        try:
            self._stock.set_fewshot_seed(0)
            self._stock.build_all_requests()
        finally:
            self._utils.env = self._our_environment
        return [(each.doc_id, each.idx, *each.args) for each in self._stock.instances]

    def ours(self) -> list[tuple]:
        """Ours, likewise."""
        from zoo.evaluation.tasks import build_requests

        built = build_requests(self._loaded, seed=0, limit=None)
        return [(each.doc, each.index, each.context, each.continuation) for each in built]


class Encoding:
    """Both ways of encoding the same requests."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        from lm_eval.models.huggingface import HFLM

        class Encodes(HFLM):
            """HFLM's own methods, stopped where the model would be asked."""

            def _loglikelihood_tokens(self, requests: Any, **_: Any) -> Any:
                return [(context, continuation) for _, context, continuation in requests]

        from lm_eval.api.instance import Instance

        self._pairs = pairs
        self._instances = [Instance("loglikelihood", {}, pair, 0) for pair in pairs]
        self._stock = Encodes(
            pretrained=material.model("25m"), tokenizer=material.tokenizer(), batch_size=1
        )

    def stock(self) -> list[tuple]:
        """HFLM's tokens of each context and continuation."""
        return list(self._stock.loglikelihood(self._instances, disable_tqdm=True))

    def ours(self) -> list[tuple]:
        """Ours."""
        from zoo.engine.encoding import Encoder

        encoder = Encoder(material.tokenizer(), add_bos=None, max_length=4096)
        return encoder.pairs(self._pairs)


def main() -> None:
    """Times both steps and prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", type=int, default=5000)
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        building = Building(write_task(Path(folder), args.docs, args.shots))
        runs = {"lm-eval": building.stock, "zoo": building.ours}
        rows["building"], built = material.timed(runs, args.rounds)
    encoding = Encoding([each[2:] for each in built["zoo"]])
    runs = {"lm-eval": encoding.stock, "zoo": encoding.ours}
    rows["encoding"], encoded = material.timed(runs, args.rounds)
    found = {
        "machine": material.machine(),
        "requests": len(built["zoo"]),
        "equal": {
            "building": built["zoo"] == built["lm-eval"],
            "encoding": encoded["zoo"] == encoded["lm-eval"],
        },
        "seconds": rows,
        "ratio": {
            step: round(min(times["lm-eval"]) / min(times["zoo"]), 1)
            for step, times in rows.items()
        },
    }
    if args.json:
        print(json.dumps(found, indent=1))
        return
    for step, times in rows.items():
        seconds = {name: [round(each, 2) for each in taken] for name, taken in times.items()}
        print(f"{step}: {found['ratio'][step]} x lm-eval; {seconds}; equal {found['equal'][step]}")


if __name__ == "__main__":
    main()
