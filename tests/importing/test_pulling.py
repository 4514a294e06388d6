"""What others have published stands beside one's own, as it was published or not at all.

The Hub is on loopback; the clients are the real ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hub import Hub
from publishing.conftest import Driver, Zoo, driver, hub, repo, token, zoo

from zoo.recall import recall
from zoo.store import RESPONSES, SCORES, Store

__all__ = ["driver", "hub", "repo", "token", "zoo"]

Change = Callable[[dict[str, bytes]], None]


@pytest.fixture
def puller(tmp_path: Path, driver: Driver) -> Zoo:
    """Somebody else's zoo, empty."""
    root = tmp_path / "puller"
    root.mkdir()
    (root / "zoo.toml").write_text("", "utf-8")
    return Zoo(root, driver)


def do(zoo: Zoo, *words: str) -> dict[str, Any]:
    argv = [*words, "--config", str(zoo.root / "zoo.toml"), "--no-plugins"]
    return zoo.driver.ask("main", argv=[*argv, "--store", str(zoo.root / "results")])


def board(zoo: Zoo) -> list[dict[str, Any]]:
    done = do(zoo, "leaderboard", "--format", "json")
    assert done["status"] == 0, done["err"]
    rows: list[dict[str, Any]] = json.loads(done["out"])["rows"]
    return rows


def files(store: Store) -> dict[Path, bytes]:
    """Every file but the index, whose bytes sqlite arranges."""
    found = (path for path in store.root.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in found if not path.name.startswith("index")}


def test_a_puller_has_the_publishers_leaderboard(zoo: Zoo, puller: Zoo, repo: str) -> None:
    assert zoo.publish()["status"] == 0
    done = do(puller, "pull", repo)
    assert done["status"] == 0, done["err"]
    assert "1 run, 2 models, 2 cells" in done["out"]
    assert do(zoo, "store", "rebuild")["status"] == 0  # sums up the run, as its end does
    theirs, ours = board(zoo), board(puller)
    assert [row["model"] for row in ours] == ["org/base", "org/chat"]
    assert {row["source"].partition("@")[0] for row in ours} == {repo}
    own = {"source", "entry"}
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        assert {k: v for k, v in one.items() if k not in own} == {
            k: v for k, v in other.items() if k not in own
        }


def test_what_may_not_be_read_and_what_is_not_there_are_said_as_that(
    zoo: Zoo, puller: Zoo, hub: Hub, repo: str
) -> None:
    zoo.publish()
    done = do(puller, "pull", repo, "--revision", "nope")
    assert done["status"] != 0
    assert f"{repo} has no revision 'nope'; name a branch" in done["err"]
    hub.fail("GET", f"{repo}/resolve/", status=403, times=1000)
    done = do(puller, "pull", repo)
    hub.faults.clear()
    assert done["status"] != 0
    assert f"you may not read {repo}; ask for access on its page" in done["err"]
    assert "write" not in done["err"]


def test_a_pulled_claim_is_never_served_for_a_cell_that_is_asked_here(
    zoo: Zoo, puller: Zoo, repo: str
) -> None:
    zoo.publish()
    do(puller, "pull", repo)
    assert not list(puller.store.keys(SCORES))
    assert not list(puller.store.keys(RESPONSES))
    (result, _) = recall(puller.store, "f").results
    assert result.provenance.imported["source"].startswith(f"{repo}@")


def test_pulling_again_changes_nothing(zoo: Zoo, puller: Zoo, repo: str) -> None:
    zoo.publish()
    do(puller, "pull", repo)
    before, rows = files(puller.store), puller.store.indexed()
    done = do(puller, "pull", repo)
    assert (done["status"], done["err"]) == (0, "")
    assert "nothing new, 1 run known" in done["out"]
    assert files(puller.store) == before
    assert puller.store.indexed() == rows
    assert puller.store.verify() == []


def test_a_claim_and_ones_own_number_for_one_cell_stand_side_by_side(
    zoo: Zoo, puller: Zoo, repo: str
) -> None:
    zoo.publish()
    puller.add_run("20261105", value=0.75)
    before = board(puller)
    do(puller, "pull", repo)
    rows = board(puller)
    assert sorted((row["model"], bool(row["source"])) for row in rows) == [
        ("org/base", False),
        ("org/base", True),
        ("org/chat", False),
        ("org/chat", True),
    ]
    assert sorted(row["value"] for row in puller.store.indexed()) == [0.5, 0.5, 0.75, 0.75]
    # what was measured here is still what a report shows, though the claim is of a later run
    assert {r.score.value for r in recall(puller.store, "f").results if r.score} == {0.75}
    assert [row["model"] for row in before] == ["org/base", "org/chat"]


def test_a_claim_that_is_forgotten_is_on_no_leaderboard_and_can_be_pulled_again(
    zoo: Zoo, puller: Zoo, repo: str
) -> None:
    zoo.publish()
    do(puller, "pull", repo)
    before = board(puller)
    (listed,) = json.loads(do(puller, "store", "runs", "--json")["out"])
    assert listed["source"] == repo
    done = do(puller, "store", "forget", listed["name"][:12])
    assert f"{listed['name']} (" in done["out"], done["err"]
    assert do(puller, "store", "runs")["out"].strip() == "none"
    assert do(puller, "leaderboard", "--format", "json")["status"] != 0
    assert "there is no run named 'that'" in do(puller, "store", "forget", "that")["err"]
    assert do(puller, "pull", repo)["status"] == 0
    assert board(puller) == before


def test_what_a_publisher_corrects_takes_the_place_of_what_they_said(
    zoo: Zoo, puller: Zoo, hub: Hub, repo: str
) -> None:
    zoo.publish()
    do(puller, "pull", repo)
    alter(hub, repo, lambda run: run["cells"][0]["scores"][0].update(value=0.625))
    done = do(puller, "pull", repo)
    assert "1 run, 2 models, 2 cells" in done["out"]
    assert sorted(row["value"] for row in puller.store.indexed()) == [0.5, 0.625]
    assert len(puller.store.runs()) == 1


def test_what_a_publisher_says_again_later_is_one_claim_and_not_two(
    zoo: Zoo, puller: Zoo, hub: Hub, repo: str
) -> None:
    zoo.publish()
    do(puller, "pull", repo)
    before = board(puller)
    there = hub.repo("dataset", repo).head.tree
    (path,) = (name for name in there if name.startswith("runs/"))
    run = json.loads(there[path])
    run["run"]["id"] = "later"
    replace_run(hub, repo, "runs/later.json", json.dumps(run).encode())
    assert "1 run, 2 models, 2 cells" in do(puller, "pull", repo)["out"]
    assert [row["source"] for row in before] == [repo, repo]
    assert board(puller) == before
    kept = [puller.store.read_run(path) for path in puller.store.runs()]
    assert len({each.settings["pulled"]["commit"] for each in kept}) == 2


def alter(hub: Hub, repo: str, change: Callable[[dict[str, Any]], None]) -> None:
    """The publisher changes a run, and says so in the manifest."""
    there = dict(hub.repo("dataset", repo).head.tree)
    path = next(name for name in there if name.startswith("runs/"))
    run = json.loads(there[path])
    change(run)
    replace_run(hub, repo, path, json.dumps(run).encode())


def replace_run(hub: Hub, repo: str, path: str, data: bytes, **said: Any) -> None:
    """Another file for a run, with a manifest that says its hash, or what is said."""
    place = hub.repo("dataset", repo)
    manifest = json.loads(place.head.tree["manifest.json"])
    facts = {"sha256": sha256(data).hexdigest(), "size": len(data), **said}
    manifest["files"][path] = facts
    spelled = {path: data, "manifest.json": json.dumps(manifest).encode()}
    place.commit(spelled, author="other", title="changed")


NONSENSE: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "runs/hash.json": (b"{}", {"sha256": "0" * 64}, "its sha256 is not the one"),
    "runs/none.json": (b"{}", {"sha256": 7}, "has no sha256 in the manifest"),
    "runs/huge.json": (b"{}", {"size": 1 << 40}, "is larger than 64 MiB"),
    "runs/text.json": (b"<script>alert(1)</script>", {}, "it is no JSON"),
    "runs/deep.json": (b"[" * 100_000, {}, "it is no JSON"),
    "runs/nan.json": (b'{"schema": NaN}', {}, "it is no JSON: NaN is no number"),
    "runs/other.json": (b'{"schema": "zoo.run/2"}', {}, "it is not of the schema zoo.run/1"),
    "runs/name.json": (
        b'{"schema": "zoo.run/1", "run": {"id": "\\u001b[31mx"}, "cells": []}',
        {},
        "it says that it is the run",
    ),
    "runs/part.json": (
        b'{"schema": "zoo.run/1", "run": {"id": "part", "suite": {"name": 3}}, "cells": []}',
        {},
        "it is no whole run",
    ),
    "runs/../../up.json": (b"{}", {}, "is no name of a run"),
    "runs/a@b.json": (b"{}", {}, "is no name of a run"),
}


def test_a_hostile_repository_costs_one_sentence_for_each_file_and_the_rest_is_taken(
    zoo: Zoo, puller: Zoo, hub: Hub, repo: str
) -> None:
    zoo.publish()
    for path, (data, said, _) in NONSENSE.items():
        replace_run(hub, repo, path, data, **said)
    done = do(puller, "pull", repo)
    assert done["status"] == 1
    assert "1 run, 2 models, 2 cells" in done["out"]
    lines = done["err"].splitlines()
    assert len(lines) == len(NONSENSE)
    for path, (_, _, reason) in NONSENSE.items():
        (line,) = (line for line in lines if path in line)
        assert reason in line, line
        assert line.startswith("zoo: not pulled: ")
    assert "\x1b" not in done["err"]
    assert not list(puller.root.parent.rglob("up.json"))
    assert len(puller.store.runs()) == 1


CLAIMS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another key": (
        lambda run: run["cells"][0].update(score_key="f" * 64),
        "under another key than its provenance says",
    ),
    "a score below nothing": (
        lambda run: run["cells"][0]["scores"][0].update(n=-1),
        "has a acc that cannot be",
    ),
    "a cell twice": (lambda run: run["cells"].append(run["cells"][0]), "claims a cell twice"),
    "a cell without its score": (lambda run: run["cells"][0].update(scores=[]), "has no acc"),
    "a stage of other cells": (
        lambda run: run["standing"]["stages"][0].update(cells="0" * 64),
        "its standing of 'org/base' is of other cells",
    ),
    "a stage of a model that was not asked": (
        lambda run: run["standing"]["stages"][0].update(model="org/none"),
        "its standing of 'org/none' is of other cells",
    ),
    "a change of other cells": (
        lambda run: run["standing"]["edges"][0].update(base_cells="0" * 64),
        "its change of 'org/chat' is of other cells",
    ),
    "more than perfection": (
        lambda run: run["standing"]["stages"][0]["scores"][0].update(normalised=50.0),
        "its standing of 'org/base' has a score that cannot be",
    ),
    "less than to fail everything": (
        lambda run: run["standing"]["stages"][0]["scores"][0].update(normalised=-5.0),
        "its standing of 'org/base' has a score that cannot be",
    ),
    "an error below nothing": (
        lambda run: run["standing"]["stages"][0]["general"].update(stderr=-0.1),
        "its standing has an error or a p that cannot be",
    ),
    "a p above certainty": (
        lambda run: run["standing"]["edges"][0]["general"].update(p=1.5),
        "its standing has an error or a p that cannot be",
    ),
    "a standing of other cells": (
        lambda run: run["standing"]["stages"][0]["scores"][0].update(score_key="0" * 64),
        "its standing of 'org/base' is of other cells",
    ),
    "no name": (lambda run: run["run"].update(family=""), "names something"),
    "a field that nobody knows": (
        lambda run: run["cells"][0]["spec"].update(__class__="x"),
        "__class__: this key is not known",
    ),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_run_that_does_not_fit_together_is_refused_whole(
    claim: str, zoo: Zoo, puller: Zoo, hub: Hub, repo: str
) -> None:
    change, reason = CLAIMS[claim]
    zoo.publish()
    alter(hub, repo, change)
    done = do(puller, "pull", repo)
    assert done["status"] == 1
    assert reason in done["err"]
    assert len(done["err"].splitlines()) == 1
    assert puller.store.runs() == []


def test_what_is_no_repository_of_results_is_refused_in_one_sentence(
    puller: Zoo, hub: Hub, repo: str
) -> None:
    hub.add_repo("dataset", "org/empty", {"README.md": "x"})
    hub.add_repo("dataset", "org/odd", {"manifest.json": "[]"})
    for name, reason in {
        "nonsense": "write it as org/name",
        "org/../up": "write it as org/name",
        repo: "there is no data set",
        "org/empty": "it holds no results of `zoo publish`",
        "org/odd": "is none that this zoo can read",
    }.items():
        done = do(puller, "pull", name)
        assert done["status"] == (1 if name == "org/odd" else 2)
        assert reason in done["err"]
        assert len(done["err"].splitlines()) == 1


def test_where_the_hub_is_gone_half_way_nothing_is_taken_and_it_says_so(
    zoo: Zoo, puller: Zoo, hub: Hub, repo: str
) -> None:
    zoo.publish()
    fault = hub.fail("GET", f"/{repo}/resolve/.*/runs/", "drop", times=50)
    done = do(puller, "pull", repo)
    assert fault.hits
    assert done["status"] == 1
    assert len(done["err"].splitlines()) == 1
    assert not puller.store.runs()
    fault.times = 0
    assert do(puller, "pull", repo)["status"] == 0
