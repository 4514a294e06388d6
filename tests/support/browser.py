"""A real headless Chromium, spoken to over two pipes in its own DevTools protocol."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 20.0
"""Seconds that an answer or a condition may take."""

LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""The browser reads its protocol from descriptor 3 and writes to 4."""

KEYS = {
    "ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37, "ArrowRight": 39, "PageDown": 34,
    "PageUp": 33, "Home": 36, "End": 35, "Tab": 9, "Enter": 13, " ": 32,
}  # fmt: skip


def chromium() -> str | None:
    """The browser's program, None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One browser with one page. complaints: errors and warnings of its console, blocked loads and
    uncaught exceptions. requests: what the page asked for, itself aside."""

    def __init__(self, process: subprocess.Popen[bytes], to: int, back: int) -> None:
        self._process, self._to, self._back = process, to, back
        self._buffer, self._number, self._session = b"", 0, ""
        self._answers: dict[int, dict[str, Any]] = {}
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        attached = self._send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._send(f"{domain}.enable")

    def open(self, url: str, *, width: int = 1400, height: int = 900, dark: bool = False) -> None:
        """Loads a page in a window of this size; waits until it has loaded."""
        self.complaints, self.requests = [], []
        self.resize(width, height)
        self.paint(dark)
        self._loaded = False
        self._send("Page.navigate", url=url)
        self._wait(lambda: self._loaded)

    def resize(self, width: int, height: int = 900) -> None:
        """Gives the window another size."""
        self._send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip

    def paint(self, dark: bool) -> None:
        """Says which colours the reader prefers."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._send("Emulation.setEmulatedMedia", features=[scheme])

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression, a promise's once it is kept."""
        found = self._send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise AssertionError(found["exceptionDetails"])
        return found["result"].get("value")

    def until(self, expression: str) -> None:
        """Waits until an expression is true."""
        deadline = time.monotonic() + PATIENCE
        while not self.ask(f"Boolean({expression})"):
            if time.monotonic() > deadline:
                raise AssertionError(f"never true: {expression}; {self.complaints}")
            time.sleep(0.05)

    def press(self, key: str) -> None:
        """Presses and releases a key."""
        code = KEYS[key]
        text = {"text": "\r"} if key == "Enter" else {"text": " "} if key == " " else {}
        for kind in ("keyDown", "keyUp"):
            self._send(
                "Input.dispatchKeyEvent",
                type=kind, key=key, code="Space" if key == " " else key,
                windowsVirtualKeyCode=code, **(text if kind == "keyDown" else {}),
            )  # fmt: skip

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """A screenshot, of the whole page or of the window."""
        shot = self._send("Page.captureScreenshot", captureBeyondViewport=whole, format="png",
                          **({"clip": self._clip()} if whole else {}))  # fmt: skip
        path.write_bytes(base64.b64decode(shot["data"]))

    def _clip(self) -> dict[str, float]:
        size = self._send("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        number = self._number
        os.write(self._to, json.dumps(message).encode() + b"\0")
        self._wait(lambda: number in self._answers)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return dict(answer["result"])

    def _wait(self, condition: Any) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            ready, _, _ = select.select([self._back], [], [], deadline - time.monotonic())
            if not ready:
                raise AssertionError("the browser does not answer")
            read = os.read(self._back, 1 << 20)
            if not read:
                raise AssertionError("the browser is gone")
            *whole, self._buffer = (self._buffer + read).split(b"\0")
            for each in whole:
                self._hear(json.loads(each))

    def _hear(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
            return
        facts = message["params"]
        match message["method"]:
            case "Page.loadEventFired":
                self._loaded = True
            case "Runtime.exceptionThrown":
                self.complaints.append(str(facts["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if facts["type"] in ("error", "warning"):
                self.complaints.append(str([each.get("value") for each in facts["args"]]))
            case "Log.entryAdded" if facts["entry"]["level"] in ("error", "warning"):
                self.complaints.append(facts["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(facts["request"]["url"])


def _out_of_the_way(descriptor: int) -> int:
    """The same pipe under a number that the browser does not use."""
    other = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return other


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser with a profile of its own, ended and forgotten afterwards."""
    program = chromium()
    assert program is not None
    to_read, to_write = map(_out_of_the_way, os.pipe())
    back_read, back_write = map(_out_of_the_way, os.pipe())
    with tempfile.TemporaryDirectory(prefix="stagezoo-", ignore_cleanup_errors=True) as profile:
        words = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-extensions", "--disable-background-networking",
            "--hide-scrollbars", f"--user-data-dir={profile}", "--remote-debugging-pipe",
        ]  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(to_read), str(back_write), *words],
            pass_fds=(to_read, back_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(back_write)
        try:
            yield Browser(process, to_write, back_read)
        finally:
            process.kill()
            process.wait()
            os.close(to_write)
            os.close(back_read)
