"""The comparisons: the same requests to every engine, through the calls that lm-eval makes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import material
import peers
import workloads
from timing import Side


def likelihoods(lms: Mapping[str, Any], pairs: Sequence[tuple[str, str]]) -> list[Side]:
    """`loglikelihood` from strings; each is warmed up with four requests."""
    from lm_eval.api.instance import Instance

    requests = [Instance("loglikelihood", {}, pair, i, ("", i, 1)) for i, pair in enumerate(pairs)]
    for lm in lms.values():
        lm.loglikelihood(requests[:4], disable_tqdm=True)
    return [
        Side(name, lambda lm=lm: lm.loglikelihood(requests, disable_tqdm=True))
        for name, lm in lms.items()
    ]


def evaluations(lms: Mapping[str, Any], docs: int, folder: Path) -> list[Side]:
    """`simple_evaluate` on a 5-shot multiple-choice task.

    Ours renders with the templates of `zoo run`, others with lm-eval's own; the answers and metrics
    of the samples are what is compared.
    """
    import lm_eval
    import lm_eval.utils
    from lm_eval.tasks import TaskManager

    path = workloads.choices(folder, docs)
    tasks = TaskManager(include_path=str(folder), include_defaults=False)
    stock, compiled = environments(path)

    def evaluating(name: str, lm: Any) -> Callable[[], Any]:
        def run() -> list[tuple[float, bool]]:
            lm_eval.utils.env = compiled if name == "zoo" else stock
            found = lm_eval.simple_evaluate(model=lm, tasks=["speed_choices"], task_manager=tasks)
            samples = found["samples"]["speed_choices"]
            return [tuple(answer[0]) for sample in samples for answer in sample["resps"]]

        return run

    sides = [Side(name, evaluating(name, lm)) for name, lm in lms.items()]
    next(side for side in sides if side.name == "zoo").run()
    return sides


def choices_task(path: Path) -> tuple[Any, Any]:
    """The task of `workloads.choices` as `zoo run` knows it: (benchmark, task)."""
    from zoo.benchmarks import Benchmark
    from zoo.tasks import read_task

    benchmark = Benchmark(
        task="speed_choices", metric="acc", axis="general", capability="knowledge", chance=0.25
    )
    return benchmark, read_task(path, "speed")


def environments(path: Path) -> tuple[Any, Any]:
    """The Jinja environments that render tasks: lm-eval's own, and the one that `zoo run` puts in
    its place when it loads a task."""
    import lm_eval.utils

    from zoo.evaluation.tasks import TaskLoader

    stock = lm_eval.utils.env
    benchmark, task = choices_task(path)
    TaskLoader({task.name: task}).load(benchmark, None)
    return stock, lm_eval.utils.env


def generations(lms: Mapping[str, Any], texts: Sequence[str], new: int) -> list[Side]:
    """`generate_until`, greedily, so many new tokens; ours is warmed up with all of it, since it
    compares its way of decoding with the model's own once."""
    from lm_eval.api.instance import Instance

    arguments = {"until": ["\n\n\n\n"], "max_gen_toks": new, "do_sample": False}
    requests = [
        Instance("generate_until", {}, (text, dict(arguments)), i, ("", i, 1))
        for i, text in enumerate(texts)
    ]
    lms["zoo"].generate_until(requests, disable_tqdm=True)
    return [
        Side(name, lambda lm=lm: lm.generate_until(requests, disable_tqdm=True))
        for name, lm in lms.items()
    ]


def greedy_gate(model: Any, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Difference and greedy agreement with HFLM without its logits cache, on requests more than
    half of which the model would have written itself."""
    import torch

    source = random.Random(1)
    requests = []
    for context, _ in source.sample(list(pairs), min(8, len(pairs))):
        ids = material.tokenizer()(context).input_ids
        made = model.generate(
            torch.tensor([ids], device=model.device),
            max_new_tokens=4,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=2,
        )
        written = made[0, len(ids) :].tolist()
        other = [*written[:2], (written[2] + 1) % material.VOCABULARY, written[3]]
        requests += [(("", ""), ids, part) for part in (written[:1], written, other, written[:2])]
        requests.append((("", ""), ids + written[:1], written[1:3]))
    plain = peers.hflm(model, 1, logits_cache=False)
    expected = plain._loglikelihood_tokens(requests, disable_tqdm=True)
    found = peers.ours(model)._loglikelihood_tokens(requests)
    both = list(zip(found, expected, strict=True))
    return {
        "requests": len(requests),
        "greedy_share": sum(hit for _, hit in expected) / len(expected),
        "greedy_agreement": sum(a[1] == b[1] for a, b in both) / len(both),
        "max_difference": max(abs(a[0] - b[0]) for a, b in both),
    }
