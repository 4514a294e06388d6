"""A model behind a server answers as its weights do here, once, and only what it can be asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.endpoint import Connection, Endpoint
from support.evaluating import evaluate, make_evaluator, spec

from zoo.evaluation.huggingface import HF
from zoo.hookspecs import Loader
from zoo.models import Model, Prompting
from zoo.results import Result, RunSpec
from zoo_openai import zoo_loaders

(OPENAI,) = zoo_loaders()
NATIVE = Prompting(chat_template="default", fewshot_as_multiturn=True)
THINKING = replace(NATIVE, enable_thinking=True, think_end_token="</think>")


def served(endpoint: Endpoint, name: str = "base", **args: Any) -> Model:
    """A model of the server, without patience."""
    given = {"model": name, "base_url": endpoint.url, "max_retries": 0, **args}
    return Model(f"served/{name}", loader="openai", loader_args=given)


def results(store: Path, tasks: Path, *specs: RunSpec, loader: Loader = OPENAI) -> list[Result]:
    """What comes of specs in a run of its own."""
    evaluator, _ = make_evaluator(store, tasks, loader=loader)
    return list(evaluate(evaluator, *specs))


TASKS = ("tiny_choice", "tiny_shots", "tiny_last", "tiny_rolling", "tiny_write_shots")


def test_answers_are_those_of_the_weights_here(
    endpoint: Endpoint, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    model = served(endpoint, tokenizer=str(base))
    there = results(tmp_path / "a", task_folder, *(spec(model, task) for task in TASKS))
    here = results(tmp_path / "b", task_folder, *(spec(base, task) for task in TASKS), loader=HF)
    for far, near in zip(there, here, strict=True):
        assert far.status == near.status == "scored", far.error
        assert far.score is not None
        assert near.score is not None
        assert far.score.value == pytest.approx(near.score.value, abs=1e-4)
        for item, other in zip(far.items, near.items, strict=True):
            assert item.score == pytest.approx(other.score, abs=1e-4)
            if far.spec.benchmark.task == "tiny_write_shots":
                assert (item.response, item.truncated) == (other.response, other.truncated)


def test_a_second_run_asks_nothing(
    endpoint: Endpoint, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    model = served(endpoint, tokenizer=str(base))
    cells = [spec(model, "tiny_choice"), spec(model, "tiny_write")]
    first = results(tmp_path, task_folder, *cells)
    asked = len(endpoint.asked)
    again = results(tmp_path, task_folder, *cells)
    assert [each.status for each in first] == ["scored"] * 2
    assert [each.reused for each in again] == [True] * 2
    assert len(endpoint.asked) == asked


def test_patience_changes_no_identity_and_the_address_does(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    def key(**args: Any) -> str:
        evaluator, _ = make_evaluator(tmp_path, task_folder, loader=OPENAI)
        cell = evaluator.prepare(spec(served(endpoint, **args), "tiny_write"))
        assert not isinstance(cell, Result), cell.error
        return cell.response_key

    usual = key()
    assert key(num_concurrent=1, request_timeout=5, max_retries=9) == usual
    others = [key(name="chat"), key(base_url="http://127.0.0.1:9/v1"), key(max_length=64)]
    assert len({usual, *others}) == 4


def test_an_address_of_the_environment_is_part_of_who_answers(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(args: dict[str, Any]) -> str:
        evaluator, _ = make_evaluator(tmp_path, task_folder, loader=OPENAI)
        cell = evaluator.prepare(spec(Model("org/m", loader_args=args), "tiny_write"))
        assert not isinstance(cell, Result), cell.error
        return cell.response_key

    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    there = key({})
    assert key({"base_url": endpoint.url.upper().replace("/V1", "/v1/")}) == there
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert key({}) != there


def test_a_chat_goes_as_turns_and_is_answered_under_the_servers_own_template(
    endpoint: Endpoint, chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    cell = spec(served(endpoint, "chat"), "tiny_write_shots", protocol="native", prompting=NATIVE)
    (there,) = results(tmp_path / "a", task_folder, cell)
    here_spec = replace(cell, model=Model(str(chat)))
    (here,) = results(tmp_path / "b", task_folder, here_spec, loader=HF)
    path, payload, _ = endpoint.asked[0]
    assert path == "/v1/chat/completions"
    roles = [message["role"] for message in payload["messages"]]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    assert there.status == "scored", there.error
    assert [item.response for item in there.items] == [item.response for item in here.items]


def test_a_server_of_chats_alone_is_asked_them_whatever_else_is_named(
    endpoint: Endpoint, chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    url = f"{endpoint.url}/chat/completions"
    model = served(endpoint, "chat", tokenizer=str(chat), base_url=url)
    cells = [spec(model, task, prompting=NATIVE) for task in ("tiny_write", "tiny_choice")]
    write, choice = results(tmp_path, task_folder, *cells)
    assert write.status == "scored", write.error
    assert write.provenance.first_tokens == ()
    assert choice.status == "not_applicable"


def test_a_server_is_told_whether_to_think(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    cell = spec(served(endpoint, "chat"), "tiny_write", protocol="native", prompting=THINKING)
    (result,) = results(tmp_path, task_folder, cell)
    assert result.status == "scored", result.error
    told = [payload.get("chat_template_kwargs") for _, payload, _ in endpoint.asked]
    assert told == [{"enable_thinking": True}] * len(told)


@pytest.mark.parametrize("prompting", [NATIVE, THINKING], ids=["unasked", "asked"])
def test_thinking_that_is_handed_out_apart_is_kept_as_a_block_and_not_scored(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path, prompting: Prompting
) -> None:
    def think(to: Connection, _: dict[str, Any]) -> None:
        message = {"role": "assistant", "content": "seven\n\nor", "reasoning_content": "six?\n\nno"}
        to.send(200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    endpoint.behaves = think
    asked = spec(
        served(endpoint, "chat"),
        "tiny_write",
        protocol="native",
        prompting=prompting,
        filter="whole",
    )
    (result,) = results(tmp_path, task_folder, asked)
    # what is behind a stop goes at once, or where a model thinks when it is scored
    kept = "seven\n\nor" if prompting.enable_thinking else "seven"
    assert {i.response for i in result.items} == {f"<think>\nsix?\n\nno\n</think>\n\n{kept}"}
    assert {item.score for item in result.items} == {0.0, 1.0}  # a third of them are "seven"


@pytest.mark.parametrize(
    ("args", "prompting", "task", "reason"),
    [
        ({}, Prompting(), "tiny_choice", "need the model's tokenizer"),
        ({}, NATIVE, "tiny_choice", "weighs no given answer"),
        ({"base_url": "{}/chat/completions"}, Prompting(), "tiny_write", "takes chats alone"),
        ({"base_url": "{}/completions"}, NATIVE, "tiny_write", "takes plain completions alone"),
    ],
)
def test_what_it_cannot_be_asked_is_not_applicable_and_nothing_is_sent(
    endpoint: Endpoint,
    task_folder: Path,
    tmp_path: Path,
    args: dict[str, str],
    prompting: Prompting,
    task: str,
    reason: str,
) -> None:
    args = {name: value.format(endpoint.url) for name, value in args.items()}
    evaluator, _ = make_evaluator(tmp_path, task_folder, loader=OPENAI)
    cell = evaluator.prepare(spec(served(endpoint, **args), task, prompting=prompting))
    (result,) = [cell] if isinstance(cell, Result) else evaluator.evaluate([cell])
    assert (result.status, endpoint.asked) == ("not_applicable", [])
    assert reason in result.error


def test_native_multiple_choice_is_weighed_after_the_tokenizers_own_template(
    endpoint: Endpoint, chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    model = served(endpoint, "chat", tokenizer=str(chat))
    cell = spec(model, "tiny_choice", protocol="native", prompting=NATIVE)
    (there,) = results(tmp_path / "a", task_folder, cell)
    (here,) = results(tmp_path / "b", task_folder, replace(cell, model=Model(str(chat))), loader=HF)
    assert there.status == "scored", there.error
    assert [item.score for item in there.items] == [item.score for item in here.items]


def test_samples_of_one_prompt_differ_and_come_again_alike(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    gen_kwargs = {"do_sample": True, "temperature": 1.5, "until": []}
    cell = spec(
        served(endpoint), "tiny_write", prompting=Prompting(gen_kwargs=gen_kwargs), repeats=3
    )
    found = [results(tmp_path / name, task_folder, cell)[0] for name in "ab"]
    assert [each.status for each in found] == ["scored"] * 2
    first, again = ([item.response for item in each.items] for each in found)
    assert first == again
    assert len(set(first)) > len(first) / 2


def test_provenance_says_who_answered_and_that_weights_are_unknown(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    (result,) = results(tmp_path, task_folder, spec(served(endpoint), "tiny_write"))
    assert result.provenance.loader == "openai"
    assert result.provenance.scoring == (
        f"base at {endpoint.url}, served as base; weights unknown: known by name"
    )


def test_stops_that_a_server_passes_over_are_cut_here(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    def ramble(to: Connection, _: dict[str, Any]) -> None:
        to.send(200, {"choices": [{"index": 0, "text": "A\nQuestion: and so on\n"}]})

    endpoint.behaves = ramble
    asked = spec(served(endpoint), "tiny_write", prompting=Prompting(gen_kwargs={"until": ["\n"]}))
    (result,) = results(tmp_path, task_folder, asked)
    assert {item.response for item in result.items} == {"A"}


def test_a_notebook_can_ask_a_server_from_within_its_loop(
    endpoint: Endpoint, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    async def notebook() -> list[Result]:
        model = served(endpoint, tokenizer=str(base))
        return results(tmp_path, task_folder, spec(model, "tiny_choice"), spec(model, "tiny_write"))

    assert [each.status for each in asyncio.run(notebook())] == ["scored"] * 2
