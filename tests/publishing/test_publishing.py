"""What is published lands whole and once, can be read by others, and only what was asked for."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import yaml
from hub import Hub

from publishing.conftest import Driver, Zoo


def files_of(hub: Hub, repo: str) -> dict[str, bytes]:
    return dict(hub.repo("dataset", repo).head.tree)


def test_a_run_becomes_one_commit_of_a_private_data_set_that_datasets_reads(
    zoo: Zoo, hub: Hub, repo: str, driver: Driver
) -> None:
    done = zoo.publish()
    assert done["status"] == 0, done["err"]
    assert f"published {repo}: {hub.endpoint}/datasets/{repo}/commit/" in done["out"]
    there = hub.repo("dataset", repo)
    assert there.private
    assert [commit.title for commit in there.history()] == [
        "Results of f on mine",
        "initial commit",
    ]
    rows = driver.ask("load", repo=repo, config="results")["rows"]
    assert [(r["model"], r["base_model"], r["value"], r["n"], r["source"]) for r in rows] == [
        ("org/base", [], 0.5, 4, "measured"),
        ("org/chat", ["org/base"], 0.5, 4, "measured"),
    ]
    assert zoo.outbox == []


def test_the_manifest_names_the_hash_of_every_file_and_the_run_can_be_read_back(
    zoo: Zoo, hub: Hub, repo: str
) -> None:
    from hashlib import sha256

    from zoo.results import RunRecord
    from zoo.structuring import read

    assert zoo.publish()["status"] == 0
    files = files_of(hub, repo)
    manifest = json.loads(files["manifest.json"])
    shared = {"manifest.json", "README.md", ".gitattributes"}
    assert manifest["files"].keys() == files.keys() - shared
    for path, said in manifest["files"].items():
        assert said == {"sha256": sha256(files[path]).hexdigest(), "size": len(files[path])}
    run = json.loads(files["runs/20261101.json"])
    assert run["schema"] == "zoo.run/1"
    own = "spec status error response_key score_key".split()
    cells = [{name: cell[name] for name in own} for cell in run["cells"]]
    back = read(RunRecord, {**run["run"], "cells": cells}, "zoo.run/1")
    (path,) = zoo.store.runs()
    kept = zoo.store.read_run(path)
    assert (back.id, back.family, back.suite) == (kept.id, kept.family, kept.suite)
    assert [cell.spec for cell in back.cells] == [cell.spec for cell in kept.cells]
    (score,) = run["cells"][1]["scores"]
    assert (score["metric"], score["value"], score["stderr"], score["n"]) == ("acc", 0.5, 0.1, 4)
    (edge,) = run["tradeoff"]["edges"]
    assert (edge["base"], edge["other"], edge["delta"]) == ("org/base", "org/chat", 0.0)


def test_publishing_the_same_again_makes_no_commit(zoo: Zoo, hub: Hub, repo: str) -> None:
    assert zoo.publish()["status"] == 0
    before = hub.repo("dataset", repo).head.oid
    done = zoo.publish()
    assert (done["status"], done["out"]) == (
        0,
        f"published {repo}: {repo} has it all at {before[:12]}\n",
    )
    assert hub.repo("dataset", repo).head.oid == before


def test_a_later_run_is_added_and_what_people_wrote_into_the_card_stays(
    zoo: Zoo, hub: Hub, repo: str
) -> None:
    assert zoo.publish()["status"] == 0
    there = hub.repo("dataset", repo)
    card = there.head.tree["README.md"].decode()
    card = card.replace("---\n", "---\nlanguage: ko\n", 1) + "\nWe did this in Seoul.\n"
    there.commit({"README.md": card.encode()})
    zoo.add_run("20261102", value=0.75)
    assert zoo.publish()["status"] == 0
    files = files_of(hub, repo)
    runs = json.loads(files["manifest.json"])["runs"]
    assert sorted(runs) == ["20261101", "20261102"]
    assert {"data/results/20261101.parquet", "data/results/20261102.parquet"} <= files.keys()
    text = files["README.md"].decode()
    assert text.endswith("\nWe did this in Seoul.\n")
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["language"] == "ko"
    assert [each["config_name"] for each in front["configs"]] == ["results"]
    assert "measured with stagezoo: 2 runs" in text


def test_eight_publishers_at_once_all_land_and_nothing_is_lost(
    zoo: Zoo, hub: Hub, repo: str, driver: Driver, tmp_path: Path
) -> None:
    zoos = []
    for number in range(2, 10):
        other = Zoo(shutil.copytree(zoo.root, tmp_path / f"zoo{number}"), driver)
        other.add_run(f"202611{number:02}", value=number / 10)
        zoos.append(other)
    slow = hub.fail("POST", f"{repo}/commit/main", "slow", seconds=0.5, times=9, skip=1)
    configs = [str(each.root / "zoo.toml") for each in (zoo, *zoos)]
    done = driver.ask("together", configs=configs)
    hub.faults.clear()
    assert (done["landed"], done["failed"]) == (9, [])
    assert slow.hits == 9, "some were told that another's commit had come in between"
    files = files_of(hub, repo)
    names = {f"202611{number:02}" for number in range(1, 10)}
    assert json.loads(files["manifest.json"])["runs"].keys() == names
    assert {f"data/results/{name}.parquet" for name in names} <= files.keys()
    assert len(hub.repo("dataset", repo).history()) == 1 + 9
    rows = driver.ask("load", repo=repo, config="results")["rows"]
    assert {row["run"] for row in rows} == names


def test_a_dry_run_says_where_and_what_and_asks_nobody(zoo: Zoo, hub: Hub, repo: str) -> None:
    before = len(hub.received)
    done = zoo.publish("--dry-run", HF_TOKEN="")
    assert done["status"] == 0, done["err"]
    assert done["out"].startswith(f"hub: dataset {repo}, private\n")
    assert "\n  data/results/20261101.parquet  " in done["out"]
    assert done["out"].endswith("\nnothing was sent\n")
    assert len(hub.received) == before
    assert zoo.outbox == []
    assert f"dataset {repo}, public" in zoo.publish("--dry-run", "--public")["out"]


def test_what_is_public_is_never_taken_for_private(zoo: Zoo, hub: Hub, repo: str) -> None:
    assert zoo.publish("--public")["status"] == 0
    assert not hub.repo("dataset", repo).private
    zoo.add_run("20261102")
    done = zoo.publish()
    assert done["status"] == 1
    assert f"{repo} is public, and this was to be private; say --public" in done["err"]
    assert len(hub.repo("dataset", repo).history()) == 2
    assert zoo.outbox == []


def test_a_repository_that_holds_something_else_is_not_written_over(
    zoo: Zoo, hub: Hub, repo: str
) -> None:
    there = hub.add_repo("dataset", repo, {"README.md": "# Recipes"}, private=True)
    there.commit({"soup.txt": b"salt"})
    done = zoo.publish()
    assert done["status"] == 1
    assert f"{repo} holds something else" in done["err"]
    there.commit({"README.md": b"stagezoo", "manifest.json": b"[1]"})
    assert "manifest.json of" in zoo.publish()["err"]
    assert len(there.history()) == 3


def test_the_leaderboard_becomes_a_page_of_its_own_and_is_made_anew(
    zoo: Zoo, hub: Hub, repo: str
) -> None:
    for _ in range(2):
        done = zoo.publish("--space")
        assert done["status"] == 0, done["err"]
    space = hub.repo("space", repo)
    assert (space.sdk, space.private) == ("static", True)
    assert [commit.title for commit in space.history()] == ["Leaderboard: mine", "initial commit"]
    front = yaml.safe_load(space.head.tree["README.md"].decode().split("---\n")[1])
    assert (front["sdk"], front["app_file"], front["datasets"]) == ("static", "index.html", [repo])
    assert b"org/chat" in space.head.tree["index.html"]
    board = json.loads(space.head.tree["leaderboard.json"])
    assert {row["model"] for row in board["rows"]} == {"org/base", "org/chat"}
    zoo.add_run("20261102", value=0.75)
    assert zoo.publish("--space")["status"] == 0
    assert len(space.history()) == 3


def test_what_was_pulled_from_others_is_not_published_as_ones_own(
    zoo: Zoo, hub: Hub, repo: str
) -> None:
    zoo.add_run("20261102", value=0.75, source="them/results@abc")
    done = zoo.publish()
    assert done["status"] == 0, done["err"]
    assert "what was pulled from them/results@abc is not published again" in done["err"]
    runs = json.loads(files_of(hub, repo)["manifest.json"])["runs"]
    assert list(runs) == ["20261101"], "the newest of one's own"


def test_a_run_with_a_damaged_cell_is_named_and_the_others_are_published(
    zoo: Zoo, hub: Hub, repo: str
) -> None:
    mine = zoo.add_run("20261102", value=0.75)
    (other,) = (path for path in zoo.store.runs() if path.name == "20261101.json")
    other.unlink()
    zoo.store.add_run(replace(mine, id="20261103", family="g"))
    cell = zoo.add_run("20261104", value=0.9).cells[0]
    zoo.store.set_aside("scores", cell.score_key)
    done = zoo.publish()
    assert done["status"] == 1
    assert "not published: the run 20261104: 1 of its cells can no longer be read" in done["err"]
    runs = json.loads(files_of(hub, repo)["manifest.json"])["runs"]
    assert list(runs) == ["20261103"]


BOARDS = '[publish.hub.evaluations]\narc_easy = { dataset = "org/bench", task_id = "easy" }\n'


def test_models_are_offered_their_scores_once_and_later_scores_join_the_open_offer(
    zoo: Zoo, hub: Hub, repo: str
) -> None:
    hub.add_repo("dataset", "org/bench", {"eval.yaml": "name: bench\n"})
    for name in ("org/base", "org/chat"):
        hub.add_repo("model", name, {"config.json": "{}"})
    zoo.write(repo, BOARDS)
    for _ in range(2):
        done = zoo.publish("--pr")
        assert done["status"] == 0, done["err"]
    model = hub.repo("model", "org/chat")
    assert len(model.discussions) == 1
    tree = model.at("refs/pr/1").tree
    assert set(tree) - set(model.head.tree) == {".eval_results/arc_easy-stagezoo.yaml"}
    (entry,) = yaml.safe_load(tree[".eval_results/arc_easy-stagezoo.yaml"])
    assert entry["dataset"] == {"id": "org/bench", "task_id": "easy"}
    assert entry["value"] == 50.0
    zoo.add_run("20261102", value=0.75)
    assert zoo.publish("--pr")["status"] == 0
    assert len(model.discussions) == 1
    (entry,) = yaml.safe_load(model.at("refs/pr/1").tree[".eval_results/arc_easy-stagezoo.yaml"])
    assert entry["value"] == 75.0
    model.merge(1, "org")
    said = zoo.driver.ask(
        "ask", method="get_dataset_leaderboard", arguments={"repo_id": "org/bench"}
    )["said"]
    assert [(each["model_id"], each["value"]) for each in said] == [("org/chat", 75.0)]
    assert zoo.publish("--pr")["status"] == 0
    assert len(model.discussions) == 1, "what was merged is not offered again"


def test_scores_without_a_board_stand_in_the_results_alone(zoo: Zoo, hub: Hub, repo: str) -> None:
    done = zoo.publish("--pr")
    assert done["status"] == 0
    assert "arc_easy has no board on the Hub that zoo knows of" in done["err"]
    hub.add_repo("model", "org/base", {"config.json": "{}"})
    hub.add_repo("model", "org/chat", {"config.json": "{}"})
    zoo.write(repo, BOARDS.replace("org/bench", "org/none"))
    done = zoo.publish("--pr")
    assert done["status"] == 1
    assert "the Hub has no board for org/none" in done["err"]
    assert not hub.repo("model", "org/chat").discussions


def test_another_publisher_is_given_the_bundle_and_its_options(zoo: Zoo, tmp_path: Path) -> None:
    from zoo.api import open_zoo, publication_of
    from zoo.hookspecs import Publisher
    from zoo.publishing import Bundle
    from zoo.publishing.publication import Wanted, publish

    def to_folder(bundle: Bundle, target: str, sub: str = "") -> str:
        bundle.write(Path(target) / sub)
        return f"{len(bundle.files)} files in {sub}"

    target = tmp_path / "shelf"
    (zoo.root / "zoo.toml").write_text(
        f'[publish.folder]\nrepo = "{target}"\noptions = {{ sub = "a" }}\n'
    )
    host = open_zoo(zoo.root / "zoo.toml", plugins=False)
    host.builtins["publishers"] = (Publisher("folder", to_folder),)
    done = publish(host, publication_of(host, Wanted(to="folder")))
    assert done.landed == ((str(target), "7 files in a"),)
    assert (target / "a" / "data" / "results" / "20261101.parquet").is_file()


def test_what_cannot_be_published_is_said_with_the_remedy(zoo: Zoo) -> None:
    said = zoo.publish("--to", "hbu")
    assert (said["status"], "name it with --repo" in said["err"]) == (2, True)
    said = zoo.publish("--to", "hbu", "--repo", "org/x")
    assert "there is no publisher named 'hbu'; did you mean 'hub'?" in said["err"]
    assert "the store has no run of nobody" in zoo.publish("nobody")["err"]
    assert "write it as org/name" in zoo.publish("--repo", "../x")["err"]
    assert zoo.outbox == []
    done = zoo.publish(HF_TOKEN="")
    assert done["status"] == 1
    assert "there is no token for the Hub; `hf auth login` keeps one" in done["err"]
