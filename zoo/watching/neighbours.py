"""How to work beside a training on one machine, so that it hardly notices."""

from __future__ import annotations

import os
import shutil
import subprocess

NICENESS = 10
"""Added to that of the process: the training's threads go first."""

SHARE = 4
"""One of so many cores is taken, unless somebody says otherwise."""

QUIET = 0.1
"""Share of a GPU's memory below which nobody works on it."""


def give_way(threads: int | None) -> int:
    """Lowers this process's priority and its threads; returns how many threads it takes.

    threads: None takes what OMP_NUM_THREADS says, else a share of the cores.
    """
    import torch

    if hasattr(os, "nice"):
        os.nice(NICENESS)
    if threads is None and "OMP_NUM_THREADS" not in os.environ:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        threads = max(1, (cores or 1) // SHARE)
    if threads is not None:
        torch.set_num_threads(threads)
    return torch.get_num_threads()


def quiet_gpu(table: str) -> str | None:
    """Id of the first GPU that nobody works on, in nvidia-smi's table of id, memory used and total.

    >>> quiet_gpu("GPU-a, 70000, 81559\\nGPU-b, 520, 81559\\n")
    'GPU-b'
    """
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == 3 and cells[1].isdigit() and cells[2].isdigit():
            used, total = int(cells[1]), int(cells[2])
            if used < QUIET * total:
                return cells[0]
    return None


def choose_device(wanted: str) -> tuple[str, str]:
    """The device, and what to say of the choice, "" where there is nothing to say.

    "auto" is a GPU on which nobody works, else the CPU: two processes that fill one GPU's memory
    end each other. A GPU that is named, or left visible by CUDA_VISIBLE_DEVICES, is taken.
    """
    if wanted != "auto" or "CUDA_VISIBLE_DEVICES" in os.environ or not _table():
        return wanted, ""
    found = quiet_gpu(_table())
    if found is None:
        return "cpu", (
            "every GPU is in use, so that checkpoints are evaluated on the CPU; "
            "--device cuda:N takes a GPU all the same"
        )
    os.environ["CUDA_VISIBLE_DEVICES"] = found
    return "cuda", ""


def _table() -> str:
    """What nvidia-smi says of the GPUs' memory, taking none of it; "" where there is none."""
    if (program := shutil.which("nvidia-smi")) is None:
        return ""
    asked = [program, "--query-gpu=uuid,memory.used,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
