"""Each upstream fault that the docs describe is still there, as its script shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "docs" / "upstream").glob("*.py"))
NEEDS_MORE = 77
"""Exit status of a script that lacks what it needs."""

FORKED = """
import os, runpy, sys
import torch, transformers, lm_eval.utils, lm_eval.models.huggingface, lm_eval.tasks

for script in sys.argv[1:]:  # imports are paid for once; each script has a process of its own
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        try:
            runpy.run_path(script, run_name="__main__")
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        except BaseException as problem:
            print(f"{type(problem).__name__}: {problem}")
            status = 1
        sys.stdout.flush()
        os._exit(status)
    print("ended", script, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Exit status of each script, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", FORKED, *map(str, SCRIPTS)],
        cwd=tmp_path_factory.mktemp("upstream"),
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    found, printed = {}, ""
    for line in done.stdout.splitlines():
        if end := re.fullmatch(r"ended (\S+) (-?\d+)", line):
            found[Path(end[1]).name] = (int(end[2]), printed)
            printed = ""
        else:
            printed += line + "\n"
    assert len(found) == len(SCRIPTS), done.stderr
    return found


@pytest.mark.parametrize("name", [script.name for script in SCRIPTS])
def test_the_fault_is_still_there(name: str, ended: dict[str, tuple[int, str]]) -> None:
    status, printed = ended[name]
    if status == NEEDS_MORE:
        pytest.skip(printed.strip())
    assert status == 0, printed


def test_every_script_is_described() -> None:
    page = (ROOT / "docs" / "upstream.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\(upstream/(\S+)\)", page)) == {script.name for script in SCRIPTS}
