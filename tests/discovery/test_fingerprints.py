"""Fingerprints: bytes decide, and nothing else does."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from platformdirs import user_cache_path

import zoo_nano
from zoo.fingerprints import chat_template_of, fingerprint, read_json

FILES = {
    "model-00001-of-00002.safetensors": b"one",
    "model-00002-of-00002.safetensors": b"two",
    "model.safetensors.index.json": b"{}",
    "config.json": b'{"a": 1}',
    "generation_config.json": b"{}",
    "adapter_config.json": b"{}",
    "tokenizer.json": b"{}",
    "tokenizer_config.json": b"{}",
    "special_tokens_map.json": b"{}",
    "added_tokens.json": b"{}",
    "vocab.json": b"{}",
    "vocab.txt": b"a",
    "merges.txt": b"a b",
    "sentencepiece.bpe.model": b"spm",
    "qwen.tiktoken": b"tik",
    "chat_template.jinja": b"{{ messages }}",
    "additional_chat_templates/tool.jinja": b"{{ tools }}",
    "README.md": b"# hello",
    "training_args.bin": b"args",
    "optimizer.pt": b"state",
}


def part(name: str) -> set[str]:
    """The part of the identity that a file belongs to."""
    if name.endswith(".jinja"):
        return {"chat_template"}
    if "safetensors" in name or (name.endswith("config.json") and "tokenizer" not in name):
        return {"weights"}
    return set() if name in ("README.md", "training_args.bin", "optimizer.pt") else {"tokenizer"}


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where hashes are remembered: a place of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return user_cache_path("stagezoo") / "fingerprints.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint with every file that can matter, and some that cannot."""
    for name, data in FILES.items():
        path = tmp_path / "checkpoint" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "checkpoint"


def changed_parts(before: Path, after: Path) -> set[str]:
    one, other = asdict(fingerprint(before)), asdict(fingerprint(after))
    return {name for name in one if one[name] != other[name]}


def test_equal_bytes_elsewhere_and_at_another_time_are_the_same(
    folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    assert changed_parts(folder, copy) == set()


def test_links_are_what_they_point_at(folder: Path, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    for path in folder.iterdir():
        (links / path.name).symlink_to(path)
    assert changed_parts(folder, links) == set()


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_changes_its_own_part_alone(name: str, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    data = bytearray((copy / name).read_bytes())
    data[-1] ^= 1
    (copy / name).write_bytes(bytes(data))
    assert changed_parts(folder, copy) == part(name)


@pytest.mark.parametrize("name", [name for name in FILES if part(name)])
def test_a_file_that_is_gone_or_called_otherwise_is_a_change(
    name: str, folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / name).unlink()
    assert changed_parts(folder, copy) == part(name)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.binary(min_size=1, max_size=40), at=st.integers(0, 39), by=st.integers(1, 255))
def test_any_changed_byte_of_the_weights_is_seen_though_size_and_time_are_the_same(
    folder: Path, data: bytes, at: int, by: int
) -> None:
    weights = folder / "model-00001-of-00002.safetensors"
    weights.write_bytes(data)
    os.utime(weights, ns=(10**18, 10**18))
    before = fingerprint(folder)
    changed = bytearray(data)
    changed[at % len(data)] ^= by
    weights.write_bytes(bytes(changed))
    os.utime(weights, ns=(10**18, 10**18))
    assert fingerprint(folder).weights != before.weights


def test_a_folder_without_weights_has_no_weights(folder: Path) -> None:
    for path in folder.glob("*.safetensors*"):
        path.unlink()
    found = fingerprint(folder)
    assert found.weights == ""
    assert found.tokenizer


def test_an_empty_folder_has_no_identity(tmp_path: Path) -> None:
    assert set(asdict(fingerprint(tmp_path)).values()) == {""}


def test_a_template_in_the_tokenizers_settings_counts_as_one(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, template in ((one, "{{ a }}"), (other, "{{ b }}")):
        folder.mkdir()
        text = json.dumps({"chat_template": template})
        (folder / "tokenizer_config.json").write_text(text)
    assert chat_template_of(one) == "{{ a }}"
    assert changed_parts(one, other) == {"tokenizer", "chat_template"}


def test_several_named_templates_all_count(tmp_path: Path) -> None:
    templates = [{"name": "default", "template": "a"}, {"name": "tool", "template": "b"}]
    text = json.dumps({"chat_template": templates})
    (tmp_path / "tokenizer_config.json").write_text(text)
    assert json.loads(chat_template_of(tmp_path) or "") == templates


def test_a_template_that_is_no_text_is_hashed_all_the_same(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (folder / "chat_template.jinja").write_bytes(b"\xff")
    (copy / "chat_template.jinja").write_bytes(b"\xfe")
    assert changed_parts(folder, copy) == {"chat_template"}


SHIPPED = Path(zoo_nano.__file__).parent / "weights" / "pretrained"
"""A checkpoint that was not written just now, so that its hashes are remembered."""


def test_the_memory_is_used_and_its_loss_or_damage_costs_only_time(memory: Path) -> None:
    found = fingerprint(SHIPPED)
    remembered = read_json(memory)
    assert any(key.startswith(f"{SHIPPED.resolve()}/model.safetensors|") for key in remembered)
    damages = [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps(dict.fromkeys(remembered, 7)).encode(),
        json.dumps(dict.fromkeys(remembered, "short")).encode(),
    ]
    for damage in damages:
        memory.write_bytes(damage)
        assert fingerprint(SHIPPED) == found
        assert read_json(memory) == remembered
    # what is remembered is believed: this is how we know that it is used at all
    memory.write_text(json.dumps(dict.fromkeys(remembered, "0" * 64)))
    assert fingerprint(SHIPPED).weights != found.weights
    memory.unlink()
    assert fingerprint(SHIPPED) == found


def test_a_memory_that_cannot_be_written_costs_only_time(memory: Path, folder: Path) -> None:
    found = fingerprint(folder)
    memory.mkdir(parents=True)
    assert fingerprint(folder) == found
    if SHIPPED.is_dir():
        assert fingerprint(SHIPPED).weights
        assert list(memory.parent.glob("*.tmp")) == []
