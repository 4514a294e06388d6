"""Data of the Hub are pinned to their commit, and what cannot be had is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from hub import loopback_hub

ASK = """
import json, sys
from training.test_data import CHOSEN
from zoo.errors import ConfigError
from zoo.training.data import read_data

said = []
for name in sys.argv[1:]:
    try:
        found = read_data(CHOSEN, name, 1, 2)
        said.append([list(found.rows), found.about.revision])
    except ConfigError as problem:
        said.append(str(problem))
print(json.dumps(said))
"""


CONFIGS = """---
configs:
- {config_name: main, data_files: main/*.jsonl}
- {config_name: hard, data_files: hard/*.jsonl}
---
"""


def test_a_split_is_read_at_its_commit_and_one_that_is_not_there_is_said(tmp_path: Path) -> None:
    rows = [{"prompt": f"{n}", "completion": "x"} for n in range(5)]
    files = {f"data/{name}.jsonl": "\n".join(map(json.dumps, rows)) for name in ("train", "test")}
    with loopback_hub() as hub:
        hub.add_repo("dataset", "org/rows", files)
        both = {
            f"{name}/train.jsonl": json.dumps(rows[at]) for at, name in enumerate(("main", "hard"))
        }
        hub.add_repo("dataset", "org/configs", {"README.md": CONFIGS, **both})
        commit = hub.repositories["dataset", "org/rows"].head.oid
        tests = str(Path(__file__).parents[1])
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                ASK,
                "org/rows",
                "org/rows@main:test",
                "org/rows:none",
                "org/no",
                "org/configs:hard:train",
                "org/configs:train",
            ],
            env={**os.environ, **hub.environment(tmp_path), "PYTHONPATH": tests},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    whole, split, no_split, nothing, hard, no_config = json.loads(done.stdout)
    assert whole == split == [rows[:2], commit]
    assert hard[0] == rows[1:2]
    assert "org/name:config:split" in no_config
    assert no_split.startswith("the data set org/rows:none cannot be had: ")
    assert nothing.startswith("the data set org/no cannot be had: ")
    assert all(said.isprintable() for said in (no_split, nothing))
