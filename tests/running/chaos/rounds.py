"""Rounds: runs on one store are killed, their workers too, until one comes to its end.

After every kill the store is held against what it had before: nothing that was kept is lost,
nothing kept or finished is asked again, and no answer is there that no model gave.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from running.chaos import store
from running.chaos.subjects import Subject
from running.chaos.victims import Victim, forked

MOST = 10
"""Kills of one round."""


@dataclass
class Chaos:
    """A subject whose runs are killed, and what they must come to.

    whole: seconds of a run that nobody kills. questions: what a whole run logs. told: answers that
    a store had when it was last looked at. struck: what victims were at. again: answers that were
    given a second time since the first was not kept yet.
    """

    subject: Subject
    folder: Path
    dice: random.Random
    whole: float = 0.0
    questions: frozenset[str] = frozenset()
    answers: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    scores: list[tuple[str, Any]] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)
    again: int = 0
    _read: int = 0

    @property
    def places(self) -> Path:
        """Where processes say where they are."""
        return Path(os.environ["STUB_PLACES"])

    def measure(self) -> None:
        """Runs that nobody kills: the first fills caches."""
        for name in ("first", "whole"):
            began = time.monotonic()
            root = self.folder / name
            assert forked(lambda root=root: self.subject.run(root), self.places) == 0
            self.whole = time.monotonic() - began
            questions = self.asked()
        self.questions = frozenset(questions)
        assert len(self.questions) == len(questions)
        self.answers = forked(lambda: store.cells(root), self.places)
        self.scores = forked(lambda: store.scores(root), self.places)
        assert sum(len(cell["request"]) for cell in self.answers.values()) > 100

    def asked(self) -> list[str]:
        """What the models were asked since the last time, one line for each answer."""
        path = Path(os.environ["STUB_LOG"])
        if not path.exists():
            return []
        with path.open() as log:
            log.seek(self._read)
            lines = log.read().splitlines()
            self._read = log.tell()
        return lines

    def look(self, root: Path) -> None:
        """Holds the store against what it had, and the log against what need not be asked."""
        now = forked(lambda: store.kept(root), self.places)
        lines = self.asked()
        assert not set(self.told.values()) & set(lines), "what was kept is asked again"
        for asked, answer in self.told.items():
            assert now.get(asked) == answer, "what was kept is lost, or is another answer now"
        if self.subject.logs:
            assert set(now.values()) <= self.questions, "an answer that nobody gave"
            self.again += len(set(lines) - set(now.values()))
        self.told = now

    def round(self, root: Path, kills: int) -> int:
        """Kills on one store until a run comes to its end; how many there were."""
        self.told, killed, failed = {}, 0, None
        while killed < kills and failed != 0:
            strikes, failed = self._attack(root, kills - killed)
            killed += strikes
            self.look(root)
        if failed != 0:
            assert forked(lambda: self.subject.run(root), self.places) == 0
            self.look(root)
        assert store.are_alike(forked(lambda: store.cells(root), self.places), self.answers)
        assert forked(lambda: store.scores(root), self.places) == self.scores
        assert forked(lambda: store.swept(root), self.places) == []
        return killed

    def _attack(self, root: Path, kills: int) -> tuple[int, int | None]:
        """One run, killed at a random point, and its workers before: how many kills there were, and
        how many cells have no score; None where the run itself was killed."""
        began = time.monotonic()
        run = Victim.start(lambda: self.subject.run(root), self.places)
        alone = self.subject.workers == 1
        until = began + self.dice.uniform(*((0, 1) if alone else (0.2, 1.5))) * self.whole
        strikes = 0
        while not run.is_over() and time.monotonic() < until and strikes < kills:
            time.sleep(0.001 if alone else self.dice.uniform(0, self.whole / 5))
            if not alone and (workers := run.workers()):
                strikes += self._strike("worker, ", run, self.dice.choice(workers))
                self.look(root)
        if not run.is_over() and strikes < kills:
            strikes += self._strike("run, ", run)
        failed = run.answer()
        if failed == 0 and not strikes and not self.told:  # the machine was busy before
            self.whole = min(self.whole, time.monotonic() - began)
        assert failed is None or strikes or failed == 0
        return strikes, failed

    def _strike(self, who: str, run: Victim, pid: int | None = None) -> bool:
        """Kills a run or one of its workers; whether it was still there."""
        place = run.kill(pid)
        if place is not None:
            self.struck[who + place] += 1
        return place is not None


def rounds(chaos: Chaos, kills: int) -> dict[str, Any]:
    """So many kills, round after round; what came of them."""
    began, count, left = time.monotonic(), 0, kills
    while left > 0:
        root = chaos.folder / f"store {count}"
        left -= chaos.round(root, min(left, MOST))
        shutil.rmtree(root)
        count += 1
    return {
        "killed": kills - left,
        "rounds": count,
        "asked again": chaos.again,
        "answers of a run": sum(len(cell["request"]) for cell in chaos.answers.values()),
        "seconds of a run": round(chaos.whole, 2),
        "struck": dict(sorted(chaos.struck.items())),
        "seconds": round(time.monotonic() - began, 1),
    }
