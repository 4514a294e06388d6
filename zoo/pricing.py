"""What a run would take, model by model: download, disk, memory, tokens, time. Nothing is asked.

What cannot be known is None, never a guess; what is estimated says on what it rests.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.checking import Checked
from zoo.errors import ZooError
from zoo.evaluation.checkpoints import Checkpoint, find_checkpoint
from zoo.evaluation.environment import checkpoint_dtype, hardware
from zoo.evaluation.peak import peak_of
from zoo.evaluation.preflight import disk, memory
from zoo.evaluation.preparing import Cell
from zoo.host import Host
from zoo.models import Family, Model
from zoo.store import RESPONSES, Store
from zoo.weights import parameters_of, weight_files

SAMPLE = 64
"""Requests of a cell whose tokens are counted; the others are judged by their characters."""

SHARE_OF_PEAK = 0.3
"""How much of the device's peak is taken to be reached, where nothing was measured."""

RECORDS = 20
"""Newest runs whose times are looked at."""


@dataclass(frozen=True)
class Price:
    """What asking one model would take.

    download: bytes still to be fetched; weights: bytes of all its weights' files; memory: bytes of
    the weights as they are loaded. base: names whose weights these are, where models share them.
    tokens_in: of prompts and continuations; tokens_out: of answers, at most.
    seconds: of asking; basis: what that rests on. problem: why it cannot be priced whole.
    """

    model: str
    revision: str | None = None
    parameters: int | None = None
    dtype: str = ""
    download: int | None = None
    weights: int | None = None
    memory: int | None = None
    base: str = ""
    answers: int = 0
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float | None = None
    basis: str = ""
    problem: str = ""


def price_family(
    host: Host, family: Family, found: Checked, *, device: str, dtype: str
) -> list[Price]:
    """The price of each model, in the order of the family.

    found: the cells as they were checked. device, dtype: as a run resolves them.
    """
    asked = {spec.identity for spec in found.asked}
    lacking: dict[str, list[Cell]] = {}
    prepared: dict[str, Cell] = {}
    for cell in found.cells:
        prepared.setdefault(cell.spec.model.id, cell)
        if cell.spec.identity in asked:
            lacking.setdefault(cell.spec.model.id, []).append(cell)
    rates = _measured(host.store, [m.id for m in family.models if m.id in lacking], device)
    failed = {result.spec.model.id: result.error for result in found.failed}
    return [
        _price(
            host,
            model,
            prepared.get(model.id),
            list({c.response_key: c for c in lacking.get(model.id, ())}.values()),
            rates,
            failed.get(model.id, ""),
            device,
            dtype,
        )
        for model in family.models
    ]


def downloads_of(prices: Iterable[Price]) -> int | None:
    """Bytes to fetch for all models, shared weights once; None where some are not known."""
    by_base = {price.base or price.model: price.download for price in prices}
    known = [size for size in by_base.values() if size is not None]
    return sum(known) if len(known) == len(by_base) else None


def _price(
    host: Host,
    model: Model,
    prepared: Cell | None,
    cells: Sequence[Cell],
    rates: Rates,
    failed: str,
    device: str,
    dtype: str,
) -> Price:
    try:
        checkpoint = prepared.checkpoint if prepared else _checkpoint(host, model)
    except ZooError as problem:
        return Price(model.id, model.revision, model.parameters, problem=str(problem))
    if prepared:
        dtype = prepared.dtype
    elif dtype == "auto":
        dtype = checkpoint_dtype(checkpoint.config)
    lack, weights, loaded = _sizes(checkpoint, dtype)
    parameters = model.parameters or _parameters(checkpoint, model, loaded, dtype)
    tokens_in, tokens_out = _tokens(cells)
    seconds, basis = _time(cells, rates, parameters, tokens_in, tokens_out, device, dtype)
    return Price(
        model=model.id,
        revision=checkpoint.revision or model.revision,
        parameters=parameters,
        dtype=dtype,
        download=lack,
        weights=weights,
        memory=loaded,
        base=f"{checkpoint.repository}@{checkpoint.commit}" if checkpoint.repository else "",
        answers=sum(cell.size for cell in cells),
        tokens_in=tokens_in if prepared else None,
        tokens_out=tokens_out if prepared else None,
        seconds=seconds if prepared else None,
        basis=basis if prepared else "",
        problem="" if prepared else failed,
    )


def _checkpoint(host: Host, model: Model) -> Checkpoint:
    return find_checkpoint(model, host.loader_of(model).reads_files)


def _sizes(checkpoint: Checkpoint, dtype: str) -> tuple[int | None, int | None, int | None]:
    """(bytes to fetch, bytes of the weights' files, bytes in memory)."""
    folder = checkpoint.folder
    if folder is None:
        return None, None, None
    paths = [folder / name for name in weight_files(folder)]
    if all(path.is_file() for path in paths):
        return 0, sum(path.stat().st_size for path in paths), memory.weight_bytes(folder, dtype)
    found = disk.download(checkpoint)
    if not found.weights:
        return None, None, None
    return found.missing, found.weights, memory.as_loaded(found.weights, checkpoint.config, dtype)


def _parameters(checkpoint: Checkpoint, model: Model, loaded: int | None, dtype: str) -> int | None:
    """Counted where the files are here, else what their size comes to."""
    if "peft" in model.loader_args or checkpoint.folder is None:
        return None
    counted = parameters_of(checkpoint.folder)
    if counted is None and loaded and "quantization_config" not in checkpoint.config:
        counted = loaded // memory.LOADED.get(dtype, 4)
    return counted


def _tokens(cells: Iterable[Cell]) -> tuple[int | None, int | None]:
    """Tokens of prompts with continuations, and of answers at most; None without a tokenizer."""
    tokens_in, tokens_out = 0.0, 0
    for cell in cells:
        texts = [each.context + (each.continuation or "") for each in cell.requests]
        every = math.ceil(len(texts) / SAMPLE)
        sample = texts[::every]
        try:
            ids = cell.checkpoint.tokenizer()(sample, add_special_tokens=False)["input_ids"]
        except Exception:  # a tokenizer is its repository's: without one nothing can be counted
            return None, None
        characters = sum(map(len, sample)) or 1
        repeats = cell.wanted.repeats
        tokens_in += sum(map(len, ids)) * sum(map(len, texts)) / characters * repeats
        budgets = (int((each.gen_kwargs or {}).get("max_gen_toks", 0)) for each in cell.requests)
        tokens_out += sum(budgets) * repeats
    return round(tokens_in), tokens_out


def _time(
    cells: Sequence[Cell],
    rates: Rates,
    parameters: int | None,
    tokens_in: int | None,
    tokens_out: int | None,
    device: str,
    dtype: str,
) -> tuple[float | None, str]:
    """(seconds of asking, what they rest on)."""
    if not cells:
        return 0.0, "nothing is to be asked"
    measured = [rates.get((c.spec.model.id, c.spec.benchmark.task, c.dtype)) for c in cells]
    if all(rate is not None for rate in measured):
        pairs = zip(measured, cells, strict=True)
        seconds = sum((rate or 0.0) * cell.size for rate, cell in pairs)
        return seconds, "measured in earlier runs on this hardware, by the number of requests"
    peak = peak_of(device, dtype)
    if parameters is None or tokens_in is None or tokens_out is None or peak is None:
        return None, ""
    operations = 2 * parameters * (tokens_in + tokens_out)
    basis = (
        f"assumed, not measured: 2 x parameters x tokens at {SHARE_OF_PEAK:.0%} of {peak[1]}, "
        "every answer as long as it may be, shared prefixes read each time; loading not counted"
    )
    return operations / (SHARE_OF_PEAK * peak[0]), basis


Rates = Mapping[tuple[str, str, str], float]
"""Seconds for a request by model, task and dtype."""


def _measured(store: Store, models: Sequence[str], device: str) -> Rates:
    """Of the newest runs on this hardware."""
    found: dict[tuple[str, str, str], float] = {}
    if not models:
        return found
    heads = [head for head in store.heads() if set(models) & set(head.models)][:RECORDS]
    here = hardware(device)
    for record in store.records(heads):
        for cell in record.cells:
            if cell.status == "scored" and cell.spec.model.id in models and cell.response_key:
                for dtype, rate in _rate_of(store, cell.response_key, here):
                    found.setdefault((cell.spec.model.id, cell.spec.benchmark.task, dtype), rate)
    return found


def _rate_of(store: Store, key: str, here: str) -> Iterator[tuple[str, float]]:
    try:
        summary: Mapping[str, Any] = store.summary(RESPONSES, key) or {}
    except ZooError:
        return
    about, count = summary.get("provenance") or {}, summary.get("requests")
    seconds = about.get("seconds")
    if seconds is not None and count and about.get("hardware") == here:
        yield str(about.get("dtype")), seconds / count
