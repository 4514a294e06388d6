"""A watch beside a training: every complete checkpoint once, none half written, and none twice."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.zoos import TinyZoo

from watching.training import Training, save_step
from zoo.errors import UnknownNameError
from zoo.fingerprints import fingerprint
from zoo.manifests import Manifest, Parent, write_manifest
from zoo.models import Family
from zoo.running import Options, Outcome, recorded, run_family, settings_of
from zoo.watching.holding import is_read
from zoo.watching.watching import FOLDER, Watch, Wish


@dataclass
class Watching:
    """A zoo over tiny tasks, a folder that a training writes to, and watches of it."""

    zoo: TinyZoo
    folder: Path
    base: Path
    told: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    runs: list[Family] = field(default_factory=list)
    asked: int = 0
    failed: list[str] = field(default_factory=list)

    def watch(self, before: Callable[[Family], None] = lambda _: None, **wish: Any) -> Watch:
        """One watch to its end. before: called ahead of each run."""
        host = self.zoo.host()
        options = Options(device="cpu")
        suite = host.suite("mine", (), None)

        def hear(name: str, facts: Mapping[str, Any]) -> None:
            if name == "start":
                self.asked += facts["requests"]

        def evaluate(family: Family) -> Outcome:
            before(family)
            self.runs.append(family)
            outcome = run_family(host, family, suite, options, hear)
            self.failed += [result.error for result in outcome.failed]
            return outcome

        found = Watch(
            host,
            Wish(self.folder, **{"base": str(self.base), "interval": 0.1, **wish}),
            suite,
            recorded(settings_of(host, options), options),
            evaluate,
            lambda name, facts: self.told.append((name, facts)),
        )
        found.run()
        return found

    @property
    def left_out(self) -> dict[str, str]:
        return {facts["name"]: facts["reason"] for name, facts in self.told if name == "left_out"}

    @property
    def recalled(self) -> list[str]:
        return [facts["text"] for name, facts in self.told if name == "recalled"]

    @property
    def measured(self) -> list[str]:
        return [facts["name"] for name, facts in self.told if name == "checkpoint"]


@pytest.fixture
def watching(tmp_path: Path, base: Path) -> Watching:
    zoo = TinyZoo(tmp_path)
    zoo.write_tasks()
    zoo.model("base", base, "pretrained")
    zoo.measure("tiny_choice", axis='"general"', capability='"knowledge"', chance="0.33")
    zoo.measure("tiny_shots", axis='"special"', capability='"reports"', chance="0.33")
    folder = tmp_path / "out"
    folder.mkdir()
    return Watching(zoo, folder, base)


def test_beside_a_training_every_complete_checkpoint_is_evaluated_once(watching: Watching) -> None:
    training = Training(watching.folder, watching.base, steps=6, keep=2, finish=True)
    training.start()
    found = watching.watch()
    training.join()
    course = found.course
    assert len(watching.measured) == len(set(watching.measured))
    steps = {f"checkpoint-{step}" for step in training.weights}
    assert set(watching.measured) | set(watching.left_out) >= {*steps, "final"} - _unseen(watching)
    for point in course.points:
        assert not point.failed
        if point.name != "final":
            assert point.revision == training.weights[point.step], "half written"
    assert course.base is not None
    assert course.targets == ("reports",)
    assert len(course.points) >= 2
    assert not list((found.host.store.root / FOLDER).glob("*/.*")), "held files are left"


def _unseen(watching: Watching) -> set[str]:
    """Checkpoints that came and went while another was evaluated."""
    deleted = "it was deleted before it could be evaluated"
    known = {*watching.measured, *watching.left_out}
    assert all(
        reason == deleted or "checkpoint-6" in reason for reason in watching.left_out.values()
    )
    return {f"checkpoint-{n}" for n in range(1, 5)} - known


def test_a_checkpoint_that_is_deleted_while_it_is_evaluated_keeps_its_point(
    watching: Watching,
) -> None:
    save_step(watching.folder, watching.base, 5, 0.005)
    gone = save_step(watching.folder, watching.base, 10, 0.01)
    revision = fingerprint(gone).weights[:12]

    def delete(family: Family) -> None:
        if family.models[-1].step == 10:
            shutil.rmtree(gone)

    found = watching.watch(delete, once=True)
    _, point = found.course.points
    assert (point.revision, point.failed) == (revision, ())
    assert not gone.exists()
    assert watching.asked > 0
    asked = watching.asked
    again = watching.watch(once=True, base=None)
    assert watching.asked == asked, "a restart asks nothing again"
    _, kept = again.course.points
    assert kept.readings == point.readings
    assert [*again.course.tests.values()] == [*found.course.tests.values()]
    assert found.course.tests


def test_without_hard_links_a_deleted_checkpoint_is_named_and_the_watch_goes_on(
    watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    def across(*_: Any, **__: Any) -> None:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(os, "link", across)
    save_step(watching.folder, watching.base, 10, 0.01)
    gone = save_step(watching.folder, watching.base, 20, 0.02)

    def delete(family: Family) -> None:
        if family.models[-1].step == 20:
            shutil.rmtree(gone)

    found = watching.watch(delete, once=True)
    assert watching.measured == ["checkpoint-10"]
    assert "deleted while it was evaluated" in watching.left_out["checkpoint-20"]
    assert [point.step for point in found.course.points] == [10]


def test_the_first_checkpoint_comes_first_then_the_newest_and_every_leaves_out(
    watching: Watching,
) -> None:
    for step in (10, 20, 30, 40, 50):
        save_step(watching.folder, watching.base, step, step / 1000)
    (watching.folder / "checkpoint-20" / "model.safetensors").write_bytes(b"half")
    found = watching.watch(once=True, base=None, every=20, targets=("reports",))
    assert watching.measured == ["checkpoint-40", "checkpoint-50"]
    assert "is not complete: model.safetensors" in watching.left_out["checkpoint-20"]
    assert found.course.reference.endswith("checkpoint-40"), "without a parent, the first"
    assert found.course.points[0].readings["uniform"].change is None
    assert found.course.points[1].readings["uniform"].change is not None
    watching.told.clear()
    watching.folder = Path(os.path.relpath(watching.folder))
    found = watching.watch(once=True, base=None, targets=("reports",))
    assert watching.measured == ["checkpoint-30", "checkpoint-10"], "newest first, by any path"
    assert [point.step for point in found.course.points] == [10, 30, 40, 50]


def test_an_adapter_is_evaluated_over_the_base_it_names_and_later_watches_remember_it(
    watching: Watching, adapter: Path
) -> None:
    shutil.copytree(adapter, watching.folder / "step-5")
    watching.watch(base=None, idle=0.5)
    assert "peft" in watching.runs[-1].models[-1].loader_args
    bare = save_step(watching.folder, watching.base, 10, 0.01)
    for path in bare.glob("tokenizer*"):
        path.unlink()
    found = watching.watch(base=None, once=True)
    assert watching.failed == [], "a checkpoint without a tokenizer has that of its parent"
    assert [point.step for point in found.course.points] == [5, 10]
    assert found.course.base is not None
    assert found.course.reference == str(watching.base.resolve())


def test_a_finished_model_ends_the_watch_and_is_not_evaluated_as_its_last_checkpoint(
    watching: Watching,
) -> None:
    last = save_step(watching.folder, watching.base, 10, 0.01)
    for path in last.iterdir():
        if is_read(path.name) and path.name != "trainer_state.json":
            shutil.copy(path, watching.folder)
    watching.watch()
    assert watching.measured == ["checkpoint-10"]
    assert watching.left_out["final"] == "it is checkpoint-10, which was evaluated"


def test_a_folder_that_is_used_again_shows_nothing_of_the_training_before(
    watching: Watching,
) -> None:
    old = save_step(watching.folder, watching.base, 10, 0.01)
    watching.watch(once=True)
    shutil.rmtree(old)
    emptied = watching.watch(once=True, base=None).course
    assert (emptied.points, emptied.base) == ((), None)
    assert "another training" in watching.recalled[0]
    save_step(watching.folder, watching.base, 40, 0.04)
    again = watching.watch(once=True, base=None)
    assert [point.step for point in again.course.points] == [40]
    assert len(again.course.tested) == 1, "looks at another training do not count"
    later = watching.watch(once=True, base=None)
    assert [point.step for point in later.course.points] == [40], "nor does a later watch"
    assert later.course.reference == again.course.reference
    assert later.course.base is None


def test_what_a_training_went_back_behind_stays_away_after_a_restart(watching: Watching) -> None:
    for step in (10, 20):
        save_step(watching.folder, watching.base, step, step / 1000)
    before = watching.watch(once=True)
    soon = time.time() + 5
    for path in save_step(watching.folder, watching.base, 15, 0.5).iterdir():
        os.utime(path, (soon, soon))
    watching.told.clear()
    for _ in range(2):
        found = watching.watch(once=True)
        assert [point.step for point in found.course.points] == [10, 15]
        assert set(watching.left_out) == {"checkpoint-20"}
        assert len(found.course.tested) == len(before.course.tested) + 1, "looks still count"


def test_the_parent_that_a_training_names_goes_before_a_remembered_one(
    watching: Watching, tmp_path: Path
) -> None:
    save_step(watching.folder, watching.base, 10, 0.01)
    watching.watch(once=True)
    other = shutil.copytree(watching.base, tmp_path / "other")
    remembered = watching.watch(once=True, base=None).course
    assert remembered.reference == str(watching.base.resolve())
    assert "as an earlier watch had it: the training names none" in watching.recalled[-1]
    manifest = Manifest("full", "full", "fine-tuned", "f", "s", 0, parent=Parent(str(other)))
    write_manifest(watching.folder, manifest)
    found = watching.watch(once=True, base=None).course
    assert found.reference == str(other)
    assert f"step 0 is {other}, which the training names, and not" in watching.recalled[-1]


def test_targets_that_no_benchmark_measures_are_refused(watching: Watching) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'reports'"):
        watching.watch(targets=("report",))


@pytest.mark.chaos
def test_a_watch_that_is_killed_goes_on_without_asking_again(watching: Watching) -> None:
    for step in (10, 20, 30):
        save_step(watching.folder, watching.base, step, step / 1000)
    words = ["watch", str(watching.folder), "--base", str(watching.base), "--suite", "mine"]
    words += ["--device", "cpu", "--progress", "json", "--interval", "0.2", "--no-plugins"]
    words += ["--include-path", str(watching.zoo.tasks), "--config", str(watching.zoo.write())]
    with subprocess.Popen(
        [sys.executable, "-m", "zoo", *words],
        cwd=watching.zoo.root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("{") and json.loads(line)["event"] == "checkpoint":
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    found = watching.watch(once=True)
    assert watching.measured == ["checkpoint-20", "checkpoint-10"], "30 was measured before"
    assert [point.step for point in found.course.points] == [10, 20, 30]
