"""Reads suites (TOML), gathers the tasks they name, and lists what cannot be used.

A later duplicate of a task silently wins in lm-eval; here it is a problem, listed with file,
line and reason like every other, and the first one stands.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.benchmarks import Benchmark, Suite
from zoo.config import SuiteTable, suite_of
from zoo.errors import BenchmarkError, ConfigError, UnknownNameError, did_you_mean
from zoo.structuring import read
from zoo.tasks import Problem, Task, read_task, task_files

DEFAULT_METRICS = {
    "multiple_choice": "acc",
    "loglikelihood": "acc",
    "generate_until": "exact_match",
    "loglikelihood_rolling": "word_perplexity",
}
"""What lm-eval computes where a task names no metric and we must name one."""


@dataclass(frozen=True)
class Catalogue:
    """Every suite and task that was found, who brought it, and what could not be used."""

    suites: Mapping[str, Suite]
    tasks: Mapping[str, Task]
    problems: tuple[Problem, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)

    def suite(self, name: str) -> Suite:
        """The suite of that name; UnknownNameError with the nearest one otherwise."""
        if name not in self.suites:
            raise UnknownNameError("suite", name, self.suites, "`zoo suites` lists them")
        return self.suites[name]

    def benchmark_of(self, task: str) -> Benchmark:
        """A measure for a task that no suite describes: its first metric and filter."""
        if task not in self.tasks:
            return Benchmark(task, metric="acc", capability=task)
        found = self.tasks[task]
        metric = next(iter(found.metrics), DEFAULT_METRICS.get(found.output_type, "acc"))
        return Benchmark(task, metric, filter=found.filters[0], capability=task)

    def broken(self, task: str) -> Problem | None:
        """Why the task of that name cannot be used, if that is known."""
        quoted = f"'{task}'"
        return next((p for p in self.problems if p.path.stem == task or quoted in p.reason), None)


def read_catalogue(
    folders: Iterable[tuple[Path, str]],
    suites: Mapping[str, Suite] | None = None,
    include_paths: Sequence[Path] = (),
) -> Catalogue:
    """Reads every folder's `suites/*.toml` and `tasks/**/*.yaml`.

    folders: (folder, who brought it). suites: those of zoo.toml, which come before a plugin's.
    include_paths: folders of task files as lm-eval's --include_path takes them.
    Raises BenchmarkError where an include path does not exist; everything else is a problem.
    """
    tasks: dict[str, Task] = {}
    problems: list[Problem] = []
    found: dict[str, Suite] = {}
    origins: dict[str, str] = {}
    task_folders = [(folder / "tasks", origin) for folder, origin in folders]
    for path in include_paths:
        if not path.is_dir():
            raise BenchmarkError(f"--include-path {path} is no folder")
        task_folders.append((path, "include-path"))
    for folder, origin in task_folders:
        for path in task_files(folder):
            _admit(path, origin, tasks, problems)
        for path in task_files(folder, ".yml"):
            problems.append(Problem(path, None, "only files that end in .yaml are read, rename it"))
    for folder, origin in folders:
        for path in sorted((folder / "suites").glob("*.toml")):
            match _suite_file(path, tasks, problems):
                case Suite() as suite if suite.name in found:
                    reason = f"the suite {suite.name!r} is already brought by {origins[suite.name]}"
                    problems.append(Problem(path, _line_of(path, "name"), reason))
                case Suite() as suite:
                    found[suite.name], origins[suite.name] = suite, origin
    for name, suite in (suites or {}).items():
        found[name], origins[name] = suite, "zoo.toml"
    return Catalogue(found, tasks, tuple(problems), origins)


def _admit(path: Path, origin: str, tasks: dict[str, Task], problems: list[Problem]) -> None:
    """Reads one task file into `tasks`, or into `problems`."""
    match read_task(path, origin):
        case Problem() as problem:
            problems.append(problem)
        case Task() as task if task.name in tasks:
            reason = f"the task {task.name!r} already stands in {tasks[task.name].path}"
            problems.append(Problem(path, task.line, reason))
        case Task() as task:
            tasks[task.name] = task


def _suite_file(path: Path, tasks: Mapping[str, Task], problems: list[Problem]) -> Suite | None:
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
        problems.append(Problem(path, _line_of(path, at), str(problem)))
    except (ValueError, RecursionError) as problem:
        at_line = re.search(r"line (\d+)", str(problem))
        line = int(at_line[1]) if at_line else 1
        problems.append(Problem(path, line, f"not valid TOML: {problem}"))
    else:
        for number, benchmark in enumerate(suite.benchmarks):
            if reason := misfit(benchmark, tasks.get(benchmark.task)):
                line = _line_of(path, f"benchmarks[{number}]")
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


def _line_of(path: Path, at: str) -> int:
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
