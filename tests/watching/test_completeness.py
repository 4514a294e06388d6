"""No checkpoint is taken for complete before it is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watching.folders import Loop, byte_by_byte, tensors, write, written_by
from zoo.manifests import Manifest, write_manifest
from zoo.watching.completeness import UNSETTLED, lacking
from zoo.watching.looking import checkpoints_in, look
from zoo.watching.rounds import Rounds

LOOPS: tuple[Loop, ...] = ("trainer", "adapter", "sharded")


@pytest.mark.parametrize("loop", LOOPS)
def test_what_a_trainer_has_finished_is_complete_at_the_first_look(
    loop: Loop, tmp_path: Path
) -> None:
    assert lacking(look(write(tmp_path, written_by(loop)))) == ""


@pytest.mark.parametrize("loop", LOOPS)
def test_a_trainer_that_stops_at_any_byte_leaves_no_complete_checkpoint(
    loop: Loop, tmp_path: Path
) -> None:
    files = written_by(loop)
    before = [name for name, _ in files].index("training_args.bin")
    signed = sum(len(data) for _, data in files[:before])
    whole = sum(len(data) for _, data in files)
    for length, _ in byte_by_byte(tmp_path, files):
        now = look(tmp_path)
        assert bool(lacking(now)) == (length < whole), f"at the first look after {length} bytes"
        if signed < length < whole:
            assert lacking(now, now), f"complete after {length} bytes, for having paused"


@pytest.mark.parametrize("loop", ["sharded", "foreign"])
def test_a_writer_that_stops_within_a_file_leaves_no_complete_checkpoint(
    loop: Loop, tmp_path: Path
) -> None:
    files = [file for file in written_by(loop) if not file[0].endswith((".pt", ".pth"))]
    for length, within in byte_by_byte(tmp_path, files):
        now = look(tmp_path)
        assert not within or lacking(now, now), length


@settings(max_examples=40, deadline=None)
@given(
    loop=st.sampled_from([*LOOPS, "foreign"]),
    which=st.integers(0, 20),
    share=st.floats(0, 1, exclude_max=True),
)
def test_any_file_that_is_read_and_cut_short_is_seen(loop: Loop, which: int, share: float) -> None:
    files = [(name, data) for name, data in written_by(loop) if name.endswith((".json", "tensors"))]
    name, data = files[which % len(files)]
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), written_by(loop))
        (Path(folder) / name).write_bytes(data[: int(share * len(data))])
        now = look(Path(folder))
        assert lacking(now, now)


def test_a_loop_without_a_mark_is_complete_when_two_looks_see_the_same(tmp_path: Path) -> None:
    before = look(write(tmp_path, written_by("foreign")))
    assert lacking(before) == UNSETTLED
    assert lacking(look(tmp_path), before) == ""
    write(tmp_path, [("more.txt", b"x")])
    assert lacking(look(tmp_path), before) == UNSETTLED


def test_a_state_that_is_older_than_the_weights_marks_nothing(tmp_path: Path) -> None:
    write(tmp_path, written_by("trainer"))
    long_ago = 1_000_000_000
    os.utime(tmp_path / "trainer_state.json", (long_ago, long_ago))
    now = look(tmp_path)
    assert lacking(now) == UNSETTLED
    assert lacking(now, now) == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("model.safetensors", "model.safetensors is missing"),
        ("config.json", "it holds neither config.json nor adapter_config.json"),
        ("trainer_state.json", "trainer_state.json, which a Trainer writes last, is missing"),
    ],
)
def test_what_is_missing_is_named(name: str, said: str, tmp_path: Path) -> None:
    write(tmp_path, [file for file in written_by("trainer") if file[0] != name])
    now = look(tmp_path)
    assert lacking(now, now) == said


def test_how_much_of_a_file_is_there_is_said(tmp_path: Path) -> None:
    write(tmp_path, written_by("trainer"))
    (tmp_path / "model.safetensors").write_bytes(tensors(50)[:-3])
    whole = len(tensors(50))
    now = look(tmp_path)
    assert lacking(now, now) == f"model.safetensors has {whole - 3} of {whole} bytes"


def test_pickles_are_not_taken_for_weights(tmp_path: Path) -> None:
    write(tmp_path, [("config.json", b"{}"), ("pytorch_model.bin", bytes(9))])
    now = look(tmp_path)
    assert "pickled weights, which are not read" in lacking(now, now)


def test_a_stage_whose_training_goes_on_is_not_finished(tmp_path: Path) -> None:
    manifest = b'{"schema": "zoo.training/1", "status": "%s"}'
    write(tmp_path, [*written_by("foreign"), ("zoo-training.json", manifest % b"unfinished")])
    assert lacking(look(tmp_path), look(tmp_path), final=True) == "its training goes on"
    write(tmp_path, [("zoo-training.json", manifest % b"finished")])
    assert lacking(look(tmp_path)) == ""


def test_folders_named_after_a_step_are_checkpoints(tmp_path: Path) -> None:
    for name in ("checkpoint-20", "step_3", "global_step40", "5", "runs", "tmp-checkpoint-9", ".7"):
        (tmp_path / name).mkdir()
    (tmp_path / "checkpoint-99").write_bytes(b"a file")
    found = {"checkpoint-20": 20, "step_3": 3, "global_step40": 40, "5": 5}
    assert checkpoints_in(tmp_path) == found


@pytest.mark.parametrize(("save_every", "found"), [(20, [20, 40]), (0, [12, 20, 36, 40])])
def test_what_a_training_keeps_only_to_go_on_from_is_not_looked_at(
    tmp_path: Path, save_every: int, found: list[int]
) -> None:
    for step in (12, 20, 36, 40):
        write(tmp_path / f"checkpoint-{step}", written_by("trainer", step))
    manifest = Manifest("lora", "lora", "fine-tuned", "f", "s", 1, save_every=save_every)
    write_manifest(tmp_path, manifest)
    seen = Rounds(tmp_path).next(())
    assert sorted(place.step for place in seen.ready) == found
    assert not seen.waiting
