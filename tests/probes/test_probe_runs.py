"""Cells that probes want are run, kept, resumed and reported like any other."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from support.zoos import TinyZoo, numbers

from zoo.cli import main
from zoo.errors import ConfigError, UnknownNameError
from zoo.hookspecs import Probe
from zoo.plan import Wishes
from zoo.probes import sampled
from zoo.recall import recall
from zoo.results import LIKELIHOOD
from zoo.running import Options, run_family
from zoo.store import RESPONSES, Store
from zoo.waves import WAVES

ARGS = {"passk.samples": 4, "passk.items": 5, "razor.samples": 3, "razor.items": 5}


@pytest.fixture
def writing(tiny_zoo: TinyZoo) -> TinyZoo:
    """The tiny zoo, whose chat stage was trained for a benchmark that is answered in writing."""
    tiny_zoo.measure("tiny_write", axis='"special"', capability='"writing"')
    tiny_zoo.models[-1] = tiny_zoo.models[-1].replace(" }", ', targets = ["writing"] }')
    return tiny_zoo


def probed(zoo: TinyZoo, **options: Any):
    return zoo.run(probes=("passk", "diversity", "razor"), probe_args=ARGS, **options)


def of(outcome, purpose: str):
    return [each for each in outcome.results if each.spec.purpose == purpose]


def test_samples_are_drawn_once_and_a_second_run_asks_nothing(writing: TinyZoo) -> None:
    first, seen = probed(writing)
    assert not first.failed
    samples = of(first, "samples")
    assert {each.spec.benchmark.task for each in samples} == {"tiny_write"}
    assert {each.spec.protocol for each in samples} == {"native"}
    assert [len(each.items) for each in samples] == [20, 20, 20]
    different = [len({item.response for item in each.items}) for each in samples]
    assert min(different) > 5, "they are drawn, not repeated"
    (starts, more) = [facts for name, facts in seen.seen if name == "start"]
    assert starts["requests"] > 3 * 20
    assert more["cells"] == 2, "what the razor asks of the parent's answers"
    second, seen = probed(writing)
    assert [each.spec.name for each in second.results if not each.reused] == []
    assert not {"loading", "requests", "cell"} & set(seen.names())
    assert numbers(second) == numbers(first)


def test_what_probes_ask_changes_no_number_of_the_suite(writing: TinyZoo) -> None:
    plain, _ = writing.run()
    asked, _ = probed(writing)
    own = [each for each in asked.results if not each.spec.purpose]
    assert all(each.reused for each in own)
    assert [each.scores for each in own] == [each.scores for each in plain.results]
    host = writing.host()
    found = recall(host.store, "tiny")
    assert len(found.results) == len(asked.results)


def test_the_razor_asks_both_how_likely_the_parents_words_are(writing: TinyZoo, base, chat) -> None:
    outcome, _ = probed(writing)
    (written,) = of(outcome, "own words")
    parent, child = of(outcome, "likelihood of the parent's words")
    assert written.spec.model.id == parent.spec.model.id == "./base"
    assert child.spec.model.id == "./chat"
    assert {each.spec.benchmark.metric for each in (parent, child)} == {LIKELIHOOD}
    told = {(i.item_id, i.sample): i for i in child.items}
    for item in parent.items:
        assert item.response == told[item.item_id, item.sample].response, "the same tokens"
        assert item.score < 0
    for folder, cell in ((base, parent), (chat, child)):
        _agrees_with_torch(writing, folder, cell)


def _agrees_with_torch(zoo: TinyZoo, folder, cell) -> None:
    """Each likelihood is what transformers itself says of the prompt and the answer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from zoo.executors import evaluator_for
    from zoo.running import settings_of
    from zoo.structuring import plain

    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    settings = plain(settings_of(zoo.host(), Options(device="cpu")))
    prepared = evaluator_for(settings).prepare(cell.spec)
    for request, item in list(zip(prepared.requests, cell.items, strict=True))[:4]:
        prompt = tokenizer(request.context)["input_ids"]
        whole = tokenizer(request.context + request.continuation)["input_ids"]
        with torch.inference_mode():
            logits = model(torch.tensor([whole])).logits[0].log_softmax(-1)
        own = sum(float(logits[at - 1, whole[at]]) for at in range(len(prompt), len(whole)))
        assert item.n_tokens == len(whole) - len(prompt)
        assert item.score == pytest.approx(own, abs=1e-3)


def test_the_report_of_a_run_shows_what_its_probes_measured(
    writing: TinyZoo, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome, _ = probed(writing)
    store = str(outcome.path.parents[1])
    config = str(writing.write())
    assert main(["report", "--format", "json", "--store", store, "--config", config]) == 0
    rows = json.loads(capsys.readouterr().out)["probes"]
    kinds = {(row["probe"], row["kind"]) for row in rows}
    assert {("passk", "curve"), ("diversity", "summary")} <= kinds
    (razor,) = [row for row in rows if row["probe"] == "razor"]
    assert (razor["base"], razor["model"]) == ("./base", "./chat")
    assert razor["kind"] == "not_applicable", "random models write what no tokenizer spells so"
    assert "other tokens" in razor["reason"]
    assert main(["report", "--format", "html", "--store", store, "--config", config]) == 0
    assert "Solved in k tries" in capsys.readouterr().out


def test_a_sampled_cell_that_was_ended_goes_on_to_the_same_answers(writing: TinyZoo) -> None:
    args = {"passk.samples": 16, "passk.items": 12}
    said = ",".join(f"{name}={value}" for name, value in args.items())
    command = writing.command("run", "--progress", "json", "--device", "cpu", "--batch-size", "1")
    run = subprocess.Popen(
        [sys.executable, "-m", "zoo", *command, "--probes", "passk", "--probe-args", said],
        cwd=writing.root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert run.stderr is not None
    first = math.inf
    with run:
        for line in run.stderr:
            event = json.loads(line) if line.startswith("{") else {"event": ""}
            if event["event"] == "start":
                first = event["by_model"][0]["requests"]
            # its samples come last, 192 of them
            if event["event"] == "requests" and event["answered"] > first - 150:
                run.send_signal(signal.SIGTERM)
                break
        run.stderr.read()
    assert run.returncode == 130, "it ends with what it has"
    again, _ = writing.run(probes=("passk",), probe_args=args)
    assert not again.failed
    kept = of(again, "samples")[0].provenance.response_key
    summary = Store(again.path.parents[1]).summary(RESPONSES, kept)
    assert summary is not None
    assert 0 < summary["taken_up"] < 12, "some samples of the ended run were taken up"
    fresh, _ = writing.run(probes=("passk",), probe_args=args, fresh=True)
    assert [each.items for each in of(fresh, "samples")] == [
        each.items for each in of(again, "samples")
    ]


def test_plan_prices_what_probes_ask(writing: TinyZoo, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(writing.write())
    words = ["plan", "--include-path", str(writing.tasks), "--config", config, "--no-plugins"]
    probes = ["--probes", "passk,razor", "--probe-args", "passk.samples=4,passk.items=5"]
    assert main([*words, *probes, "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "60 requests for probes: samples" in said
    assert "for probes: own words" in said
    assert "probes may ask more once these are answered" in said
    assert main([*words, *probes, "--json", "--no-check"]) == 0
    cells = json.loads(capsys.readouterr().out)
    assert {cell["repeats"] for cell in cells if cell["purpose"] == "samples"} == {4}


@pytest.mark.parametrize(
    ("probes", "arguments", "problem", "said"),
    [
        (("pask",), {}, UnknownNameError, "did you mean 'passk'"),
        (("passk",), {"passk.sample": 4}, ConfigError, "did you mean 'passk.samples'"),
        (("razor",), {"passk.samples": 4}, ConfigError, "passk.samples"),
        (("passk",), {"passk.samples": "many"}, ConfigError, "whole number"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    tiny_zoo: TinyZoo, probes: Any, arguments: Any, problem: Any, said: str
) -> None:
    with pytest.raises(problem, match=said):
        tiny_zoo.run(probes=probes, probe_args=arguments)


def test_stages_of_the_embedded_family_have_a_distance_and_curves(tmp_path) -> None:
    import zoo

    tradeoff = zoo.run(
        *("nano/instruct", "nano/rl"),
        tasks="core_arithmetic",
        protocol="uniform",
        limit=10,
        probes="razor,passk,cost",
        probe_args={"passk.samples": 4},
        device="cpu",
        store=tmp_path / "store",
    )
    rows = {(row["probe"], row["kind"], row["model"]): row for row in tradeoff.probes}
    razor = rows["razor", "summary", "nano/rl"]
    assert razor["base"] == "nano/instruct"
    assert razor["low"] > 0, "training moved it"
    assert razor["left_out"] < razor["samples"] / 10
    assert 0 < razor["kl_per_token"] < razor["kl"]
    at_four = {
        row["model"]: row["value"]
        for row in tradeoff.probes
        if (row["probe"], row.get("k")) == ("passk", 4)
    }
    assert all(0.5 < value <= 1 for value in at_four.values()), "sums are solved in four tries"
    cost = rows["cost", "summary", "nano/rl"]
    assert cost["tokens_in"] > 10
    assert cost["tokens_out"] > 100
    assert cost["seconds"] > 0
    decided = {row["id"]: row["verdict"] for row in tradeoff.claims}
    assert decided["H11"] != "not testable"


def test_a_limit_bounds_the_items_of_probes(writing: TinyZoo) -> None:
    outcome, _ = probed(writing, wishes={"limit": 2})
    assert [len(each.items) for each in of(outcome, "samples")] == [8, 8, 8]


def test_a_probe_that_always_wants_more_comes_to_an_end(tiny_zoo: TinyZoo) -> None:
    def insatiable(known):
        deepest = max((len(each.spec.purpose) for each in known.results), default=0)
        spec = known.specs[0]
        yield sampled(spec, "+" * (deepest + 1), samples=1, items=1)

    host = tiny_zoo.host()
    greedy = Probe("greedy", "Never enough", wants=insatiable)
    host = replace(host, builtins={**host.builtins, "probes": [greedy]})
    (family,) = host.discovery.resolve(())
    asked = Options(wishes=Wishes(limit=1), device="cpu", probes=("greedy",))
    outcome = run_family(host, family, host.suite(None, (), family), asked)
    assert len({each.spec.purpose for each in outcome.results}) == 1 + WAVES
