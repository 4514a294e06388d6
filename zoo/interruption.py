"""Ctrl-C and SIGTERM: the first lets the batch at work be answered, the second stops at once.

A run tells of every answer (`requests`) after whoever keeps answers has kept it. So a run that
is to stop may be left out of any event: what was told of is not lost.
"""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from zoo.progress import Tally

QUIET = 0.1
"""Seconds without an answer after which the batch that was at work is over and the next runs."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """The run ends here, because somebody asked it to."""


class Stop:
    """Listens to a run's events and to signals, and raises Stopped where the run may end.

    tally: of the same run, told of each event before this is. say: told once what will happen.

    While nothing is asked the first signal ends the run at once. While a model is asked it ends
    when the answers of the batch at work have come: they come together, so that quiet after one of
    them means that the next batch runs. A call that is answered whole is kept first.
    """

    def __init__(self, tally: Tally, say: Callable[[str], None] = lambda _: None) -> None:
        self._tally = tally
        self._say = say
        self._asked = self._due = self._fired = False
        self._told: float | None = None
        self._over = threading.Event()

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """Raises Stopped where a run that shall stop may end."""
        del facts
        if not self._asked:
            return
        if self._due or name in ("preparing", "loading", "cell", "result"):
            self.close()
            raise Stopped
        if name == "requests":
            self._told = time.monotonic()

    def on_signal(self, *_: object) -> None:
        """Handles SIGINT and SIGTERM."""
        if self._due and not self._fired:
            self._fired = True
            if self._over.is_set():
                return  # the run is ending already
        if self._asked or not self._tally.answering:
            self._asked = True
            self.close()
            raise Stopped
        self._asked = True
        self._say("stopping when the batch at work is answered; Ctrl-C again stops at once")
        threading.Thread(target=self._wait_for_quiet, name="stopping", daemon=True).start()

    def close(self) -> None:
        """Ends the wait for quiet."""
        self._over.set()

    def _wait_for_quiet(self) -> None:
        """Ends the batch that came after the one that was at work: the handler raises again."""
        while not self._over.wait(QUIET / 2):
            quiet = self._told is not None and time.monotonic() - self._told > QUIET
            if quiet and self._tally.midway:
                self._due = True
                _thread.interrupt_main()
                return


@contextmanager
def stopping(stop: Stop) -> Iterator[None]:
    """Within, signals go to `stop`; outside the main thread they stay with whoever has them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop.on_signal) for number in SIGNALS}
    try:
        yield
    finally:
        stop.close()
        for number, handler in before.items():
            signal.signal(number, handler)
