"""Which work goes where: pure planning, of names and numbers."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.errors import ConfigError
from zoo.executors.work import Unit, Work


@dataclass(frozen=True)
class Slot:
    """A place for one worker. devices: "cpu", or the CUDA devices it sees."""

    devices: tuple[str, ...]


@dataclass(frozen=True)
class Round:
    """Work that is done at the same time, on places of one width."""

    slots: tuple[Slot, ...]
    works: tuple[Work, ...]


def devices_of(
    device: str, wanted: str | Sequence[str] | None, workers: int | None, visible: int
) -> tuple[str, ...]:
    """The device of each place.

    device: the run's. wanted: names, or one text of names with semicolons between. visible: CUDA
    devices there are. More workers than devices share them.
    Raises ConfigError where the wishes cannot be met.

    >>> devices_of("cuda", None, None, 2)
    ('cuda:0', 'cuda:1')
    >>> devices_of("cpu", None, 3, 0)
    ('cpu', 'cpu', 'cpu')
    """
    names = wanted.split(";") if isinstance(wanted, str) else list(wanted or ())
    names = [name.strip() for name in names if name.strip()]
    several = device == "cuda" and visible > 1
    names = names or ([f"cuda:{n}" for n in range(visible)] if several else [device])
    for name in names:
        _check(name, device, visible)
    if workers is None:
        return tuple(names)
    if workers < 1:
        raise ConfigError(f"--executor-args workers={workers}: there must be at least one worker")
    return tuple(names[number % len(names)] for number in range(workers))


def _check(name: str, device: str, visible: int) -> None:
    kind, _, number = name.partition(":")
    if kind != device.partition(":")[0]:
        raise ConfigError(
            f"--executor-args devices: {name!r} is not of the kind of this run's device, which is "
            f"{device}; set --device {kind}"
        )
    if number and not (number.isdigit() and int(number) < visible):
        raise ConfigError(
            f"--executor-args devices: there is no {name!r}; torch sees {visible} CUDA devices"
        )


def rounds(works: Sequence[Work], devices: Sequence[str]) -> Iterator[Round]:
    """The work in rounds, that of the most devices at once first.

    Work that takes several devices takes different ones; work for more of them than there are is in
    no round (see `too_wide`). In a round with fewer works than places the largest are split.
    """
    different = tuple(dict.fromkeys(devices))
    for width in sorted({work.gpus for work in works}, reverse=True):
        if width == 1:
            slots = [Slot((device,)) for device in devices]
        else:
            starts = range(0, len(different) - width + 1, width)
            slots = [Slot(different[start : start + width]) for start in starts]
        if slots:
            chosen = spread([work for work in works if work.gpus == width], len(slots))
            yield Round(tuple(slots[: len(chosen)]), tuple(chosen))


def too_wide(work: Work, devices: Sequence[str]) -> str:
    """Why there is no place for a work, or ''."""
    different = set(devices)
    if work.gpus <= len(different):
        return ""
    return (
        f"{work.job.model.id} needs {work.gpus} GPUs and this run has {len(different)}; run it "
        "where there are more, or lower its gpus in zoo.toml"
    )


def spread(works: Sequence[Work], places: int) -> list[Work]:
    """The works, the largest split by requests where there are fewer than places."""
    parts = dict.fromkeys(range(len(works)), 1)
    for _ in range(places - len(works)):
        open_ = [number for number in parts if parts[number] < len(works[number].units)]
        if not open_:
            break
        largest = max(open_, key=lambda number: works[number].requests / parts[number])
        parts[largest] += 1
    return [shard for number, work in enumerate(works) for shard in shards(work, parts[number])]


def shards(work: Work, parts: int) -> list[Work]:
    """A work in so many parts, of about as many requests each (the largest first, each to the part
    that has the least; Graham 1969). What shares an answer stays together."""
    if parts == 1:
        return [work]
    bins: list[tuple[int, int, list[Unit]]] = [(0, number, []) for number in range(parts)]
    for unit in sorted(work.units, key=lambda unit: -unit.requests):
        filled, number, units = heapq.heappop(bins)
        heapq.heappush(bins, (filled + unit.requests, number, [*units, unit]))
    return [work.of(tuple(units)) for _, _, units in sorted(bins, key=lambda each: each[1])]


def choose(waiting: Sequence[Work], last: Work | None, busy: Collection[str]) -> int:
    """The place in the queue of what a free worker does next.

    Siblings share a base: first what is over the base it has, then over one that nobody is at; of
    those what has its tokenizer; of those the largest, so that the end comes at once for all.
    last: what it did before; busy: bases that others are at.
    """

    def worth(number: int) -> tuple[Any, ...]:
        work = waiting[number]
        return (
            last is not None and work.base == last.base,
            work.base not in busy,
            last is not None and work.tokenizer == last.tokenizer,
            work.requests,
            -number,
        )

    return max(range(len(waiting)), key=worth)


def visible_devices(devices: Sequence[str], visible: str | None) -> str | None:
    """CUDA_VISIBLE_DEVICES for a worker; None where it sees what this process sees.

    visible: what stands there now: a list of numbers or names, or nothing.

    >>> visible_devices(["cuda:1"], "4,6")
    '6'
    """
    numbers = [int(name.partition(":")[2] or 0) for name in devices if name.startswith("cuda")]
    if not numbers:
        return None
    names = [name.strip() for name in visible.split(",")] if visible else None
    return ",".join(str(number) if names is None else names[number] for number in numbers)
