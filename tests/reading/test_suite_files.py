"""Suites: what cannot be used is a problem with path, line and reason, and the others go on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zoo_benchmarks
from zoo.benchmarks import Benchmark, Suite
from zoo.catalogue import Catalogue, read_catalogue
from zoo.errors import BenchmarkError, UnknownNameError

TASK = """\
task: {name}
dataset_path: org/data
test_split: test
doc_to_text: x
metric_list:
  - metric: exact_match
  - metric: parsed
filter_list:
  - name: strict
"""

SUITE = """\
title = "Mine"   # benchmarks
name = "mine"

[[benchmarks]]
task = "one"
metric = "exact_match"
filter = "strict"
gen_kwargs = { until = ["x"] }

[[benchmarks]]
task = "two"
metric = "parsed"
filter = "strict"
chance = 0.25
axis = "special"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plugin's folder with two tasks and one suite."""
    (tmp_path / "suites").mkdir()
    (tmp_path / "tasks").mkdir()
    for name in ("one", "two"):
        (tmp_path / "tasks" / f"{name}.yaml").write_text(TASK.format(name=name))
    (tmp_path / "suites" / "good.toml").write_text(SUITE)
    return tmp_path


def catalogue(folder: Path) -> Catalogue:
    return read_catalogue([(folder, "me")])


def test_suites_and_tasks_are_read_with_who_brought_them(folder: Path) -> None:
    found = catalogue(folder)
    assert found.problems == ()
    assert list(found.tasks) == ["one", "two"]
    assert found.origins == {"mine": "me"}
    one, two = found.suite("mine").benchmarks
    assert (one.capability, one.axis) == ("one", "general")
    assert (two.chance, two.axis) == (0.25, "special")


INLINE = """\
benchmarks = [
  { task = "one", metric = "exact_match", filter = "strict", gen_kwargs = { until = ["x"] } },
  { task = "two", metric = "parsed", filter = "strict", chance = 7 },
]
"""

MISTAKES = {
    "broken syntax": (SUITE + "x = \n", 16, "not valid TOML"),
    "bytes that are no text": ("title = '\udcff'\n", 1, "not UTF-8 text"),
    "an unknown key": (SUITE.replace("title", "titel"), 1, "titel: .* did you mean 'title'"),
    "no benchmarks": ('name = "mine"\n', 1, "benchmarks: this key is missing"),
    "an empty suite": ('name = "x"\nbenchmarks = []\n', 2, "the suite has no benchmarks"),
    "an unknown key of a benchmark": (
        SUITE.replace("chance", "chanse"),
        14,
        r"benchmarks\[1\].chanse: .* did you mean 'chance'",
    ),
    "a wrong axis": (SUITE.replace('"special"', '"specail"'), 15, "did you mean 'special'"),
    "a wrong type": (SUITE.replace("0.25", '"low"'), 14, "wanted a number"),
    "a chance that is none": (SUITE.replace("0.25", "2.5"), 14, "2.5 is not from 0 to below 1"),
    "a missing metric": (SUITE.replace('metric = "parsed"\n', ""), 10, "metric: this key is miss"),
    "a benchmark twice": (
        SUITE.replace('"two"', '"one"').replace("parsed", "exact_match"),
        10,
        r"benchmarks\[1\]: asks one .* as benchmarks\[0\]; remove one",
    ),
    "a mistake between braces": (INLINE, 3, r"benchmarks\[1\].chance: 7.0 is not from 0"),
    "a metric the task has not": (
        SUITE.replace("parsed", "parst"),
        10,
        "'two' has no metric 'parst'; did you mean 'parsed'",
    ),
    "a filter the task has not": (
        SUITE.replace('filter = "strict"\nchance', 'filter = "strickt"\nchance'),
        10,
        "'two' has no filter 'strickt'; did you mean 'strict'",
    ),
    "a bottomless list": ("x = " + "[" * 100_000, 1, "not valid TOML"),
}


@pytest.mark.parametrize(("text", "line", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_path_line_and_reason_and_the_others_go_on(
    text: str, line: int, said: str, folder: Path
) -> None:
    path = folder / "suites" / "bad.toml"
    text = text.replace('name = "mine"', 'name = "bad"')
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    found = catalogue(folder)
    assert "mine" in found.suites
    (problem,) = found.problems
    assert re.search(said, problem.reason), problem.reason
    assert str(problem).startswith(f"{path}:{line}: ")
    assert len(str(problem).splitlines()) == 1


def test_a_suite_is_called_by_its_file_where_it_has_no_name(folder: Path) -> None:
    (folder / "suites" / "other.toml").write_text(SUITE.replace('name = "mine"', ""))
    assert set(catalogue(folder).suites) == {"mine", "other"}


def test_a_broken_task_costs_only_itself(folder: Path) -> None:
    (folder / "tasks" / "broken.yaml").write_text("task: broken\n")
    found = catalogue(folder)
    assert list(found.tasks) == ["one", "two"]
    assert found.broken("broken") == found.problems[0]
    assert found.broken("one") is None


def test_of_two_tasks_of_one_name_the_first_stands_and_the_other_is_named(folder: Path) -> None:
    again = folder / "tasks" / "z.yaml"
    again.write_text("# again\n" + TASK.format(name="one"))
    found = catalogue(folder)
    assert found.tasks["one"].path == folder / "tasks" / "one.yaml"
    (problem,) = found.problems
    assert str(problem).startswith(f"{again}:2: the task 'one' already stands in ")


def test_of_two_suites_of_one_name_the_first_stands_and_the_other_is_named(folder: Path) -> None:
    again = folder / "suites" / "z.toml"
    again.write_text(SUITE)
    (problem,) = catalogue(folder).problems
    assert str(problem) == (
        f"{again}:2: the suite 'mine' already stands in {folder / 'suites' / 'good.toml'}"
    )


def test_a_suite_of_zoo_toml_comes_before_a_plugins(folder: Path) -> None:
    own = Suite("mine", (Benchmark("one", "exact_match"),))
    found = read_catalogue([(folder, "me")], {"mine": own})
    assert found.suite("mine") == own
    assert found.origins["mine"] == "zoo.toml"


def test_a_file_that_would_not_be_read_is_named(folder: Path) -> None:
    (folder / "tasks" / "late.yml").write_text(TASK.format(name="late"))
    (problem,) = catalogue(folder).problems
    assert "only files that end in .yaml are read, rename it" in str(problem)


def test_folders_of_tasks_can_be_added(folder: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    (more / "three.yaml").write_text(TASK.format(name="three"))
    found = read_catalogue([(folder, "me")], include_paths=[more])
    assert found.tasks["three"].origin == "include-path"
    with pytest.raises(BenchmarkError, match=r"--include-path .* is no folder"):
        read_catalogue([], include_paths=[tmp_path / "nowhere"])


def test_an_unknown_suite_is_answered_with_the_nearest(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match="no suite named 'mien'; did you mean 'mine'"):
        catalogue(folder).suite("mien")


def test_a_task_no_suite_describes_has_its_first_metric_and_filter(folder: Path) -> None:
    found = catalogue(folder)
    assert found.benchmarks_of("one") == (
        Benchmark("one", "exact_match", filter="strict", capability="one"),
    )
    with pytest.raises(UnknownNameError, match="no task named 'elsewhere'"):
        found.benchmarks_of("elsewhere")


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    where=st.integers(0, len(SUITE)),
    cut=st.integers(0, 12),
    noise=st.text(max_size=5) | st.sampled_from(["[", '"', "= ", "[[benchmarks]]\n", "\0", "{"]),
)
def test_mangled_text_is_a_suite_or_a_problem_with_a_line(
    folder: Path, where: int, cut: int, noise: str
) -> None:
    text = SUITE[:where] + noise + SUITE[where + cut :]
    path = folder / "suites" / "good.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found = catalogue(folder)
    assert bool(found.suites) or bool(found.problems)
    assert all(problem.line for problem in found.problems)


SHIPPED = Path(zoo_benchmarks.__file__).parent


def test_every_shipped_suite_is_fine() -> None:
    found = read_catalogue([(SHIPPED, "benchmarks")])
    assert found.problems == ()
    assert set(found.suites) >= {"core"}


CORE = read_catalogue([(SHIPPED, "benchmarks")]).suite("core").benchmarks


def test_the_core_suite_has_ten_benchmarks_on_both_axes() -> None:
    assert len(CORE) == 10
    assert {benchmark.axis for benchmark in CORE} == {"general", "special"}


@pytest.mark.parametrize("benchmark", CORE, ids=lambda benchmark: benchmark.task)
def test_a_core_benchmark_has_a_hundred_items_and_says_what_it_measures(
    benchmark: Benchmark,
) -> None:
    task = read_catalogue([(SHIPPED, "benchmarks")]).tasks[benchmark.task]
    file = task.config["dataset_kwargs"]["data_files"][task.config["test_split"]]
    rows = (task.path.parent / file).read_text("utf-8").splitlines()
    assert len(rows) >= 100
    assert benchmark.chance is not None
    assert benchmark.capability != benchmark.task
    assert benchmark.metric in task.metrics
    if task.output_type == "multiple_choice":
        assert benchmark.chance > 0


def brought_by(tmp_path: Path, plugin: str, task: str, suite: str) -> tuple[Path, str]:
    """A plugin's folder with one task and one suite of that name."""
    folder = tmp_path / plugin
    (folder / "tasks").mkdir(parents=True)
    (folder / "suites").mkdir()
    (folder / "tasks" / f"{task}.yaml").write_text(
        f"task: {task}\ndataset_path: org/{plugin}\ntest_split: test\ndoc_to_text: x\n"
    )
    (folder / "suites" / f"{suite}.toml").write_text(
        f'benchmarks = [ {{ task = "{task}", metric = "exact_match" }} ]\n'
    )
    return folder, plugin


def test_two_guests_with_one_name_are_both_refused_until_zoo_toml_picks_one(
    tmp_path: Path,
) -> None:
    folders = [brought_by(tmp_path, name, "law", "court") for name in ("a", "b")]
    refused = read_catalogue(folders, guests={"a", "b"})
    assert not refused.tasks
    assert not refused.suites
    assert len([p for p in refused.problems if "neither is used" in p.reason]) == 4
    picked = read_catalogue(folders, guests={"a", "b"}, pick={"law": "b", "court": "b"})
    assert picked.tasks["law"].origin == "b"
    assert picked.origins["court"] == "b"


def test_a_guest_cannot_claim_a_name_of_the_host_or_of_lm_eval(tmp_path: Path) -> None:
    host = brought_by(tmp_path, "host", "law", "court")
    guest = brought_by(tmp_path, "guest", "law", "court")
    found = read_catalogue([guest, host], guests={"guest"})
    assert found.tasks["law"].origin == "host"
    squatter = brought_by(tmp_path, "squatter", "arc_easy", "squat")
    found = read_catalogue([squatter], guests={"squatter"})
    assert "arc_easy" not in found.tasks
    assert any("one of lm-eval's own tasks" in problem.reason for problem in found.problems)


def test_lm_eval_s_own_tasks_are_found_by_name_with_their_metric_and_filter() -> None:
    catalogue = read_catalogue([])
    (asked,) = catalogue.benchmarks_of("gsm8k")
    assert (asked.metric, asked.filter) == ("exact_match", "strict-match")
    assert catalogue.benchmarks_of("arc_easy")[0].metric == "acc"
    with pytest.raises(UnknownNameError, match="did you mean 'gsm8k'"):
        catalogue.benchmarks_of("gsm8kk")
