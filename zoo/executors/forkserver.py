"""Starts worker processes from one that has imported torch and lm-eval, and sees them end.

Importing takes seconds, forking does not. The server runs nothing itself, so that CUDA is never
initialised in it. It is a program of its own, not multiprocessing's: that would import the main
module of whoever called us into each worker, and run a script that has no guard against it again.

The server ends when its pipe closes, whatever became of the process at the other end, and ends
every worker with its whole process group.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import recv_handle, send_handle

from zoo.errors import ExecutorError
from zoo.executors import worker
from zoo.executors.work import TOKENS
from zoo.executors.worker import GRACE
from zoo.store import leases

TICK = 0.05
"""Seconds between two looks at which workers have ended."""


@dataclass(frozen=True)
class Start:
    """Asks for a worker; the end of its pipe follows. number: how it is spoken of from then on.

    holder: its name in the leases of the store.
    """

    number: int
    threads: int
    holder: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """Asks for the end of a worker and of its process group."""

    number: int


@dataclass(frozen=True)
class Exited:
    """A worker has ended. status: its exit status, or minus the signal."""

    number: int
    status: int

    @property
    def reason(self) -> str:
        """How it ended, as the end of a sentence."""
        if self.status >= 0:
            return f"ended with exit status {self.status}"
        with contextlib.suppress(ValueError):
            killed = signal.Signals(-self.status)
            memory = ", perhaps for want of memory" if killed == signal.SIGKILL else ""
            return f"was ended by {killed.name}{memory}"
        return f"was ended by signal {-self.status}"


class Forkserver:
    """The server, seen from the process that gives jobs. A context manager: it ends with it."""

    def __init__(self) -> None:
        ours, theirs = Pipe()
        options = {"path": sys.path, "debug": logging.getLogger("zoo").isEnabledFor(logging.DEBUG)}
        main = "from zoo.executors.forkserver import main; main()"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _program(main), str(theirs.fileno())],
                stdin=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                # with tokens a worker is given when it needs them
                env={name: value for name, value in os.environ.items() if name not in TOKENS},
                text=True,
            )
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            stdin.write(json.dumps(options))
        self.exits = ours

    def __enter__(self) -> Forkserver:
        return self

    def __exit__(self, *_: object) -> None:
        self.exits.close()
        try:
            self._process.wait(2 * GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def start(self, order: Start) -> Connection:
        """Starts a worker and returns our end of its pipe. Raises ExecutorError."""
        ours, theirs = Pipe()
        with theirs:
            try:
                self.exits.send(order)
                send_handle(self.exits, theirs.fileno(), self._process.pid)
            except OSError:
                raise self.lost() from None
        return ours

    def end(self, number: int) -> None:
        """Ends a worker; that it has ended is told like any other end. Raises ExecutorError."""
        try:
            self.exits.send(End(number))
        except OSError:
            raise self.lost() from None

    def exited(self) -> Exited:
        """The next worker that has ended. Raises ExecutorError where the server itself has."""
        try:
            found: Exited = self.exits.recv()
        except (EOFError, OSError):
            raise self.lost() from None
        return found

    def lost(self) -> ExecutorError:
        """The error for a server that is gone."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        return ExecutorError(
            f"the server of worker processes ended with status {self._process.poll()}; what is "
            "finished is kept, run again, or with --executor-args workers=1"
        )


def _program(main: str) -> str:
    """What the other Python runs: our own sys.path first, so that it imports what we would."""
    return (
        "import json, sys; options = json.load(sys.stdin); sys.path[:] = options['path']; "
        f"sys.argv.append(json.dumps(options)); {main}"
    )


def main() -> None:
    """The server: forks workers when asked to, tells of those that ended, ends with its pipe."""
    connection = Connection(int(sys.argv[1]))
    debug = json.loads(sys.argv[2])["debug"]
    # a listing as JSON goes to standard output: nothing of a worker may
    os.dup2(2, 1)
    worker.set_up(debug=debug)
    gc.freeze()  # what is there now stays shared between the workers
    children: dict[int, int] = {}
    with contextlib.suppress(EOFError, OSError):
        while True:
            if connection.poll(TICK):
                order = connection.recv()
                if isinstance(order, End):
                    _signal(children.get(order.number), signal.SIGKILL)
                elif isinstance(order, Start):
                    handle = recv_handle(connection)
                    children[order.number] = _fork(connection, handle, order)
                    os.close(handle)
            for number, status in _ended(children):
                connection.send(Exited(number, status))
    _end_all(children)


def _fork(connection: Connection, handle: int, order: Start) -> int:
    """Starts a worker in a process group of its own; returns its process id."""
    if pid := os.fork():
        return pid
    status = 1
    try:
        os.setsid()
        connection.close()
        os.environ.update(order.environment)
        leases.holder = order.holder
        worker.work(Connection(handle), order.threads)
        status = 0
    except SystemExit:
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _ended(children: dict[int, int]) -> list[tuple[int, int]]:
    """Workers that have ended, with their status; what they started is ended too."""
    found = []
    for number, pid in list(children.items()):
        reaped, status = os.waitpid(pid, os.WNOHANG)
        if reaped:
            _signal(pid, signal.SIGKILL)
            found.append((number, os.waitstatus_to_exitcode(status)))
            del children[number]
    return found


def _end_all(children: dict[int, int]) -> None:
    """Ends every worker, first by asking it to."""
    for pid in children.values():
        _signal(pid, signal.SIGTERM)
    until = time.monotonic() + GRACE
    while children and time.monotonic() < until:
        _ended(children)
        time.sleep(TICK / 5)
    for pid in children.values():
        _signal(pid, signal.SIGKILL)


def _signal(pid: int | None, number: signal.Signals) -> None:
    """Sends a signal to a worker's process group."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)
