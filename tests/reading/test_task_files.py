"""Task files: what lm-eval would drop or pass over in silence is named with path, line, reason."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import zoo_benchmarks
from zoo.tasks import TASK_KEYS, Problem, Task, read_task, task_files

GOOD = """\
task: mine
dataset_path: json
dataset_kwargs:
  data_files:
    test: data.jsonl
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: choices
doc_to_target: label
process_results: !function utils.score
metric_list:
  - metric: acc
  - metric: !function utils.score
filter_list:
  - name: strict
    filter: [{function: take_first}]
"""

STRUCTURAL = {"include", "class", "group", "task_list"}
"""Keys that shape task files and never reach lm-eval's TaskConfig."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the good file needs."""
    (tmp_path / "data.jsonl").write_text("{}\n")
    (tmp_path / "utils.py").write_text("if True:\n    def score(doc, results):\n        ...\n")
    return tmp_path


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    return folder / name


def test_a_good_file_is_a_task(folder: Path) -> None:
    task = read_task(write(folder, GOOD), "me")
    assert isinstance(task, Task)
    assert (task.name, task.origin, task.line) == ("mine", "me", 1)
    assert task.output_type == "multiple_choice"
    assert task.metrics == ("acc", "score")
    assert task.filters == ("strict",)


def without(key: str) -> str:
    return re.sub(rf"(?m)^{key}:.*\n(  .*\n)*", "", GOOD)


MISTAKES = {
    "broken syntax": (GOOD + "oops: [1,\n", 18, "not valid YAML"),
    "an unknown tag": ("task: mine\nx: !secret y\n", 2, "not valid YAML: .*!secret"),
    "a tag that cannot be read": ("task: !!int x\n", 1, "not valid YAML: ValueError"),
    "no mapping": ("- task\n", 1, "holds a mapping"),
    "nothing at all": ("", 1, "holds a mapping"),
    "bytes that are no text": (GOOD + "description: '\udcff'\n", 18, "not UTF-8 text"),
    "a control character": (GOOD + "description: '\x01'\n", 1, "not valid YAML: ReaderError"),
    "a bottomless list": ("task: " + "[" * 5000 + "]" * 5000, 1, "nested too deeply"),
    "a list that contains itself": (GOOD + "tag: &a [*a]\n", 1, "nested too deeply"),
    "no name": (without("task"), 1, "the key 'task' .* is missing"),
    "a name that cannot be shown": (GOOD.replace("mine", '"a\\nb"'), 1, "cannot be used"),
    "a name that is a number": (GOOD.replace("mine", "7"), 1, "its name 7 cannot be used"),
    "a key twice": (GOOD + "test_split: dev\n", 18, "the key 'test_split' stands twice"),
    "an unknown key": (GOOD + "doc_to_txt: x\n", 18, "'doc_to_txt' .* did you mean 'doc_to_text'"),
    "a key that is no text": (GOOD + "7: x\n", 18, "the key 7 is not known"),
    "no data": (without("dataset_path"), 1, "the key 'dataset_path' is missing"),
    "an unknown output type": (
        GOOD.replace("multiple_choice", "multiple_chioce"),
        7,
        "'multiple_chioce' is not known; did you mean 'multiple_choice'",
    ),
    "no output type": (GOOD.replace("multiple_choice", "[]"), 7, r"output_type \[\] is not known"),
    "no choices": (without("doc_to_choice"), 7, "needs the key 'doc_to_choice'"),
    "no split": (without("test_split"), 1, "neither 'test_split' nor 'validation_split'"),
    "no prompt": (without("doc_to_text"), 1, "'doc_to_text' is missing"),
    "a missing data file": (
        GOOD.replace("data.jsonl", "dota.jsonl"),
        3,
        "its data file 'dota.jsonl' does not exist",
    ),
    "a data file no system can have": (
        GOOD.replace("data.jsonl", '"a\\0*"'),
        3,
        r"its data file 'a\\x00\*' does not exist",
    ),
    "a data file elsewhere": (
        GOOD.replace("data.jsonl", "/nowhere/x*.jsonl"),
        3,
        r"data file '/nowhere/x\*.jsonl'",
    ),
    "a missing function": (
        GOOD.replace("function utils.score", "function utils.skore", 1),
        11,
        "utils.py defines no function 'skore'; did you mean 'score'",
    ),
    "a missing module": (
        GOOD.replace("function utils.score", "function no_utils_here.score", 1),
        11,
        "there is no no_utils_here.py beside it, nor a package",
    ),
    "a function without module": (
        GOOD.replace("function utils.score", "function score", 1),
        11,
        "names no module, write MODULE.FUNCTION",
    ),
    "a missing include": (GOOD + "include: base.yaml\n", 18, "'base.yaml' does not exist"),
    "an include no system can have": (GOOD + f"include: {'x' * 999}\n", 18, "does not exist"),
    "an include of itself": (GOOD + "include: mine.yaml\n", 18, "included twice or in a circle"),
    "metrics that are no list": (
        without("metric_list") + "metric_list: 3\n",
        15,
        "'metric_list' is 3, wanted a list",
    ),
    "a metric without name": (
        without("metric_list") + "metric_list:\n  - aggregation: mean\n",
        15,
        "has no 'metric'",
    ),
    "filters that are no list": (
        without("filter_list") + "filter_list: {a: b}\n",
        15,
        "'filter_list' is .* wanted a list",
    ),
    "two filters of one name": (
        GOOD + "  - name: strict\n",
        15,
        "'filter_list' needs a name of its own",
    ),
    "a filter without name": (GOOD + "  - filter: []\n", 15, "needs a name of its own"),
    "data arguments that are no mapping": (
        without("dataset_kwargs") + "dataset_kwargs: [a]\n",
        15,
        "'dataset_kwargs' is .* wanted a mapping",
    ),
    "shots that are no number": (GOOD + "num_fewshot: few\n", 18, "wanted a whole number"),
    "shots that are true": (GOOD + "num_fewshot: true\n", 18, "wanted a whole number"),
    "several tasks in one file": ("task_list: [{task: a}]\n", 1, "give each a file of its own"),
}


@pytest.mark.parametrize(("text", "line", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_path_line_and_reason(
    text: str, line: int, said: str, folder: Path
) -> None:
    path = write(folder, text)
    problem = read_task(path)
    assert isinstance(problem, Problem), problem
    assert re.search(said, problem.reason), problem.reason
    assert str(problem).startswith(f"{path}:{line}: ")
    assert len(str(problem).splitlines()) == 1


def test_a_file_that_is_a_folder_is_named_without_a_line(folder: Path) -> None:
    (folder / "dir.yaml").mkdir()
    problem = read_task(folder / "dir.yaml")
    assert isinstance(problem, Problem)
    assert "cannot be read" in problem.reason


def test_a_module_that_is_no_python_is_named(folder: Path) -> None:
    (folder / "utils.py").write_text("def score(:\n")
    problem = read_task(write(folder, GOOD))
    assert isinstance(problem, Problem)
    assert problem.line == 11
    assert "utils.py is not valid Python" in problem.reason


@pytest.mark.parametrize(
    "source",
    [
        "from functools import *\n",
        "for name in ('score',):\n    globals()[name] = print\n",
        "def __getattr__(name):\n    return print\n",
        "from math import sin as score\n",
        "score = lambda doc, results: {}\n",
        "score: object = print\n",
        "try:\n    import score\nexcept ImportError:\n    score = None\n",
        "(score, other) = print, print\n",
    ],
)
def test_a_function_may_be_bound_in_any_way(source: str, folder: Path) -> None:
    (folder / "utils.py").write_text(source)
    assert isinstance(read_task(write(folder, GOOD)), Task)


def test_a_name_inside_a_function_is_not_the_modules(folder: Path) -> None:
    (folder / "utils.py").write_text("def other():\n    score = 1\n")
    assert isinstance(read_task(write(folder, GOOD)), Problem)


def test_included_keys_count_and_own_keys_win(folder: Path) -> None:
    (folder / "base").mkdir()
    (folder / "base" / "_base.yaml").write_text(
        "task: base\ndataset_path: org/data\ntest_split: test\ndoc_to_text: x\n"
        "process_results: !function own.score\n"
    )
    (folder / "base" / "own.py").write_text("def score(doc, results): ...\n")
    task = read_task(write(folder, "include: base/_base.yaml\ntask: mine\n"))
    assert isinstance(task, Task)
    assert (task.name, task.line) == ("mine", 2)
    assert task.config["dataset_path"] == "org/data"


def test_a_mistake_in_an_included_file_is_named_with_both_lines(folder: Path) -> None:
    write(folder, "x: y\noops: [", "_base.yaml")
    problem = read_task(write(folder, "task: mine\ninclude: _base.yaml\n"))
    assert isinstance(problem, Problem)
    assert problem.line == 2
    assert re.match(r"the included file _base.yaml, line 2: not valid YAML", problem.reason)


def test_includes_in_a_circle_are_named(folder: Path) -> None:
    write(folder, "include: _b.yaml\n", "_a.yaml")
    write(folder, "include: _a.yaml\n", "_b.yaml")
    problem = read_task(write(folder, "task: mine\ninclude: _a.yaml\n"))
    assert isinstance(problem, Problem)
    assert "twice or in a circle" in problem.reason


def test_files_of_a_repository_are_not_looked_for_here(folder: Path) -> None:
    text = GOOD.replace("dataset_path: json", "dataset_path: org/data")
    assert isinstance(read_task(write(folder, text.replace("data.jsonl", "elsewhere"))), Task)
    text = GOOD.replace("data.jsonl", "hf://datasets/org/data/x.jsonl")
    assert isinstance(read_task(write(folder, text)), Task)


def test_data_files_may_be_a_pattern(folder: Path) -> None:
    assert isinstance(read_task(write(folder, GOOD.replace("data.jsonl", "'*.jsonl'"))), Task)


def test_a_group_is_no_task_and_no_problem(folder: Path) -> None:
    assert read_task(write(folder, "group: g\ntask: [a, b]\n")) is None


def test_files_to_be_included_are_no_tasks(folder: Path) -> None:
    write(folder, GOOD, "_base.yaml")
    below = folder / "below" / "__pycache__"
    below.mkdir(parents=True)
    write(below, GOOD)
    write(folder / "below", GOOD, "a.yaml")
    assert list(task_files(folder)) == [folder / "below" / "a.yaml"]


def test_the_known_keys_are_lm_evals() -> None:
    from lm_eval.config.task import TaskConfig

    fields = {field.name for field in dataclasses.fields(TaskConfig)}
    assert fields <= TASK_KEYS
    assert TASK_KEYS - fields == STRUCTURAL


FAMILIES = ("arc", "hellaswag", "gsm8k", "ifeval", "minerva_math", "openai-mmmlu", "unitxt", "mmlu")


@pytest.mark.parametrize("family", FAMILIES)
def test_lm_evals_own_tasks_have_no_problem(family: str) -> None:
    import lm_eval

    root = Path(lm_eval.__file__).parent / "tasks" / family
    paths = list(task_files(root))[:60]
    assert paths
    problems = [found for path in paths if isinstance(found := read_task(path), Problem)]
    assert not problems


PIECES = [*GOOD.splitlines(keepends=True), "include: mine.yaml\n", "- x\n", "  y: !function a\n"]


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    pieces=st.permutations(PIECES),
    keep=st.integers(0, len(PIECES)),
    where=st.integers(0, 400),
    noise=st.text(max_size=6)
    | st.sampled_from(["!!int ", "&a ", "*a", "!!timestamp ", "? ", "\t"]),
)
def test_mangled_text_is_a_task_or_a_problem_and_never_an_error(
    folder: Path, pieces: list[str], keep: int, where: int, noise: str
) -> None:
    text = "".join(pieces[:keep])
    text = text[:where] + noise + text[where:]
    path = folder / "mangled.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert isinstance(read_task(path), (Task, Problem, type(None)))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(changed={"output_type": "", "class": None})
@given(changed=st.dictionaries(st.sampled_from(sorted(TASK_KEYS)), VALUES, max_size=4))
def test_a_task_that_is_accepted_can_be_described(folder: Path, changed: dict[str, object]) -> None:
    import yaml

    base = {"task": "t", "dataset_path": "org/d", "test_split": "s", "doc_to_text": "x"}
    path = write(folder, yaml.safe_dump({**base, **changed}))
    found = read_task(path)
    if isinstance(found, Task):
        assert found.output_type
        assert all(isinstance(name, str) for name in (*found.metrics, *found.filters))


def test_every_shipped_task_is_fine() -> None:
    root = Path(zoo_benchmarks.__file__).parent / "tasks"
    found = [read_task(path) for path in task_files(root)]
    assert len(found) >= 10
    assert all(isinstance(task, Task) for task in found), found
