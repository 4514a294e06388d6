"""Code that models write is scored in a process without secrets, and in a sandbox."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.evaluating import cell_of, evaluate, make_evaluator, read_tasks, spec
from support.scripted import scripted
from support.tasks import TASKS, write_docs, write_task, write_tasks

from zoo.benchmarks import Benchmark
from zoo.errors import BenchmarkError
from zoo.evaluation import apart, sandbox
from zoo.evaluation.evaluator import Evaluator
from zoo.evaluation.tasks import TaskLoader

needs_namespaces = pytest.mark.skipif(
    bool(sandbox.missing()), reason=f"this machine allows no sandbox: {sandbox.missing()}"
)

RUNNING = """
def passed(doc, results):
    scope = {}
    try:
        exec(results[0], scope)
    except Exception:
        pass
    return {"acc": float(bool(scope.get("passed")))}
"""
CODE = {
    "unsafe_code": True,
    "output_type": "generate_until",
    "doc_to_text": "{{question}}",
    "doc_to_target": "",
    "generation_kwargs": {"max_gen_toks": 8},
    "process_results": "!function running.passed",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}


def code_task(folder: Path, programs: dict[str, str]) -> Path:
    """A task whose answers are programs, each of which says whether it did what it wanted."""
    folder.mkdir()
    write_docs(folder / "docs.jsonl", [{"question": name} for name in programs])
    (folder / "running.py").write_text(RUNNING)
    write_task(folder, "programs", **CODE)
    return folder


def evaluator_of(
    store: Path, tasks: Path, programs: dict[str, str], kind: sandbox.Sandbox
) -> Evaluator:
    """An evaluator whose model writes these programs."""
    evaluator, _ = make_evaluator(store, tasks, loader=scripted(lambda prompt, _: programs[prompt]))
    evaluator.preparer._tasks = TaskLoader(read_tasks(tasks), ["programs", "tiny_write"], kind)
    return evaluator


@pytest.mark.parametrize("kind", [pytest.param("namespaces", marks=needs_namespaces), "none"])
def test_code_of_a_model_reaches_no_secret_and_in_the_sandbox_nothing_else(
    kind: sandbox.Sandbox, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "canary-of-the-environment")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    secret = tmp_path / "home" / ".ssh" / "id_ed25519"
    secret.parent.mkdir(parents=True)
    secret.write_text("canary")
    here = Path(__file__)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        programs = {
            "computes": "passed = sum(range(10)) == 45",
            "fails": "raise ValueError",
            "processes": "import multiprocessing as m\n"
            "found = m.Manager().list()\nother = m.Process(target=found.append, args=(1,))\n"
            "other.start()\nother.join()\npassed = list(found) == [1]",
            "environment": "import os\npassed = 'canary' in str(os.environ)",
            "beginning": "passed = 'canary' in open('/proc/self/environ').read()",
            "file": f"open({str(tmp_path / 'mark')!r}, 'w').write('x')\npassed = True",
            "code": f"open({str(here)!r}, 'a')\npassed = True",
            "network": f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)\n"
            "passed = True",
            "process": f"import os\nos.kill({os.getpid()}, 0)\npassed = True",
            "secret": f"passed = open({str(secret)!r}).read() == 'canary'",
            "undo": "import os\nos.system('mount -o remount,rw / 2> /dev/null')\n"
            f"open({str(here)!r}, 'a')\npassed = True",
            "system": "open('/proc/sys/kernel/core_pattern', 'w')\npassed = True",
        }
        tasks = code_task(tmp_path / "tasks", programs)
        evaluator = evaluator_of(tmp_path / "store", tasks, programs, kind)
        (found,) = evaluate(evaluator, spec(base, "programs"))
    assert found.error == ""
    done = {name for name, item in zip(programs, found.items, strict=True) if item.score}
    outside = {"file", "code", "network", "process", "secret"}
    if kind == "namespaces":
        assert done == {"computes", "processes"}
        assert not (tmp_path / "mark").exists()
    else:
        assert done - {"undo", "system"} == {"computes", "processes", *outside}
        assert (tmp_path / "mark").exists()


def test_answers_scored_apart_have_the_items_of_those_scored_here(
    base: Path, tmp_path: Path
) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    (here,) = evaluate(make_evaluator(tmp_path / "1", tasks)[0], spec(base, "tiny_write", limit=5))
    write_task(tasks, "tiny_write", **{**TASKS["tiny_write"], "unsafe_code": True})
    evaluator, _ = make_evaluator(tmp_path / "2", tasks)
    evaluator.preparer._tasks = TaskLoader(read_tasks(tasks), ["tiny_write"], "none")
    (there,) = evaluate(evaluator, spec(base, "tiny_write", limit=5))
    assert there.error == ""
    assert (there.items, there.scores) == (here.items, here.scores)


def test_a_program_that_ends_its_process_or_a_task_that_changed_fails_its_cell_unrun(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = {"quits": "import os\nos._exit(3)"}
    tasks = code_task(tmp_path / "tasks", programs)
    evaluator = evaluator_of(tmp_path / "1", tasks, programs, "none")
    asked = cell_of(evaluator, spec(base, "programs"))
    (found,) = evaluator.evaluate([asked])
    assert (found.status, found.error) == ("failed", "its process ended with 3")
    mark = tmp_path / "ran"
    (tasks / "running.py").write_text(f"open({str(mark)!r}, 'w').close()\n{RUNNING}")
    (found,) = evaluator.evaluate([asked])
    assert "has changed since its answers were given" in found.error
    assert not mark.exists(), "the changed Python ran before anybody looked whether it had changed"
    monkeypatch.setattr(apart, "STARTING", 0.01)
    monkeypatch.setattr(apart, "EACH", 0.0)
    (found,) = evaluator.evaluate([asked])
    assert "was not done after 0 s" in found.error


@pytest.mark.skipif(not shutil.which("unshare"), reason="unshare sets the limit of this test")
@needs_namespaces
def test_where_the_kernel_allows_no_sandbox_the_task_is_refused_before_anything_loads(
    tmp_path: Path,
) -> None:
    tasks = code_task(tmp_path / "tasks", {"a": ""})
    program = f"""
from pathlib import Path
from support.evaluating import read_tasks
from zoo.benchmarks import Benchmark
from zoo.evaluation.tasks import TaskLoader
TaskLoader(read_tasks(Path({str(tasks)!r})), ["programs"]).load(Benchmark("programs", "acc"), None)
"""
    limit = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    done = subprocess.run(
        ["unshare", "--map-root-user", "sh", "-c", limit, "sh", sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert "this machine allows no sandbox" in said
    assert '[zoo] sandbox = "none"' in said


def test_a_task_that_nobody_allowed_is_refused_with_what_to_write(tmp_path: Path) -> None:
    tasks = code_task(tmp_path / "tasks", {"a": ""})
    with pytest.raises(BenchmarkError, match=r'unsafe_code = \["programs"\]'):
        TaskLoader(read_tasks(tasks)).load(Benchmark("programs", "acc"), None)


def test_a_task_that_runs_no_code_is_scored_here(task_folder: Path) -> None:
    loaded = TaskLoader(read_tasks(task_folder), ["tiny_write"]).load(
        Benchmark("tiny_write", "exact_match", "whole"), None
    )
    assert loaded.sandbox is None
