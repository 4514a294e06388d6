"""lm-eval's own tasks, of every output type and by groups, run end to end on data from a Hub."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub import Hub, loopback_hub

SUITE = """
[suites.sample]
benchmarks = [
  { task = "arc_easy", metric = "acc_norm", num_fewshot = 1, capability = "science" },
  { task = "lambada_openai", metric = "acc", capability = "language" },
  { task = "wikitext", metric = "bits_per_byte", capability = "language-modelling" },
  { task = "gsm8k", metric = "exact_match", filter = "flexible-extract", num_fewshot = 0, gen_kwargs = { max_gen_toks = 16 }, axis = "special", capability = "math" },
  { task = "wmdp", metric = "acc", capability = "safety", chance = 0.25, policy = "gated" },
  { task = "leaderboard_gpqa", metric = "acc_norm", capability = "hard", policy = "gated" },
  { task = "openbookqa", metric = "acc", capability = "gone" },
]
"""  # noqa: E501

COLOURS = ["red", "green", "blue", "white", "black", "brown"]


def repository(configs: Mapping[str, Mapping[str, Mapping[str, list[Any]]]]) -> dict[str, Any]:
    """The files of a data set: columns by configuration and split, as Parquet, and its card."""
    files: dict[str, Any] = {}
    card = ["---", "configs:"]
    for name, splits in configs.items():
        card += [f"- config_name: {name}", "  data_files:"]
        for split, columns in splits.items():
            path, buffer = f"{name}/{split}-00000-of-00001.parquet", io.BytesIO()
            pq.write_table(pa.table(columns), buffer)
            files[path] = buffer.getvalue()
            card += [f"  - split: {split}", f"    path: {path}"]
    return {**files, "README.md": "\n".join([*card, "---", ""])}


def arc(start: int) -> dict[str, list[Any]]:
    options = [
        {"text": COLOURS[i % 3 : i % 3 + 4], "label": list("ABCD")} for i in range(start, start + 6)
    ]
    return {
        "id": [f"q{i}" for i in range(start, start + 6)],
        "question": [f"What is the colour of thing {i}?" for i in range(start, start + 6)],
        "choices": options,
        "answerKey": ["A", "B", "C", "D", "A", "B"],
    }


def quiz(name: str, n: int) -> dict[str, list[Any]]:
    return {
        "question": [f"What is {name} {i}?" for i in range(n)],
        "choices": [COLOURS[i % 3 : i % 3 + 4] for i in range(n)],
        "answer": [i % 4 for i in range(n)],
    }


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """Data sets of the shapes that lm-eval's task files read, and one that is gated."""
    with loopback_hub() as hub:
        sums = {"question": ["1+1?", "2+3?"], "answer": ["It is 2.\n#### 2", "It is 5.\n#### 5"]}
        text = {"text": [f"the cat saw the {colour} {colour}" for colour in COLOURS]}
        pages = {"page": [f" = {colour} = \n It is a colour . \n" for colour in COLOURS]}
        splits = {"train": arc(0), "validation": arc(6), "test": arc(12)}
        for name, configs in {
            "allenai/ai2_arc": {"ARC-Easy": splits},
            "EleutherAI/lambada_openai": {"default": {"test": text}},
            "EleutherAI/wikitext_document_level": {
                "wikitext-2-raw-v1": dict.fromkeys(("train", "validation", "test"), pages)
            },
            "openai/gsm8k": {"main": {"train": sums, "test": sums}},
            "cais/wmdp": {
                f"wmdp-{name}": {"test": quiz(name, n)}
                for name, n in {"bio": 2, "chem": 3, "cyber": 9}.items()
            },
        }.items():
            hub.add_repo("dataset", name, repository(configs))
        gpqa = {name: {"train": quiz(name, 2)} for name in ("gpqa_main", "gpqa_diamond")}
        hub.add_repo("dataset", "Idavidrein/gpqa", repository(gpqa), gated=True)
        yield hub


@pytest.fixture(scope="module")
def report(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of two stages on the suite, at most four items a task."""
    folder = tmp_path_factory.mktemp("sample")
    (folder / "zoo.toml").write_text(SUITE)

    def zoo(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "zoo", *words, "--suite", "sample"],
            cwd=folder,
            env=hub.environment(folder, hub.add_user("me")),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    stages = ("nano/pretrained", "nano/instruct")
    run = zoo("run", *stages, "--limit", "4", "--protocol", "uniform", "--progress", "none")
    assert run.returncode == 1, run.stdout + run.stderr  # some cells fail, each by name
    shown = zoo("report", *stages, "--format", "json")
    assert shown.returncode == 1, shown.stderr
    (page,) = (folder / "results" / "reports").glob("*.html")
    return {"run": run, "page": page.read_text("utf-8"), **json.loads(shown.stdout)}


def scores(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["benchmark"]: each for each in report["stages"][0]["scores"]}


def test_every_output_type_is_scored_on_data_of_the_hub(report: dict[str, Any]) -> None:
    found = scores(report)
    for name, n in {"arc_easy": 4, "lambada_openai": 4, "wikitext": 4, "gsm8k": 2}.items():
        assert (found[name]["status"], found[name]["n"]) == ("scored", n), found[name]["error"]
    assert found["arc_easy"]["chance"] == 0.25
    assert found["wikitext"]["value"] > 0
    assert found["wikitext"]["normalised"] is None, "bits per byte are no share of 1"
    assert {edge["benchmark"] for edge in report["edges"]} >= {"arc_easy", "gsm8k", "wmdp_bio"}


def test_a_group_is_its_tasks_and_counts_by_its_items_as_lm_eval_counts(
    report: dict[str, Any],
) -> None:
    found = {name: each for name, each in scores(report).items() if each["group"] == "wmdp"}
    assert {name: each["n"] for name, each in found.items()} == {
        "wmdp_bio": 2,
        "wmdp_chem": 3,
        "wmdp_cyber": 4,
    }
    assert {name: each["share"] for name, each in found.items()} == pytest.approx(
        {"wmdp_bio": 2 / 9, "wmdp_chem": 3 / 9, "wmdp_cyber": 4 / 9}
    )
    assert {each["capability"] for each in found.values()} == {"safety"}


def test_what_cannot_be_had_is_said_in_a_sentence_and_the_rest_goes_on(
    report: dict[str, Any],
) -> None:
    found = scores(report)
    gated = [each for each in found.values() if each["group"] == "leaderboard_gpqa"]
    assert [each["status"] for each in gated] == ["failed"] * 3
    assert all("Idavidrein/gpqa is gated; accept its terms" in each["error"] for each in gated)
    assert "there is no data set allenai/openbookqa on the Hub" in found["openbookqa"]["error"]
    said = report["run"].stderr.splitlines()
    (line,) = (each for each in said if "Idavidrein/gpqa" in each)
    assert "leaderboard_gpqa_diamond" in line, "one sentence for all tasks of the group"
    assert "and 3 more: the data set Idavidrein/gpqa is gated" in line
    assert any("openbookqa" in each and "there is no data set" in each for each in said)


def test_whether_the_hub_answers_is_asked_once_for_the_tasks_of_one_data_set(
    hub: Hub, report: dict[str, Any]
) -> None:
    assert report["run"].returncode == 1
    asked = [each.path for each in hub.asked("GET", "/api/datasets/cais/wmdp")]
    assert asked.count("/api/datasets/cais/wmdp") in (1, 2)  # again after a minute


def test_no_item_of_a_gated_group_stands_on_the_page(report: dict[str, Any]) -> None:
    found = re.findall(r'"name":"(\w+)"[^{]*?"policy":"(\w+)".*?"held":(\d+)', report["page"])
    held = {name: (policy, int(count)) for name, policy, count in found}
    assert held["arc_easy"] == ("open", 4)
    for name in ("wmdp_bio", "wmdp_chem", "wmdp_cyber"):
        assert held[name] == ("gated", 0)
