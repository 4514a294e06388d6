"""The executor `ray`: jobs on the machines of a Ray cluster. Needs the extra `[ray]`.

`zoo run --executor ray --executor-args address=auto`. Ray is imported when the executor is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo import hookimpl
from zoo.errors import ConfigError
from zoo.hookspecs import Executor, Job
from zoo.results import Result
from zoo.structuring import read


@dataclass(frozen=True)
class Arguments:
    """What --executor-args gives.

    address: of the cluster; "auto" is the one of this machine. cpus: cores for each model where the
    device is the CPU. patience: seconds that a model may ask for what no node has, before its cells
    are failed (a node may be about to join). cell_timeout: seconds that a cell may take, and
    loading its model; None means any.
    """

    address: str = "auto"
    cpus: int = 1
    patience: float = 60.0
    cell_timeout: float | None = None


def run_on_ray(
    jobs: Sequence[Job],
    on_event: Callable[[str, Mapping[str, Any]], None] = lambda *_: None,
    **arguments: Any,
) -> Iterator[Result]:
    """Runs each job on a node that has what it takes; arguments: see `Arguments`.

    The store's folder must be the same on all nodes. Raises ConfigError where Ray is not installed
    or the arguments cannot be meant, and ExecutorError where there is no cluster.
    """
    wishes = read(Arguments, arguments, "--executor-args")
    if wishes.cpus < 1:
        raise ConfigError(f"--executor-args cpus={wishes.cpus}: a model takes at least one core")
    try:
        import ray  # noqa: F401
    except ImportError as problem:
        raise ConfigError(
            f"--executor ray: Ray cannot be imported ({problem}); install it with "
            "pip install 'stagezoo[ray]'"
        ) from None
    from zoo_ray.cluster import run

    yield from run(
        jobs,
        on_event,
        address=wishes.address,
        cpus=wishes.cpus,
        patience=wishes.patience,
        cell_timeout=wishes.cell_timeout,
    )


@hookimpl
def zoo_executors() -> list[Executor]:
    """One executor: ray."""
    return [Executor("ray", run_on_ray, remote=True)]
