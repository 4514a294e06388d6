"""Python of task files from outside runs only where somebody trusted it, as it was then."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.task_code import code_files, code_hash, runs_code
from zoo.tasks import Task, read_task

TASK = """\
task: outside
dataset_path: json
dataset_kwargs:
  data_files:
    test: outside.jsonl
test_split: test
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 4}
process_results: !function scoring.score
metric_list:
  - metric: right
    aggregation: mean
    higher_is_better: true
"""
SCORING = """\
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from helper import same

Path({canary!r}).touch()


def score(doc, results):
    return {{"right": float(same(doc["answer"], results[0]))}}
"""
HELPER = "def same(one, two):\n    return one == two\n"


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a task that runs two files of Python; `canary` appears where it was run."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "outside.yaml").write_text(TASK)
    (folder / "scoring.py").write_text(SCORING.format(canary=str(tmp_path / "canary")))
    (folder / "helper.py").write_text(HELPER)
    rows = [{"question": f"say {n}", "answer": str(n)} for n in range(3)]
    (folder / "outside.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def zoo(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command, in the environment of the test."""
    return subprocess.run(
        [sys.executable, "-m", "zoo", *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def run(outside: Path) -> subprocess.CompletedProcess[str]:
    """The task asked of the embedded base, or rather of the model that needs no weights."""
    return zoo(
        *("run", "nano/pretrained", "--tasks", "outside", "--include-path", outside),
        *("--loader", "echo", "--protocol", "uniform", "--progress", "none"),
        folder=outside.parent,
    )


def read(outside: Path) -> Task:
    task = read_task(outside / "outside.yaml")
    assert isinstance(task, Task)
    return task


def test_untrusted_python_is_not_run_and_the_remedy_is_named(outside: Path) -> None:
    done = run(outside)
    assert done.returncode == 1
    assert "nobody has trusted" in done.stdout + done.stderr
    assert "zoo trust" in done.stdout + done.stderr
    assert not (outside.parent / "canary").exists()


def test_trusted_python_is_run_until_a_byte_of_it_changes(outside: Path) -> None:
    told = zoo("trust", outside, folder=outside.parent)
    assert told.returncode == 0
    assert "helper.py" in told.stdout
    assert "scoring.py" in told.stdout
    assert not (outside.parent / "canary").exists()
    assert run(outside).returncode == 0
    assert (outside.parent / "canary").exists()
    (outside / "helper.py").write_text(HELPER.replace("==", "!="))
    assert run(outside).returncode == 1
    zoo("trust", outside / "outside.yaml", folder=outside.parent)
    assert run(outside).returncode == 0
    assert zoo("trust", outside, "--revoke", folder=outside.parent).returncode == 0
    assert run(outside).returncode == 1
    assert json.loads(zoo("trust", "--json", folder=outside.parent).stdout) == []


@pytest.mark.parametrize("changed", ["outside.yaml", "scoring.py", "helper.py"])
def test_every_file_that_runs_is_in_the_hash(outside: Path, changed: str) -> None:
    task = read(outside)
    before = code_hash(task)
    assert [path.name for path in code_files(task)] == ["helper.py", "scoring.py"]
    path = outside / changed
    comment = "metadata: {version: 9}\n" if changed.endswith(".yaml") else "# more\n"
    path.write_text(path.read_text() + comment)
    assert code_hash(read(outside)) != before


def test_a_task_without_python_needs_no_trust(outside: Path) -> None:
    path = outside / "outside.yaml"
    plain = TASK[: TASK.index("process_results")] + "metric_list:\n  - metric: exact_match\n"
    path.write_text(plain)
    for name in ("scoring.py", "helper.py"):
        (outside / name).unlink()
    assert not runs_code(read(outside))
    assert run(outside).returncode == 0


@pytest.mark.parametrize("content", ["[]", "{", '{"format": 9}'])
def test_a_list_that_cannot_be_read_trusts_nothing(outside: Path, content: str) -> None:
    from zoo.trust import list_path

    list_path().parent.mkdir(parents=True)
    list_path().write_text(content)
    done = run(outside)
    assert done.returncode == 2
    assert "trusted" in done.stderr
    assert not (outside.parent / "canary").exists()


def test_what_is_no_task_is_not_trusted(outside: Path) -> None:
    (outside / "outside.yaml").write_text("task: 7\n")
    done = zoo("trust", outside, folder=outside.parent)
    assert done.returncode == 2
    assert "nothing was trusted" in done.stderr


def test_workers_are_told_what_is_trusted(outside: Path) -> None:
    """Another process scores the task, from the list of the one that gives the job."""
    zoo("trust", outside, folder=outside.parent)
    done = zoo(
        *("run", "nano/pretrained", "nano/instruct", "--tasks", "outside"),
        *("--include-path", outside, "--loader", "echo", "--protocol", "uniform"),
        *("--executor-args", "workers=2", "--progress", "none"),
        folder=outside.parent,
    )
    assert done.returncode == 0, done.stderr
