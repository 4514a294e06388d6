"""What runs on a node: an actor that does one job and tells what comes of it as one stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue

import ray

from zoo.executors.messages import Done, Fallen, Message, Refused, Told, do
from zoo.hookspecs import Job


class Runner:
    """Does a job. threads: of torch; None leaves them to torch."""

    def __init__(self, threads: int | None) -> None:
        self._threads = threads

    # Nothing is repeated by Ray: who gave the job knows what it has brought already, gives the rest
    # to another actor, and blames a cell at which actors die.
    @ray.method(num_returns="streaming", max_task_retries=0, retry_exceptions=False)
    def run(self, job: Job, together: bool) -> Iterator[Message]:
        """Events and results; last Done, Fallen or Refused."""
        yield Told("placed", {"node": ray.get_runtime_context().get_node_id()})
        messages: SimpleQueue[Message] = SimpleQueue()
        threading.Thread(target=self._do, args=(job, messages, together), daemon=True).start()
        while True:
            message = messages.get()
            yield message
            if isinstance(message, (Done, Fallen, Refused)):
                return

    def _do(self, job: Job, messages: SimpleQueue[Message], together: bool) -> None:
        if self._threads is not None:
            import torch

            torch.set_num_threads(self._threads)
        do(job, messages.put, together=together)
