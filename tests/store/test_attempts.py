"""What one attempt has kept the next takes up; one process at a time is at work on a cell."""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store.processes import writers
from store.writers import ANSWERS, answer
from zoo.errors import StoreError
from zoo.fingerprints import digest
from zoo.store import RESPONSES, Store, leases
from zoo.store.attempts import Attempt, attempts_folder, read_all

KEY = digest("a cell")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases are stale soon, and nobody renews one."""
    monkeypatch.setattr(leases, "STALE", 0.1)
    monkeypatch.setattr(leases, "renew", lambda _: None)


def claim(store: Store, *, fresh: bool = False) -> Attempt:
    """An attempt that must be there to have."""
    attempt = store.claim(KEY, 10, fresh=fresh)
    assert attempt is not None
    return attempt


def journals(store: Store) -> list[Path]:
    return sorted(attempts_folder(store.root, KEY).glob("*/journal"))


def test_the_next_attempt_takes_up_what_was_kept(store: Store) -> None:
    with claim(store) as first:
        first.say({"device": "cpu"})
        first.add(3, 0, {"text": "three"})
        first.add(0, 1, {"text": "zero"})
    with claim(store) as second:
        assert second.known.answers == {3: {0: {"text": "three"}}, 0: {1: {"text": "zero"}}}
        second.say({"device": "cuda"})
        second.add(4, 0, {"text": "four"})
    with claim(store) as third:
        assert sorted(third.known.answers) == [0, 3, 4]
        assert third.known.abouts == [{"device": "cpu"}, {"device": "cuda"}]
        assert third.known.differing == []


def test_what_was_flushed_is_on_the_disk_at_once_and_the_rest_within_a_beat(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "BEAT", 0.01)
    with claim(store) as attempt:
        attempt.add(0, 0, "flushed")
        attempt.flush()
        assert b"flushed" in journals(store)[0].read_bytes()
        attempt.add(1, 0, "waiting")
        deadline = time.monotonic() + 30
        while b"waiting" not in journals(store)[0].read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_held_cell_is_nobody_elses_until_it_is_let_go(store: Store) -> None:
    with claim(store) as holder:
        assert store.claim(KEY, 10) is None
        assert store.attempts.held(KEY)
        other = store.claim(digest("another cell"), 10)
        assert other is not None
        other.close()
        holder.add(0, 0, "x")
    assert not store.attempts.held(KEY)
    claim(store).close()


def test_a_lease_is_ended_by_the_name_of_its_holder_and_by_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "BEAT", 600)  # as if the holder were dead
    monkeypatch.setattr(leases, "holder", "0123abcd")
    left = claim(store)
    left.add(0, 0, "x")
    left.flush()
    monkeypatch.setattr(leases, "holder", "")
    nameless = store.claim(digest("another cell"), 10)
    assert nameless is not None
    for other in ("", "0123", "0123abcde"):
        store.attempts.end_leases(other)
        assert store.claim(KEY, 10) is None
        assert store.attempts.held(digest("another cell"))
    store.attempts.end_leases("0123abcd")
    with claim(store) as successor:
        assert successor.known.answers == {0: {0: "x"}}
        store.attempts.end_leases("0123abcd")
        assert store.claim(KEY, 10) is None
    assert store.attempts.held(digest("another cell"))
    nameless.close()
    left.close()


def test_an_attempt_that_kept_nothing_leaves_nothing(store: Store) -> None:
    claim(store).close()
    assert not attempts_folder(store.root, KEY).exists()


@pytest.mark.usefixtures("hasty")
def test_a_lease_that_is_not_renewed_goes_stale_and_what_was_kept_is_taken_up(store: Store) -> None:
    left = claim(store)
    left.add(0, 0, "x")
    left.flush()
    assert store.claim(KEY, 10) is None
    time.sleep(0.15)
    with claim(store) as next_one:
        assert next_one.known.answers == {0: {0: "x"}}
    left.close()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("ahead", [-3600, 3600], ids=["behind", "ahead"])
def test_a_clock_that_is_an_hour_off_costs_no_more_than_the_time_of_a_lease(
    ahead: float, store: Store
) -> None:
    left = claim(store)
    (lease,) = attempts_folder(store.root, KEY).glob("*/lease")
    then = time.time() + ahead
    os.utime(lease, (then, then))
    first = store.claim(KEY, 10)
    assert (first is None) == (ahead > 0)
    time.sleep(0.15)
    (first or claim(store)).close()
    left.close()


@pytest.mark.usefixtures("hasty")
def test_a_folder_that_was_made_and_never_got_its_lease_does_not_hold_a_cell_for_ever(
    store: Store,
) -> None:
    (attempts_folder(store.root, KEY) / "0").mkdir(parents=True)
    assert store.claim(KEY, 10) is None
    time.sleep(0.15)
    claim(store).close()


def test_a_renewed_lease_is_held_for_as_long_as_it_takes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "BEAT", 0.02)
    monkeypatch.setattr(leases, "STALE", 0.5)
    with claim(store):
        until = time.monotonic() + 1.2
        while time.monotonic() < until:
            assert store.claim(KEY, 10) is None
            time.sleep(0.05)


def test_the_first_of_two_answers_stands_and_the_other_is_told(store: Store) -> None:
    with claim(store) as first, claim(store, fresh=True) as other:
        assert other.known.answers == {}, "who asks afresh takes up nothing"
        for attempt, text in ((other, "b"), (first, "a")):
            attempt.add(0, 0, text)
            attempt.add(1, 0, "same")
    with claim(store) as last:
        assert last.known.answers == {0: {0: "a"}, 1: {0: "same"}}
        assert last.known.differing == [(0, 0, "a", "b")]


def test_a_finished_cell_has_no_attempts_and_one_that_cannot_be_finished_keeps_them(
    store: Store,
) -> None:
    with claim(store) as attempt:
        attempt.add(0, 0, "x")
        attempt.flush()
        with full_disk(100), pytest.raises(StoreError, match="make room"):
            store.put(RESPONSES, KEY, {"n": list(range(9000))}, {})
    assert len(journals(store)) == 1
    store.put(RESPONSES, KEY, {"n": [1]}, {})
    assert list(store.attempts.cells()) == []


def test_a_writer_whose_cell_another_has_finished_goes_on_and_harms_nothing(store: Store) -> None:
    with claim(store) as slow:
        slow.add(0, 0, "x")
        store.put(RESPONSES, KEY, {"n": [1]}, {})
        with claim(store, fresh=True) as new:
            new.add(1, 0, "y")
            new.flush()
            slow.flush()
            slow.add(2, 0, "z")
            slow.flush()
            assert journals(store)[0].read_bytes().count(b"\n") == 1
    with claim(store) as last:
        assert last.known.answers == {1: {0: "y"}}


def test_an_attempt_that_comes_after_the_cell_is_finished_leaves_nothing(store: Store) -> None:
    late = claim(store)
    store.put(RESPONSES, KEY, {"text": ["x"]}, {})
    late.close()
    again = claim(store)
    again.close()
    assert list(store.attempts.cells()) == []


def test_damage_is_named_and_costs_what_it_hit(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with claim(store) as attempt:
        for number in range(3):
            attempt.add(number, 0, f"number {number}")
    (path,) = journals(store)
    path.write_bytes(path.read_bytes().replace(b"number 1", b"number 7"))
    (problem,) = store.verify()
    assert str(path) in problem
    with claim(store) as attempt:
        assert sorted(attempt.known.answers) == [0, 2]
    assert "is asked again" in caplog.text
    path.write_bytes(path.read_bytes()[:-1])
    assert len(store.verify()) == 1, "the torn end of a killed writer is no damage"


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_named_with_what_the_cell_needs_and_keeps_what_was_kept(
    store: Store,
) -> None:
    with full_disk(1000):
        attempt = claim(store)
        attempt.add(0, 0, "x" * 500)
        attempt.flush()
        attempt.add(1, 0, "y" * 900)
        with pytest.raises(
            StoreError, match=r"make room for about \d+ bytes and run again"
        ) as said:
            attempt.flush()
        with pytest.raises(StoreError):
            attempt.add(2, 0, "no answer is taken that cannot be kept")
        attempt.close()
    # ten answers of some 700 bytes, of which one is there
    assert 5_000 < int(str(said.value).split("about ")[1].split()[0]) < 9_000
    with claim(store) as next_one:
        assert next_one.known.answers == {0: {0: "x" * 500}}


def test_of_many_killed_writers_no_kept_answer_is_lost_or_asked_again(tmp_path: Path) -> None:
    kept: dict[str, set[int]] = {}
    computed: dict[str, Counter[int]] = {}
    lives = writers("attempted", tmp_path)
    for cell, what, number in lives:
        if what == "kept":
            # a flush keeps all that was computed before it, in this life or an earlier one
            kept.setdefault(cell, set()).update(computed[cell])
        else:
            assert int(number) not in kept.get(cell, set()), "what was kept was asked again"
            computed.setdefault(cell, Counter())[int(number)] += 1
    assert any(max(counts.values()) > 1 for counts in computed.values()), "nobody was interrupted"
    store = Store(tmp_path)
    finished = set(store.keys(RESPONSES))
    texts = [answer(number)["text"] for number in range(ANSWERS)]
    for cell, numbers in kept.items():
        key = digest(f"cell {cell}")
        if key in finished:
            assert store.get(RESPONSES, key) == ({"text": texts}, {})
            continue
        known = read_all(attempts_folder(store.root, key), key)
        assert numbers <= set(known.answers)
        assert all(samples == {0: answer(n)} for n, samples in known.answers.items())
        assert known.differing == []
    assert len(finished) >= 5
    assert store.verify() == []


def test_of_many_processes_on_one_cell_one_asks_and_the_others_wait_for_it(tmp_path: Path) -> None:
    said = writers("contend", tmp_path)
    computed = Counter(int(number) for what, number in said if what == "computed")
    assert computed == Counter(range(ANSWERS))
    store = Store(tmp_path)
    assert store.get(RESPONSES, digest("one")) is not None
    assert list(store.attempts.cells()) == []
    assert store.verify() == []
