"""The suites over lm-eval's own tasks, held against lm-eval as it is installed; no data is read."""

from __future__ import annotations

import ast
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lm_eval
import pytest

import zoo_benchmarks
from zoo.benchmarks import Benchmark, Suite
from zoo.catalogue import read_catalogue
from zoo.cli import main
from zoo.errors import BenchmarkError
from zoo.evaluation.budgets import draws
from zoo.evaluation.preflight.packages import brought, distribution_of, missing_package
from zoo.groups import lm_eval_files, read_group, tagged
from zoo.suites import misfit
from zoo.task_code import code_files, runs_code
from zoo.tasks import OUTPUT_TYPES, Task

LM_EVAL = Path(lm_eval.__file__).parent
CATALOGUE = read_catalogue([(Path(zoo_benchmarks.__file__).parent, "benchmarks")])
NAMED = [name for name in CATALOGUE.suites if name != "core"]

CODE_OF_MODELS = {"humaneval_instruct", "humaneval_plus"}
"""Tasks whose answers are run as code, which the head of their suite says."""


def leaves(name: str) -> list[tuple[Benchmark, Task]]:
    found = []
    for benchmark in CATALOGUE.suite(name).benchmarks:
        task = CATALOGUE.find(benchmark.task)
        assert task is not None, f"{benchmark.task} is a group"
        found.append((benchmark, task))
    return found


def their_leaves(index: dict[str, Any], name: str) -> list[str]:
    """What lm-eval's own index says a name stands for."""
    entry = index[name]
    if entry.kind.name == "TAG":
        return sorted(entry.tags)
    if entry.kind.name != "GROUP":
        return [name]
    return [leaf for child in entry.cfg["task"] for leaf in their_leaves(index, child)]


def test_files_tags_and_groups_are_those_of_lm_eval_s_own_index() -> None:
    from lm_eval.tasks import TaskManager

    index = TaskManager().task_index
    files = {name: entry.yaml_path for name, entry in index.items() if entry.yaml_path}
    ours = lm_eval_files()
    assert {name: ours.get(name) for name in files} == files
    tags = {name: tuple(sorted(e.tags)) for name, e in index.items() if e.kind.name == "TAG"}
    assert tagged() == tags
    for suite in NAMED:
        for benchmark in CATALOGUE.suites[suite].benchmarks:
            wanted = dict.fromkeys(their_leaves(index, benchmark.task))
            if list(wanted) != [benchmark.task]:
                found = [leaf.name for leaf in read_group(benchmark.task).leaves]
                assert found == list(wanted)


def test_the_suites_are_those_that_are_promised() -> None:
    assert set(NAMED) == {
        "open-llm-v2", "general", "tulu3-dev", "tulu3-unseen", "korean", "domains", "honesty",
        "reasoning",
    }  # fmt: skip
    assert CATALOGUE.problems == ()


@pytest.mark.parametrize("name", NAMED)
def test_a_suite_that_asks_several_answers_draws_them(name: str) -> None:
    for benchmark, task in leaves(name):
        own = task.config.get("generation_kwargs") or {}
        assert benchmark.repeats == 1 or draws({**own, **benchmark.gen_kwargs})
    several = {b.task: b.repeats for b, _ in leaves("reasoning")}
    assert several == {
        "aime24": 16, "aime25": 16, "minerva_math500": 4, "gpqa_diamond_cot_zeroshot": 8,
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_every_task_has_the_metric_the_filter_and_the_shots_that_the_suite_asks(name: str) -> None:
    for benchmark, task in leaves(name):
        assert misfit(benchmark, task) == ""
        assert benchmark.metric in task.metrics
        assert task.output_type in OUTPUT_TYPES
        own, asked = task.config.get("num_fewshot"), benchmark.num_fewshot
        if own == 0:
            assert asked in (None, 0), f"{task.name} asks 0 shots, whatever is wished"
        written = (task.config.get("fewshot_config") or {}).get("samples")
        if isinstance(written, list):
            assert (asked or 0) <= len(written), f"{task.name} has {len(written)} examples"


@pytest.mark.parametrize("name", NAMED)
def test_every_task_says_what_a_guesser_scores_or_it_is_counted(name: str) -> None:
    for benchmark, task in leaves(name):
        if benchmark.chance is None and not benchmark.group:
            counted = task.output_type == "multiple_choice" or "get-answer" in task.filters
            assert counted, f"{task.name} is written: nothing is counted"
        choices = task.config.get("doc_to_choice")
        if benchmark.chance is not None and isinstance(choices, list):
            assert benchmark.chance == pytest.approx(1 / len(choices))


@pytest.mark.parametrize("name", NAMED)
def test_data_of_unknown_licence_are_never_open_and_leaves_inherit_it(name: str) -> None:
    written = {each.task: each for each in CATALOGUE.suites[name].benchmarks}
    for benchmark, task in leaves(name):
        assert benchmark.licence or benchmark.policy != "open"
        if task.config.get("dataset_path") == "Idavidrein/gpqa":
            assert benchmark.policy == "gated"
        if "bbh" in task.name:
            assert benchmark.policy == "canary"
        entry = written.get(benchmark.task) or written[benchmark.group]
        for field in ("axis", "capability", "chance", "num_fewshot", "policy", "licence"):
            assert getattr(benchmark, field) == getattr(entry, field)


@pytest.mark.parametrize("name", NAMED)
def test_only_lm_eval_s_own_python_runs_and_code_of_models_only_where_the_suite_says_so(
    name: str,
) -> None:
    for _, task in leaves(name):
        assert task.origin == "lm-eval"
        assert bool(task.config.get("unsafe_code")) == (task.name in CODE_OF_MODELS)
        if runs_code(task):
            assert all(file.is_relative_to(LM_EVAL) for file in code_files(task))


@pytest.mark.parametrize("name", NAMED)
def test_every_package_that_a_task_imports_is_installed_or_comes_with_our_extra(name: str) -> None:
    files = {file for _, task in leaves(name) if runs_code(task) for file in code_files(task)}
    for file in files:
        if file.stem.startswith(("_generate", "test_")):
            continue
        for module in imported(file):
            beside = (file.parent / f"{module}.py").exists() or (file.parent / module).is_dir()
            known = module in sys.stdlib_module_names or beside or find_spec(module)
            assert known or distribution_of(module) in brought(), f"{file} imports {module}"


def imported(file: Path) -> set[str]:
    """The packages that a file imports, those of its functions among them."""
    found = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to give commands in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, dict[str, Any]]:
    assert main([*words, "--json"]) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_listings_show_tasks_shots_licence_and_policy(
    here: Path,  # noqa: ARG001
    capsys: pytest.CaptureFixture[str],
) -> None:
    suites = listed(capsys, "suites")
    assert {suites[name]["tasks"] for name in ("general", "honesty")} == {66, 7}
    assert suites["open-llm-v2"]["special"] == ["instruction", "math"]
    benchmarks = listed(capsys, "benchmarks", "--suite", "open-llm-v2")
    assert len(benchmarks) == 6  # IFEval stands twice, with two metrics
    gpqa = benchmarks["leaderboard_gpqa"]
    assert (gpqa["tasks"], gpqa["num_fewshot"], gpqa["licence"]) == (3, 0, "cc-by-4.0")
    assert (gpqa["axis"], gpqa["capability"], gpqa["policy"]) == ("general", "science", "gated")
    assert main(["benchmarks", "--suite", "open-llm"]) == 2
    assert "did you mean 'open-llm-v2'?" in capsys.readouterr().err


def test_a_suite_whose_group_cannot_be_used_is_listed_with_the_reason(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "zoo.toml").write_text(
        '[suites.wrong]\nbenchmarks = [{ task = "leaderboard", metric = "acc" }]\n'
    )
    suites = listed(capsys, "suites")
    assert suites["wrong"]["tasks"] is None
    assert "name its tasks one by one" in suites["wrong"]["problem"]
    assert suites["general"]["tasks"] == 66


def test_a_named_suite_is_planned_without_its_data(
    here: Path,  # noqa: ARG001
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = ["plan", "nano/pretrained", "--protocol", "uniform", "--no-check"]
    assert main([*plan, "--suite", "general"]) == 0
    assert "1 models x 66 benchmarks, 66 cells" in capsys.readouterr().out
    assert main([*plan, "--tasks", "wmdp,arc_easy", "--explain"]) == 0
    said = capsys.readouterr().out
    assert "1 models x 4 benchmarks" in said
    assert "num_fewshot=5, because of the benchmark (arc_easy)" in said


def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lack(module: str) -> str:
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ModuleNotFoundError) as raised:
            __import__(module)
        return missing_package(raised.value)

    assert lack("langdetect") == (
        'it needs the package langdetect, which is not installed; pip install "stagezoo[tasks]"'
    )
    assert 'pip install "stagezoo[tasks]"' in lack("antlr4")
    assert "a setuptools that still has pkg_resources" in lack("pkg_resources")
    assert "pip install fugashi" in lack("fugashi")
    assert missing_package(ValueError("no")) == ""


def test_an_unknown_group_is_answered_with_the_nearest_and_a_metric_it_lacks_is_named() -> None:
    with pytest.raises(BenchmarkError, match="no group 'mmluu'; did you mean 'mmlu"):
        read_group("mmluu")
    with pytest.raises(BenchmarkError, match="'arc_easy' is a task, no group"):
        read_group("arc_easy")
    asked = Suite("mine", (Benchmark("mmlu", "exact_match"),))
    catalogue = read_catalogue([], {"mine": asked})
    with pytest.raises(BenchmarkError, match=r"the group 'mmlu': the task .* has no metric"):
        catalogue.suite("mine")
    twice = Suite("mine", (Benchmark("wmdp", "acc"), Benchmark("wmdp_bio", "acc")))
    with pytest.raises(BenchmarkError, match=r"wmdp_bio .* stands twice"):
        read_catalogue([], {"mine": twice}).suite("mine")


def test_a_group_that_no_suite_describes_is_asked_for_what_lm_eval_aggregates() -> None:
    found = read_catalogue([]).benchmarks_of("minerva_math")
    assert len(found) == 7
    assert {(b.metric, b.group, b.capability) for b in found} == {
        ("exact_match", "minerva_math", "minerva_math")
    }


def test_tasks_of_a_group_are_weighted_as_lm_eval_weights_them_unless_a_suite_says_otherwise() -> (
    None
):
    def weighted(**more: Any) -> set[bool | None]:
        suite = Suite("mine", (Benchmark(metric="acc", **more),))
        found = read_catalogue([], {"mine": suite}).suite("mine")
        return {benchmark.weight_by_size for benchmark in found.benchmarks}

    assert weighted(task="mmlu") == {True}
    assert weighted(task="mmlu", weight_by_size=False) == {False}
    suite = Suite("law", (Benchmark("legalbench", "exact_match", "get-answer"),))
    found = read_catalogue([], {"law": suite}).suite("law").benchmarks
    assert {benchmark.weight_by_size for benchmark in found} == {False}
