"""Whether a checkpoint is written to its end, from what is seen of it.

A Trainer of transformers says so: it writes trainer_state.json last. `zoo train` says so of a
finished stage. Of other loops nothing is known but their files, so these must be whole by their own
account and the same at two looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch

from zoo import manifests
from zoo.watching.looking import Look
from zoo.weights import INDEX

STATE = "trainer_state.json"

ARGUMENTS = "training_args.bin"
TRAINERS = ("optimizer.*", "scheduler.pt", "rng_state*.pth")
"""Files that a Trainer writes between the weights and its state: its arguments, or all three of
these, are its signature. Beside a finished model it writes its arguments alone."""

UNFINISHED = ("*.tmp", "*.part", "*.partial", "*.incomplete", "*.new", "tmp*", ".*tmp*")

PICKLED_WEIGHTS = ("pytorch_model*.bin", "adapter_model.bin")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")

UNSETTLED = "it has not yet been seen unchanged twice"


def lacking(now: Look, before: Look | None = None, *, final: bool = False) -> str:
    """What a checkpoint lacks to be evaluated, in words; "" where it is complete.

    before: an earlier look at the same folder, some seconds ago. It decides where nothing marks the
    end of the writing. final: whether it is where the finished model is to stand.
    """
    if part := next((n for n in now.top if any(fnmatch(n, p) for p in UNFINISHED)), None):
        return f"{part} is being written"
    adapter = "adapter_config.json" in now.files
    config = "adapter_config.json" if adapter else "config.json"
    if config not in now.files:
        return "it holds neither config.json nor adapter_config.json"
    for name in now.top:
        if name.endswith(".json") and name not in now.tables:
            return f"{name} is not whole"
    if not isinstance(now.tables[config], Mapping):
        return f"{config} holds no object"
    if found := _lacking_weights(now, adapter):
        return found
    if _status(now) == "unfinished":
        return "its training goes on"
    if STATE not in now.files and _is_trainers(now, final):
        return f"{STATE}, which a Trainer writes last, is missing"
    if _is_marked(now) or (before is not None and before.files == now.files):
        return ""
    return UNSETTLED


def trained_steps(now: Look) -> int | None:
    """How many steps a Trainer had made when it wrote this; None where none says so."""
    table = now.tables.get(STATE)
    step = table.get("global_step") if isinstance(table, Mapping) else None
    return step if isinstance(step, int) and not isinstance(step, bool) and step >= 0 else None


def _lacking_weights(now: Look, adapter: bool) -> str:
    needed = ["adapter_model.safetensors"] if adapter else _shards(now)
    if needed is None:
        return f"{INDEX} names no files"
    if missing := next((name for name in needed if name not in now.files), None):
        pickled = any(fnmatch(n, p) for n in now.top for p in PICKLED_WEIGHTS)
        only = "; it holds pickled weights, which are not read" if pickled else ""
        return f"{missing} is missing{only}"
    for name, length in now.lengths.items():
        size = now.files[name][0] if name in now.files else 0
        if length is None:
            return f"{name} is not whole"
        if size != length:
            return f"{name} has {size:,} of {length:,} bytes"
    return ""


def _shards(now: Look) -> list[str] | None:
    """The files that the weights must lie in; None where the index does not say."""
    if INDEX not in now.files:
        return ["model.safetensors"]
    table = now.tables[INDEX]
    shards = table.get("weight_map") if isinstance(table, Mapping) else None
    return (
        sorted(set(map(str, shards.values()))) if isinstance(shards, Mapping) and shards else None
    )


def _is_trainers(now: Look, final: bool) -> bool:
    """Whether a Trainer is at work here, which will write its state."""
    if ARGUMENTS in now.files and not final:
        return True
    return all(any(fnmatch(name, pattern) for name in now.top) for pattern in TRAINERS)


def _is_marked(now: Look) -> bool:
    """Whether who writes here has said that it is done. A Trainer's state that is older than the
    weights is of an earlier time that the folder was written."""
    if _status(now) == "finished":
        return True
    return trained_steps(now) is not None and now.files[STATE][1] >= now.written


def _status(now: Look) -> str:
    table = now.tables.get(manifests.NAME)
    return str(table.get("status", "")) if isinstance(table, Mapping) else ""
