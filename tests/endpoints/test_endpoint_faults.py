"""Servers that hang, fail, lie or lead astray: the cell is named, the rest goes on, in time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.endpoint import Connection, Endpoint, serving
from support.evaluating import make_evaluator, spec

from zoo.models import Model, Prompting
from zoo.results import Result
from zoo_openai import zoo_loaders

(OPENAI,) = zoo_loaders()
NATIVE = Prompting(chat_template="default")
LONG = 20
"""Seconds within which the least patient of these runs must end on any machine."""


def asked(
    endpoint: Endpoint, tasks: Path, store: Path, *names: str, native: bool = False, **args: Any
) -> list[Result]:
    """What comes of tasks asked of the server in a run of its own."""
    given = {"model": "base", "base_url": endpoint.url, "max_retries": 0, **args}
    model = Model("served/base", loader="openai", loader_args=given)
    evaluator, _ = make_evaluator(store, tasks, loader=OPENAI)
    how = NATIVE if native else Prompting()
    cells = [evaluator.prepare(spec(model, name, prompting=how)) for name in names]
    ready = [cell for cell in cells if not isinstance(cell, Result)]
    assert len(ready) == len(cells), cells
    return list(evaluator.evaluate(ready))


def completion(text: str = "seven", **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "text": text, "finish_reason": "stop", **more}]}


def on(path: str, behaves: Callable[[Connection, dict[str, Any]], None]) -> Any:
    """That behaviour on one path, manners on the others."""

    def behave(to: Connection, payload: dict[str, Any]) -> None:
        (behaves if to.path.endswith(path) else Connection.answer)(to, payload)

    return behave


@pytest.mark.parametrize(
    "limit", [{"idle_timeout": 0.3}, {"request_timeout": 0.3}, {"cell_timeout": 0.5}]
)
def test_a_server_that_hangs_costs_a_deadline_and_is_not_waited_for_again(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path, limit: dict[str, float]
) -> None:
    endpoint.behaves = lambda to, _: to.hang()
    began = time.monotonic()
    found = asked(
        endpoint, task_folder, tmp_path, "tiny_write", "tiny_several", num_concurrent=2, **limit
    )
    assert time.monotonic() - began < LONG
    assert [each.status for each in found] == ["failed"] * 2
    assert all("127.0.0.1" in each.error for each in found)
    assert len(endpoint.asked) == 2  # the two at once of the first cell


def test_bytes_that_trickle_end_with_the_request(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    def trickle(to: Connection, _: dict[str, Any]) -> None:
        to.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not to.endpoint.over.wait(0.05):
            to.wfile.write(b" ")

    endpoint.behaves = trickle
    (found,) = asked(
        endpoint, task_folder, tmp_path, "tiny_write", idle_timeout=60, request_timeout=0.5
    )
    assert found.status == "failed"
    assert "wait too long" in found.error


def test_nobody_at_home_is_said(task_folder: Path, tmp_path: Path) -> None:
    with serving() as gone:
        pass
    (found,) = asked(gone, task_folder, tmp_path, "tiny_write")
    assert found.status == "failed"
    assert "cannot be reached" in found.error


def test_a_server_that_is_busy_is_asked_again_when_it_says(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    refused: dict[str, float] = {}
    waits: list[float] = []

    def busy(to: Connection, payload: dict[str, Any]) -> None:
        if payload["prompt"] in refused:
            waits.append(time.monotonic() - refused[payload["prompt"]])
            to.send(200, completion())
            return
        refused[payload["prompt"]] = time.monotonic()
        status = 429 if len(refused) % 2 else 503
        to.send(status, {"error": "busy"}, {"Retry-After": "1"})

    endpoint.behaves = busy
    (found,) = asked(
        endpoint, task_folder, tmp_path, "tiny_write", max_retries=1, num_concurrent=64
    )
    assert found.status == "scored", found.error
    assert min(waits) >= 1


def test_who_asks_for_more_patience_than_there_is_gets_none(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    endpoint.behaves = lambda to, _: to.send(429, {}, {"Retry-After": "86400"})
    (found,) = asked(endpoint, task_folder, tmp_path, "tiny_write", max_retries=3, num_concurrent=1)
    assert "asks to wait 86400 s" in found.error
    assert len(endpoint.asked) == 1


def test_connections_that_are_dropped_are_opened_again(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    seen: set[str] = set()

    def drop(to: Connection, payload: dict[str, Any]) -> None:
        if payload["prompt"] in seen:
            to.send(200, completion())
            return
        seen.add(payload["prompt"])
        cut = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{" if len(seen) % 2 else b""
        to.drop(cut)

    endpoint.behaves = drop
    (found,) = asked(endpoint, task_folder, tmp_path, "tiny_write", max_retries=2)
    assert found.status == "scored", found.error


LIES: dict[str, Any] = {
    "no JSON": b"<html>welcome</html>",
    "deep": b"[" * 100_000,
    "without choices": {"object": "text_completion"},
    "of a list": [1, 2],
    "2 choices": {"choices": [*completion()["choices"], *completion()["choices"]]},
    "another prompt": completion(index=3),
    "without a text": completion(text=None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("lie", LIES)
def test_a_reply_that_answers_nothing_fails_its_cell_and_the_chats_go_on(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path, lie: str
) -> None:
    endpoint.behaves = on("v1/completions", lambda to, _: to.send(200, LIES[lie]))
    (failed,) = asked(endpoint, task_folder, tmp_path, "tiny_write")
    assert failed.status == "failed"
    said = {"deep": "no JSON", "of a list": "without choices"}.get(lie, lie)
    assert said in failed.error
    (fine,) = asked(endpoint, task_folder, tmp_path, "tiny_write", native=True, model="chat")
    assert fine.status == "scored", fine.error


def test_counts_that_cannot_be_right_are_not_believed(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    counts = iter([-1, 10**9, "3", True, None, 2.5] * 100)

    def lie(to: Connection, _: dict[str, Any]) -> None:
        to.send(200, {**completion(), "usage": {"completion_tokens": next(counts)}})

    endpoint.behaves = lie
    (found,) = asked(endpoint, task_folder, tmp_path, "tiny_write")
    assert {item.n_tokens for item in found.items} == {None}


def test_an_answer_that_was_cut_says_so(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    endpoint.behaves = lambda to, _: to.send(200, completion(finish_reason="length"))
    (found,) = asked(endpoint, task_folder, tmp_path, "tiny_write")
    assert {item.truncated for item in found.items} == {True}


def without(name: str) -> Callable[[Connection, dict[str, Any]], None]:
    """Honest, but for a part of the log-probabilities."""

    def behave(to: Connection, payload: dict[str, Any]) -> None:
        with to.endpoint.lock:
            reply = to.endpoint.honest(to.path, payload)
        choice = reply["choices"][0]
        if name == "logprobs":
            choice["logprobs"] = None
        elif name == "echo":
            choice["logprobs"] = {k: v[-1:] for k, v in choice["logprobs"].items()}
        elif name == "a token":
            choice["logprobs"] = {k: v[2:] for k, v in choice["logprobs"].items()}
        elif name == "the last token":
            choice["logprobs"] = {k: v[:-1] for k, v in choice["logprobs"].items()}
        elif name == "sense":
            choice["logprobs"]["token_logprobs"][1] = 0.5
        elif name == "numbers":
            choice["logprobs"]["token_logprobs"][1] = float("nan")
        to.send(200, reply)

    return behave


@pytest.mark.parametrize("name", ["logprobs", "echo"])
def test_a_server_without_log_probabilities_is_asked_once_and_no_more(
    endpoint: Endpoint, base: Path, task_folder: Path, tmp_path: Path, name: str
) -> None:
    endpoint.behaves = without(name)
    tasks = ("tiny_choice", "tiny_rolling", "tiny_last")
    found = asked(endpoint, task_folder, tmp_path, *tasks, tokenizer=str(base))
    assert [each.status for each in found] == ["not_applicable"] * 3
    assert all("log-probabilities" in each.error for each in found)
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("status", [400, 404, 422, 501])
def test_a_server_that_refuses_to_weigh_is_asked_once_and_no_more(
    endpoint: Endpoint, base: Path, task_folder: Path, tmp_path: Path, status: int
) -> None:
    endpoint.behaves = lambda to, _: to.send(status, {"detail": "prompt must be a string"})
    tasks = ("tiny_choice", "tiny_rolling")
    found = asked(endpoint, task_folder, tmp_path, *tasks, tokenizer=str(base))
    assert [each.status for each in found] == ["not_applicable"] * 2
    assert all("prompt must be a string" in each.error for each in found)
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [("a token", "own tokenizer"), ("sense", "that is none"), ("numbers", "that is none")],
)
def test_log_probabilities_that_cannot_be_right_fail_the_cell(
    endpoint: Endpoint, base: Path, task_folder: Path, tmp_path: Path, name: str, said: str
) -> None:
    endpoint.behaves = without(name)
    (found,) = asked(endpoint, task_folder, tmp_path, "tiny_choice", tokenizer=str(base))
    assert found.status == "failed"
    assert said in found.error


def test_a_server_that_writes_nothing_after_a_prompt_weighs_all_of_it(
    endpoint: Endpoint, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    """lm-eval drops the last entry of a reply, which would be the answer's last token."""
    (usual,) = asked(endpoint, task_folder, tmp_path / "a", "tiny_choice", tokenizer=str(base))
    endpoint.behaves = without("the last token")
    (found,) = asked(endpoint, task_folder, tmp_path / "b", "tiny_choice", tokenizer=str(base))
    assert [item.confidence for item in found.items] == [item.confidence for item in usual.items]


@pytest.mark.parametrize("path", ["v1/completions", "v1/chat/completions"])
def test_a_way_of_asking_that_a_server_lacks_is_not_applicable(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path, path: str
) -> None:
    endpoint.behaves = on(path, lambda to, _: to.send(404, {"detail": "Not Found"}))
    for native in (False, True):
        (found,) = asked(endpoint, task_folder, tmp_path, "tiny_write", native=native, model="chat")
        lacks = path.endswith("chat/completions") == native
        assert found.status == ("not_applicable" if lacks else "scored"), found.error


def test_a_model_that_a_server_does_not_know_is_a_failure(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    said = {"error": {"message": "The model `bsae` does not exist."}}
    endpoint.behaves = lambda to, _: to.send(404, said)
    (found,) = asked(endpoint, task_folder, tmp_path, "tiny_write", model="bsae")
    assert found.status == "failed"
    assert "does not exist" in found.error


def test_a_body_without_end_is_not_read(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo_openai.transport.MOST_BYTES", 2**20)
    sent = 0

    def flood(to: Connection, _: dict[str, Any]) -> None:
        nonlocal sent
        to.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        while True:
            to.wfile.write(b" " * 2**16)
            sent += 2**16

    endpoint.behaves = flood
    (found,) = asked(endpoint, task_folder, tmp_path, "tiny_write", num_concurrent=1)
    assert "more than 1 MiB" in found.error
    assert sent < 2**26


CANARY = "canary-0123456789-bird"


def files_with(folder: Path, secret: str) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes()
    ]


def test_the_key_follows_no_redirect(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY_127_0_0_1", CANARY)
    with serving() as other:
        endpoint.behaves = lambda to, _: to.send(
            307, {}, {"Location": f"{other.url}/completions".replace("127.0.0.1", "localhost")}
        )
        (found,) = asked(endpoint, task_folder, tmp_path, "tiny_write")
        assert other.asked == []
    assert found.status == "failed"
    assert "localhost" in found.error
    assert "not followed" in found.error


def test_a_key_that_a_server_sends_back_is_kept_nowhere(
    endpoint: Endpoint,
    task_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY_127_0_0_1", CANARY)
    escaped = json.dumps(completion("sixteen")).replace(
        "sixteen", "".join(f"\\u{ord(each):04x}" for each in CANARY)
    )
    bodies = {
        "tiny_write": (200, escaped.encode()),
        "tiny_several": (418, {"error": f"Bearer {CANARY} is not liked"}),
        "tiny_write_shots": (500, {"error": CANARY}),
    }
    for number, (status, said) in enumerate(bodies.values()):
        endpoint.behaves = lambda to, _, status=status, said=said: to.send(  # type: ignore[misc]
            status, said
        )
        name = list(bodies)[number]
        (found,) = asked(endpoint, task_folder, tmp_path / "store", name)
        assert CANARY not in repr(found)
        assert "[redacted]" in (found.items[0].response if found.items else found.error)
    sent = [headers.get("Authorization") for _, _, headers in endpoint.asked]
    assert set(sent) == {f"Bearer {CANARY}"}
    assert files_with(tmp_path, CANARY) == []
    assert CANARY not in caplog.text


@pytest.mark.parametrize("key", ["EMPTY", "0", "x", "text"])
def test_a_key_that_is_none_changes_no_answer(
    endpoint: Endpoint,
    task_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
) -> None:
    """What local servers are given for a key stands in answers, and in names of their fields."""
    monkeypatch.setenv("OPENAI_API_KEY_127_0_0_1", key)
    said = completion(f"SELECT {key} of 1000")
    endpoint.behaves = lambda to, _: to.send(200, said)  # type: ignore[misc]
    (found,) = asked(endpoint, task_folder, tmp_path / "store", "tiny_write")
    assert {item.response for item in found.items} == {f"SELECT {key} of 1000"}


def test_the_words_of_a_server_are_harmless(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    endpoint.behaves = lambda to, _: to.send(400, b"\x1b[31mred\x1b[0m\r\nzoo: all is well" * 99)
    (found,) = asked(endpoint, task_folder, tmp_path, "tiny_write")
    assert "\x1b" not in found.error
    assert "\n" not in found.error
    assert len(found.error) < 400


def test_what_was_answered_before_a_failure_is_not_asked_again(
    endpoint: Endpoint, task_folder: Path, tmp_path: Path
) -> None:
    def tired(to: Connection, payload: dict[str, Any]) -> None:
        if len(endpoint.asked) > 5:
            to.send(400, {"error": "enough"})
        else:
            to.answer(payload)

    endpoint.behaves = tired
    (found,) = asked(endpoint, task_folder, tmp_path, "tiny_write", num_concurrent=1)
    assert found.status == "failed"
    endpoint.behaves = Connection.answer
    before = len(endpoint.asked)
    (found,) = asked(endpoint, task_folder, tmp_path, "tiny_write", num_concurrent=1)
    assert found.status == "scored"
    assert len(endpoint.asked) - before == len(found.items) - 5
