"""A cell that was ended in the middle goes on with what is left, to the same answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.evaluating import Events, cell_of, evaluate, make_evaluator, spec
from support.scripted import scripted

from zoo.evaluation.answering import answer
from zoo.evaluation.evaluator import Evaluator
from zoo.evaluation.huggingface import HF, TORCH
from zoo.evaluation.journalling import AnswerHook, OpenCell, rounds
from zoo.evaluation.requests import CellRequests, Request, Response
from zoo.hookspecs import Loader
from zoo.results import RunSpec
from zoo.store import RESPONSES, Store


def end_after(evaluator: Evaluator, events: Events, asked: RunSpec, answers: int) -> None:
    """Evaluates a cell and ends the run, as Ctrl-C does, when it is told of one more answer."""

    def listen(name: str, facts: Mapping[str, Any]) -> None:
        events(name, facts)
        if events.answered() > answers:
            raise KeyboardInterrupt

    evaluator.on_event = listen
    with pytest.raises(KeyboardInterrupt):
        evaluate(evaluator, asked)


def stored(root: Path) -> tuple[Any, Any]:
    """The only cell of responses in a store."""
    store = Store(root)
    (key,) = store.keys(RESPONSES)
    found = store.get(RESPONSES, key)
    assert found is not None
    return found


@pytest.mark.parametrize("loader", [HF, TORCH], ids=["hf", "torch"])
@pytest.mark.parametrize("task", ["tiny_choice", "tiny_mutual", "tiny_write", "tiny_last"])
def test_a_cell_that_was_ended_asks_only_what_is_left_and_has_the_same_answers(
    loader: Loader, task: str, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    asked = spec(base, task, filter="none" if task != "tiny_write" else "first-letter")
    whole, _ = make_evaluator(tmp_path / "whole", task_folder, loader=loader, batch_size=1)
    (wanted,) = evaluate(whole, asked)
    assert wanted.status == "scored", wanted.error
    ended, events = make_evaluator(tmp_path / "ended", task_folder, loader=loader, batch_size=1)
    cell = cell_of(ended, asked)
    end_after(ended, events, asked, cell.size // 2)
    again, events = make_evaluator(tmp_path / "ended", task_folder, loader=loader, batch_size=1)
    (result,) = evaluate(again, asked)
    columns, summary = stored(tmp_path / "ended")
    taken = summary["taken_up"]
    assert 0 < taken < cell.size
    told = [facts["done"] for name, facts in events.seen if name == "requests"]
    assert told == [taken, *[1] * (cell.size - taken)]
    expected, _ = stored(tmp_path / "whole")
    likelihoods = columns.pop("loglikelihood"), expected.pop("loglikelihood")
    assert columns == expected
    if loader is HF:  # one by one, HFLM's numbers are the same to the last bit
        assert likelihoods[0] == likelihoods[1]
        assert result.items == wanted.items
    elif task != "tiny_write":
        assert likelihoods[0] == pytest.approx(likelihoods[1], rel=1e-5)
    assert result.provenance.seconds is None
    assert "nondeterministic" not in summary
    assert summary["attempts"][0]["device"] == "cpu"
    assert list(Store(tmp_path / "ended").attempts.cells()) == []


def test_samples_drawn_by_item_go_on_and_are_the_same_draws(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    asked = spec(base, "tiny_vote")
    (wanted,) = evaluate(make_evaluator(tmp_path / "1", task_folder, loader=TORCH)[0], asked)
    ended, events = make_evaluator(tmp_path / "2", task_folder, loader=TORCH)
    end_after(ended, events, asked, 16)
    again, events = make_evaluator(tmp_path / "2", task_folder, loader=TORCH)
    (result,) = evaluate(again, asked)
    columns, summary = stored(tmp_path / "2")
    assert summary["taken_up"] >= 1
    assert result.items == wanted.items
    assert columns == stored(tmp_path / "1")[0]


def test_samples_drawn_by_batch_are_asked_whole_again(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    asked = spec(base, "tiny_vote")
    (wanted,) = evaluate(make_evaluator(tmp_path / "1", task_folder)[0], asked)
    ended, events = make_evaluator(tmp_path / "2", task_folder)
    end_after(ended, events, asked, 16)
    again, events = make_evaluator(tmp_path / "2", task_folder)
    (result,) = evaluate(again, asked)
    assert events.answered() == 36
    assert "taken_up" not in stored(tmp_path / "2")[1]
    assert result.items == wanted.items


def test_a_cell_ended_between_its_last_answer_and_its_finishing_loads_no_model(
    base: Path, task_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = spec(base, "tiny_write")
    ended, _ = make_evaluator(tmp_path, task_folder, loader=scripted(lambda prompt, _: prompt[:9]))
    with monkeypatch.context() as patch:
        patch.setattr(Evaluator, "_keep", interrupted)
        with pytest.raises(KeyboardInterrupt):
            evaluate(ended, asked)
    loads: list[int] = []
    loader = scripted(lambda *_: "never", before=lambda: loads.append(1))
    (result,) = evaluate(make_evaluator(tmp_path, task_folder, loader=loader)[0], asked)
    assert result.status == "scored"
    assert loads == []
    assert {item.response for item in result.items} == {"question:"}
    assert result.provenance.loader == "scripted"


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def test_fresh_takes_up_nothing(base: Path, task_folder: Path, tmp_path: Path) -> None:
    asked = spec(base, "tiny_write")
    ended, events = make_evaluator(tmp_path, task_folder, loader=scripted(lambda *_: "old"))
    end_after(ended, events, asked, 6)
    loader = scripted(lambda *_: "new")
    (result,) = evaluate(make_evaluator(tmp_path, task_folder, loader=loader, fresh=True)[0], asked)
    assert {item.response for item in result.items} == {"new"}


# ---------------------------------------------------------------- the hook, over several cells


def generate(*contexts: str, doc: int = 0, **gen_kwargs: Any) -> list[Request]:
    """Generation requests of documents that follow each other."""
    kwargs = {"until": ["\n"], "max_gen_toks": 4, **gen_kwargs}
    return [
        Request(doc + number, 0, "generate_until", context, gen_kwargs=kwargs)
        for number, context in enumerate(contexts)
    ]


def lm_of(write: Callable[[str, int], str]) -> Any:
    return scripted(write).load(None, device="cpu", dtype="float32", batch_size=1)


@contextmanager
def rounds_of(store: Store, asked: list[CellRequests]) -> Iterator[list[OpenCell]]:
    """The cells of one round, held for as long as the block lasts."""
    with closing(rounds(store, asked, lambda _: False)) as turns:
        yield next(turns)


def journalled(store: Store, asked: CellRequests) -> dict[int, dict[int, str]]:
    """Texts by request and sample that another process would take up."""
    attempt = store.claim(asked.key, asked.size, fresh=True)
    assert attempt is not None
    with attempt:
        return {
            number: {sample: each["text"] for sample, each in samples.items()}
            for number, samples in attempt.others().answers.items()
        }


def test_answers_to_several_cells_in_one_call_find_their_cells(tmp_path: Path) -> None:
    store = Store(tmp_path)
    asked = [
        CellRequests("aa", generate("x", "y", "x")),  # equal requests are served in their order
        CellRequests("bb", generate("x", "z", max_gen_toks=8)),
    ]
    lm = lm_of(lambda prompt, turn: f"{prompt}{turn}")
    with rounds_of(store, asked) as mine:
        hook = AnswerHook(mine, lm)
        answer(lm, asked, hook=hook)
        for cell in mine:
            cell.attempt.flush()
    assert journalled(store, asked[0]) == {0: {0: "x0"}, 1: {0: "y0"}, 2: {0: "x1"}}
    assert journalled(store, asked[1]) == {0: {0: "x2"}, 1: {0: "z0"}}


def test_a_sampled_answer_that_could_be_anothers_is_not_journalled(tmp_path: Path) -> None:
    store = Store(tmp_path)
    asked = CellRequests("aa", generate("x", "y", "x", do_sample=True, temperature=1.0), repeats=2)
    lm = lm_of(lambda prompt, turn: f"{prompt}{turn}")
    lm.draws_by_item = lambda _: True
    with rounds_of(store, [asked]) as mine:
        answer(lm, [asked], hook=AnswerHook(mine, lm))
    assert journalled(store, asked) == {1: {0: "y0", 1: "y1"}}


def test_a_model_that_writes_into_its_arguments_or_tells_nonsense_is_understood_where_it_can_be(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    asked = [
        CellRequests("aa", generate("x", "y")),
        CellRequests("bb", generate("y", max_gen_toks=9)),
    ]
    lm = lm_of(lambda *_: "")
    with rounds_of(store, asked) as mine:
        hook = AnswerHook(mine, lm)
        hook.add_partial("generate_until", ("x", {"until": {1, 2}}), "one x")
        hook.add_partial("generate_until", ("y", {"changed": 1}), "of which cell?")
        hook.add_partial("generate_until", ("never asked", {}), "?")
        hook.add_partial("generate_until", (["x"], None), "?")
        hook.add_partial("loglikelihood", ("x", "y"), (0.0, True))
        hook.add_partial("greedy_until", (), "?")
        hook.add_partial("generate_until", ("x", {}), "more than were asked")
    assert journalled(store, asked[0]) == {0: {0: "one x"}}
    assert journalled(store, asked[1]) == {}


def test_requests_that_two_processes_answered_differently_are_recorded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    requests = [Request(n, 0, "loglikelihood", "x", str(n)) for n in range(3)]
    asked = CellRequests("aa", requests)
    with rounds_of(store, [asked]) as (ours,):
        other = store.claim("aa", 3, fresh=True)
        assert other is not None
        with other:
            other.add(0, 0, {"loglikelihood": -1.5, "is_greedy": True})
            other.add(1, 0, {"loglikelihood": -2.0, "is_greedy": True})
            other.add(2, 0, {"loglikelihood": float("-inf"), "is_greedy": True})
        given = [[Response(loglikelihood=-1.0 - n, is_greedy=True)] for n in range(3)]
        assert ours.complete(given) == given
        found = ours.account()["nondeterministic"]
    assert found == {"answers": 2, "requests": [0, 2], "largest": 0.5}


def test_cells_that_another_process_holds_come_last_or_are_found_finished(tmp_path: Path) -> None:
    store = Store(tmp_path)
    asked = [CellRequests(key, generate(key)) for key in ("aa", "bb", "cc")]
    held = {key: store.claim(key, 1) for key in ("aa", "bb")}
    waited: list[list[str]] = []

    def wait(cells: Any) -> None:
        waited.append([each.key for each in cells])
        held["aa"].close()  # type: ignore[union-attr] - ended without finishing
        store.put(RESPONSES, "bb", {"n": [1]}, {})

    turns = rounds(store, asked, lambda key: store.get(RESPONSES, key) is not None, on_wait=wait)
    came = [[cell.key for cell in mine] for mine in turns]
    assert came == [["cc"], ["aa"]]
    assert waited == [["aa", "bb"]]
    held["bb"].close()  # type: ignore[union-attr]
