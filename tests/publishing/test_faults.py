"""Whatever happens on the way to the Hub: success or one sentence, never half, never twice."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest
from hub import Hub
from hypothesis import given
from hypothesis import strategies as st

from publishing.conftest import Zoo
from zoo.errors import PublishError
from zoo.publishing.sending import Patience

COMMIT = "/commit/main"


def commits(hub: Hub, repo: str) -> int:
    """Commits after the one that makes a repository."""
    return len(hub.repo("dataset", repo).history()) - 1


PASSING: list[tuple[str, str, str, dict[str, Any]]] = [
    ("rate limit", "POST", COMMIT, {"status": 429, "headers": {"Retry-After": "1"}}),
    ("unavailable", "POST", COMMIT, {"status": 503}),
    ("dropped", "POST", COMMIT, {"how": "drop"}),
    ("hung", "POST", COMMIT, {"how": "hang"}),
    ("lost answer", "POST", COMMIT, {"how": "lost"}),
    ("lost answer, twice", "POST", COMMIT, {"how": "lost", "times": 2}),
    ("another's commit", "POST", COMMIT, {"how": "conflict", "times": 2}),
    ("conflict", "POST", COMMIT, {"status": 409}),
    ("upload interrupted", "PUT", "/lfs/", {"how": "drop"}),
    ("creation fails", "POST", "/repos/create", {"status": 500}),
    ("creation's answer lost", "POST", "/repos/create", {"how": "lost"}),
    ("nonsense", "GET", "/api/datasets/org/", {"how": "truncate", "skip": 1}),
]


@pytest.mark.parametrize(
    ("method", "path", "rule"), [each[1:] for each in PASSING], ids=[each[0] for each in PASSING]
)
def test_what_passes_is_waited_for_and_makes_one_commit(
    zoo: Zoo, hub: Hub, repo: str, method: str, path: str, rule: dict[str, Any]
) -> None:
    zoo.write(repo, timeout=1.5)
    fault = hub.fail(method, path, **rule)
    done = zoo.publish()
    assert done["status"] == 0, done["err"]
    assert fault.hits > 0
    theirs = fault.hits if fault.how == "conflict" else 0
    assert commits(hub, repo) == 1 + theirs
    assert json.loads(hub.repo("dataset", repo).head.tree["manifest.json"])["runs"]
    assert zoo.outbox == []


@given(failed=st.integers(1, 50), asked=st.none() | st.floats(0, 1000))
def test_the_hub_is_not_asked_again_before_it_said_nor_after_ever_longer_waits(
    failed: int, asked: float | None
) -> None:
    patience = Patience()
    wait = patience.wait(failed, asked)
    if asked is None:
        assert 0.5 * patience.first <= wait <= patience.longest
    else:
        assert asked <= wait <= asked + 1


FINAL: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("401", "GET", "/api/datasets/", {"status": 401}, "token"),
    ("403", "POST", COMMIT, {"status": 403}, "this token may not write to org/"),
    ("404", "POST", COMMIT, {"status": 404}, "there is no org/"),
    ("upload refused", "PUT", "/lfs/", {"status": 403}, "this token may not write to org/"),
    ("payment", "POST", "/repos/create", {"status": 402}, "the Hub wants payment for org/"),
]


@pytest.mark.parametrize(
    ("method", "path", "rule", "said"),
    [each[1:] for each in FINAL],
    ids=[each[0] for each in FINAL],
)
def test_what_stays_refused_is_one_sentence_and_nothing_is_kept_of_it(
    zoo: Zoo, hub: Hub, repo: str, method: str, path: str, rule: dict[str, Any], said: str
) -> None:
    hub.fail(method, path, **rule, times=1000)
    done = zoo.publish()
    assert done["status"] == 1
    (line,) = done["err"].splitlines()
    assert line.startswith(f"zoo: not published: {repo}: ")
    assert said in line
    assert ("dataset", repo) not in hub.repositories or commits(hub, repo) == 0
    assert zoo.outbox == []


def test_a_repository_of_somebody_elses_is_refused(zoo: Zoo, hub: Hub) -> None:
    hub.add_repo("dataset", "other/private", private=True)
    for name in ("other/private", "other/none"):
        done = zoo.publish("--repo", name)
        assert done["status"] == 1
        assert f"this token may not write to {name}" in done["err"]
    done = zoo.publish(HF_TOKEN="hf_" + "nobodys" * 5)
    assert "the Hub does not know this token" in done["err"]


def test_what_did_not_pass_is_kept_and_the_next_publication_ends_it(
    zoo: Zoo, hub: Hub, repo: str
) -> None:
    zoo.write(repo, timeout=1.5, tries=2)
    hub.fail("POST", COMMIT, status=503, times=1000)
    done = zoo.publish()
    assert done["status"] == 1
    assert "status 503" in done["err"]
    assert "1 kept in the outbox; `zoo publish` again sends what is missing" in done["err"]
    assert commits(hub, repo) == 0
    (kept,) = zoo.outbox
    assert (kept / "entry.json").is_file()
    hub.faults.clear()
    zoo.add_run("20261102")  # what was to be sent is sent as it was, and the newer run too
    done = zoo.publish()
    assert (done["status"], done["err"]) == (0, "")
    runs = json.loads(hub.repo("dataset", repo).head.tree["manifest.json"])["runs"]
    assert sorted(runs) == ["20261101", "20261102"]
    assert zoo.outbox == []


def test_a_wait_of_hours_is_left_to_the_next_publication(zoo: Zoo, hub: Hub) -> None:
    hub.fail("POST", COMMIT, status=429, headers={"Retry-After": "7200"}, times=1000)
    done = zoo.publish()
    assert done["status"] == 1
    assert "with status 429 and asks to wait 7200 s" in done["err"]
    assert len(zoo.outbox) == 1


def test_what_landed_is_named_beside_what_did_not(zoo: Zoo, hub: Hub, repo: str) -> None:
    hub.add_repo("dataset", "org/bench", {"eval.yaml": "name: bench\n"})
    hub.add_repo("model", "org/base", {"config.json": "{}"})
    hub.repositories.pop(("model", "org/chat"), None)
    board = 'arc_easy = { dataset = "org/bench", task_id = "easy" }'
    zoo.write(repo, f"[publish.hub.evaluations]\n{board}")
    done = zoo.publish("--pr")  # org/chat is not there
    assert done["status"] == 1
    landed = [line.split(":")[0] for line in done["out"].splitlines()]
    assert landed == [f"published {repo}", "published org/base"]
    assert "not published: org/chat: there is no model org/chat" in done["err"]


def test_a_pull_request_whose_answer_was_lost_is_found_and_not_opened_twice(
    zoo: Zoo, hub: Hub, repo: str
) -> None:
    hub.add_repo("dataset", "org/bench", {"eval.yaml": "name: bench\n"})
    for name in ("org/base", "org/chat"):
        hub.add_repo("model", name, {"config.json": "{}"})
    board = 'arc_easy = { dataset = "org/bench", task_id = "easy" }'
    zoo.write(repo, f"[publish.hub.evaluations]\n{board}")
    lost = hub.fail("POST", "models/org/base/commit", "lost")
    hub.fail("GET", "/leaderboard", status=503)
    done = zoo.publish("--pr")
    assert done["status"] == 0, done["err"]
    assert lost.hits == 1
    assert len(hub.repo("model", "org/base").discussions) == 1


def test_a_download_that_breaks_off_is_read_again_before_anything_is_built_on_it(
    zoo: Zoo, hub: Hub, repo: str
) -> None:
    assert zoo.publish()["status"] == 0
    zoo.add_run("20261102")
    broken = hub.fail("GET", "/resolve/.*manifest", "truncate", times=2)
    assert zoo.publish()["status"] == 0
    assert broken.hits > 0
    runs = json.loads(hub.repo("dataset", repo).head.tree["manifest.json"])["runs"]
    assert sorted(runs) == ["20261101", "20261102"]


@pytest.mark.parametrize("how", ["hang", "lost"])
def test_a_publication_that_is_killed_is_ended_by_the_next_without_a_second_commit(
    zoo: Zoo, hub: Hub, repo: str, how: str
) -> None:
    rule = hub.fail("POST", COMMIT, "hang" if how == "hang" else "lost", times=1)
    argv = ["publish", "--config", str(zoo.root / "zoo.toml"), "--no-plugins"]
    if how == "lost":  # it landed, and the next question hangs: killed before it could know
        hub.fail("GET", f"/api/datasets/{repo}$", "hang", skip=2, times=1000)
    process = zoo.driver.ask("fork", argv=argv)
    wait_for(lambda: rule.hits > 0)
    os.kill(process["pid"], signal.SIGKILL)
    assert zoo.driver.ask("reap", **process)["signal"] == signal.SIGKILL
    hub.faults.clear()
    assert len(zoo.outbox) == 1
    assert commits(hub, repo) == (1 if how == "lost" else 0)
    done = zoo.publish()
    assert done["status"] == 0, done["err"]
    assert commits(hub, repo) == 1
    assert zoo.outbox == []


def test_a_damaged_entry_of_the_outbox_is_named_and_costs_only_itself(
    zoo: Zoo, hub: Hub, repo: str
) -> None:
    zoo.write(repo, timeout=1.5, tries=1)
    hub.fail("POST", COMMIT, status=503)
    assert zoo.publish()["status"] == 1
    (entry,) = zoo.outbox
    (entry / "entry.json").write_text("{}")
    zoo.add_run("20261102")
    done = zoo.publish()
    assert done["status"] == 1
    assert f"{entry} cannot be read" in done["err"]
    assert commits(hub, repo) == 1


def wait_for(done: Any, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_machine_that_is_to_stay_offline_says_so_at_once(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    from zoo.publishing import Bundle
    from zoo.publishing.hub import publish_to_hub

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(PublishError, match="HF_HUB_OFFLINE is set") as at:
        publish_to_hub(Bundle("dataset", "org/x", {"a.txt": b"a"}, "t"), "org/x")
    assert not at.value.again
    assert zoo.outbox == []
