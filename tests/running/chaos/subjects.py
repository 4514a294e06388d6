"""What is run: zoos of tiny models, and one run from its plan to its record.

A stub answers with hashes and logs every question; the engine reads two tiny checkpoints.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from guesthouse import Guests
from support import checkpoints
from support.tasks import write_tasks
from support.zoos import TinyZoo

from zoo.executors import builtins
from zoo.host import Host
from zoo.plan import Wishes
from zoo.running import Options, run_family

TASKS = ("tiny_choice", "tiny_write", "tiny_shots", "tiny_several")

PLUGIN = '''
import faulthandler, hashlib, os, signal, time
from zoo import hookimpl
from zoo.hookspecs import Loader
from zoo.store import leases

leases.BEAT, leases.STALE = float(os.environ["STUB_BEAT"]), 10 * float(os.environ["STUB_BEAT"])

# a worker is seen from here on; the run itself has been since its start
place = os.path.join(os.environ["STUB_PLACES"], str(os.getpid()))
if not os.path.exists(place):
    seen = open(place + ".new", "w")
    faulthandler.register(signal.SIGUSR1, seen, all_threads=True)
    os.rename(place + ".new", place)

def load(model, **_):
    from lm_eval.api.model import LM

    class Stub(LM):
        """Answers are hashes of the model and the question; every question is logged."""

        def ask(self, kind, request, answer):
            said = hashlib.sha256(repr((model.id, kind, request.args)).encode()).hexdigest()
            found = answer(said)
            line = found if isinstance(found, str) else repr(found[0])
            os.write(log, f"{line}\\n".encode())
            time.sleep(float(os.environ["STUB_PACE"]))
            self.cache_hook.add_partial(kind, request.args, found)
            return found

        def generate_until(self, requests):
            return [self.ask("generate_until", r, lambda said: said[:20]) for r in requests]

        def loglikelihood(self, requests):
            return [
                self.ask("loglikelihood", r, lambda said: (-int(said[:12], 16) / 7, False))
                for r in requests
            ]

        def loglikelihood_rolling(self, requests):
            raise NotImplementedError

    log = os.open(os.environ["STUB_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    return Stub()

@hookimpl
def zoo_loaders():
    return [Loader("stub", load, reads_files=False)]
'''


@dataclass(frozen=True)
class Subject:
    """A zoo whose runs are killed.

    workers: processes of a run; 1 is the run's own. logs: whether its models log what they are
    asked. exact: whether an answer is the same in every batch.
    """

    config: Path
    tasks: Path
    workers: int
    logs: bool

    def run(self, store: Path) -> int:
        """A run from its plan to its record; how many cells have no score."""
        host = Host(
            config_path=self.config,
            store_path=store,
            plugins_enabled=self.logs,
            include_paths=(self.tasks,),
            builtins=builtins(),
        )
        (family,) = host.discovery.resolve(())
        options = Options(
            wishes=Wishes(protocols=("uniform",)),
            device="cpu",
            executor_args={} if self.workers == 1 else {"workers": self.workers},
        )
        return len(run_family(host, family, host.suite(None, (), family), options).failed)


def stubbed(folder: Path, workers: int) -> Subject:
    """Two models that need no torch."""
    zoo = _zoo(folder)
    for name, regime in (("stub/a", "pretrained"), ("stub/b", "fine-tuned")):
        zoo.add(name, regime, loader='"stub"')
    return Subject(zoo.write(), zoo.tasks, workers, logs=True)


def computed(folder: Path) -> Subject:
    """Two checkpoints that the engine reads."""
    zoo = _zoo(folder)
    for seed, regime in enumerate(("pretrained", "fine-tuned")):
        checkpoints.save_checkpoint(folder / regime, seed=seed)
        zoo.add(f"./{regime}", regime)
    return Subject(zoo.write(), zoo.tasks, 1, logs=False)


def install_stub(folder: Path) -> Path:
    """Installs the stub's plugin; the folder that a Python finds it in."""
    guests = Guests(folder)
    guests.add("zoo-stub", PLUGIN)
    return guests.folder


def environment(folder: Path, beat: float, pace: float) -> None:
    """Tells the stub of its place, of what it logs to, and how fast it is. beat, pace: seconds."""
    places = folder / "places"
    places.mkdir()
    os.environ.update(
        STUB_LOG=str(folder / "asked.log"),
        STUB_PLACES=str(places),
        STUB_BEAT=str(beat),
        STUB_PACE=str(pace),
    )


def _zoo(folder: Path) -> TinyZoo:
    folder.mkdir(parents=True)
    zoo = TinyZoo(folder)
    write_tasks(zoo.tasks)
    for task in TASKS:
        zoo.measure(task)
    return zoo
