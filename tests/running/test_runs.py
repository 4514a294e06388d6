"""A run asks what the store lacks, names what fails, and leaves a record."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from support import checkpoints
from support.zoos import SUITE, TinyZoo, numbers

from zoo.cli import main
from zoo.errors import ConfigError
from zoo.evaluation.evaluator import OnEvent
from zoo.executors import builtins, run_local
from zoo.hookspecs import Executor, Job
from zoo.plan import Wishes
from zoo.recall import recall
from zoo.results import Result
from zoo.running import Options, Outcome, run_family, settings_of
from zoo.store import Store


def status(outcome: Outcome) -> dict[tuple[str, str, str], str]:
    return {
        (r.spec.model.id, r.spec.benchmark.task, r.spec.protocol): r.status for r in outcome.results
    }


def test_a_second_run_loads_no_model_and_asks_nothing(tiny_zoo: TinyZoo) -> None:
    first, seen = tiny_zoo.run()
    assert not first.failed
    assert seen.names().count("loading") == 3
    second, seen = tiny_zoo.run()
    assert [each.spec.name for each in second.results if not each.reused] == []
    assert not {"loading", "requests", "cell"} & set(seen.names())
    assert numbers(second) == numbers(first)
    assert second.record.id != first.record.id


LOADED = """
import sys
from zoo.cli import main
status = main(sys.argv[1:])
loaded = [name for name in sys.modules if name.split(".")[-1] == "modeling_llama"]
print("loaded", loaded, "lm_eval.models.huggingface" in sys.modules, "status", status)
"""


def test_a_process_that_re_uses_everything_imports_no_model_code(tiny_zoo: TinyZoo) -> None:
    assert not tiny_zoo.run()[0].failed
    command = tiny_zoo.command("run", "--progress", "none", "--device", "cpu")
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *command],
        cwd=tiny_zoo.root,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert "loaded [] False status 0" in done.stdout, done.stderr
    assert "0 evaluated, 18 re-used" in done.stdout


def test_only_what_is_new_is_asked(tiny_zoo: TinyZoo) -> None:
    tiny_zoo.run()
    tiny_zoo.measure("tiny_last")
    outcome, seen = tiny_zoo.run()
    assert {r.spec.benchmark.task for r in outcome.results if not r.reused} == {"tiny_last"}
    # the chat stage is asked in both ways, the others in one
    assert len([r for r in outcome.results if not r.reused]) == 4
    (start,) = [facts for name, facts in seen.seen if name == "start"]
    assert (start["cells"], start["reused"], start["requests"]) == (24, 18, 4 * 12)


def test_a_folder_that_changed_between_runs_is_another_model(tiny_zoo: TinyZoo) -> None:
    first, _ = tiny_zoo.run()
    checkpoints.save_model(tiny_zoo.root / "chat", seed=11)
    second, _ = tiny_zoo.run()
    assert {r.spec.model.id for r in second.results if not r.reused} == {"./chat"}
    assert numbers(second) != numbers(first)


def test_fresh_asks_again_each_time_and_keeps_the_new_result(tiny_zoo: TinyZoo) -> None:
    tiny_zoo.run()
    for _ in range(2):
        outcome, seen = tiny_zoo.run(fresh=True)
        assert seen.names().count("loading") == 3
        assert not outcome.failed
    again, seen = tiny_zoo.run()
    assert "loading" not in seen.names()
    kept = {r.provenance.finished for r in outcome.results}
    assert {r.provenance.finished for r in again.results} <= kept


def test_editing_chance_moves_normalised_numbers_without_asking(tiny_zoo: TinyZoo) -> None:
    from zoo.tradeoffs import tradeoff_of

    def normalised(outcome: Outcome) -> list[float | None]:
        host = tiny_zoo.host()
        found = tradeoff_of(host, outcome.family, outcome.suite, outcome.results, (outcome.record,))
        return [
            score.normalised
            for stage in found.stages
            for score in stage.scores
            if score.benchmark == "tiny_choice"
        ]

    tiny_zoo.measure("tiny_choice", chance="0.2")
    first, _ = tiny_zoo.run()
    tiny_zoo.measure("tiny_choice", chance="0.5", axis='"special"', capability='"law"')
    second, seen = tiny_zoo.run()
    assert "loading" not in seen.names()
    assert all(each.reused for each in second.results)
    for before, after in zip(normalised(first), normalised(second), strict=True):
        assert before is not None
        assert after == pytest.approx((before * 0.8 + 0.2 - 0.5) / 0.5)


@pytest.fixture
def troubled(tiny_zoo: TinyZoo, base: Path) -> TinyZoo:
    """A zoo with a broken task, an unsafe one, a missing model and one with a nan weight."""
    tasks = tiny_zoo.tasks
    (tasks / "torn.jsonl").write_text('{"question": "who?"\n')
    broken = (tasks / "tiny_choice.yaml").read_text()
    (tasks / "tiny_torn.yaml").write_text(
        broken.replace("docs.jsonl", "torn.jsonl").replace("tiny_choice", "tiny_torn")
    )
    (tasks / "tiny_unsafe.yaml").write_text(
        broken.replace("tiny_choice", "tiny_unsafe") + "unsafe_code: true\n"
    )
    tiny_zoo.measure("tiny_torn")
    tiny_zoo.measure("tiny_unsafe")
    tiny_zoo.add("./gone", "fine-tuned", base_model='"./base"')
    checkpoints.change_weights(
        tiny_zoo.model("bad", base, "fine-tuned", base_model='"./base"'), float("nan")
    )
    return tiny_zoo


def test_what_is_broken_fails_alone_with_its_reason_and_the_rest_is_scored(
    troubled: TinyZoo,
) -> None:
    outcome, _ = troubled.run()
    reasons = {
        "tiny_torn": "tiny_torn",
        "tiny_unsafe": "runs code that models write",
        "./gone": "there is no folder",
        "./bad": "model.norm.weight",
    }
    assert len(outcome.results) == 5 * 5 * 2
    for result in outcome.results:
        names = {result.spec.model.id, result.spec.benchmark.task} & set(reasons)
        if not names:
            assert result.status == "scored", result.error
        else:
            assert result.status == "failed"
            assert any(reasons[name] in result.error for name in names)
    recalled = recall(Store(troubled.root / "results"))
    assert {(r.spec.name, r.status, r.error) for r in recalled.results} == {
        (r.spec.name, r.status, r.error) for r in outcome.results
    }
    assert [(c.status, c.error) for c in outcome.record.cells] == [
        (r.status, r.error) for r in outcome.results
    ]


def test_zoo_run_names_what_failed_and_says_so_by_its_status(
    troubled: TinyZoo, capsys: pytest.CaptureFixture[str]
) -> None:
    command = troubled.command("run", "--protocol", "uniform", "--progress", "none")
    assert main([*command, "--device", "cpu"]) == 1
    said = capsys.readouterr()
    assert "16 failed" in said.out
    for name in ("tiny_torn", "tiny_unsafe", "./gone", "./bad"):
        assert name in said.err


def test_a_damaged_cell_is_reported_and_made_again(
    tiny_zoo: TinyZoo, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = tiny_zoo.run()
    store = Store(tiny_zoo.root / "results")
    for path in store.root.glob("*/*/*/table.parquet"):
        path.write_bytes(path.read_bytes()[:-9])
    damaged = recall(store)
    assert {r.status for r in damaged.results} == {"failed"}
    assert all("`zoo run` makes it again" in r.error for r in damaged.results)
    assert main(tiny_zoo.command("store", "verify")) == 1
    second, _ = tiny_zoo.run()
    assert numbers(second) == numbers(first)
    assert main(tiny_zoo.command("store", "verify")) == 0
    assert {r.status for r in recall(store).results} == {"scored"}
    capsys.readouterr()


def test_the_record_brings_back_what_the_run_returned(tiny_zoo: TinyZoo) -> None:
    outcome, _ = tiny_zoo.run()
    found = recall(Store(tiny_zoo.root / "results"), "tiny", "mine")
    assert found.suite == outcome.suite
    assert [m.id for m in found.family.models] == [m.id for m in outcome.family.models]
    assert {(r.spec.name, r.items, r.scores) for r in found.results} == {
        (r.spec.name, r.items, r.scores) for r in outcome.results
    }
    assert found.records == (outcome.record,)


def test_runs_of_one_protocol_each_stand_in_one_report(tiny_zoo: TinyZoo) -> None:
    both, _ = tiny_zoo.run(wishes={"protocols": ("uniform",)})
    tiny_zoo.run(wishes={"protocols": ("native",)})
    found = recall(Store(tiny_zoo.root / "results"), "tiny")
    assert len(found.results) == 2 * len(both.results)
    tiny_zoo.run(wishes={"protocols": ("native",), "limit": 3})
    found = recall(Store(tiny_zoo.root / "results"), "tiny")
    assert {r.spec.limit for r in found.results} == {3}
    assert {r.spec.protocol for r in found.results} == {"native"}


def test_the_run_is_the_newest_however_fast_runs_follow_each_other(tiny_zoo: TinyZoo) -> None:
    ids = [tiny_zoo.run()[0].record.id for _ in range(3)]
    store = Store(tiny_zoo.root / "results")
    assert [record.id for record in store.records()] == ids[::-1]


def test_one_number_of_shots_that_makes_two_benchmarks_one_is_refused(tiny_zoo: TinyZoo) -> None:
    tiny_zoo.benchmarks.clear()
    tiny_zoo.measure("tiny_shots", num_fewshot="0")
    first = tiny_zoo.benchmarks.pop("tiny_shots")
    tiny_zoo.measure("tiny_shots", num_fewshot="2")
    tiny_zoo.benchmarks["again"] = first
    with pytest.raises(ConfigError, match="asks one task twice in the same way"):
        tiny_zoo.run(wishes={"num_fewshot": 1})


def run_on(zoo: TinyZoo, executor: Callable[..., Iterator[Result]]) -> Outcome:
    """A run on an executor of the test's own."""
    own = {**builtins(), "executors": (Executor("own", executor),)}
    host = replace(zoo.host(), builtins=own)
    (family,) = host.discovery.resolve(())
    wishes = Wishes(protocols=("uniform",))
    options = Options(wishes=wishes, device="cpu", executor="own")
    return run_family(host, family, host.suite(None, (), family), options)


def test_an_executor_that_stops_costs_only_what_it_did_not_bring(tiny_zoo: TinyZoo) -> None:
    def stops(jobs: Sequence[Job], on_event: OnEvent) -> Iterator[Result]:
        yield from run_local(jobs[:1], on_event)
        raise RuntimeError("the queue is closed")

    outcome = run_on(tiny_zoo, stops)
    assert [r.spec.model.id for r in outcome.results if r.status == "scored"] == ["./base"] * 3
    assert {r.error for r in outcome.failed} == {
        "the executor 'own' stopped: RuntimeError: the queue is closed; run again"
    }


def test_a_job_is_plain_json_and_can_be_run_in_another_process(tiny_zoo: TinyZoo) -> None:
    sent: list[Any] = []

    def sends(jobs: Sequence[Job], on_event: OnEvent) -> Iterator[Result]:
        sent.extend(json.loads(json.dumps(job.settings)) == job.settings for job in jobs)
        yield from run_local(jobs, on_event)

    assert not run_on(tiny_zoo, sends).failed
    assert sent == [True] * 3


def test_an_executor_that_loses_cells_is_named(tiny_zoo: TinyZoo) -> None:
    def loses(_jobs: Sequence[Job], **_: Any) -> Iterator[Result]:
        yield from ()

    outcome = run_on(tiny_zoo, loses)
    assert len(outcome.failed) == 3 * len(SUITE)
    assert all("gave no result" in r.error for r in outcome.failed)


@pytest.mark.parametrize("option", [{"device": "tpu"}, {"dtype": "float8"}])
def test_devices_and_dtypes_that_cannot_be_met_are_refused(
    option: dict[str, str], tiny_zoo: TinyZoo
) -> None:
    with pytest.raises(ConfigError, match=next(iter(option.values()))):
        settings_of(tiny_zoo.host(), Options(**{"device": "cpu", **option}))


def test_hostile_task_and_model_names_stay_inside_the_store(tiny_zoo: TinyZoo) -> None:
    name = "../../../evil task"
    text = (tiny_zoo.tasks / "tiny_choice.yaml").read_text()
    (tiny_zoo.tasks / "odd.yaml").write_text(text.replace("tiny_choice", name))
    tiny_zoo.measure(name)
    evil = shutil.copytree(tiny_zoo.root / "base", tiny_zoo.root / "ok")
    tiny_zoo.add("../../evil/model", "fine-tuned", loader_args=f'{{ pretrained = "{evil}" }}')
    before = set(tiny_zoo.root.parent.rglob("*"))
    outcome, _ = tiny_zoo.run()
    assert not outcome.failed
    new = set(tiny_zoo.root.parent.rglob("*")) - before
    store = tiny_zoo.root / "results"
    assert all(store in (path, *path.parents) for path in new - {tiny_zoo.root / "zoo.toml"})
    assert not any("evil" in path.name for path in new)


def test_every_result_names_the_plugins_that_took_part_with_their_versions(
    tiny_zoo: TinyZoo,
) -> None:
    tiny_zoo.extra = '[plugins]\nblock = ["ray"]'
    outcome, _ = tiny_zoo.run(wishes={"limit": 1, "protocols": ("uniform",)})
    assert not outcome.failed
    for result in outcome.results:
        assert result.provenance.plugins["nano"] == f"stagezoo {metadata.version('stagezoo')}"
        assert "ray" not in result.provenance.plugins
