"""How long a page takes: 5 stages, 20 benchmarks, 10,000 items each.

python tests/speed/page.py [ITEMS]
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import replace

from zoo.benchmarks import Benchmark, Suite
from zoo.models import Family, Model, Prompting, Regime
from zoo.questions import Question
from zoo.reporting import render
from zoo.reporting.items import Items
from zoo.results import Item, Result, RunSpec, Score
from zoo.tradeoff import analyse

WORDS = "the of a model answers question because stage gained lost seven river grammar".split()
PROTOCOLS = ("uniform", "native")


def main(n: int) -> None:
    """Prints what the analysis and the page take, and how large the page is."""
    rng = random.Random(0)
    names = ["z/base", "z/sft", "z/dpo", "z/rl", "z/domain"]
    parents = [None, "z/base", "z/sft", "z/dpo", "z/base"]
    models = tuple(
        Model(name, "1", regime="r", base_model=parent, targets=("c5",) if parent else ())
        for name, parent in zip(names, parents, strict=True)
    )
    benchmarks = tuple(
        Benchmark(
            f"b{i}",
            "acc",
            axis="special" if i % 10 == 5 else "general",
            capability=f"c{i % 10}",
            chance=0.25,
        )
        for i in range(20)
    )
    suite = Suite("s", benchmarks)
    answers = [" ".join(rng.choices(WORDS, k=12)) for _ in range(997)]
    results = []
    for benchmark in benchmarks:
        solved = {model.id: [rng.random() < 0.6 for _ in range(n)] for model in models}
        for model in models:
            for protocol in PROTOCOLS:
                items = tuple(
                    Item(
                        f"{benchmark.task}-{k}", f"{k}", 0, float(right), None, 12, False, 0.25,
                        None, answers[(k * 7 + len(model.id)) % 997], f"{benchmark.task}-{k}",
                    )
                    for k, right in enumerate(solved[model.id])
                )  # fmt: skip
                score = Score("acc", sum(solved[model.id]) / n, 0.005, n)
                spec = RunSpec(model, benchmark, protocol, Prompting())
                results.append(Result(spec, "scored", (score,), items=items))
    known = {
        benchmark.task: {
            f"{benchmark.task}-{k}": Question((f"Question {k}: {answers[k % 997]}?\nAnswer:",))
            for k in range(n)
        }
        for benchmark in benchmarks
    }
    regime = Regime("r", "R", 0, lambda model, benchmark: Prompting())  # noqa: ARG005
    started = time.perf_counter()
    tradeoff = analyse(Family("z", models), suite, results, {"r": regime})
    analysed = time.perf_counter()
    items = Items(results, names, lambda result: known[result.spec.benchmark.task])
    page = render(tradeoff, "html", items=items)
    done = time.perf_counter()
    served = render(tradeoff, "html", items=replace(items, served=True))
    opened = time.perf_counter()
    print(f"{len(models)} stages x {len(benchmarks)} benchmarks x {n} items x 2 protocols")
    print(f"analysis {analysed - started:.1f} s")
    print(f"one file {done - analysed:.1f} s, {len(page) / 1e6:.1f} MB")
    print(f"page to serve {opened - done:.1f} s, {len(served) / 1e6:.1f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
