"""The host's work before a model is asked: building requests and encoding them, beside lm-eval.

    python tests/speed/building.py [--docs 5000] [--shots 5] [--repeat 2] [--json]

A multiple-choice task of four choices is made on the spot. Building: lm-eval's own
`build_all_requests`, its templates in its own environment, against `build_requests`. Encoding:
the tokenization of HFLM's `loglikelihood`, request by request, against `Encoder.pairs`. Both must
give the same.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import comparisons
import material
import workloads
from timing import Side, take_turns


class Building:
    """Both ways of building one task's requests."""

    def __init__(self, path: Path) -> None:
        import lm_eval.utils
        from lm_eval.tasks import TaskManager

        from zoo.evaluation.tasks import TaskLoader

        self._utils = lm_eval.utils
        manager = TaskManager(include_path=str(path.parent), include_defaults=False)
        self._stock = manager.load(["speed_choices"])["tasks"]["speed_choices"]
        self._stock_environment, self._our_environment = comparisons.environments(path)
        benchmark, task = comparisons.choices_task(path)
        self._loaded = TaskLoader({task.name: task}).load(benchmark, None)

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


def plain(pairs: list[tuple]) -> list[tuple[list[int], ...]]:
    """Tokens as lists: ours are arrays."""
    return [tuple([int(token) for token in part] for part in pair) for pair in pairs]


def timed(step: Building | Encoding, rounds: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of each side's rounds, and what each gave."""
    sides = [Side("lm-eval", step.stock), Side("zoo", step.ours)]
    take_turns(sides, rounds, "cpu")
    return {side.name: side.wall for side in sides}, {side.name: side.answers for side in sides}


def main() -> None:
    """Times both steps and prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", type=int, default=5000)
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=2, help="rounds")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        building = Building(workloads.choices(Path(folder), args.docs, args.shots))
        rows["building"], built = timed(building, args.repeat)
    encoding = Encoding([each[2:] for each in built["zoo"]])
    rows["encoding"], encoded = timed(encoding, args.repeat)
    found = {
        "machine": material.machine(),
        "requests": len(built["zoo"]),
        "equal": {
            "building": built["zoo"] == built["lm-eval"],
            "encoding": plain(encoded["zoo"]) == plain(encoded["lm-eval"]),
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
