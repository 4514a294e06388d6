"""What cannot be had is found before a weight is loaded, and named with the remedy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from support.hub import SHARD, loopback_hub
from support.tasks import TASKS, write_task
from support.zoos import TinyZoo

from zoo.reporting import render
from zoo.tradeoffs import tradeoff_of


def on_the_hub(zoo: TinyZoo, name: str) -> None:
    """Adds a task whose data set is on the Hub."""
    write_task(zoo.tasks, name, **{**TASKS["tiny_choice"], "dataset_path": f"org/{name}"})
    text = (zoo.tasks / f"{name}.yaml").read_text()
    kept = [x for x in text.splitlines() if "docs.jsonl" not in x and "data" not in x.split(":")[0]]
    (zoo.tasks / f"{name}.yaml").write_text("\n".join([*kept, f"dataset_path: org/{name}"]))
    zoo.measure(name)


def test_data_and_models_that_the_hub_refuses_are_named_with_the_remedy(tiny_zoo: TinyZoo) -> None:
    for name in ("gated", "gone", "script", "hangs"):
        on_the_hub(tiny_zoo, name)
    for name in ("gated", "gone", "huge", "hangs"):
        tiny_zoo.add(f"org/{name}", "fine-tuned", base_model='"./base"')
    with loopback_hub() as address:
        command = tiny_zoo.command("plan", "--json", "--protocol", "uniform", "--device", "cpu")
        done = subprocess.run(
            [sys.executable, "-m", "zoo", *command, "--include-path", str(tiny_zoo.tasks)],
            cwd=tiny_zoo.root,
            env={
                **os.environ,
                "HF_ENDPOINT": address,
                "HF_HOME": str(tiny_zoo.root / "hf"),
                "HF_HUB_ETAG_TIMEOUT": "1",
                "HF_HUB_DOWNLOAD_TIMEOUT": "1",
                "HF_HUB_OFFLINE": "0",
                "OMP_NUM_THREADS": "1",
            },
            capture_output=True,
            text=True,
            timeout=240,
        )
    assert done.returncode == 1, done.stderr
    cells = {(row["model"], row["benchmark"]): row for row in json.loads(done.stdout)}
    said = {task: cells["./base", task]["error"] for task in ("gated", "gone", "script", "hangs")}
    assert said["gated"].endswith("is gated; accept its terms on the Hub, then set HF_TOKEN")
    assert "there is no data set org/gone on the Hub" in said["gone"]
    assert "is a Python script, which is not run" in said["script"]
    assert "the Hub cannot be reached" in said["hangs"]
    assert cells["./base", "tiny_choice"]["status"] == "to ask"
    models = {
        name: cells[f"org/{name}", "tiny_choice"]["error"] for name in ("gated", "gone", "hangs")
    }
    assert "org/hangs is not in the cache and the Hub cannot be reached" in models["hangs"]
    assert models["gated"].endswith("is gated; accept its terms on the Hub, then set HF_TOKEN")
    assert "there is no model org/gone on the Hub" in models["gone"]
    huge = cells["org/huge", "tiny_choice"]["error"]
    assert f"are {SHARD // 10**12:.0f} TB to download" in huge
    assert "HF_HOME" in huge


def test_a_download_that_stalls_fails_its_model_with_the_remedy_and_the_others_go_on(
    tiny_zoo: TinyZoo, base: Path
) -> None:
    tiny_zoo.models = tiny_zoo.models[:1]
    tiny_zoo.add("org/stalls", "fine-tuned", base_model='"./base"')
    command = tiny_zoo.command("run", "--device", "cpu", "--protocol", "uniform", "--limit", "2")
    with loopback_hub(stalls=base) as address:
        done = subprocess.run(
            [sys.executable, "-m", "zoo", *command, "--progress", "none"],
            cwd=tiny_zoo.root,
            env={
                **os.environ,
                "HF_ENDPOINT": address,
                "HF_HOME": str(tiny_zoo.root / "hf"),
                "HF_HUB_ETAG_TIMEOUT": "1",
                "HF_HUB_DOWNLOAD_TIMEOUT": "1",
                "HF_HUB_OFFLINE": "0",
                "OMP_NUM_THREADS": "1",
            },
            capture_output=True,
            text=True,
            timeout=240,
        )
    assert done.returncode == 1, done.stderr
    assert "6 cells: 3 evaluated, 3 failed" in " ".join((done.stdout + done.stderr).split())
    assert "org/stalls is not in the cache whole and the Hub stopped answering" in done.stderr
    assert "set HF_HUB_DOWNLOAD_TIMEOUT (seconds) higher" in done.stderr


def test_the_share_of_answers_that_the_cap_ended_stands_in_the_report(tiny_zoo: TinyZoo) -> None:
    outcome, _ = tiny_zoo.run(wishes={"protocols": ("uniform",)})
    told = (outcome.family, outcome.suite, outcome.results, (outcome.record,))
    tradeoff = tradeoff_of(tiny_zoo.host(), *told)
    shares = tradeoff.provenance["answers_cut_at_the_cap"]
    cut = [
        each.truncated for r in outcome.results for each in r.items if each.truncated is not None
    ]
    assert any(cut), "random models seldom end an answer of their own"
    assert sum(int(said.split()[0]) for said in shares.values()) == sum(cut)
    assert sum(int(said.split()[2]) for said in shares.values()) == len(cut)
    assert shares["./base"] in render(tradeoff, "markdown")
