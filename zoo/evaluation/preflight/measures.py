"""Whether a task, as lm-eval made it, computes what a benchmark asks of it."""

from __future__ import annotations

from collections.abc import Collection

from zoo.benchmarks import Benchmark
from zoo.errors import did_you_mean


def unmeasured(benchmark: Benchmark, metrics: Collection[str], filters: Collection[str]) -> str:
    """Why the task cannot give a benchmark's measure, or "".

    metrics, filters: names that the task has; no names mean that they are not known.

    >>> unmeasured(Benchmark("t", metric="ac", filter="none"), ["acc"], ["none"])
    "the task 't' has no metric 'ac'; did you mean 'acc'?"
    """
    for kind, wanted, known in (
        ("metric", benchmark.metric, metrics),
        ("filter", benchmark.filter, filters),
    ):
        if known and wanted not in known:
            near = did_you_mean(wanted, known)
            return f"the task '{benchmark.task}' has no {kind} {wanted!r}{near}"
    return ""
