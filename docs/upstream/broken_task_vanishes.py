"""lm-eval: a task file that cannot be read vanishes from the index without a word.

It is told at the level `debug` alone: a suite that names a group loses a task unseen.
"""

import logging
import tempfile
from pathlib import Path

from lm_eval.tasks import TaskManager

told = []


class Listener(logging.Handler):
    """Keeps what is told at INFO and above."""

    def emit(self, record):
        told.append(record.getMessage())


logging.getLogger().addHandler(Listener(logging.INFO))
with tempfile.TemporaryDirectory() as name:
    (Path(name) / "whole.yaml").write_text("task: whole\ndataset_path: json\n")
    (Path(name) / "broken.yaml").write_text("task: broken\ndataset_path: [json\n")
    found = TaskManager(include_path=name, include_defaults=False)
    print(f"two files; listed: {found.all_tasks}; told: {told}")
    assert found.all_tasks == ["whole"], "it is listed now"
    assert not told, "it is told now"
