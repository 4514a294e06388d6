"""Work is done by several processes to the numbers of one, and whatever befalls a process, its work
goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support import checkpoints
from support.repositories import in_cache
from support.zoos import TinyZoo, numbers

from executors.conftest import Clumsy
from zoo.errors import ConfigError
from zoo.running import Outcome
from zoo.store import RESPONSES, Store

TASKS = ("tiny_choice", "tiny_shots", "tiny_write", "tiny_last", "tiny_mutual", "tiny_rolling")


def failed(outcome: Outcome) -> dict[str, str]:
    return {result.spec.name: result.error for result in outcome.failed}


def loads(clumsy: Clumsy) -> Counter[str]:
    return Counter(entry["model"] for entry in clumsy.log if "model" in entry)


def test_eight_models_on_two_workers_are_loaded_once_each_to_the_numbers_of_one_process(
    tiny_zoo: TinyZoo, chat: Path, tmp_path: Path
) -> None:
    for number in range(5):
        folder = tiny_zoo.model(f"more-{number}", chat, "instruction-tuned", base_model='"./base"')
        checkpoints.save_model(folder, seed=20 + number)
    for task in TASKS:
        tiny_zoo.measure(task)
    spread, seen = tiny_zoo.run(executor_args={"workers": 2})
    assert len(spread.results) == 8 * 12
    assert not spread.failed
    loading = [facts for name, facts in seen.seen if name == "loading"]
    assert Counter(facts["model"] for facts in loading) == {
        model.id: 1 for model in spread.family.models
    }
    by_worker = Counter(facts["worker"] for facts in loading)
    assert len(by_worker) == 2
    assert min(by_worker.values()) >= 2, "neither stands idle"
    during = [facts for name, facts in seen.seen if name in ("loading", "cell", "requests")]
    assert all(facts["model"] for facts in during)
    (tiny_zoo.root / "results").rename(tmp_path / "spread")
    alone, before = tiny_zoo.run()
    assert numbers(spread) == numbers(alone)
    assert seen.answered() == before.answered()


def test_one_model_is_shared_out_among_workers_that_would_stand_idle(clumsy: Clumsy) -> None:
    clumsy.zoo.add("m", "pretrained")
    outcome, _ = clumsy.run(workers=4)
    assert not outcome.failed
    assert len(outcome.results) == 3
    pids = {entry["pid"] for entry in clumsy.log}
    assert len(pids) == 3, "each cell by a worker of its own"
    assert os.getpid() not in pids


def test_one_worker_is_this_process(clumsy: Clumsy) -> None:
    for name in ("a", "b"):
        clumsy.zoo.add(name, "pretrained")
    outcome, seen = clumsy.run(workers=1)
    assert not outcome.failed
    assert {entry["pid"] for entry in clumsy.log} == {os.getpid()}
    assert all(facts["model"] for name, facts in seen.seen if name in ("cell", "requests"))


def test_workers_that_die_quit_or_hang_are_replaced_and_only_guilty_cells_fail(
    clumsy: Clumsy,
) -> None:
    for name in ("deadly", "fragile", "quitter", "hanging"):
        clumsy.zoo.add(name, "pretrained")
    clumsy.falls("die", "deadly", "Answer.", 9)
    clumsy.falls("die", "fragile", "Answer.", 1)
    clumsy.falls("quit", "quitter", "written: ", 9)
    clumsy.falls("hang", "hanging", "written: ", 9)
    outcome, seen = clumsy.run(workers=2, cell_timeout=2)
    twice = "this cell brought down 2 workers, of which the last"
    assert failed(outcome) == {
        "deadly · tiny_shots · uniform": f"{twice} was ended by SIGKILL, perhaps for want of "
        "memory",
        "quitter · tiny_write · uniform": f"{twice} ended with exit status 7",
        "hanging · tiny_write · uniform": f"{twice} was not done after 2 s",
    }
    # together, then one by one, then what is left without the guilty one
    assert loads(clumsy) == {"deadly": 2, "fragile": 2, "quitter": 3, "hanging": 3}
    assert seen.names().count("fallen") == 2 + 1 + 2 + 2
    assert {entry["child"] for entry in clumsy.log if "child" in entry} & living() == set()


def test_the_successor_of_a_worker_that_was_killed_takes_up_its_answers_without_waiting(
    clumsy: Clumsy,
) -> None:
    clumsy.zoo.add("a", "pretrained")
    clumsy.zoo.add("b", "pretrained")
    (clumsy.folder / "keeps").touch()
    clumsy.falls("hang", "a", "written: ", 1)  # when other cells of its call are answered
    root = clumsy.zoo.host().store.root

    def kill() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            time.sleep(0.01)
            journals = [path.read_bytes() for path in root.glob("attempts/*/*/*/journal")]
            # those of the model that hangs alone, and what it was asked before is on the disk
            if len(journals) == 3 and all(journals) and any(b"is_greedy" in j for j in journals):
                (hanging,) = (each["pid"] for each in clumsy.log if each.get("model") == "a")
                os.kill(hanging, signal.SIGKILL)
                return

    killer = threading.Thread(target=kill)
    killer.start()
    outcome, seen = clumsy.run(workers=2)
    killer.join()
    assert not outcome.failed
    assert seen.names().count("fallen") == 1
    assert loads(clumsy) == {"a": 2, "b": 1}
    store, mine = Store(root), [r for r in outcome.results if r.spec.model.id == "a"]
    cells = [store.summary(RESPONSES, result.provenance.response_key) for result in mine]
    assert any(cell and "taken_up" in cell for cell in cells)
    assert "waiting" not in seen.names()


def living() -> set[int]:
    """Processes that run, those aside that are dead and not yet reaped."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state = path.read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.add(int(path.parent.name))
    return found


@pytest.mark.parametrize("at", ["Answer.", "loading"])
def test_a_process_whose_device_failed_is_left_and_the_run_goes_on_in_another(
    clumsy: Clumsy, at: str
) -> None:
    for name in ("a", "b"):
        clumsy.zoo.add(name, "pretrained")
    clumsy.falls("fail", "a", at, 1)
    outcome, _ = clumsy.run()
    assert not outcome.failed
    assert [entry["model"] for entry in clumsy.log] == ["a", "a", "b"]
    first, *others = [entry["pid"] for entry in clumsy.log]
    assert first == os.getpid()
    assert first not in others


def test_a_cell_at_which_the_device_fails_twice_is_named_with_the_error(clumsy: Clumsy) -> None:
    clumsy.zoo.add("a", "pretrained")
    clumsy.falls("fail", "a", "written: ", 9)
    outcome, _ = clumsy.run()
    assert failed(outcome) == {
        "a · tiny_write · uniform": "this cell brought down 2 workers, of which the last lost its "
        "device (RuntimeError: CUDA error: device-side assert triggered)"
    }


def test_tokens_reach_only_workers_that_need_the_hub(
    clumsy: Clumsy, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    cache = tmp_path / "hf" / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    in_cache(cache, "whole", base)
    (in_cache(cache, "half", base) / "model.safetensors").unlink()
    for name in ("whole", "half"):
        clumsy.zoo.add(f"org/{name}", "pretrained", loader='"files"')
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    monkeypatch.setenv("HUGGING_FACE_HUB_TOKEN", "hf_canary")
    clumsy.zoo.model("local", base, "pretrained", loader='"files"')
    clumsy.zoo.add("remote", "pretrained")
    outcome, _ = clumsy.run(workers=2)
    assert not outcome.failed
    seen: dict[str, Any] = {entry["model"]: entry["HF_TOKEN"] for entry in clumsy.log}
    assert seen == {
        "./local": None,
        "org/whole": None,
        "org/half": "hf_canary",
        "remote": "hf_canary",
    }
    assert all(entry["HUGGING_FACE_HUB_TOKEN"] == entry["HF_TOKEN"] for entry in clumsy.log)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"wrokers": 2}, "did you mean 'workers'"), ({"workers": 0}, "at least one worker")],
)
def test_arguments_that_cannot_be_meant_are_refused(
    clumsy: Clumsy, arguments: dict[str, Any], said: str
) -> None:
    clumsy.zoo.add("a", "pretrained")
    with pytest.raises(ConfigError, match=said):
        clumsy.run(**arguments)


def test_a_store_that_cannot_be_written_ends_the_run_from_a_worker_too(clumsy: Clumsy) -> None:
    from zoo.errors import StoreError

    for name in ("a", "b"):
        clumsy.zoo.add(name, "pretrained")
    clumsy.zoo.host().store.root.mkdir()
    (clumsy.zoo.host().store.root / "responses").write_text("a file, no folder")
    with pytest.raises(StoreError, match="cannot be written"):
        clumsy.run(workers=2)
