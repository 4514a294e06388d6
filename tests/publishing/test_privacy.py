"""What must never leave: secrets, homes, closed items. Every byte that was sent is looked at."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub import Hub
from huggingface_hub import constants
from hypothesis import given
from hypothesis import strategies as st
from store.recorded import keep, record

from publishing.conftest import BENCHMARK, MODELS, Driver, Zoo
from zoo.api import open_zoo, publication_of
from zoo.benchmarks import Suite
from zoo.errors import PublishError
from zoo.fingerprints import digest
from zoo.models import Making, Model, Prompting
from zoo.publishing import Bundle
from zoo.publishing.bundles import choose
from zoo.publishing.local import shareable
from zoo.publishing.names import public_names, renamed, safe
from zoo.publishing.publication import Wanted
from zoo.publishing.recording import spec_of
from zoo.publishing.scanning import refuse_leaks
from zoo.questions import Question, keep_questions
from zoo.results import Item, Provenance, RecordedCell, Result, RunSpec, Score
from zoo.store import SCORES, Store
from zoo.structuring import plain, read

CANARIES = {
    "OPENAI_API_KEY": "sk-canary-canary-canary-canary",
    "MY_SERVICE_PASSWORD": 'correct "horse" battery',
    "HTTPS_PROXY_SECRET": "canary-of-the-proxy",
}
OPEN = replace(BENCHMARK, task="open_task", licence="mit")
GATED = replace(BENCHMARK, task="gated_task", licence="mit", policy="gated")
CANARY = replace(BENCHMARK, task="canary_task", licence="mit", policy="canary")
UNKNOWN = replace(BENCHMARK, task="unknown_task")
QUOTING = replace(GATED, num_fewshot=3)
SUITE = Suite("mine", (OPEN, GATED, CANARY, UNKNOWN, QUOTING))


def fill(zoo: Zoo, name: str, model: Model = MODELS[0], answer: str = "") -> None:
    """A run of a model on four benchmarks, with questions and answers that can be told."""
    cells = []
    for benchmark in (OPEN, GATED, CANARY, UNKNOWN):
        spec = RunSpec(model, benchmark, "uniform", Prompting())
        key, asked = digest([name, benchmark.task]), digest([name, benchmark.task, "asked"])
        text = answer or f"answer to {benchmark.task}"
        items = [
            Item(
                f"id-{benchmark.task}", "c", 0, 0.5, True, 7, False, 0.25, 0.5, text, "ph-" + asked
            )
        ]
        columns = {each: [getattr(i, each) for i in items] for each in Item.__dataclass_fields__}
        facts = Provenance(
            score_key=key, weights="fe" * 32, dtype="float32", first_tokens=(70_001, 70_002)
        )
        summary = {"scores": plain((Score("acc", 0.5, 0.1, 1),)), "provenance": plain(facts)}
        zoo.store.put(SCORES, key, columns, summary)
        question = Question((f"question of {benchmark.task}",), ("yes", "no"), "target")
        keep_questions(zoo.store, [(asked, [("ph-" + asked, question)])])
        cells.append(RecordedCell(spec, "scored", "", key, questions=asked))
    told = "401 for https://me:canary-in-an-address@host, " + ", ".join(CANARIES.values())
    failed = RunSpec(model, replace(OPEN, num_fewshot=3), "uniform", Prompting())
    quoting = RunSpec(model, QUOTING, "uniform", Prompting())
    cells.append(RecordedCell(failed, "failed", error=told))
    cells.append(RecordedCell(quoting, "failed", error="cannot parse: question of gated_task"))
    made = record(name, *cells, suite=SUITE, include_paths=["/canary/of/a/path"])
    zoo.store.add_run(replace(made, started="2026-11-05T08:00:00+00:00"))


@pytest.fixture
def filled(zoo: Zoo) -> Zoo:
    fill(zoo, "20261105")
    return zoo


def test_no_canary_reaches_the_hub(filled: Zoo, hub: Hub) -> None:
    home = str(Path.home())
    told = Model(
        f"{home}/canary-home/tuned",
        "c" * 40,
        regime="fine-tuned",
        family="f",
        loader_args={
            "pretrained": f"{home}/canary-home/tuned",
            "base_url": "https://canary-host.internal/v1",
            "max_length": 512,
        },
    )
    fill(filled, "20261106", told)
    done = filled.publish("--samples", **CANARIES)
    assert done["status"] == 0, done["err"]
    sent = hub.sent()
    assert b'"max_length": 512' in sent
    assert b'"./tuned-fefefefefefe"' in sent
    assert b'"base_url"' in sent, "what is withheld is named"
    for value in (
        *CANARIES.values(),
        "canary-in-an-address",
        "canary-home",
        "canary-host",
        "/canary/of",
        *hub.users,
    ):
        assert value.encode() not in sent
        assert json.dumps(value)[1:-1].encode() not in sent


def test_texts_of_closed_benchmarks_never_leave_and_those_of_open_ones_only_when_asked(
    filled: Zoo, hub: Hub, repo: str, driver: Driver
) -> None:
    hub.received.clear()
    assert filled.publish()["status"] == 0
    assert b"question of" not in hub.sent()
    assert b"answer to" not in hub.sent()
    assert filled.publish("--samples")["status"] == 0
    sent = hub.sent()
    assert b"question of open_task" in sent
    assert b"answer to open_task" in sent
    for task in ("gated_task", "canary_task", "unknown_task"):
        assert f"question of {task}".encode() not in sent
        assert f"answer to {task}".encode() not in sent
    assert b"70001" not in sent, "the first tokens of a request are its text"
    rows = {
        each["policy"]: each for each in driver.ask("load", repo=repo, config="samples")["rows"]
    }
    assert rows.keys() == {"open", "gated", "canary", "unknown"}
    for policy in ("gated", "canary", "unknown"):
        kept = {name for name, value in rows[policy].items() if value is not None}
        shown = {"item_id", "sample", "score", "n_tokens", "truncated"}
        assert kept - {"run", "model", "revision", "benchmark", "metric", "filter", "protocol"} == {
            *shown, "policy", "num_fewshot",
        }  # fmt: skip
    assert rows["open"]["prompts"] == ["question of open_task"]


def test_an_answer_that_holds_a_secret_stops_all_of_it(zoo: Zoo, hub: Hub) -> None:
    fill(zoo, "20261105", answer="export HF_TOKEN=hf_" + "Canary" * 5)
    before = len(hub.received)
    done = zoo.publish("--samples")
    assert done["status"] == 1
    assert "nothing was sent: data/samples/20261105.parquet" in done["err"]
    assert "Canary" * 5 not in done["err"]
    assert len(hub.received) == before
    assert zoo.outbox == []
    assert zoo.publish()["status"] == 0, "scores alone hold none"


def test_a_secret_in_the_publishers_options_is_refused(zoo: Zoo, repo: str) -> None:
    zoo.write(repo, token="hf_" + "Canary" * 5)
    done = zoo.publish()
    assert done["status"] == 2
    assert "token holds a secret" in done["err"]
    assert "Canary" * 5 not in done["err"]


def parquet(**columns: list[Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, compression="zstd")
    return buffer.getvalue()


LEAKS = [
    "hf_" + "a" * 34,
    "Authorization: Bearer abc",
    "https://me:password@host/x",
    "sk-" + "b" * 20,
    "AKIA" + "B" * 16,
    "ghp_" + "c" * 36,
    "-----BEGIN RSA PRIVATE KEY-----",
    "/home/somebody/models",
    "/Users/somebody/models",
    "C:\\Users\\somebody",
    "/root/models",
]


@pytest.mark.parametrize("leak", LEAKS, ids=lambda each: each[:8])
def test_a_secret_in_any_kind_of_file_is_found(leak: str) -> None:
    files = {
        "a.json": json.dumps({"x": [{"y": f"a {leak}"}]}).encode(),
        "b.json": json.dumps({f"a {leak}": 1}).encode(),
        "c.parquet": parquet(a=["x", f"a {leak}"]),
        "d.parquet": parquet(a=[["x"], [f"a {leak}"]]),
        "e.html": f"<p>a {leak}</p>".encode(),
    }
    for path, data in files.items():
        with pytest.raises(PublishError, match="nothing was sent") as at:
            refuse_leaks(Bundle("dataset", "org/x", {"fine.md": b"fine", path: data}, "t"))
        assert leak not in str(at.value)


def test_the_token_is_found_whatever_it_looks_like(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = Bundle("dataset", "org/x", {"a.json": b'{"a": "my odd\\u0020token"}'}, "t")
    refuse_leaks(bundle)
    with pytest.raises(PublishError, match="the token itself"):
        refuse_leaks(bundle, ["my odd token"])
    monkeypatch.setenv("SERVICE_SECRET", "my odd token")
    with pytest.raises(PublishError, match="the value of the variable SERVICE_SECRET"):
        refuse_leaks(bundle)


@given(st.lists(st.from_regex(r"(/[a-z]{1,3}){1,4}|[a-z]{1,4}/[a-z]{1,4}", fullmatch=True)))
def test_models_have_public_names_that_are_no_absolute_paths_and_stay_apart(
    models: list[str],
) -> None:
    names = public_names(models)
    called = [renamed(model, {model: names[model]} if model in names else {}) for model in models]
    assert len(set(called)) == len(set(models))
    assert not [name for name in names.values() if PurePath(name).is_absolute()]


def test_folders_of_one_name_are_told_apart_by_their_weights(
    zoo: Zoo, hub: Hub, repo: str, driver: Driver
) -> None:
    def train(folder: str, name: str, weights: str) -> None:
        model = Model(folder, None, regime="fine-tuned", family=name, base_model="/data/a/base")
        cell = keep(zoo.store, model=model, weights=weights)
        zoo.store.add_run(record(name, cell, suite=Suite("mine", (BENCHMARK,)), family=name))

    zoo.store.runs()[0].unlink()
    train("/data/a/final", "20261103", "a1" * 32)
    train("/data/b/final", "20261104", "b2" * 32)
    train("/data/c/final", "20261105", "a1" * 32)
    assert zoo.publish("--space")["status"] == 0
    rows = driver.ask("load", repo=repo, config="results")["rows"]
    names = {row["run"]: row["model"] for row in rows}
    assert names == {
        "20261103": "./a/final-a1a1a1a1a1a1",
        "20261104": "./final-b2b2b2b2b2b2",
        "20261105": "./c/final-a1a1a1a1a1a1",
    }
    board = json.loads(hub.repo("space", repo).head.tree["leaderboard.json"])
    assert {row["model"] for row in board["rows"]} == set(names.values())
    train("/data/a/final", "20261106", "c3" * 32)
    assert zoo.publish("20261106")["status"] == 0
    rows = driver.ask("load", repo=repo, config="results")["rows"]
    names = {row["run"]: row["model"] for row in rows}
    assert names["20261106"] == "./final-c3c3c3c3c3c3", "trained again into the same folder"


@given(st.text())
def test_a_step_of_a_path_is_one_step_whatever_it_is_made_of(text: str) -> None:
    made = safe(text)
    assert made
    assert "/" not in made
    assert ".." not in made
    assert not made.startswith(".")


def test_no_folder_of_this_machine_stands_in_the_words_of_a_commit(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    folder = "/data/secret-project/final"
    cell = keep(store, model=Model(folder, None, regime="fine-tuned", family=folder))
    store.add_run(record("20261103", cell, family=folder, limit=20))
    host = open_zoo(store=store.root)
    prepared = publication_of(host, Wanted((), None, "hub", "me/results"))
    (title,) = {entry.bundle.title for entry in prepared.entries}
    assert "secret-project" not in title
    assert title.endswith(" on mine, first 20 items")


def test_a_quick_look_does_not_take_the_place_of_a_whole_run(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for name, limit in (("20261101", 20), ("20261102", None), ("20261103", 5)):
        store.add_run(record(name, keep(store), limit=limit))
    chosen, _ = choose(store)
    assert [each.id for each in chosen] == ["20261102"]


def test_how_a_stage_was_made_goes_out_without_folders_and_is_read_by_who_pulls_it() -> None:
    settings = {
        "learning_rate": 1e-3,
        "modules": ["q", "v"],
        "reward_model": "/home/me/reward",
        "other": "./here",
        "third": "~/there",
        "token": "hf_abcdefghijklmnopqrstuvwxyz",
    }
    made = Making("grpo", settings, 100, 12.5, "f" * 64)
    spec = RunSpec(Model("org/m", made=made), BENCHMARK, "uniform", Prompting())
    sent = spec_of(Result(spec, "scored"))
    assert sent["model"]["made"] == {
        "recipe": "grpo",
        "settings": {"learning_rate": 1e-3, "modules": ["q", "v"], "token": "[redacted]"},
        "examples": 100,
        "seconds": 12.5,
        "data": "f" * 64,
        "source": "",
        "machine": "",
    }
    pulled = read(RunSpec, sent, "a run")
    assert pulled.model.made is not None
    assert pulled.model.made.settings["learning_rate"] == 1e-3
    del sent["model"]["made"]  # as runs were sent before stages knew how they were made
    assert read(RunSpec, sent, "a run").model.made is None


def test_a_setting_with_a_path_of_this_machine_at_any_depth_stays_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "hub" / "models--org--reward").mkdir(parents=True)
    for folder in ("org/own", "here"):
        (tmp_path / folder).mkdir(parents=True)
    local = {
        "a": ["/home/alice/acme-secret/rm"],
        "b": {"c": [{"d": "private/customers.jsonl"}]},
        "e": {"/home/alice/key": 1},
        "f": "secret/folder-that-is-not-here",
        "g": "customers.jsonl",
        "h": "here",
        "i": "org/own",
        "j": "C:\\rm",
        "k": "org/reward:/home/alice",
        "l": "../rm",
        "m": Path("rm"),
    }
    shared = {
        "reward": "org/reward",
        "teachers": ["org/base@main", "org/reward:train"],
        "schedule": "cosine",
        "rates": {"lr": 1e-3, "warm": None},
        "tokens": ["[redacted]"],
    }
    told = {**local, **shared, "tokens": ["hf_abcdefghijklmnopqrstuvwxyz"]}
    assert shareable(told, ("org/base", "org/own")) == shared
    made = Model("org/m", base_model="org/base", made=Making("grpo", {**told, "m": "./rm"}))
    sent = spec_of(Result(RunSpec(made, BENCHMARK, "uniform", Prompting()), "scored"))
    assert sent["model"]["made"]["settings"] == shared
