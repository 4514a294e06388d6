"""Third parties on the command line: nothing they bring changes anybody else's numbers or help."""

from __future__ import annotations

import json
from typing import Any

HEAD = "from pathlib import Path\nfrom zoo import hookimpl\n"

FAMILY = (
    HEAD
    + """
from zoo.models import Family, Model

@hookimpl
def zoo_families():
    return [Family("theirs", (Model("nano/pretrained", regime="RL-tuned", loader="nosuch"),))]
"""
)

SUITE = (
    HEAD
    + """
HERE = Path(__file__).parent / "theirs"

@hookimpl
def zoo_benchmarks():
    return [HERE]
"""
)

COMMAND = (
    HEAD
    + """
from zoo.hookspecs import Command

def refuse(parser):
    raise RuntimeError("no parser for me")

def fail(args):
    raise OSError("the disk is gone")

@hookimpl
def zoo_commands():
    return [
        Command("shatter", "cannot even be set up", refuse, lambda args: 0),
        Command("stumble", "100 % of the time", lambda parser: None, fail),
    ]
"""
)

EXECUTOR = (
    HEAD
    + """
from zoo.executors import evaluate_job
from zoo.hookspecs import Executor

def run(jobs):
    for job in jobs:
        yield from evaluate_job(job)

@hookimpl
def zoo_executors():
    return [Executor("plain", run)]
"""
)


def test_a_guest_that_claims_a_models_id_changes_nothing_about_the_model(zoo: Any) -> None:
    before = zoo("plan", "--json")
    zoo.install("theirs", FAMILY)
    assert zoo("plan", "--json").stdout == before.stdout
    (model,) = [m for m in json.loads(zoo("models", "--json").stdout) if m["family"] == "theirs"]
    assert model["id"] == "nano/pretrained", "its own family stays its own"
    loose = json.loads(zoo("plan", "nano/pretrained", "--tasks", "core_qa", "--json").stdout)
    assert {cell["regime"] for cell in loose} == {"pretrained"}


def test_a_guest_s_suite_describes_no_task_of_others_and_its_faults_block_none(zoo: Any) -> None:
    asked = ("plan", "nano/pretrained", "--tasks", "core_qa", "--json")
    before = zoo(*asked)
    folder = zoo.home / "theirs" / "suites"
    folder.mkdir(parents=True)
    zoo.install("guest", SUITE)
    (folder / "a.toml").write_text(
        'benchmarks = [ { task = "core_qa", metric = "exact_match", num_fewshot = 3 } ]'
    )
    (folder / "b.toml").write_text('benchmarks = [ { task = "core_qa", metric = "nosuch" } ]')
    after = zoo(*asked)
    assert after.returncode == 0, after.stderr
    assert after.stdout == before.stdout
    assert "nosuch" in after.stderr, "the fault is named"


def test_a_broken_command_is_named_and_help_still_helps(zoo: Any) -> None:
    zoo.install("clumsy", COMMAND)
    helped = zoo("--help")
    assert helped.returncode == 0
    assert "100 % of the time" in helped.stdout
    assert "the plugin clumsy is broken" in helped.stderr
    failed = zoo("stumble")
    assert failed.returncode == 2
    assert "the disk is gone" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "Traceback" in zoo("stumble", "--debug").stderr


def test_an_executor_need_not_listen_to_progress(zoo: Any) -> None:
    zoo.install("elsewhere", EXECUTOR)
    done = zoo(
        *("run", "nano/pretrained", "--tasks", "core_facts", "--limit", "4"),
        *("--executor", "plain", "--progress", "json"),
    )
    assert done.returncode == 0, done.stderr
    assert "2 cells: 1 evaluated, 1 shared between protocols" in done.stdout


SECTION = (
    HEAD
    + """
from zoo.hookspecs import Section

def count(tradeoff):
    return f"<p id='theirs'>{len(tradeoff.stages)} stages on {tradeoff.suite}</p>"

def fail(tradeoff):
    raise RuntimeError("nothing to say")

@hookimpl
def zoo_sections():
    return [Section("count", "Their count", count), Section("fail", "Their failure", fail)]
"""
)


def test_a_guests_section_stands_in_the_page_and_one_that_fails_costs_only_itself(
    zoo: Any,
) -> None:
    zoo.install("counter", SECTION)
    ran = zoo("run", "nano/pretrained", "--tasks", "core_facts", "--limit", "6", "--progress=none")
    assert ran.returncode == 0, ran.stderr
    done = zoo("report", "--format", "html")
    assert done.returncode == 0, done.stderr
    assert "<p id='theirs'>1 stages on core_facts</p>" in done.stdout
    assert "cannot be shown: RuntimeError: nothing to say" in done.stdout


PROBE = (
    HEAD
    + """
from zoo.hookspecs import Probe

def perplexed(model, lm, family):
    from lm_eval.api.instance import Instance

    texts = ["What is the capital of Nepal?", "Nepal of capital the is What?"]
    asked = [
        Instance(request_type="loglikelihood_rolling", doc={}, arguments=(text,), idx=0)
        for text in texts
    ]
    for text, said in zip(texts, lm.loglikelihood_rolling(asked)):
        yield {"kind": "text", "text": text, "nats": -said, "models": len(family.models)}

def stumble(model, lm, family):
    raise RuntimeError("no idea")

def counted(known, tradeoff):
    return [{"kind": "count", "cells": len(known.results), "stages": len(tradeoff.stages)}]

@hookimpl
def zoo_probes():
    return [
        Probe("perplexed", "Order of words", perplexed),
        Probe("stumble", "Never works", stumble),
        Probe("counted", "Cells", rows=counted),
        Probe("passk", "Not theirs to bring", perplexed),
    ]
"""
)


def test_a_guests_probe_asks_the_loaded_model_and_its_rows_stay(zoo: Any) -> None:
    zoo.install("wordorder", PROBE)
    asked = ("run", "nano/pretrained", "nano/instruct", "--tasks", "core_facts", "--limit", "4")
    ran = zoo(*asked, "--probes", "perplexed,stumble", "--progress", "none")
    assert ran.returncode == 1, "one of its probes fails"
    assert "the probe 'stumble' failed: RuntimeError: no idea" in ran.stderr
    report = json.loads(zoo("report", "--format", "json").stdout)
    rows = [row for row in report["probes"] if row["probe"] == "perplexed"]
    assert [row["model"] for row in rows] == 2 * ["nano/pretrained"] + 2 * ["nano/instruct"]
    ends = zip(rows[::2], rows[1::2], strict=True)
    assert all(right["nats"] < wrong["nats"] for right, wrong in ends)
    (count,) = [row for row in report["probes"] if row["probe"] == "counted"]
    assert count["stages"] == 2
    again = zoo(*asked, "--probes", "perplexed", "--progress", "json")
    assert again.returncode == 0, again.stderr
    assert '"loading"' not in again.stderr, "its rows are kept"
    assert "6 cells: 0 evaluated, 6 re-used from the store" in again.stdout
