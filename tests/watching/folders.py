"""Checkpoints of a few bytes, written as trainings write them: file by file, in their order."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

Loop = Literal["trainer", "adapter", "sharded", "foreign"]

CONFIG = b'{"model_type": "llama", "hidden_size": 8}'
TOKENIZER = b'{"version": "1.0", "model": {"vocab": {"a": 0}}}'


def tensors(size: int, name: str = "w") -> bytes:
    """A safetensors file of one tensor of so many bytes."""
    header = json.dumps(
        {"__metadata__": {"format": "pt"}, name: _tensor(size)}, separators=(",", ":")
    ).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + bytes(size)


def _tensor(size: int) -> dict[str, object]:
    return {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}


def written_by(loop: Loop, step: int = 7) -> list[tuple[str, bytes]]:
    """Names and bytes of a checkpoint's files in the order in which a loop writes them."""
    state = json.dumps({"global_step": step, "max_steps": 20}).encode()
    trainer = [
        ("training_args.bin", bytes(5)),
        ("optimizer.pt", bytes(40)),
        ("scheduler.pt", bytes(9)),
        ("rng_state.pth", bytes(12)),
        ("trainer_state.json", state),
    ]
    if loop == "adapter":
        weights = [
            ("adapter_model.safetensors", tensors(24)),
            ("adapter_config.json", b'{"peft_type": "LORA", "base_model_name_or_path": "org/b"}'),
        ]
        return [("README.md", b"a card"), *weights, ("tokenizer.json", TOKENIZER), *trainer]
    if loop == "sharded":
        names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
        index = json.dumps({"weight_map": {"v": names[0], "w": names[1]}}).encode()
        shards = [(names[0], tensors(32, "v")), (names[1], tensors(17, "w"))]
        return [("config.json", CONFIG), *shards, ("model.safetensors.index.json", index), *trainer]
    own = [("config.json", CONFIG), ("model.safetensors", tensors(50))]
    own += [("tokenizer.json", TOKENIZER), ("tokenizer_config.json", b'{"eos_token": "a"}')]
    return own if loop == "foreign" else [*own, *trainer]


def write(folder: Path, files: Sequence[tuple[str, bytes]]) -> Path:
    """Writes files one after another."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files:
        (folder / name).write_bytes(data)
    return folder


def byte_by_byte(folder: Path, files: Sequence[tuple[str, bytes]]) -> Iterator[tuple[int, bool]]:
    """The same, but it stops after each byte: how many there are, and whether a file is begun."""
    yield 0, False
    length = 0
    for name, data in files:
        with (folder / name).open("wb", buffering=0) as file:
            for number in range(len(data)):
                file.write(data[number : number + 1])
                length += 1
                yield length, number + 1 < len(data)
