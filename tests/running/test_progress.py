"""Progress counts what is answered, once, at the pace at which it is answered."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from support.zoos import TinyZoo

from zoo.cli.progress import JsonLines, Lines, drawn, visible
from zoo.progress import WINDOW, ModelProgress, Tally

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "progress.md"


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def run_of(clock: Clock, **models: tuple[int, int]) -> Tally:
    """The tally of a run that has just begun. models: cells and requests by name."""
    tally = Tally(clock)
    rows = [
        {"model": name, "cells": cells, "reused": 2, "requests": requests}
        for name, (cells, requests) in models.items()
    ]
    cells = sum(cells for cells, _ in models.values())
    facts = {"family": "f", "suite": "s", "cells": cells, "reused": 0, "failed": 0}
    tally("start", {**facts, "by_model": rows})
    return tally


def test_time_left_is_what_lacks_at_the_pace_of_the_answers() -> None:
    clock = Clock()
    tally = run_of(clock, a=(1, 100), b=(1, 300))
    assert tally.now().per_second is tally.now().seconds_left is None
    tally("loading", {"model": "a"})
    tally("cell", {"name": "a · all", "requests": 100})
    for _ in range(10):
        clock.now += 1
        tally("requests", {"done": 5})
    now = tally.now()
    assert (now.done, now.total) == (50, 400)
    assert now.per_second == pytest.approx(5.0)
    assert now.seconds_left == pytest.approx(70.0)
    assert [each.state for each in now.models] == ["asking", "waiting"]


def test_answers_kept_by_an_earlier_attempt_are_done_and_not_fast() -> None:
    clock = Clock()
    tally = run_of(clock, a=(1, 100))
    tally("cell", {"model": "a", "name": "a · all", "requests": 100})
    tally("requests", {"done": 90, "kept": True})
    clock.now += 5
    tally("requests", {"done": 5})
    now = tally.now()
    assert now.done == 95
    assert now.per_second == pytest.approx(1.0)
    assert now.models[0].per_second == pytest.approx(1.0)


def test_the_pace_follows_when_slower_requests_come() -> None:
    clock = Clock()
    tally = run_of(clock, a=(2, 10_000))
    tally("cell", {"model": "a", "name": "a · all", "requests": 10_000})
    for _ in range(4):
        clock.now += 1
        tally("requests", {"done": 2000})
    for _ in range(2 * int(WINDOW)):
        clock.now += 1
        tally("requests", {"done": 1})
    assert tally.now().per_second == pytest.approx(1.0, rel=0.1)


def test_a_call_that_is_broken_off_and_asked_again_counts_once() -> None:
    clock = Clock()
    tally = run_of(clock, a=(2, 20))
    tally("cell", {"model": "a", "name": "a · all", "requests": 20})
    tally("requests", {"done": 15})
    for name in ("a · x", "a · y"):
        tally("cell", {"model": "a", "name": name, "requests": 10})
        tally("requests", {"done": 10})
    assert (tally.now().done, tally.now().total) == (20, 20)


def test_requests_of_cells_that_fail_are_not_waited_for() -> None:
    tally = run_of(Clock(), a=(2, 20))
    for status in ("scored", "failed"):
        tally("result", {"model": "a", "status": status})
    now = tally.now()
    assert (now.total, now.failed, now.finished) == (0, 1, 2)
    assert now.models[0].state == "failed"


@given(st.permutations([("a", 7), ("b", 3), ("a", 3), ("c", 10), ("b", 7)]))
def test_models_that_are_asked_at_once_are_counted_apart(told: list[tuple[str, int]]) -> None:
    tally = run_of(Clock(), a=(1, 10), b=(1, 10), c=(1, 10))
    for model in "abc":
        tally("cell", {"model": model, "name": f"{model} · all", "requests": 10})
    for model, done in told:
        assert tally.midway
        tally("requests", {"model": model, "done": done})
    assert [each.done for each in tally.now().models] == [10, 10, 10]
    assert tally.answering
    assert not tally.midway


HOSTILE = "[red]evil[/red]\x1b]0;title\x07\x1b[31m\nmodel"


def shown(tally: Tally, height: int = 24) -> str:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100, color_system=None)
    for each in drawn(tally.now(), height):
        console.print(each)
    return text.getvalue()


def test_hostile_names_are_plain_text_in_the_table_and_in_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tally = run_of(Clock(), **{HOSTILE: (1, 10)})
    text = shown(tally)
    assert "[red]evil[/red] model" in text
    assert "title" not in text
    assert "\x1b]" not in text
    lines = Lines(tally)
    lines("loading", {"model": HOSTILE})
    said = capsys.readouterr().err
    assert said == "  [red]evil[/red] model: loading\n"


def test_a_table_of_many_models_keeps_to_the_terminal_and_shows_those_at_work() -> None:
    tally = run_of(Clock(), **{f"m{i}": (1, 10) for i in range(60)})
    tally("cell", {"model": "m40", "name": "m40 · all", "requests": 10})
    text = shown(tally, height=12)
    assert len(text.splitlines()) <= 12
    assert "m40" in text
    assert "and 52 more models" in text


@given(
    st.lists(st.sampled_from(["waiting", "loading", "asking", "done", "failed"]), max_size=30),
    st.integers(1, 12),
)
def test_no_model_that_is_asked_gives_way_to_one_that_is_not(states: list[Any], most: int) -> None:
    models = tuple(ModelProgress(str(i), state=state) for i, state in enumerate(states))
    found = visible(models, most)
    assert len(found) == min(most, len(models))
    assert [int(each.model) for each in found] == sorted(int(each.model) for each in found)
    if any(each.state == "asking" and each not in found for each in models):
        assert {each.state for each in found} == {"asking"}


def documented() -> dict[str, set[str]]:
    """Fields of each event of a run, as the page's table names them."""
    page = PAGE.read_text("utf-8").partition("## Trainings")[0]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| (.*) \|$", page, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", fields)) for name, fields in rows}


def test_every_json_line_of_a_run_is_as_documented(
    tiny_zoo: TinyZoo, capsys: pytest.CaptureFixture[str]
) -> None:
    from zoo.cli import main

    tiny_zoo.add("./gone", "fine-tuned", base_model='"./base"')
    command = tiny_zoo.command("run", "--progress", "json", "--device", "cpu")
    assert main(command) == 1
    lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith("{")]
    events = [json.loads(line) for line in lines]
    pages = documented()
    for event in events:
        name = event["event"]
        assert set(event) - {"event", "time"} <= pages[name], name
    assert {"preparing", "start", "loading", "cell", "requests", "result", "finished"} == {
        event["event"] for event in events
    }
    (start,) = [event for event in events if event["event"] == "start"]
    asked = sum(event["done"] for event in events if event["event"] == "requests")
    assert asked == start["requests"] == sum(each["requests"] for each in start["by_model"])
    last = [event for event in events if event["event"] == "requests"][-1]
    assert (last["answered"], last["total"]) == (asked, asked)
    results = [event for event in events if event["event"] == "result"]
    assert len(results) == start["cells"] - start["reused"] - start["failed"]


def test_answers_that_come_fast_share_a_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    tally = run_of(Clock(), a=(1, 1000))
    view = JsonLines(tally)
    for name, facts in (
        ("cell", {"model": "a", "name": "a · all", "requests": 1000}),
        *[("requests", {"model": "a", "done": 1})] * 1000,
        ("result", {"model": "a", "status": "scored"}),
    ):
        tally(name, facts)  # type: ignore[arg-type]
        view(name, facts)  # type: ignore[arg-type]
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    told = [event["done"] for event in events if event["event"] == "requests"]
    assert sum(told) == 1000
    assert len(told) < 20
