"""Reads suite files (TOML) and holds what they ask against the tasks that answer it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zoo.benchmarks import Benchmark, Suite
from zoo.config import SuiteTable, suite_of
from zoo.errors import BenchmarkError, ConfigError, did_you_mean
from zoo.groups import is_group, read_group
from zoo.structuring import read
from zoo.tasks import Problem, Task


def read_suite(path: Path, tasks: Mapping[str, Task], problems: list[Problem]) -> Suite | None:
    """A suite from its file, or None and a problem. A measure its task lacks is a problem too."""
    try:
        table = read(SuiteTable, tomllib.loads(path.read_text(encoding="utf-8-sig")), "")
        suite = suite_of(table.name or path.stem, table, "")
    except OSError as problem:
        problems.append(Problem(path, None, f"cannot be read: {problem.strerror}"))
    except UnicodeDecodeError as problem:
        line = problem.object[: problem.start].count(b"\n") + 1
        problems.append(Problem(path, line, f"not UTF-8 text: {problem.reason}"))
    except ConfigError as problem:
        at, _, _ = str(problem).partition(": ")
        problems.append(Problem(path, line_of(path, at), str(problem)))
    except (ValueError, RecursionError) as problem:
        at_line = re.search(r"line (\d+)", str(problem))
        line = int(at_line[1]) if at_line else 1
        problems.append(Problem(path, line, f"not valid TOML: {problem}"))
    else:
        for number, benchmark in enumerate(suite.benchmarks):
            if reason := misfit(benchmark, tasks.get(benchmark.task)):
                line = line_of(path, f"benchmarks[{number}]")
                problems.append(Problem(path, line, f"suite {suite.name!r}: {reason}"))
        return suite
    return None


def misfit(benchmark: Benchmark, task: Task | None) -> str:
    """Why the task cannot give what the benchmark asks of it, or ''. An unknown task is no misfit:
    it may be one of lm-eval's own."""
    if task is None:
        return ""
    if task.metrics and benchmark.metric not in task.metrics:
        near = did_you_mean(benchmark.metric, task.metrics)
        return f"the task '{task.name}' has no metric {benchmark.metric!r}{near}"
    if benchmark.filter not in task.filters:
        near = did_you_mean(benchmark.filter, task.filters)
        return f"the task '{task.name}' has no filter {benchmark.filter!r}{near}"
    return ""


def expanded(suite: Suite, tasks: Mapping[str, Task]) -> Suite:
    """The suite with every group of lm-eval's replaced by its leaves, asked as the group is.

    tasks: those that were brought, which come before lm-eval's groups of the same name.
    Raises BenchmarkError where a group cannot be used, or a measure would stand twice.
    """
    found = tuple(leaf for each in suite.benchmarks for leaf in _leaves(each, tasks))
    seen: dict[object, Benchmark] = {}
    for each in found:
        if (first := seen.setdefault(each.key, each)) is not each:
            whose = f" of the group {first.group!r}" if first.group else ""
            raise BenchmarkError(
                f"suite {suite.name!r}: {each.task} ({each.metric}, {each.filter}) stands twice, "
                f"the first time as the task{whose}; remove one"
            )
    return replace(suite, benchmarks=found)


def _leaves(benchmark: Benchmark, tasks: Mapping[str, Task]) -> Iterator[Benchmark]:
    if benchmark.task in tasks or not is_group(benchmark.task):
        yield benchmark
        return
    group = read_group(benchmark.task)
    capability = benchmark.capability or group.name
    weight = benchmark.weight_by_size
    if weight is None:
        weight = group.weight_by_size.get(benchmark.metric, False)
    for leaf in group.leaves:
        if reason := misfit(benchmark, leaf):
            raise BenchmarkError(f"the group {group.name!r}: {reason}; name its tasks one by one")
        yield replace(
            benchmark,
            task=leaf.name,
            capability=capability,
            group=benchmark.group or group.name,
            weight_by_size=weight,
        )


def line_of(path: Path, at: str) -> int:
    """The line of a key that is named by its path ("benchmarks[3].chance"), or one near it.

    tomllib does not say where a key stands. A benchmark is a table [[benchmarks]], or a pair of
    braces that is no value of a key.
    """
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    step = re.match(r"benchmarks\[(\d+)\](?:\.(.+))?", at)
    if not step:
        return _first_line(lines, 1, at)
    number, key = int(step[1]), step[2]
    starts = [i for i, line in enumerate(lines, 1) if re.match(r"\s*\[\[\s*benchmarks", line)]
    if not starts:
        starts = [
            i for i, line in enumerate(lines, 1) for _ in re.findall(r"(?:^|[\[,])\s*\{", line)
        ]
    if number >= len(starts):
        return _first_line(lines, 1, "benchmarks")
    return _first_line(lines, starts[number], key) if key else starts[number]


def _first_line(lines: Sequence[str], start: int, key: str) -> int:
    """The first line from `start` on that gives a key its value; `start` where none does."""
    gives = re.compile(rf"(^|[{{,\s])[\"']?{re.escape(key)}[\"']?\s*=")
    found = (i for i, line in enumerate(lines, 1) if i >= start and gives.search(line))
    return next(found, start)
