"""Kills whole runs at random points: `python chaos.py FOLDER KILLS SEED`.

Each round is a store of its own: up to ten runs are killed, then one runs to its end. A warm
parent forks every run and every look at the store, and never starts a thread itself. Prints one
line of JSON for each round; an assertion that fails ends it with status 1.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

import datasets
import lm_eval.api.model
import lm_eval.tasks  # noqa: F401
import pyarrow.parquet  # noqa: F401
import scipy.stats  # noqa: F401
import torch  # noqa: F401
from guesthouse import Guests
from support.tasks import write_tasks
from support.zoos import TinyZoo

import zoo.api
import zoo.evaluation.evaluator
import zoo.evaluation.journalling
import zoo.reporting
import zoo.running
import zoo.tradeoff  # noqa: F401
from zoo.cli import main
from zoo.fingerprints import digest
from zoo.store import RESPONSES, Store, leases
from zoo.store.attempts import attempts_folder, read_all
from zoo.store.cleaning import clear, find_waste

TASKS = ("tiny_choice", "tiny_write", "tiny_shots", "tiny_several")

PLUGIN = '''
import hashlib, os, time
from zoo import hookimpl
from zoo.hookspecs import Loader

def load(model, **_):
    from lm_eval.api.model import LM

    class Stub(LM):
        """Answers are hashes of the model and the question; every question is logged."""

        def ask(self, kind, request, answer):
            said = hashlib.sha256(repr((model.id, kind, request.args)).encode()).hexdigest()
            found = answer(said)
            line = found if isinstance(found, str) else repr(found[0])
            os.write(log, f"{line}\\n".encode())
            time.sleep(0.002)
            self.cache_hook.add_partial(kind, request.args, found)
            return found

        def generate_until(self, requests):
            return [self.ask("generate_until", r, lambda said: said[:20]) for r in requests]

        def loglikelihood(self, requests):
            return [
                self.ask("loglikelihood", r, lambda said: (-int(said[:12], 16) / 7, False))
                for r in requests
            ]

        def loglikelihood_rolling(self, requests):
            raise NotImplementedError

    log = os.open(os.environ["STUB_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    return Stub()

@hookimpl
def zoo_loaders():
    return [Loader("stub", load, reads_files=False)]
'''


def prepare(folder: Path) -> list[str]:
    """A zoo of two models that need no torch, and the command that runs it."""
    guests = Guests(folder / "guests")
    guests.add("zoo-stub", PLUGIN)
    sys.path.insert(0, str(guests.folder))
    os.environ.update(PYTHONPATH=str(guests.folder), XDG_CACHE_HOME=str(folder / "cache"))
    datasets.config.HF_DATASETS_CACHE = str(folder / "datasets")
    os.chdir(folder)
    zoo = TinyZoo(folder)
    write_tasks(zoo.tasks)
    for name, regime in (("stub/a", "pretrained"), ("stub/b", "fine-tuned")):
        zoo.add(name, regime, loader='"stub"')
    for task in TASKS:
        zoo.measure(task)
    config = ["--config", str(zoo.write()), "--include-path", str(zoo.tasks)]
    return ["run", *config, "--progress", "none", "--device", "cpu", "--protocol", "uniform"]


def forked(act: Callable[[], Any], *, life: float | None = None) -> Any:
    """What a function gives in a process of its own, killed after `life` seconds (then None)."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            answer = json.dumps(act())
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    if life is not None:
        time.sleep(life)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading) as said:
        answer = said.read()
    status = os.waitpid(child, 0)[1]
    assert status == 0 or life is not None, "a process that was not killed failed"
    return json.loads(answer) if answer else None


def run(command: list[str], store: Path) -> int:
    """`zoo run` on a store, its table thrown away."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return main([*command, "--store", str(store)])


def kept(root: Path) -> list[str]:
    """Every answer that a store has on the disk, checked."""
    store = Store(root)
    assert store.verify() == []
    list(store.records())
    found = []
    for key in store.keys(RESPONSES):
        columns, _ = store.get(RESPONSES, key) or ({}, {})
        pairs = zip(columns["text"], columns["loglikelihood"], strict=True)
        found += [text if number is None else repr(number) for text, number in pairs]
    for key in store.attempts.cells():
        known = read_all(attempts_folder(root, key), key)
        assert known.differing == []
        values = [each for samples in known.answers.values() for each in samples.values()]
        found += [each.get("text") or repr(each["loglikelihood"]) for each in values]
    return found


def cells(root: Path) -> dict[str, str]:
    """A hash of every finished cell of answers, by key."""
    store = Store(root)
    return {
        key: digest(dict((store.get(RESPONSES, key) or ({},))[0])) for key in store.keys(RESPONSES)
    }


def swept(root: Path) -> list[str]:
    """Attempts that are still there when what serves nobody is gone: a run that was killed just
    behind the finishing of a cell leaves its attempts."""
    time.sleep(2 * leases.STALE)
    store = Store(root)
    clear(find_waste(store))
    return list(store.attempts.cells())


@dataclass
class Chaos:
    """A command whose runs are killed, and what it must come to. whole: seconds of a whole run."""

    command: list[str]
    log: Path
    dice: random.Random
    whole: float = 0.0
    questions: frozenset[str] = frozenset()
    wanted: dict[str, str] = field(default_factory=dict)

    def run(self, root: Path, life: float | None = None) -> Any:
        """One run on a store; its exit status, None where it was killed."""
        return forked(lambda: run(self.command, root), life=life)

    def asked(self) -> list[str]:
        """What the models were asked since the last time, one line for each answer."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines

    def measure(self, folder: Path) -> None:
        """Runs that nobody kills: the first fills caches."""
        self.run(folder / "first")
        self.asked()
        began = time.monotonic()
        assert self.run(folder / "whole") == 0
        self.whole = time.monotonic() - began
        questions = self.asked()
        self.questions = frozenset(questions)
        assert len(self.questions) == len(questions) > 100
        self.wanted = forked(lambda: cells(folder / "whole"))

    def round(self, root: Path, kills: int) -> dict[str, int]:
        """Kills up to so many runs on one store and lets one end; what came of it."""
        told: set[str] = set()
        killed = again = 0
        while killed < kills:
            done = self.run(root, life=self.dice.uniform(0.1, 0.8) * self.whole)
            lines = self.asked()
            assert not told & set(lines), "what was kept is asked again"
            if done is not None:
                assert done == 0
                break
            killed += 1
            now = set(forked(lambda: kept(root)))
            assert told <= now, "what was kept is lost"
            assert now <= self.questions, "an answer that nobody gave"
            again += len(set(lines) - now)
            told = now
        assert self.run(root) == 0
        assert not told & set(self.asked()), "what was kept is asked again"
        assert forked(lambda: cells(root)) == self.wanted
        assert forked(lambda: swept(root)) == []
        return {"killed": killed, "asked again": again, "of": len(self.questions)}


def rounds(folder: Path, kills: int, seed: int) -> None:
    """See the head of this file."""
    leases.BEAT, leases.STALE = 0.01, 0.1
    chaos = Chaos(prepare(folder), folder / "asked.log", random.Random(seed))
    os.environ["STUB_LOG"] = str(chaos.log)
    chaos.measure(folder)
    while kills > 0:
        root = folder / f"store {kills}"
        found = chaos.round(root, min(kills, 10))
        shutil.rmtree(root)
        kills -= found["killed"]
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    rounds(Path(sys.argv[1]), *map(int, sys.argv[2:]))
