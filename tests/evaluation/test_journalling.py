"""Answers on their way into several cells: what is left to ask, and which cell an answer is of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from support.scripted import scripted

from zoo.evaluation.answering import answer
from zoo.evaluation.journalling import AnswerHook, OpenCell, Questions, rounds
from zoo.evaluation.requests import Request, Response
from zoo.store import RESPONSES, Store


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
def rounds_of(store: Store, asked: list[Questions]) -> Iterator[list[OpenCell]]:
    """The cells of one round, held for as long as the block lasts."""
    with closing(rounds(store, asked, lambda _: False)) as turns:
        yield next(turns)


def journalled(store: Store, asked: Questions) -> dict[int, dict[int, str]]:
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
        Questions("aa", generate("x", "y", "x")),  # equal requests are served in their order
        Questions("bb", generate("x", "z", max_gen_toks=8)),
    ]
    lm = lm_of(lambda prompt, turn: f"{prompt}{turn}")
    with rounds_of(store, asked) as mine:
        hook = AnswerHook(mine, lm)
        for each in asked:
            answer(lm, each.requests, hook=hook)
        for cell in mine:
            cell.attempt.flush()
    assert journalled(store, asked[0]) == {0: {0: "x0"}, 1: {0: "y0"}, 2: {0: "x1"}}
    assert journalled(store, asked[1]) == {0: {0: "x2"}, 1: {0: "z0"}}


def test_a_sampled_answer_that_could_be_anothers_is_not_journalled(tmp_path: Path) -> None:
    store = Store(tmp_path)
    asked = Questions("aa", generate("x", "y", "x", do_sample=True, temperature=1.0), repeats=2)
    lm = lm_of(lambda prompt, turn: f"{prompt}{turn}")
    lm.draws_by_item = lambda _: True
    with rounds_of(store, [asked]) as mine:
        answer(lm, asked.requests, repeats=2, hook=AnswerHook(mine, lm))
    assert journalled(store, asked) == {1: {0: "y0", 1: "y1"}}


def test_a_model_that_writes_into_its_arguments_or_tells_nonsense_is_understood_where_it_can_be(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    asked = [Questions("aa", generate("x", "y")), Questions("bb", generate("y", max_gen_toks=9))]
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
    asked = Questions("aa", requests)
    with rounds_of(store, [asked]) as (ours,):
        other = store.claim("aa", 3, fresh=True)
        assert other is not None
        with other:
            other.add(0, 0, {"loglikelihood": -1.5, "is_greedy": True})
            other.add(1, 0, {"loglikelihood": -2.0, "is_greedy": True})
            other.add(2, 0, {"loglikelihood": float("-inf"), "is_greedy": True})
        given = {n: [Response(loglikelihood=-1.0 - n, is_greedy=True)] for n in range(3)}
        assert ours.complete(given) == [given[0], given[1], given[2]]
        found = ours.account()["nondeterministic"]
    assert found == {"answers": 2, "requests": [0, 2], "largest": 0.5}


def test_cells_that_another_process_holds_come_last_or_are_found_finished(tmp_path: Path) -> None:
    store = Store(tmp_path)
    asked = [Questions(key, generate(key)) for key in ("aa", "bb", "cc")]
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
