"""What a model asks of a node, and whether some node has it: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoo.hookspecs import Job

NAMES = {"CPU": ("core", "cores"), "GPU": ("GPU", "GPUs")}


@dataclass(frozen=True)
class Demand:
    """Cores and GPUs of one node.

    >>> Demand(gpus=2).unmet("org/m", [{"CPU": 8.0, "GPU": 1.0}, {"CPU": 4.0}])
    'org/m asks for a node with 2 GPUs, and of the 2 nodes none has more than 1 GPU'
    """

    cpus: int = 0
    gpus: int = 0

    @classmethod
    def of(cls, job: Job, cpus: int) -> Demand:
        """A job's: its model's GPUs where the run is on CUDA, at least one; else so many cores."""
        if str(job.settings["device"]).startswith("cuda"):
            return cls(gpus=max(1, job.model.gpus))
        return cls(cpus=cpus)

    def unmet(self, model: str, nodes: Sequence[Mapping[str, float]]) -> str:
        """Why no node will ever do, or ''. nodes: resources of each that is alive, used or not."""
        wanted = {"CPU": self.cpus, "GPU": self.gpus}
        if any(all(node.get(n, 0) >= amount for n, amount in wanted.items()) for node in nodes):
            return ""
        for name, amount in wanted.items():
            most = int(max((node.get(name, 0) for node in nodes), default=0))
            if amount > most:
                return (
                    f"{model} asks for a node with {_counted(name, amount)}, and of the "
                    f"{len(nodes)} nodes none has more than {_counted(name, most)}"
                )
        return f"{model} asks for more than any one of {len(nodes)} nodes has"


def _counted(name: str, amount: int) -> str:
    one, many = NAMES[name]
    return f"{amount} {one if amount == 1 else many}"
