"""Runs a function where it can reach no network, no other process and no file that it may write.

Linux namespaces are entered directly (user_namespaces(7), mount_namespaces(7)), since no program
that does it is there on every machine. Within, the whole tree is read-only, and folders that hold
sockets and secrets are hidden. It guards the machine. It does not limit memory, and a program can
still falsify the score of the very task that runs it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NoReturn

from zoo.errors import CellError
from zoo.probing import describe

Sandbox = Literal["namespaces", "none"]

SCRATCH = ("/tmp", "/var/tmp", "/run")
"""Folders that become empty ones: they hold the sockets of agents and of Docker."""

SECRETS = (
    ".aws .azure .cache/huggingface/token .cache/huggingface/stored_tokens .config .docker .gnupg"
    " .git-credentials .kube .netrc .pypirc .ssh"
).split()
"""What people keep secrets in, relative to their home."""

DEVICES = ("null", "zero", "full", "random", "urandom")

NEW_USER, NEW_MOUNTS, NEW_IPC, NEW_PIDS, NEW_NET = (
    0x10000000, 0x00020000, 0x08000000, 0x20000000, 0x40000000,
)  # fmt: skip
"""Of linux/sched.h."""

RECURSIVE, PRIVATE, BIND = 0x4000, 1 << 18, 0x1000
"""Of linux/mount.h."""

SET_ATTRIBUTES, HERE, BELOW_TOO, READ_ONLY = 442, -100, 0x8000, 1
"""The system call mount_setattr(2), the same number on every machine, and its arguments."""

DIE_WITH_PARENT, DROP_FROM_BOUNDS, NO_NEW_PRIVILEGES = 1, 24, 38
"""Of prctl(2)."""

CAPABILITY_VERSION = 0x20080522
"""Of capget(2), the third."""

PROBE = "from zoo.evaluation.sandbox import run; run(lambda: b'', 'namespaces')"


@lru_cache(maxsize=1)
def missing() -> str:
    """Why there can be no sandbox on this machine, as a part of a sentence, or ""."""
    if not sys.platform.startswith("linux"):
        return "there is none on this system"
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROBE], capture_output=True, text=True, check=False, timeout=60
    )
    said = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else said[-1] if said else f"it ended with {done.returncode}"


def run(function: Callable[[], bytes], sandbox: Sandbox) -> bytes:
    """What a function gives in a process of its own.

    sandbox: "none" is a process like any other. Raises CellError where the sandbox cannot be made,
    or the process ended before its time.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(function, sandbox, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    kind, content = told[:1], told[1:]
    if kind == b"+" and ended == 0:
        return content
    raise CellError(content.decode(errors="replace") or f"its process ended with {ended}")


def _child(function: Callable[[], bytes], sandbox: Sandbox, writing: int) -> NoReturn:
    """The process between: it alone may wait for the first process of a namespace."""
    code = 1
    try:
        _die_with_parent()
        if sandbox == "namespaces":
            _leave(NEW_USER | NEW_MOUNTS | NEW_IPC | NEW_PIDS | NEW_NET)
        inner = os.fork()
        if inner == 0:
            _inner(function, sandbox, writing)
        code = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
    except Exception as problem:
        _tell(writing, b"-" + describe(problem).encode())
    finally:
        os._exit(code if code >= 0 else 128 - code)


def _inner(function: Callable[[], bytes], sandbox: Sandbox, writing: int) -> NoReturn:
    code = 1
    try:
        _die_with_parent()
        os.closerange(3, writing)  # an open file is a way out, and the answer is not to be forged
        os.closerange(writing + 1, os.sysconf("SC_OPEN_MAX"))
        if sandbox == "namespaces":
            _hide()
        _tell(writing, b"+" + function())
        code = 0
    except Exception as problem:
        _tell(writing, b"-" + describe(problem).encode())
    finally:
        os._exit(code)


def _tell(writing: int, content: bytes) -> None:
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(content)


def _leave(spaces: int) -> None:
    """Leaves namespaces for new ones, in which this user is still called the same."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", spaces)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _die_with_parent()  # which other credentials may have ended


def _hide() -> None:
    """Makes every file read-only, puts nothing in the place of what is to be hidden, and gives up
    what it takes to undo that. It must hold for root too, who is still called root here."""
    _call("mount", None, b"/", None, RECURSIVE | PRIVATE, None)
    attributes = (ctypes.c_uint64 * 4)(READ_ONLY, 0, 0, 0)
    size = ctypes.sizeof(attributes)
    _call("syscall", SET_ATTRIBUTES, HERE, b"/", BELOW_TOO, ctypes.byref(attributes), size)
    _call("mount", b"proc", b"/proc", b"proc", READ_ONLY, None)  # /proc/sys obeys root anywhere
    home = os.path.expanduser("~")
    for path in (*SCRATCH, *(os.path.join(home, name) for name in SECRETS)):
        _cover(path)
    _replace_devices()
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        _call("prctl", DROP_FROM_BOUNDS, capability, 0, 0, 0)
    _call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    header, none = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    _call("capset", ctypes.byref(header), ctypes.byref(none))
    _die_with_parent()
    os.environ.update(HOME="/tmp", TMPDIR="/tmp")
    tempfile.tempdir = None  # it may remember another folder
    os.chdir("/tmp")


def _replace_devices() -> None:
    """Leaves of /dev what holds nothing: a disk can be written below a file system that cannot."""
    staging = Path("/tmp/dev")
    staging.mkdir()
    (staging / "shm").mkdir(mode=0o1777)
    for name in DEVICES:
        (staging / name).touch()
        _call("mount", f"/dev/{name}".encode(), bytes(staging / name), None, BIND, None)
    _call("mount", bytes(staging), b"/dev", None, BIND | RECURSIVE, None)


def _cover(path: str) -> None:
    """Puts an empty folder or file over one that is there and can be seen."""
    if os.path.isdir(path):
        _call("mount", b"tmpfs", os.fsencode(path), b"tmpfs", 0, b"size=256m,mode=1777")
    elif os.path.exists(path):
        _call("mount", b"/dev/null", os.fsencode(path), None, BIND, None)


def _die_with_parent() -> None:
    _call("prctl", DIE_WITH_PARENT, signal.SIGKILL)


def _call(name: str, *arguments: Any) -> None:
    """Calls a function of the C library. Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
