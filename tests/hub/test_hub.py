"""The loopback Hub is a Hub to the clients of the real one, as they are installed."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hub import Hub, loopback_hub

CONFIG = '{"model_type": "llama"}'
CARD = "---\nlicense: mit\n---\n# A model"
CONFIGS = """---
configs:
- {config_name: a, data_files: a/*.parquet}
- {config_name: b, data_files: b/*.parquet}
---
"""


def parquet(**columns: list[Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    import numpy as np
    from safetensors.numpy import save

    with loopback_hub() as hub:
        weights = save({"w": np.zeros((3, 4), "float32"), "b": np.zeros(5, "float32")})
        files = {"config.json": CONFIG, "README.md": CARD, "model.safetensors": weights}
        hub.add_repo(
            "model",
            "org/model",
            {**files, "more/notes.txt": "x"},
            branches={"step-10": {"config.json": '{"step": 10}'}},
            tags={"v1": "step-10"},
        )
        hub.add_repo("model", "org/gated", files, gated=True)
        hub.add_repo("model", "other/gated", files, gated=True)
        hub.add_repo("model", "other/private", files, private=True)
        hub.add_repo("model", "other/model", files)
        hub.add_repo("dataset", "org/rows", {"test.jsonl": '{"a": 1}\n{"a": 2}\n'})
        hub.add_repo("dataset", "org/table", {"data/test-0.parquet": parquet(a=[1, 2, 3])})
        both = {"README.md": CONFIGS, "a/1.parquet": parquet(x=[1]), "b/1.parquet": parquet(y=[2])}
        hub.add_repo("dataset", "org/configs", both)
        hub.add_repo("dataset", "org/bench", {"eval.yaml": "name: bench\n"})
        hub.part_size = 2000
        yield hub


@pytest.fixture(scope="module")
def found(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process with the real clients saw."""
    home = tmp_path_factory.mktemp("client")
    mine, theirs = hub.add_user("me", "org"), hub.add_user("other")
    hub.fail("POST", "/preupload/", status=503, headers={"Retry-After": "0"})
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "client.py"), str(home), theirs],
        env=hub.environment(home, mine),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_models_are_downloaded_whole_and_by_branch_tag_and_commit(
    hub: Hub, found: dict[str, Any]
) -> None:
    files = hub.repo("model", "org/model").head.tree
    assert found["commit"] == hub.repo("model", "org/model").head.oid
    assert found["snapshot"]["model.safetensors"] == len(files["model.safetensors"])
    assert found["branch"] == found["tag"] == '{"step": 10}'
    assert found["refs"] == [["main", "step-10"], ["v1"]]
    assert found["tree"] == [
        "README.md",
        "config.json",
        "model.safetensors",
        "more",
        "more/notes.txt",
    ]
    about = found["info"]
    assert (about["license"], about["parameters"]) == ("mit", 17)
    assert about["sizes"] == {path: len(data) for path, data in files.items()}


def test_what_cannot_be_had_is_refused_as_the_real_hub_refuses_it(found: dict[str, Any]) -> None:
    assert found["me"] == "me"
    assert found["missing"] == found["private"] == ["RepositoryNotFoundError", 404]
    assert found["no file"] == ["RemoteEntryNotFoundError", 404]
    assert found["no revision"] == ["RevisionNotFoundError", 404]
    assert found["gated"] == ["GatedRepoError", 403]
    assert found["gated, let in"] == "auto"
    assert found["bad token"][1] == 401


def test_data_sets_are_loaded_from_lines_parquet_and_configs(found: dict[str, Any]) -> None:
    assert found["rows"] == [2, {"a": 1}]
    assert found["table"] == [3, {"a": 1}]
    assert found["configs"] == {"y": 2}


def test_commits_have_parents_and_large_files_go_in_parts(hub: Hub, found: dict[str, Any]) -> None:
    assert found["created"] == ["org/new", ["HfHubHTTPError", 409]]
    assert found["committed"]
    assert found["no-op"]
    assert found["stale"] == ["HfHubHTTPError", 412]
    assert found["left"] == [".gitattributes", "README.md", "data/big.parquet"]
    assert found["big"]
    assert found["bad card"] == "Invalid metadata in README.md."
    assert found["forbidden"] == ["HfHubHTTPError", 403]
    titles = [commit.title for commit in hub.repo("dataset", "org/new").history()]
    assert titles == ["less", "first", "initial commit"]
    assert hub.repo("dataset", "org/new").private
    assert len(hub.asked("PUT", "/lfs/dataset/org/new/")) == 1 + 3
    assert found["space"] == [".gitattributes", "index.html"]


def test_pull_requests_are_opened_extended_merged_and_read_back(found: dict[str, Any]) -> None:
    assert found["pull"] == [1, ["results"], True]
    assert found["pull files"] == [".eval_results/a.yaml", ".eval_results/b.yaml"]
    assert found["untouched"] == []
    assert found["merged"] == "merged"
    assert found["board"] == [[1, "other/model", 0.7], [2, "other/model", 0.5]]
    assert found["read back"] == [0.5, 0.7]
    assert found["no board"] == ["HfHubHTTPError", 404]


def test_faults_strike_as_often_as_their_rule_says_and_every_byte_is_kept(
    hub: Hub, found: dict[str, Any]
) -> None:
    assert [fault.hits for fault in hub.faults] == [1]
    assert found["committed"], "the client tries a preupload again"
    sent = hub.sent()
    assert b"PAR1" * 200 in sent
    assert not [token for token in hub.users if token.encode() in sent]
