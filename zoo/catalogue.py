"""Gathers the suites and tasks that plugins, zoo.toml and include paths bring, by name.

A later duplicate of a task silently wins in lm-eval; here it is a problem, listed with file,
line and reason like every other, and the first one stands.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.benchmarks import Benchmark, Suite
from zoo.errors import BenchmarkError, UnknownNameError, ZooError
from zoo.groups import lm_eval_files, read_group
from zoo.suites import expanded, line_of, read_suite
from zoo.tasks import Problem, Task, read_task, task_files
from zoo.trust import OUTSIDE

DEFAULT_METRICS = {
    "multiple_choice": "acc",
    "loglikelihood": "acc",
    "generate_until": "exact_match",
    "loglikelihood_rolling": "word_perplexity",
}
"""What lm-eval computes where a task names no metric and we must name one."""


@dataclass(frozen=True)
class Catalogue:
    """Every suite and task that was found, who brought it, and what could not be used.

    suites: as their files say; `suite` replaces the groups in one by their tasks.
    """

    suites: Mapping[str, Suite]
    tasks: Mapping[str, Task]
    problems: tuple[Problem, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)

    def suite(self, name: str) -> Suite:
        """The suite of that name, with the tasks of every group it names.

        Raises UnknownNameError with the nearest one, or BenchmarkError for a group that cannot be
        used.
        """
        if name not in self.suites:
            raise UnknownNameError("suite", name, self.suites, "`zoo suites` lists them")
        return expanded(self.suites[name], self.tasks)

    def tasks_of(self, benchmark: Benchmark) -> tuple[Benchmark, ...]:
        """The benchmark itself, or one for each task of the group that it names.

        Raises BenchmarkError for a group that cannot be used.
        """
        return expanded(Suite("", (benchmark,)), self.tasks).benchmarks

    def find(self, name: str) -> Task | None:
        """The task of that name: one that was brought, else lm-eval's own; None for a group.

        Raises UnknownNameError, or BenchmarkError where lm-eval's file cannot be used.
        """
        if name in self.tasks:
            return self.tasks[name]
        theirs = lm_eval_files()
        if name not in theirs:
            names = [*self.tasks, *theirs]
            raise UnknownNameError(
                "task", name, names, "`zoo benchmarks` lists those of the suites"
            )
        found = read_task(theirs[name], "lm-eval")
        if isinstance(found, Problem):
            raise BenchmarkError(str(found))
        return found

    def benchmarks_of(self, name: str) -> tuple[Benchmark, ...]:
        """Measures for a task, or for each task of a group, that no suite describes.

        A task's is its first metric and filter; a group's is the first that lm-eval aggregates,
        else that of its first task. Raises as `find`, and BenchmarkError for a group that cannot
        be used.
        """
        found, wanted = self.find(name), None
        if found is None:
            group = read_group(name)
            found, wanted = group.leaves[0], next(iter(group.weight_by_size), None)
        default = DEFAULT_METRICS.get(found.output_type, "acc")
        metric = wanted or next(iter(found.metrics), default)
        measure = Benchmark(name, metric, filter=found.filters[0], capability=name)
        return self.tasks_of(measure)

    def output_types(self, suite: Suite) -> dict[str, str]:
        """lm-eval's output type of each task of a suite, where it is known."""
        types = {}
        for benchmark in suite.benchmarks:
            with contextlib.suppress(ZooError):  # preflight names what is wrong with it
                if task := self.find(benchmark.task):
                    types[benchmark.task] = task.output_type
        return types

    def broken(self, task: str) -> Problem | None:
        """Why the task of that name cannot be used, if that is known; None where it can."""
        if task in self.tasks:
            return None
        quoted = f"'{task}'"
        return next((p for p in self.problems if p.path.stem == task or quoted in p.reason), None)


def read_catalogue(
    folders: Iterable[tuple[Path, str]],
    suites: Mapping[str, Suite] | None = None,
    include_paths: Sequence[Path] = (),
    *,
    guests: Collection[str] = (),
    pick: Mapping[str, str] | None = None,
) -> Catalogue:
    """Reads every folder's `suites/*.toml` and `tasks/**/*.yaml`.

    folders: (folder, who brought it). suites: those of zoo.toml, which come before a plugin's.
    include_paths: folders of task files as lm-eval's --include_path takes them.
    guests: those of `folders` that third parties bring. They cannot claim a name of the host's or
        of lm-eval's own tasks; where two of them claim one name, both are refused unless `pick`
        says whose it is, so that installing a plugin never changes what a name stands for.
    Raises BenchmarkError where an include path does not exist; everything else is a problem.
    """
    claims = _Claims(frozenset(guests), pick or {})
    problems: list[Problem] = []
    task_folders = [(folder / "tasks", origin) for folder, origin in folders]
    for path in include_paths:
        if not path.is_dir():
            raise BenchmarkError(f"--include-path {path} is no folder")
        task_folders.append((path, OUTSIDE))
    brought: dict[str, list[Claim]] = {}
    for folder, origin in task_folders:
        for path in task_files(folder):
            match read_task(path, origin):
                case Problem() as problem:
                    problems.append(problem)
                case Task() as task:
                    brought.setdefault(task.name, []).append((task, origin, path, task.line))
        for path in task_files(folder, ".yml"):
            problems.append(Problem(path, None, "only files that end in .yaml are read, rename it"))
    theirs = lm_eval_files() if claims.guests & {origin for _, origin in folders} else {}
    tasks: dict[str, Task] = claims.settle("task", brought, problems, theirs)
    offered: dict[str, list[Claim]] = {}
    for folder, origin in folders:
        for path in sorted((folder / "suites").glob("*.toml")):
            if (suite := read_suite(path, tasks, problems)) is not None:
                claim = (suite, origin, path, line_of(path, "name"))
                offered.setdefault(suite.name, []).append(claim)
    found: dict[str, Suite] = claims.settle("suite", offered, problems)
    origins = {
        name: next(origin for suite, origin, *_ in offered[name] if suite is found[name])
        for name in found
    }
    for name, suite in (suites or {}).items():
        found[name], origins[name] = suite, "zoo.toml"
    return Catalogue(found, tasks, tuple(problems), origins)


Claim = tuple[Any, str, Path, int | None]
"""A thing, who brought it, and the file and line it stands at."""


@dataclass(frozen=True)
class _Claims:
    """Settles who a name belongs to."""

    guests: frozenset[str]
    pick: Mapping[str, str]

    def settle(
        self,
        noun: str,
        claims: Mapping[str, Sequence[Claim]],
        problems: list[Problem],
        taken: Collection[str] = (),
    ) -> dict[str, Any]:
        """One thing for each name; every refused claim becomes a problem.

        taken: names that no guest can have.
        """
        settled: dict[str, Any] = {}
        for name, claimants in claims.items():
            winner = self._winner(name, claimants, taken)
            if winner is not None:
                settled[name] = winner[0]
            for claim in claimants:
                if claim is not winner:
                    problems.append(_refusal(noun, name, claim, winner, claimants))
        return settled

    def _winner(
        self, name: str, claimants: Sequence[Claim], taken: Collection[str]
    ) -> Claim | None:
        hosts = [claim for claim in claimants if claim[1] not in self.guests]
        if hosts:
            return hosts[0]
        if name in taken:
            return None
        picked = [claim for claim in claimants if claim[1] == self.pick.get(name)]
        one_guest = len({origin for _, origin, *_ in claimants}) == 1
        return picked[0] if picked else claimants[0] if one_guest else None


def _refusal(
    noun: str, name: str, claim: Claim, winner: Claim | None, claimants: Sequence[Claim]
) -> Problem:
    _, origin, path, line = claim
    if winner is not None:
        return Problem(path, line, f"the {noun} {name!r} already stands in {winner[2]}")
    others = sorted({other for _, other, *_ in claimants} - {origin})
    if not others:
        return Problem(
            path, line, f"{origin} claims {name!r}, the name of one of lm-eval's own tasks"
        )
    reason = (
        f"the {noun} {name!r} is brought by {origin} and by {' and '.join(others)}, so neither is "
        f'used; [plugins] pick = {{ {name} = "DISTRIBUTION" }} in zoo.toml settles it'
    )
    return Problem(path, line, reason)
