"""A training in a thread: real gradient steps, checkpoints in a Trainer's order, slow writes."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from pathlib import Path

from support.tasks import DOCS

from watching.folders import written_by
from zoo.fingerprints import fingerprint


class Training(threading.Thread):
    """Trains a tiny model and keeps the newest `keep` checkpoints.

    weights: of each step, hash of what it means to have written. finish: whether the finished model
    is left in the folder itself.
    """

    def __init__(self, folder: Path, base: Path, *, steps: int, keep: int, finish: bool) -> None:
        super().__init__()
        self.folder, self._base, self._steps = folder, base, steps
        self._keep, self._finish = keep, finish
        self.weights: dict[int, str] = {}

    def run(self) -> None:
        """All steps, with a checkpoint after each."""
        import torch
        from transformers import LlamaForCausalLM

        model = LlamaForCausalLM.from_pretrained(self._base)
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        ids = torch.tensor([list(f"{d['question']} {d['answer']}".encode()[:20]) for d in DOCS])
        for step in range(1, self._steps + 1):
            model(input_ids=ids, labels=ids).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            with tempfile.TemporaryDirectory() as fresh:
                model.save_pretrained(fresh)
                for file in self._base.glob("tokenizer*"):
                    shutil.copy(file, fresh)
                self.weights[step] = fingerprint(Path(fresh)).weights[:12]
                self._write(Path(fresh), self.folder / f"checkpoint-{step}", step)
            for old in range(1, step - self._keep + 1):
                shutil.rmtree(self.folder / f"checkpoint-{old}", ignore_errors=True)
        if self._finish:
            model.save_pretrained(self.folder)
            for file in self._base.glob("tokenizer*"):
                shutil.copy(file, self.folder)

    def _write(self, fresh: Path, target: Path, step: int) -> None:
        target.mkdir()
        for path in sorted(fresh.iterdir(), key=lambda each: each.name != "config.json"):
            data = path.read_bytes()
            with (target / path.name).open("wb", buffering=0) as file:
                for at in range(0, len(data), max(1, len(data) // 3)):
                    file.write(data[at : at + max(1, len(data) // 3)])
                    time.sleep(0.02)
        for name, data in written_by("trainer", step)[4:]:
            (target / name).write_bytes(data)


def save_step(folder: Path, source: Path, step: int, change: float) -> Path:
    """A finished checkpoint of a Trainer: those weights, changed by so much."""
    from safetensors.torch import load_file, save_file

    target = shutil.copytree(source, folder / f"checkpoint-{step}")
    path = target / "model.safetensors"
    tensors = {name: tensor + change for name, tensor in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})
    (target / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return target
