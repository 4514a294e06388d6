"""A cell is there whole or not at all, and only as it was written."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.processes import writers
from zoo.errors import StoreError
from zoo.fingerprints import digest
from zoo.store import RESPONSES, SCORES, Store
from zoo.store.sealed import seal, unseal

KEY = digest("a cell")
COLUMNS = {"text": ["one", "zwei \x00 \u2028", "셋", None], "value": [0.1, -1e-300, None, 3.0]}
SUMMARY = {"scores": [{"metric": "acc", "value": 1 / 3}], "nested": {"a": [1, None, "x"]}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with one cell."""
    made = Store(tmp_path / "store")
    made.put(SCORES, KEY, COLUMNS, SUMMARY)
    return made


def folder_of(store: Store) -> Path:
    return store.root / SCORES / KEY[:2] / KEY


def test_what_was_put_is_what_is_got(store: Store) -> None:
    assert store.get(SCORES, KEY) == (COLUMNS, SUMMARY)
    assert store.get(RESPONSES, KEY) is None
    assert list(store.keys(SCORES)) == [KEY]
    assert store.verify() == []


def test_the_first_of_two_writers_wins(store: Store) -> None:
    assert store.put(SCORES, KEY, {"text": ["other"]}, {}) == (COLUMNS, SUMMARY)
    assert store.get(SCORES, KEY) == (COLUMNS, SUMMARY)


def test_many_cells_are_put_as_one_by_one_and_one_that_cannot_be_costs_no_other(
    store: Store,
) -> None:
    many = {digest(number): ({"n": [number]}, {"number": number}) for number in range(20)}
    cells = [(key, *each) for key, each in many.items()]
    assert store.put_all(SCORES, [*cells, (KEY, {"text": ["other"]}, {})]) == {
        **many,
        KEY: (COLUMNS, SUMMARY),
    }
    assert {key: store.get(SCORES, key) for key in many} == many
    blocked = digest("blocked")
    (store.root / RESPONSES / blocked[:2]).mkdir(parents=True)
    (store.root / RESPONSES / blocked[:2] / blocked).write_text("a file, no folder")
    with pytest.raises(StoreError, match="cannot be written"):
        store.put_all(RESPONSES, [(blocked, {"n": [1]}, {}), *cells])
    assert {key: store.get(RESPONSES, key) for key in many} == many


@pytest.mark.parametrize("name", ["cell.json", "table.parquet"])
def test_no_flipped_bit_is_ever_read_as_valid(name: str, store: Store) -> None:
    path = folder_of(store) / name
    whole = path.read_bytes()
    step = 1 if name == "cell.json" else 7
    for place in range(0, len(whole), step):
        for bit in range(8) if name == "cell.json" else (place % 8,):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(StoreError):
                store.get(SCORES, KEY)
    path.write_bytes(whole)
    assert store.get(SCORES, KEY) == (COLUMNS, SUMMARY)


@pytest.mark.parametrize("name", ["cell.json", "table.parquet"])
def test_no_cut_file_is_ever_read_as_valid(name: str, store: Store) -> None:
    path = folder_of(store) / name
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(StoreError):
            store.get(SCORES, KEY)
    path.write_bytes(whole + b" ")
    with pytest.raises(StoreError):
        store.get(SCORES, KEY)


@pytest.mark.parametrize("name", ["cell.json", "table.parquet"])
def test_a_missing_file_is_damage_and_no_empty_place(name: str, store: Store) -> None:
    (folder_of(store) / name).unlink()
    with pytest.raises(StoreError, match=name):
        store.get(SCORES, KEY)
    assert store.get_or_set_aside(SCORES, KEY) is None
    assert not folder_of(store).exists()


def test_a_damaged_cell_is_set_aside_as_often_as_it_takes_and_made_again(store: Store) -> None:
    for time in range(3):
        (folder_of(store) / "table.parquet").write_bytes(b"PAR1")
        assert len(store.verify()) == 1
        assert store.put(SCORES, KEY, COLUMNS, SUMMARY) == (COLUMNS, SUMMARY)
        assert (store.root / "aside" / f"{SCORES}-{KEY}-{time}" / "table.parquet").is_file()
    assert store.get(SCORES, KEY) == (COLUMNS, SUMMARY)


def test_a_cell_under_another_key_or_kind_is_refused(store: Store) -> None:
    other = digest("another")
    for kind, key in ((SCORES, other), (RESPONSES, KEY)):
        shutil.copytree(folder_of(store), store.root / kind / key[:2] / key)
        with pytest.raises(StoreError, match="another cell"):
            store.get(kind, key)


def test_a_store_of_another_format_is_neither_read_nor_written(store: Store) -> None:
    (store.root / "FORMAT").write_text("2\n")
    for act in (
        store.check,
        lambda: store.put(SCORES, digest("new"), COLUMNS, SUMMARY),
        lambda: store.index_rows([]),
    ):
        with pytest.raises(StoreError, match="format 2"):
            act()
    assert list(store.keys(SCORES)) == [KEY]


def test_a_cell_of_another_format_is_refused(store: Store) -> None:
    path = folder_of(store) / "cell.json"
    path.write_bytes(seal({**unseal(path.read_bytes()), "format": 2}))
    with pytest.raises(StoreError, match="format 2"):
        store.get(SCORES, KEY)


def test_a_writer_that_is_killed_leaves_whole_cells_and_loses_none(tmp_path: Path) -> None:
    acknowledged = writers("killed", tmp_path)
    store = Store(tmp_path)
    assert len(acknowledged) >= 20
    assert store.verify() == []
    for key, number in acknowledged:
        found = store.get(SCORES, key)
        assert found is not None
        assert found[1] == {"number": int(number)}
        assert found[0]["n"] == [int(number)] * 500


def test_of_many_writers_of_one_cell_one_wins_and_all_have_its_content(tmp_path: Path) -> None:
    said = writers("together", tmp_path)
    assert len(said) == 8
    assert len({tuple(line) for line in said}) == 1
    found = Store(tmp_path).get(SCORES, digest("one"))
    assert found is not None
    assert found[1] == {"number": int(said[0][0])}
    assert not list(tmp_path.rglob(".new-*"))


def test_a_full_disk_is_named_and_leaves_nothing_behind(store: Store) -> None:
    before = sorted(store.root.rglob("*"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in (0, 1, 300, 1000, 5000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            with pytest.raises(StoreError, match="make room"):
                store.put(SCORES, digest("big"), {"n": list(range(9000))}, {})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        found = [path for path in sorted(store.root.rglob("*")) if not path.is_dir()]
        assert found == [path for path in before if not path.is_dir()]
    assert store.verify() == []


def test_files_can_be_read_by_those_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        Store(tmp_path).put(SCORES, KEY, COLUMNS, SUMMARY)
    finally:
        os.umask(before)
    folder = folder_of(Store(tmp_path))
    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "cell.json").stat().st_mode & 0o777 == 0o644


JSON: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(
    table=st.dictionaries(st.text().filter(lambda key: key != "seal"), JSON, max_size=4),
    data=st.data(),
)
def test_a_sealed_table_comes_back_equal_and_no_change_of_a_byte_passes(
    table: dict[str, Any], data: st.DataObject
) -> None:
    sealed = seal(table)
    assert unseal(sealed) == table
    place = data.draw(st.integers(0, len(sealed) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda each: each != sealed[place]))
    with pytest.raises(ValueError):  # noqa: PT011 - json has its own messages
        unseal(sealed[:place] + bytes([byte]) + sealed[place + 1 :])


def test_a_seal_that_stands_elsewhere_or_twice_is_none() -> None:
    sealed = seal({"a": 1, "z": {"seal": "x"}})
    line = next(each for each in sealed.splitlines(keepends=True) if each.startswith(b' "seal"'))
    without = sealed.replace(line, b"")
    assert unseal(sealed) == {"a": 1, "z": {"seal": "x"}}
    for other in (
        without,
        without.replace(b"{\n", b"{\n" + line, 1),
        sealed.replace(line, 2 * line),
    ):
        with pytest.raises(ValueError, match=r"seal|sha256"):
            unseal(other)
