"""A loopback Hub, a process that speaks to it, and zoos with something to publish."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hub import Hub, loopback_hub
from store.recorded import keep, record
from support.fixtures import adapter, base, chat, own_caches, task_folder

from zoo.benchmarks import Benchmark, Suite
from zoo.models import Model
from zoo.results import RunRecord
from zoo.store import Store

__all__ = ["adapter", "base", "chat", "own_caches", "task_folder"]

BENCHMARK = Benchmark("arc_easy", "acc", num_fewshot=0, capability="knowledge", chance=0.25)
MODELS = (
    Model("org/base", "a" * 40, regime="pretrained", family="f"),
    Model("org/chat", "b" * 40, regime="instruction-tuned", family="f", base_model="org/base"),
)


@dataclass
class Driver:
    """The process of `driver.py`."""

    process: subprocess.Popen[str]

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        return dict(json.loads(line))


@dataclass
class Zoo:
    """A zoo with a run of two stages. publish: `zoo publish`, in the driver's process."""

    root: Path
    driver: Driver

    @property
    def store(self) -> Store:
        return Store(self.root / "results")

    @property
    def outbox(self) -> list[Path]:
        return sorted((self.root / "results" / "outbox").glob("*"))

    def write(self, repo: str, extra: str = "", **options: Any) -> None:
        said = "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())
        text = f'[publish.hub]\nrepo = "{repo}"\n{extra}\n[publish.hub.options]\n{said}'
        (self.root / "zoo.toml").write_text(text)

    def publish(self, *flags: str, **environment: str) -> dict[str, Any]:
        argv = ["publish", *flags, "--config", str(self.root / "zoo.toml"), "--no-plugins"]
        return self.driver.ask("main", argv=argv, environment=environment)

    def add_run(self, name: str, value: float = 0.5, **settings: Any) -> RunRecord:
        cells = [keep(self.store, model=model, value=value, weights=name) for model in MODELS]
        suite = Suite("mine", (BENCHMARK,))
        made = replace(
            record(name, *cells, suite=suite, **settings),
            started=f"2026-11-{int(name[-2:]):02}T08:00:00+00:00",
        )
        self.store.add_run(made)
        return made


@pytest.fixture(scope="session")
def hub() -> Iterator[Hub]:
    with loopback_hub() as hub:
        yield hub


@pytest.fixture(scope="session")
def token(hub: Hub) -> str:
    return hub.add_user("me", "org")


@pytest.fixture(scope="session")
def driver(hub: Hub, token: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    home = tmp_path_factory.mktemp("driver")
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "driver.py")],
        env={**hub.environment(home, token), "XDG_CACHE_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield Driver(process)
    process.kill()
    process.communicate()


@pytest.fixture(autouse=True)
def no_faults(hub: Hub) -> None:
    hub.faults.clear()


@pytest.fixture
def zoo(tmp_path: Path, driver: Driver, request: pytest.FixtureRequest) -> Zoo:
    """A zoo with a run, and a repository of its own to publish it to."""
    root = tmp_path / "zoo"
    root.mkdir()
    made = Zoo(root, driver)
    made.add_run("20261101")
    made.write(repo_of(request))
    return made


@pytest.fixture
def repo(request: pytest.FixtureRequest) -> str:
    """The repository that the test's zoo publishes to."""
    return repo_of(request)


def repo_of(request: pytest.FixtureRequest) -> str:
    return f"org/r-{sha256(request.node.nodeid.encode()).hexdigest()[:12]}"
