"""Gives each job to an actor of its own, listens to all of them, and gives on what an actor left.

Work is done at least once: an actor may live on for a while after its node is thought dead, and the
store takes what it brings as it takes any second writer's.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayError

from zoo.errors import ExecutorError
from zoo.executors.attempts import Remaining
from zoo.executors.messages import Done, Fallen, Message, Refused, Told
from zoo.executors.work import sized
from zoo.hookspecs import Job
from zoo.probing import describe
from zoo.results import Result
from zoo_ray.demands import Demand
from zoo_ray.runner import Runner

logger = logging.getLogger("zoo")

OnEvent = Callable[[str, Mapping[str, Any]], None]

TICK = 0.5
"""Seconds between two looks at time-outs and at the nodes."""

CONNECTING = 10.0
"""Seconds that the head of a cluster may take to answer."""

NODES = 5
"""Nodes that may die under one job before that counts against its cells."""


@dataclass(frozen=True)
class Lost:
    """The actor is gone. reason: as the end of a sentence. out_of_reach: whether Ray does not know
    of its end: then its node is gone, or the way to it, and the actor may even live on."""

    reason: str
    out_of_reach: bool = False


@dataclass
class Post:
    """A job and the actor that does it now.

    node: where it was placed, "" while it waits. waiting: since when no node has what it asks for.
    number: of its actors so far; what an earlier one still says is passed over.
    """

    task: Remaining
    demand: Demand
    actor: Any = None
    node: str = ""
    waiting: float | None = None
    number: int = 0
    nodes_lost: int = 0

    @property
    def model(self) -> str:
        """The model's id."""
        return self.task.work.job.model.id


def run(
    jobs: Sequence[Job],
    on_event: OnEvent,
    *,
    address: str,
    cpus: int,
    patience: float,
    cell_timeout: float | None,
) -> Iterator[Result]:
    """Results, as they are done. Raises StoreError and whatever else a job raises."""
    posts = [Post(Remaining(sized(job)), Demand.of(job, cpus)) for job in jobs]
    with _connected(address):
        watch = _Watch(posts, on_event, patience, cell_timeout)
        try:
            yield from watch.results()
        finally:
            for post in posts:
                _dismiss(post)


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Within, there is a cluster: the one this process is of already, or that of the address."""
    if ray.is_initialized():
        yield
        return
    try:
        _check_reachable(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as problem:
        raise ExecutorError(
            f"there is no Ray cluster at {address!r} ({describe(problem)}); start one with "
            "`ray start --head`, or name another with --executor-args address=HOST:PORT"
        ) from problem
    try:
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raises OSError where nobody answers at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "://" not in host:
        socket.create_connection((host.strip("[]"), int(port)), CONNECTING).close()


@dataclass
class _Watch:
    """Listens to the actors of all posts."""

    posts: Sequence[Post]
    on_event: OnEvent
    patience: float
    cell_timeout: float | None
    _heard: SimpleQueue[tuple[Post, int, Message | Lost]] = field(default_factory=SimpleQueue)

    def results(self) -> Iterator[Result]:
        """Until every job is done."""
        open_ = list(self.posts)
        for post in open_:
            self._begin(post)
        while open_ := [post for post in open_ if post.actor is not None]:
            with suppress(Empty):
                post, number, message = self._heard.get(timeout=TICK)
                if number == post.number and post.actor is not None:
                    yield from self._taken(post, message)
            for post in open_:
                yield from self._looked_after(post)

    def _begin(self, post: Post) -> None:
        """Asks Ray for an actor and gives it what is left of the job."""
        job, demand = post.task.begin(), post.demand
        if demand.gpus:  # of those that Ray lets it see, the first
            job = replace(job, settings={**job.settings, "device": "cuda"})
        options = {"num_cpus": demand.cpus, "num_gpus": demand.gpus, "max_restarts": 0}
        post.actor = ray.remote(Runner).options(**options).remote(demand.cpus or None)
        post.number, post.node, post.waiting = post.number + 1, "", None
        stream = post.actor.run.remote(job, post.task.together)
        Thread(target=self._listen, args=(post, post.number, stream), daemon=True).start()

    def _listen(self, post: Post, number: int, stream: Any) -> None:
        """Brings what an actor says, until it is done or gone."""
        try:
            for reference in stream:
                self._heard.put((post, number, ray.get(reference)))
        except ActorUnavailableError:
            self._heard.put((post, number, Lost("was lost with its node", True)))
        except RayError as problem:
            self._heard.put((post, number, Lost(f"was lost ({describe(problem)})")))
        except Exception as problem:  # what it says cannot be read: that is an end too
            self._heard.put((post, number, Lost(f"cannot be understood ({describe(problem)})")))

    def _taken(self, post: Post, message: Message | Lost) -> Iterator[Result]:
        match message:
            case Told("placed", facts):
                post.node = str(facts["node"])
                self.on_event("placed", {**facts, "model": post.model})
            case Told(name, facts):
                post.task.told(name, facts)
                self.on_event(name, {**facts, "node": post.node})
            case Result():
                post.task.brought(message)
                yield message
            case Done():
                _dismiss(post)
            case Refused():
                raise message.error()
            case Lost(_, True) if post.nodes_lost < NODES:
                post.nodes_lost += 1
                yield from self._fallen(post, message.reason, [])
            case Fallen(reason) | Lost(reason):
                yield from self._fallen(post, reason, post.task.fell(reason))

    def _fallen(self, post: Post, reason: str, failed: Sequence[Result]) -> Iterator[Result]:
        """An actor is gone, and what is failed by that; another does the rest."""
        _dismiss(post)
        logger.warning("a worker at %s %s", post.model, reason)
        facts = {"model": post.model, "node": post.node, "reason": reason, "failed": len(failed)}
        self.on_event("fallen", facts)
        yield from failed
        if post.task.job.specs:
            self._begin(post)

    def _looked_after(self, post: Post) -> Iterator[Result]:
        """Ends what is overdue, and what waits in vain."""
        if post.actor is None:
            return
        if time.monotonic() >= post.task.due(self.cell_timeout):
            reason = post.task.overdue()
            yield from self._fallen(post, reason, post.task.fell(reason))
        elif not post.node:
            unmet = post.demand.unmet(post.model, list(_alive().values()))
            if not unmet:
                post.waiting = None
            elif post.waiting is None:
                post.waiting = time.monotonic()
            elif time.monotonic() - post.waiting >= self.patience:
                _dismiss(post)
                error = f"{unmet}; add a node that has, or run with less"
                yield from (Result(spec, "failed", error=error) for spec in post.task.job.specs)


def _alive() -> dict[str, Mapping[str, float]]:
    """Resources of the nodes that are alive, by id."""
    return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}


def _dismiss(post: Post) -> None:
    """Ends a post's actor."""
    actor, post.actor = post.actor, None
    if actor is not None:
        with suppress(RayError, ValueError):
            ray.kill(actor, no_restart=True)
