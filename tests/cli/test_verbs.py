"""What the verbs print and how they end, without evaluating anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

VERBS = [
    "view",
    *"run report compare plan ask families models regimes suites benchmarks plugins tree".split(),
]


def test_zoo_alone_prints_help(zoo: Any) -> None:
    done = zoo()
    assert done.returncode == 0
    for verb in VERBS:
        assert verb in done.stdout


@pytest.mark.parametrize("verb", [*VERBS, "store", "init", "doctor"])
def test_every_verb_explains_itself(zoo: Any, verb: str) -> None:
    done = zoo(verb, "--help")
    assert done.returncode == 0
    assert "--store DIR" in done.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["rnu"], "there is no command 'rnu'; did you mean 'run'?"),
        (["run", "--limt", "3"], "does not take '--limt'; did you mean '--limit'?"),
        (["--json", "plugins"], "--json belongs to a command that takes it"),
        (["ask"], "the following arguments are required: PROMPT (see"),
        (["run", "nanoo"], "there is no target named 'nanoo'; did you mean 'nano'?"),
        (["run", "--suite", "croe"], "there is no suite named 'croe'; did you mean 'core'?"),
        (["run", "--protocol", "nativ"], "did you mean 'native'?"),
        (["run", "--loader", "hff"], "there is no loader named 'hff'"),
        (["run", "--executor", "locl"], "did you mean 'local'?"),
        (["run", "--limit", "0"], "is not a whole number above 0"),
        (["run", "--gen-kwargs", "x"], "is not KEY=VALUE"),
        (["run", "--device", "tpu"], "--device 'tpu' is not known"),
        (["run", "--dtype", "int3"], "--dtype 'int3' is not known"),
        (["run", "--probes", "lenght"], "there is no probe named 'lenght'; did you mean 'length'?"),
        (["plan", "--probes", "passk", "--probe-args", "passk.n=3"], "takes 'passk.n'"),
        (["run", "--suite", "core", "--tasks", "core_qa"], "cannot both be given"),
        (["run", "./nowhere"], "nowhere"),
        (["report"], "holds no run; `zoo run` makes one"),
        (["compare", "nano/rl", "nano/instruct"], "there is no scored model named 'nano/rl'"),
        (["plugins", "--hook", "zoo_regime"], "did you mean 'zoo_regimes'?"),
        (["watch", "runs"], "there is no folder runs"),
        (["prefetch", "coer"], "did you mean 'core'?"),
        (["--config", "missing.toml", "run"], "there is no configuration file missing.toml"),
    ],
)
def test_what_cannot_be_meant_ends_with_one_sentence_and_status_2(
    zoo: Any, args: list[str], said: str
) -> None:
    done = zoo(*args)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(zoo: Any) -> None:
    assert "Traceback" in zoo("run", "nanoo", "--debug").stderr


def test_flags_may_be_written_with_underscores(zoo: Any) -> None:
    done = zoo("plan", "--num_fewshot=2", "--json")
    assert done.returncode == 0
    assert {cell["num_fewshot"] for cell in json.loads(done.stdout)} == {2}


def test_common_flags_may_stand_before_or_after_the_verb(zoo: Any) -> None:
    assert (
        zoo("--no-plugins", "plugins", "--json").stdout
        == zoo("plugins", "--json", "--no-plugins").stdout
    )


@pytest.mark.parametrize("listing", "families models regimes suites benchmarks plugins".split())
def test_every_listing_has_names_and_who_brought_them(zoo: Any, listing: str) -> None:
    rows = json.loads(zoo(listing, "--json").stdout)
    assert rows
    for row in rows:
        assert row["name"]
        assert "plugin" in row or listing == "plugins"


def test_models_say_where_they_stand_in_the_lineage(zoo: Any) -> None:
    rows = {row["id"]: row for row in json.loads(zoo("models", "--json").stdout)}
    assert rows["nano/rl"]["base_model"] == "nano/instruct"
    assert rows["nano/rl"]["regime"] == "RL-tuned"
    assert rows["nano/fine-tuned-lora"]["path"].endswith("fine-tuned-lora")
    assert all(row["revision"] for row in rows.values() if row["family"] == "nano")
    assert {row["licence"] for row in rows.values() if row["family"] == "nano"} == {"apache-2.0"}
    own, lora = rows["nano/pretrained"]["parameters"], rows["nano/fine-tuned-lora"]["parameters"]
    assert own == 1_598_880
    assert lora > own, "an adapter counts with its base"


def test_plan_names_the_rule_behind_each_choice(zoo: Any) -> None:
    (zoo.folder / "zoo.toml").write_text(
        '[prompting.instruction-tuned]\nsystem_instruction = "Be brief."\n'
    )
    done = zoo("plan", "--explain")
    assert done.returncode == 0, done.stderr
    assert (
        "system_instruction=Be brief., because of zoo.toml [prompting.instruction-tuned]"
        in done.stdout
    )
    assert "chat_template=default, because of regime instruction-tuned" in done.stdout


def test_tree_draws_parents_above_their_children(zoo: Any) -> None:
    lines = zoo("tree", "nano").stdout.splitlines()
    depth = {
        name: line.index(name)
        for line in lines
        for name in ("nano/instruct", "nano/rl")
        if name in line
    }
    assert depth["nano/rl"] > depth["nano/instruct"]


def test_init_writes_a_configuration_that_works_and_keeps_one_that_is_there(zoo: Any) -> None:
    assert zoo("init").returncode == 0
    assert zoo("families").returncode == 0
    again = zoo("init")
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_doctor_checks_what_matters(zoo: Any) -> None:
    done = zoo("doctor", "--json")
    checks = {check["name"]: check["status"] for check in json.loads(done.stdout)}
    wanted = {
        "packages",
        "device",
        "engine",
        "config",
        "store",
        "cache",
        "plugins",
        "loaders",
        "suites",
        "sandbox",
        "network",
    }
    assert set(checks) == wanted
    assert checks["network"] == "warn", "the network is blocked here"
    assert zoo.connections, "what blocks the network sees who tries"
    assert done.returncode == 0


def test_a_file_can_be_the_output_and_its_ending_the_format(zoo: Any) -> None:
    ran = zoo(
        "run", "nano/pretrained", "--tasks", "core_facts", "--limit", "8", "--progress", "none"
    )
    assert ran.returncode == 0, ran.stderr
    assert zoo("report", "--output", "table.tex").returncode == 0
    assert "\\begin{tabular}" in (zoo.folder / "table.tex").read_text()


def test_shots_that_are_wished_for_show_in_the_table(zoo: Any) -> None:
    done = zoo(
        *("run", "nano/pretrained", "--tasks", "core_qa,core_facts", "--limit", "6"),
        *("--num-fewshot", "1", "--progress", "none"),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(zoo("report", "--format", "json").stdout)
    scores = [score for stage in report["stages"] for score in stage["scores"]]
    assert {(s["benchmark"], s["num_fewshot"], s["status"]) for s in scores} == {
        ("core_qa", 1, "scored"),
        ("core_facts", 1, "scored"),
    }


def test_a_report_of_what_failed_says_so_by_its_status(zoo: Any) -> None:
    (zoo.folder / "zoo.toml").write_text('[prompting.pretrained]\nchat_template = "default"\n')
    ran = zoo("run", "nano/pretrained", "--tasks", "core_facts", "--limit", "4")
    assert ran.returncode == 1
    assert "has no chat template" in ran.stderr
    assert zoo("report").returncode == 1


def test_one_json_document_holds_one_family(zoo: Any) -> None:
    done = zoo("report", "nano", "other", "--format", "json")
    assert done.returncode == 2
    assert "json holds one family" in done.stderr


def test_a_wide_or_senseless_terminal_is_no_error(zoo: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "abc")
    assert zoo("tree").returncode == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["leaderboard", "--limit", "3"], "`zoo leaderboard` does not take '--limit'"),
        (
            ["compare", "a", "b", "--jsn"],
            "`zoo compare` does not take '--jsn'; did you mean '--json'?",
        ),
    ],
)
def test_a_flag_of_another_command_is_said_to_be_none_of_this_one(
    zoo: Any, args: list[str], said: str
) -> None:
    done = zoo(*args)
    assert done.returncode == 2
    assert said in done.stderr
