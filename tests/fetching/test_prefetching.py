"""What a run reads is fetched from a Hub on loopback; then the Hub goes, and the run is made."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hub import Hub, loopback_hub
from huggingface_hub import constants
from support.architectures import adapter_over, tiny
from support.saying import Said

from zoo.fetching.caches import caches

DRIVER = Path(__file__).with_name("driver.py")
ROWS = [{"question": f"Q{i}?", "choices": ["yes", "no"], "gold": i % 2} for i in range(16)]
CARD = """---
configs:
- config_name: main
  data_files: [{split: test, path: main/*.parquet}]
- config_name: other
  data_files: [{split: test, path: other/*.parquet}]
---
"""
CHOICE = {
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}",
    "doc_to_choice": "choices",
    "doc_to_target": "gold",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}
TASKS: dict[str, dict[str, Any]] = {
    "quiz": {"dataset_path": "org/quiz", "dataset_name": "main"},
    "lines": {"dataset_path": "org/lines"},
    "named": {"dataset_path": "org/quiz", "dataset_kwargs": {"data_files": {"test": "more.jsonl"}}},
}
ZOO = """
[suites.mine]
benchmarks = [ { task = "quiz", metric = "acc" }, { task = "lines", metric = "acc" } ]
[families.stages]
suite = "mine"
models = [
  { id = "org/base", regime = "pretrained" },
  { id = "org/lora", regime = "fine-tuned", base_model = "org/base", loader_args = OVER_BASE },
]
[families.closed]
suite = "mine"
models = [ { id = "org/base", regime = "pretrained" },
           { id = "org/gated", regime = "instruction-tuned", base_model = "org/base" },
           { id = "org/refused", regime = "fine-tuned", base_model = "org/base" },
           { id = "org/torn", regime = "fine-tuned", base_model = "org/base" },
           { id = "org/hung", regime = "fine-tuned", base_model = "org/base" },
           { id = "org/pickled", regime = "fine-tuned", base_model = "org/base" } ]
""".replace("OVER_BASE", '{ peft = "org/lora", pretrained = "org/base" }')
MINE = ["--include-path", "tasks"]
WEIGHTS = "hub/models--org--base/snapshots/*/model.safetensors"


def parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), file)
    return file.getvalue()


def steps(root: Path) -> dict[str, dict[str, Any]]:
    """The commands that are said while the Hub stands, by name, and what is done in between."""

    def zoo(*argv: str) -> dict[str, Any]:
        return {"folder": str(root), "argv": [*argv, *MINE]}

    again = zoo("prefetch", "mine", "stages", "--json")
    return {
        "plan, before": zoo("plan", "stages", "--no-check", "--json"),
        "plan as text": zoo("plan", "stages", "--no-check"),
        "dry": zoo("prefetch", "mine", "stages", "--dry-run"),
        "dry, as JSON": zoo("prefetch", "mine", "stages", "--dry-run", "--json"),
        "first": zoo("prefetch", "mine", "stages"),
        "again": again,
        "bytes change": {"damage": WEIGHTS, "how": "flip"},
        "a small file changes": {
            "damage": "hub/models--org--base/snapshots/*/tokenizer.json",
            "how": "flip",
        },
        "weights mended": again,
        "data change": {"damage": "hub/datasets--org--quiz/snapshots/*/main/*", "how": "flip"},
        "a table is cut": {"damage": "datasets/org___lines/**/*.arrow", "how": "cut"},
        "data mended": again,
        "closed": zoo("prefetch", "mine", "closed", "org/gone"),
        "the disk is full": {"free": 1000},
        "no room": zoo("prefetch", "mine", "closed"),
        "the disk is empty": {"free": 10**15},
        "named": zoo("prefetch", "--tasks", "named"),
        "folders": zoo("prefetch", "core", "nano"),
        "no suite": zoo("prefetch"),
        "misspelt": zoo("prefetch", "mime"),
    }


@dataclass(frozen=True)
class Before:
    """What was said while the Hub stood, what it was asked, and the environment after it."""

    root: Path
    said: dict[str, Said]
    asked: list[str]
    environment: dict[str, str]
    commits: dict[str, str]


def in_a_process(steps: Sequence[Mapping[str, Any]], environment: Mapping[str, str]) -> list[Said]:
    done = subprocess.run(
        [sys.executable, DRIVER],
        input=json.dumps(list(steps)),
        env={**environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Said(*each) for each in json.loads(done.stdout.splitlines()[-1])]


def filled(hub: Hub) -> None:
    """Two models, the one an adapter over the other, two data sets, and what cannot be had."""
    base = tiny("Llama")
    unread = {"pytorch_model.bin": b"a pickle", "onnx/model.onnx": b"another format"}
    hub.add_repo("model", "org/base", {**base, **unread})
    hub.add_repo("model", "org/lora", adapter_over("org/base", base))
    hub.add_repo("model", "org/gated", base, gated=True)
    for name in ("refused", "torn", "hung"):
        hub.add_repo("model", f"org/{name}", tiny("Llama", seed=len(name)))
    small = {name: data for name, data in base.items() if name != "model.safetensors"}
    hub.add_repo("model", "org/pickled", {**small, "pytorch_model.bin": b"a pickle"})
    files = {"README.md": CARD, "main/a.parquet": parquet(ROWS), "other/b.parquet": parquet(ROWS)}
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    hub.add_repo("dataset", "org/quiz", {**files, "more.jsonl": lines})
    hub.add_repo("dataset", "org/lines", {"test.jsonl": lines})
    weights = "/org/{}/resolve/.*/model.safetensors"
    hub.fail("GET", "/org/refused/resolve", "status", status=403, times=99)
    hub.fail("GET", weights.format("torn"), "truncate")
    hub.fail("GET", weights.format("torn"), "drop", times=99)
    hub.fail("GET", weights.format("hung"), "hang", times=99)
    hub.fail("GET", "/org/base/resolve/.*/model.safetensors", "truncate")  # once: it is resumed


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Before:
    root = tmp_path_factory.mktemp("prefetching")
    (root / "tasks").mkdir()
    for name, task in TASKS.items():
        text = yaml.safe_dump({"task": name, **CHOICE, **task})
        (root / "tasks" / f"{name}.yaml").write_text(text)
    (root / "zoo.toml").write_text(ZOO)
    with loopback_hub() as hub:
        filled(hub)
        environment = {
            **hub.environment(root),
            "HF_HUB_DOWNLOAD_TIMEOUT": "1",
            "XDG_CACHE_HOME": str(root / "cache"),
        }
        wanted = steps(root)
        said = in_a_process(list(wanted.values()), environment)
        names = [name for name, step in wanted.items() if "argv" in step]
        asked = [request.path for request in hub.received if request.method == "GET"]
        commits = {name: repo.head.oid for (_, name), repo in hub.repositories.items()}
    return Before(root, dict(zip(names, said, strict=True)), asked, environment, commits)


@pytest.fixture(scope="module")
def offline(before: Before) -> dict[str, Said]:
    """What is said in another process, when the Hub is gone."""
    elsewhere = str(before.root / "elsewhere")
    wanted = {
        "run": ["run", "stages", "--protocol", "uniform", *MINE],
        "report": ["report", "stages", "--format", "json"],
        "plan": ["plan", "stages", "--no-check", "--json", *MINE],
        "more": ["run", "closed", "--protocol", "uniform", *MINE],
        "gone": ["run", "org/gone", "--tasks", "quiz", *MINE],
        "prefetch": ["prefetch", "mine", "stages", *MINE],
    }
    said = in_a_process(
        [
            *({"folder": str(before.root), "argv": argv} for argv in wanted.values()),
            {"folder": elsewhere, "argv": ["plan", "nano", "--tasks", "core_facts", "--no-check"]},
        ],
        {**before.environment, "HF_HUB_OFFLINE": "1"},
    )
    return dict(zip([*wanted, "nano"], said, strict=True))


def rows(said: Said) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["kind"], row["name"]): row for row in json.loads(said.out)}


STAGES = [("model", "org/base"), ("adapter", "org/lora")]
DATA = [("data", "org/quiz"), ("data", "org/lines")]


def test_a_run_without_a_network_scores_what_was_fetched(
    before: Before, offline: dict[str, Said]
) -> None:
    assert before.said["first"].status == 0, before.said["first"].err
    assert offline["run"].status == 0, offline["run"].err
    stages = json.loads(offline["report"].out)["stages"]
    assert {stage["model"]: stage["revision"] for stage in stages} == {
        name: before.commits[name] for name in ("org/base", "org/lora")
    }
    for stage in stages:
        scores = {score["benchmark"]: score for score in stage["scores"]}
        assert {(n, s["status"], s["n"]) for n, s in scores.items()} == {
            ("quiz", "scored", len(ROWS)),
            ("lines", "scored", len(ROWS)),
        }


def test_only_what_a_run_reads_is_fetched_at_the_commit_that_is_said(before: Before) -> None:
    fetched = {path for path in before.asked if "/resolve/" in path and "org/base" in path}
    assert any(path.endswith("model.safetensors") for path in fetched)
    assert not [path for path in before.asked if path.endswith((".bin", ".onnx", "b.parquet"))]
    found = rows(before.said["again"])
    assert set(found) == {*STAGES, *DATA}
    for (_, name), row in found.items():
        assert row["revision"] == before.commits[name]
        assert before.commits[name][:12] in before.said["first"].out


def test_what_is_there_is_checked_and_not_fetched_again(before: Before) -> None:
    found = rows(before.said["again"])
    assert {row["state"] for row in found.values()} == {"there"}
    assert {row["fetched"] for row in found.values()} == {0}
    for each in STAGES:
        assert "by the Hub's hashes" in found[each]["checked"]
    for each in DATA:
        assert f"by the Hub's hashes, {len(ROWS)} rows read, 1 task" in found[each]["checked"]


def test_damaged_weights_and_tokenizers_are_noticed_and_mended(before: Before) -> None:
    assert before.said["weights mended"].status == 0, before.said["weights mended"].err
    found = rows(before.said["weights mended"])
    assert found["model", "org/base"]["state"] == "mended"
    assert found["adapter", "org/lora"]["state"] == "there"
    here = before.root / "hf/hub/models--org--base/snapshots" / before.commits["org/base"]
    for name in ("model.safetensors", "tokenizer.json"):
        assert (here / name).read_bytes() == tiny("Llama")[name]


def test_damaged_data_are_noticed_and_mended(before: Before) -> None:
    assert before.said["data mended"].status == 0, before.said["data mended"].err
    found = rows(before.said["data mended"])
    assert {name: found["data", name]["state"] for name in ("org/quiz", "org/lines")} == {
        "org/quiz": "mended",
        "org/lines": "mended",
    }
    assert found["model", "org/base"]["state"] == "there"


def test_a_dry_run_says_what_would_come_and_fetches_no_weights(before: Before) -> None:
    found = rows(before.said["dry, as JSON"])
    weights = len(tiny("Llama")["model.safetensors"])
    assert found["model", "org/base"]["fetched"] == weights
    assert {row["state"] for row in found.values()} == {"to fetch"}
    assert "nothing was fetched but the small files" in before.said["dry"].out
    first = next(i for i, path in enumerate(before.asked) if path.endswith("model.safetensors"))
    assert any("org/base/resolve" in path for path in before.asked[:first])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("org/gated", "org/gated is gated; accept its terms on the Hub, then set HF_TOKEN"),
        ("org/gone", "there is no model org/gone on the Hub (if it is private, set HF_TOKEN)"),
        ("org/refused", "the Hub refuses org/refused (403); set HF_TOKEN to one that may read it"),
        ("org/torn", "the download of model.safetensors of org/torn broke off"),
        ("org/hung", "the download of model.safetensors of org/hung broke off"),
        ("org/pickled", "org/pickled holds no weights that a run reads"),
    ],
)
def test_what_cannot_be_had_is_one_sentence_and_the_rest_goes_on(
    before: Before, name: str, sentence: str
) -> None:
    said = before.said["closed"]
    assert said.status == 1
    (line,) = [
        line for line in said.err.splitlines() if line.startswith(f"zoo: not fetched: {name}")
    ]
    assert sentence in line
    assert "Traceback" not in said.err
    (row,) = [
        line for line in said.out.splitlines() if line.startswith("model") and " org/base" in line
    ]
    assert " there " in row


def test_weights_that_find_no_room_are_not_begun(before: Before) -> None:
    said = before.said["no room"].err
    weights = len(tiny("Llama")["model.safetensors"])
    assert f"the weights of org/torn are {weights / 1000:.0f} kB to download" in said
    assert "has 1.0 kB free for them; make room, or set HF_HOME to another disk" in said
    assert "broke off" not in said


def test_data_that_a_run_would_not_find_again_without_a_network_are_said_to_be_so(
    before: Before,
) -> None:
    assert before.said["named"].status == 1
    assert (
        "without a network the library `datasets` does not find them again"
        in before.said["named"].err
    )


def test_folders_and_the_embedded_family_need_nothing_and_it_is_said(before: Before) -> None:
    assert before.said["folders"].status == 0, before.said["folders"].err
    table = [line for line in before.said["folders"].out.splitlines() if "nano/" in line]
    assert table
    assert all("nothing to fetch" in line and "in a folder" in line for line in table)


def test_a_suite_must_be_named_and_a_near_name_is_offered(before: Before) -> None:
    assert before.said["no suite"].status == 2
    assert "`zoo prefetch SUITE`" in before.said["no suite"].err
    assert before.said["misspelt"].status == 2
    assert "did you mean 'mine'" in before.said["misspelt"].err


def test_a_plan_says_what_is_missing_and_how_it_is_fetched(
    before: Before, offline: dict[str, Said]
) -> None:
    first = {
        (cell["model"], cell["benchmark"]): {each["name"] for each in cell["missing"]}
        for cell in json.loads(before.said["plan, before"].out)
    }
    assert first["org/base", "quiz"] == {"org/base", "org/quiz"}
    assert first["org/lora", "lines"] == {"org/base", "org/lora", "org/lines"}
    text = before.said["plan as text"].out
    assert "not in the cache: the weights of org/base, the adapter org/lora" in text
    assert "`zoo prefetch mine stages --include-path tasks` fetches it beforehand" in text
    after = json.loads(offline["plan"].out)
    assert after
    assert [cell["missing"] for cell in after] == [[]] * len(after)


def test_a_run_that_stays_offline_names_the_command_that_fetches_what_it_lacks(
    offline: dict[str, Said],
) -> None:
    more = offline["more"]
    assert more.status == 1
    (line,) = [each for each in more.err.splitlines() if "HF_HUB_OFFLINE is set, and" in each]
    assert "`zoo prefetch mine closed --include-path tasks`" in line
    assert "org/gated" in line
    assert "zoo prefetch SUITE org/hung" in more.err, "weights alone are lacking"
    assert offline["gone"].status == 2
    assert "`zoo prefetch SUITE org/gone` fetches it" in offline["gone"].err
    assert offline["prefetch"].status == 2
    assert "HF_HUB_OFFLINE is set, so that nothing can be fetched" in offline["prefetch"].err
    assert "prefetch" not in offline["nano"].out + offline["nano"].err


def test_the_command_for_later_is_said_where_nothing_failed_and_only_there(before: Before) -> None:
    said = f"without a network: HF_HUB_OFFLINE=1 HF_HOME={before.root}/hf zoo run stages --suite"
    assert said in before.said["first"].out
    for name in ("closed", "no room", "named"):
        assert before.said[name].status == 1
        assert "without a network: HF_HUB" not in before.said[name].out


def test_caches_that_stand_apart_are_named_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_DATASETS_CACHE", raising=False)
    assert caches() == {"HF_HOME": str(tmp_path)}
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "/fast/hub")
    monkeypatch.setenv("HF_DATASETS_CACHE", "/large/data")
    apart = {"HF_HUB_CACHE": "/fast/hub", "HF_DATASETS_CACHE": "/large/data"}
    assert caches() == {"HF_HOME": str(tmp_path), **apart}
