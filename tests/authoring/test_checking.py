"""`zoo check` finds what is wrong with a plugin, whatever the plugin does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HOOK = "from zoo import hookimpl\n"
REGIME = (
    HOOK + "from zoo.models import Prompting, Regime\n{before}\n"
    "def prompting(model, benchmark):\n    {body}\n"
    "@hookimpl\ndef zoo_regimes():\n    return [Regime('mine', 'Mine', 40, prompting)]\n"
)


def check(folder: Path, source: str, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Installs a distribution `mine` of one module and checks it: (exit status, check by name)."""
    site = folder / "site"
    info = site / "mine-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[zoo]\nmine = zoo_mine\n")
    (site / "zoo_mine.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "check", "mine", "--json", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.startswith("["), done.stderr
    return done.returncode, {each["name"]: each for each in json.loads(done.stdout)}


def test_a_good_plugin_passes_and_a_cell_is_scored(tmp_path: Path) -> None:
    status, checks = check(tmp_path, REGIME.format(before="", body="return Prompting()"))
    assert status == 0
    assert {each["verdict"] for each in checks.values()} == {"ok"}
    assert "items of" in checks["a model of mine is scored"]["said"]


@pytest.mark.parametrize(
    ("source", "name", "said"),
    [
        (
            "import nowhere_to_be_found",
            "it can be used",
            "broken: its import raises Module",
        ),
        ("x = 1", "it implements a hook", "@hookimpl is missing"),
        (
            HOOK + "import os, signal\n@hookimpl\ndef zoo_regimes():\n"
            "    os.kill(os.getpid(), signal.SIGSEGV)\n",
            "zoo_regimes",
            "it crashed the interpreter (SIGSEGV)",
        ),
        (
            HOOK + "import os\n@hookimpl\ndef zoo_loaders():\n    os._exit(4)\n",
            "zoo_loaders",
            "it ended the interpreter with exit status 4",
        ),
        (
            HOOK + "@hookimpl\ndef zoo_probes():\n    return 'length'\n",
            "zoo_probes",
            "zoo_probes returned a str, not a list of Probe",
        ),
        (
            HOOK + "import os\n@hookimpl\ndef zoo_probes():\n    os.chdir('/')\n    return []\n",
            "zoo_probes",
            "changes the working folder",
        ),
        (
            REGIME.format(before="import random", body="return Prompting(str(random.random()))"),
            "models are asked alike each time",
            "prompting of mine differs from call to call",
        ),
        (
            REGIME.format(before="", body="return {}"),
            "models are asked alike each time",
            "prompting of mine gives a dict",
        ),
        (
            HOOK + "from zoo.hookspecs import Section\n@hookimpl\ndef zoo_sections():\n"
            "    return [Section('s', 'S', lambda tradeoff: 5)]\n",
            "claims and sections read a trade-off",
            "the section s renders a int, not text",
        ),
        (
            HOOK + "from zoo.hookspecs import Claim\n@hookimpl\ndef zoo_claims():\n"
            "    return [Claim('Z1', 'all is well', lambda tradeoff: 1 / 0)]\n",
            "claims and sections read a trade-off",
            "ZeroDivisionError",
        ),
        (
            HOOK + "from pathlib import Path\n@hookimpl\ndef zoo_benchmarks():\n"
            "    return [Path(__file__).parent / 'nowhere']\n",
            "zoo_benchmarks",
            "which is not a folder",
        ),
    ],
)
def test_a_bad_plugin_is_told_which_check_it_failed_and_why(
    tmp_path: Path, source: str, name: str, said: str
) -> None:
    status, checks = check(tmp_path, source)
    assert status == 1
    assert checks[name]["verdict"] == "fail"
    assert said in checks[name]["said"]


def test_a_task_that_cannot_be_read_is_named_with_its_file(tmp_path: Path) -> None:
    tasks = tmp_path / "site" / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "shapeless.yaml").write_text("task: shapeless\n")
    status, checks = check(
        tmp_path,
        HOOK + "from pathlib import Path\n@hookimpl\ndef zoo_benchmarks():\n"
        "    return [Path(__file__).parent]\n",
    )
    assert status == 1
    assert "shapeless.yaml" in checks["suites and tasks can be read"]["said"]


def test_a_hook_that_never_returns_is_given_up(tmp_path: Path) -> None:
    source = HOOK + "import time\n@hookimpl\ndef zoo_regimes():\n    time.sleep(3600)\n"
    status, checks = check(tmp_path, source, "--patience", "8")
    assert status == 1
    assert "did not end within 8 s" in checks["zoo_regimes"]["said"]


def test_a_plugin_that_is_not_installed_is_answered_with_the_nearest() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "check", "instuct"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "did you mean 'instruct'?" in done.stderr
