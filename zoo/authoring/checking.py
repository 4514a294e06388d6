"""Checks one plugin as an author would: loaded alone, every hook asked, one cell run.

The checks run in a process of their own, since a hook may hang or end it. What was begun and not
ended when it goes is what it fell at.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.authoring.lonely import LonelyZoo, lonely_zoo
from zoo.errors import UnknownNameError, ZooError
from zoo.probing import death, describe
from zoo.store.atomic import write_file
from zoo.suites import misfit

if TYPE_CHECKING:
    from zoo.plugins import Plugin

PATIENCE = 300.0
"""Seconds that all checks of a plugin may take."""

Verdict = Literal["ok", "fail", "skip"]


@dataclass(frozen=True)
class Check:
    """What one check found. said: the reason of a failure, else what was seen."""

    name: str
    verdict: Verdict
    said: str = ""


def check(name: str, patience: float = PATIENCE) -> list[Check]:
    """Checks the plugin of this entry point or distribution.

    Raises UnknownNameError where none is installed.
    """
    plugin = find(name)
    if plugin.status != "ok":
        return [Check("it can be used", "fail", f"{plugin.status}: {plugin.reason}")]
    with tempfile.TemporaryDirectory(prefix="stagezoo-") as folder:
        return _in_a_process(plugin.name, Path(folder), patience)


def find(name: str) -> Plugin:
    """The installed plugin of this entry point or distribution. Raises UnknownNameError."""
    from packaging.utils import canonicalize_name

    from zoo.plugins import find_plugins

    listed = list(find_plugins())
    for plugin in listed:
        if name == plugin.name or canonicalize_name(name) == canonicalize_name(plugin.distribution):
            return plugin
    raise UnknownNameError(
        "plugin", name, [plugin.name for plugin in listed], "`zoo plugins` lists what is installed"
    )


def _in_a_process(name: str, folder: Path, patience: float) -> list[Check]:
    said = folder / "checks.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, name, str(folder), str(said)],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,  # what a guest prints is no part of the answer
        start_new_session=True,
    )
    try:
        fell = death(process.wait(patience))
    except subprocess.TimeoutExpired:
        fell = f"did not end within {patience:g} s"
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    lines = said.read_text(encoding="utf-8").splitlines() if said.exists() else []
    checks = [Check(**json.loads(line)) for line in lines]
    if checks and checks[-1].name == "":  # the mark of the end
        return checks[:-1]
    begun = checks.pop() if checks else Check("it can be checked", "fail")
    return [*checks, Check(begun.name, "fail", f"it {fell}")]


def _main(name: str, folder: str, said: str) -> None:
    """Runs the checks, each written down twice: as it begins and, over that, as it ended."""
    done: list[Check] = []

    def write(latest: Check) -> None:
        text = "".join(json.dumps(asdict(each)) + "\n" for each in [*done, latest])
        write_file(Path(said), text.encode())  # in one step: the process may be killed here

    zoo = lonely_zoo(name, Path(folder))
    for title, run in _checks(zoo):
        write(Check(title, "fail"))
        before = len(zoo.problems)
        try:
            found = run()
            result = found if isinstance(found, Check) else Check(title, "ok", found)
        except ZooError as problem:
            result = Check(title, "fail", str(problem))
        except (Exception, SystemExit) as problem:
            result = Check(title, "fail", f"it raised {describe(problem)}")
        if problems := zoo.problems[before:]:
            result = Check(title, "fail", "; ".join(problems))
        done.append(result)
    write(Check("", "ok"))


def _checks(zoo: LonelyZoo) -> Iterator[tuple[str, Callable[[], str | Check]]]:
    """(what is checked, the check), which gives what was seen, or raises."""
    hooks = zoo.plugin.hooks
    yield "it implements a hook", lambda: _some(hooks, "@hookimpl is missing")
    for hook in hooks:
        yield hook, partial(_ask, zoo, hook)
    if "zoo_regimes" in hooks:
        yield "models are asked alike each time", lambda: _asked_alike(zoo)
    if "zoo_benchmarks" in hooks:
        yield "suites and tasks can be read", lambda: _readable(zoo)
        for suite, task in _own_benchmarks(zoo):
            yield f"{task} is scored", partial(_scored, zoo, suite, task)
    elif "zoo_regimes" in hooks:
        for regime in _own(zoo, "regimes"):
            yield f"a model of {regime} is scored", partial(_smoke, zoo, regime)
    else:
        yield "one cell is scored", lambda: _smoke(zoo, "pretrained")
    if {"zoo_claims", "zoo_sections"} & set(hooks):
        yield "claims and sections read a trade-off", lambda: _reported(zoo)


def _some(found: Any, missing: str) -> str:
    if not found:
        raise ZooError(missing)
    return ", ".join(found)


def _ask(zoo: LonelyZoo, hook: str) -> str:
    """Asks the hook, and takes what it answers into the registry."""
    from zoo.models import Facts

    if hook == "zoo_classify":
        for facts in (Facts("org/model"), Facts("org/model-sft", card={"tags": ["merge", 3]})):
            zoo.registry.classify(facts)
        return "two checkpoints looked at"
    if hook == "zoo_benchmarks":
        mine = [path for path, plugin in zoo.registry.benchmark_folders if plugin.name == zoo.name]
        return _some([path.name for path in mine], "it names no folder")
    return _some(_own(zoo, hook.removeprefix("zoo_")), "it brings nothing")


def _own(zoo: LonelyZoo, kind: str) -> list[str]:
    """Names of the things of a kind that the plugin brings and the host takes."""
    things = getattr(zoo.registry, kind)
    return [name for name in things if things.owner(name).name == zoo.name]


def _asked_alike(zoo: LonelyZoo) -> str:
    from zoo.models import Model, Prompting

    asked = 0
    for name in _own(zoo, "regimes"):
        model, prompting = Model("org/model", regime=name), zoo.registry.regimes[name].prompting
        for suite in zoo.catalogue.suites.values():
            for benchmark in suite.benchmarks:
                first, again = prompting(model, benchmark), prompting(model, benchmark)
                if not isinstance(first, Prompting):
                    raise ZooError(f"prompting of {name} gives a {type(first).__name__}")
                if first != again:
                    raise ZooError(f"prompting of {name} differs from call to call")
                asked += 1
    return f"{asked} benchmarks"


def _readable(zoo: LonelyZoo) -> str:
    mine = [path for path, plugin in zoo.registry.benchmark_folders if plugin.name == zoo.name]
    problems = [
        str(problem)
        for problem in zoo.catalogue.problems
        if any(problem.path.is_relative_to(folder) for folder in mine)
    ]
    if problems:
        raise ZooError("; ".join(problems))
    for name in _own_suites(zoo):
        for benchmark in zoo.catalogue.suite(name).benchmarks:
            if reason := misfit(benchmark, zoo.catalogue.find(benchmark.task)):
                raise ZooError(f"suite {name!r}: {reason}")
    tasks = [task.name for task in zoo.catalogue.tasks.values() if task.origin == zoo.name]
    return f"{len(_own_suites(zoo))} suites, {len(tasks)} tasks"


def _own_suites(zoo: LonelyZoo) -> list[str]:
    return [name for name in zoo.catalogue.suites if zoo.catalogue.origins[name] == zoo.name]


def _own_benchmarks(zoo: LonelyZoo) -> list[tuple[str, str]]:
    """(suite, task) of the suites that the plugin brings; a task once. lm-eval's own tasks, whose
    data may be large and far away, are not among them."""
    found: dict[str, str] = {}
    for name in _own_suites(zoo):
        for benchmark in zoo.catalogue.suites[name].benchmarks:
            if benchmark.task in zoo.catalogue.tasks:
                found.setdefault(benchmark.task, name)
    return [(suite, task) for task, suite in found.items()]


def _scored(zoo: LonelyZoo, suite: str, task: str) -> str | Check:
    benchmark = next(b for b in zoo.catalogue.suite(suite).benchmarks if b.task == task)
    return _outcome(zoo.score(benchmark, limit=2), f"{task} is scored")


def _smoke(zoo: LonelyZoo, regime: str) -> str | Check:
    benchmark = zoo.catalogue.suite("core").benchmarks[0]
    protocol: Any = "uniform" if regime == "pretrained" else "native"
    result = zoo.score(benchmark, limit=2, regime=regime, protocol=protocol)
    return _outcome(result, f"a model of {regime} is scored")


def _outcome(result: Any, title: str) -> str | Check:
    if result.status == "failed" and "chat template" in (result.error or ""):
        return Check(title, "skip", "it wants a chat template, and the echo model has none")
    if result.status != "scored":
        raise ZooError(f"the cell is {result.status}: {result.error}")
    return f"{len(result.items)} items of {result.spec.benchmark.task} with the echo model"


def _reported(zoo: LonelyZoo) -> str:
    """The trade-off of one cell: no claim may raise, every section is text."""
    from zoo.tradeoffs import tradeoff_of

    outcome = zoo.run(zoo.catalogue.suite("core").benchmarks[0], limit=2)
    tradeoff = tradeoff_of(
        zoo.host, outcome.family, outcome.suite, outcome.results, (outcome.record,)
    )
    for name in _own(zoo, "sections"):
        made = zoo.registry.sections[name].render(tradeoff)
        if not isinstance(made, str):
            raise ZooError(f"the section {name} renders a {type(made).__name__}, not text")
    mine = _own(zoo, "claims")
    for row in tradeoff.claims:
        reason = str(row.get("reason") or "")
        if row["id"] in mine and reason.startswith("its "):
            raise ZooError(f"the claim {row['id']}: {reason}")
    return "rendered and decided"


if __name__ == "__main__":
    _main(*sys.argv[1:])
