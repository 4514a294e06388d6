"""The Hub's client as publication uses it: every call has a deadline, every error is a sentence.

huggingface_hub waits for ever for an answer, and its errors hold the request with the token in it.
So a call runs in a thread that is left behind when its time is over, and of an error only what the
Hub said is kept. What was left behind may still land: whoever tries again looks first.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from zoo.errors import PublishError
from zoo.publishing.bundle import Kind
from zoo.redaction import redact

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")

SLOWEST = 100_000
"""Bytes a second that an upload may be slow; its deadline is the longer for its size."""
LARGEST = 64 * 1024**2
"""Bytes of a manifest or a card that are read."""
TRANSPORT = ("httpx", "httpcore", "requests", "urllib3", "http", "ssl", "socket")
"""Packages whose errors mean that the Hub was not reached."""


class MovedError(Exception):
    """Somebody else's commit came in between (409, 412)."""


class UnreachedError(PublishError):
    """It may succeed when it is tried again. wait: seconds that the Hub asks for, None if none."""

    def __init__(self, said: str, wait: float | None = None) -> None:
        super().__init__(said, again=True)
        self.wait = wait


@dataclass(frozen=True)
class Head:
    """A repository at its newest commit."""

    commit: str
    private: bool
    files: frozenset[str]


@dataclass(frozen=True)
class Client:
    """The Hub for one holder of a token, or nobody. timeout: seconds for a call to be answered."""

    token: str
    timeout: float = 60.0

    @property
    def _api(self) -> HfApi:
        from huggingface_hub import HfApi

        return HfApi(token=self.token or False)

    def me(self) -> str:
        """The name of the token's holder."""
        return str(self._call("the Hub", lambda api: api.whoami()["name"]))

    def head(self, kind: Kind, repo: str, revision: str | None = None) -> Head | None:
        """The newest commit of a branch; None where there is no such repository, or none to see."""
        from huggingface_hub.errors import RepositoryNotFoundError

        def read(api: HfApi) -> Head | None:
            try:
                found = api.repo_info(repo, repo_type=kind, revision=revision)
            except RepositoryNotFoundError:
                return None
            files = getattr(found, "siblings", None) or ()
            names = frozenset(each.rfilename for each in files)
            return Head(str(found.sha), bool(found.private), names)

        return self._call(repo, read)

    def create(self, kind: Kind, repo: str, *, private: bool) -> None:
        """Makes a repository; one that is there already is left as it is."""

        def make(api: HfApi) -> None:
            sdk = "static" if kind == "space" else None
            api.create_repo(repo, repo_type=kind, private=private, exist_ok=True, space_sdk=sdk)

        self._call(repo, make)

    def is_new(self, kind: Kind, repo: str) -> bool:
        """Whether nobody has committed to a repository since the Hub made it."""
        return self._call(repo, lambda api: len(api.list_repo_commits(repo, repo_type=kind)) <= 1)

    def read(self, kind: Kind, repo: str, paths: set[str], commit: str) -> dict[str, bytes]:
        """Files of a commit. Raises PublishError where one is too large to be one of ours."""

        def download(api: HfApi) -> dict[str, bytes]:
            sizes = {
                each.path: getattr(each, "size", 0)
                for each in api.get_paths_info(repo, sorted(paths), repo_type=kind, revision=commit)
            }
            found = {}
            with tempfile.TemporaryDirectory() as folder:
                for path, size in sizes.items():
                    if size > LARGEST:
                        raise PublishError(f"{path} of {repo} has {size:,} bytes: it is not ours")
                    place = api.hf_hub_download(
                        repo, path, repo_type=kind, revision=commit, cache_dir=folder
                    )
                    found[path] = Path(place).read_bytes()
            return found

        return self._call(repo, download) if paths else {}

    def lacking(
        self, kind: Kind, repo: str, files: Mapping[str, bytes], commit: str
    ) -> dict[str, bytes]:
        """The files that a commit does not have, or has with other bytes."""
        from huggingface_hub.utils import sha

        def compare(api: HfApi) -> dict[str, bytes]:
            names = list(files)
            there = {}
            for start in range(0, len(names), 500):
                for each in api.get_paths_info(
                    repo, names[start : start + 500], repo_type=kind, revision=commit
                ):
                    lfs = getattr(each, "lfs", None)
                    there[each.path] = lfs.sha256 if lfs else getattr(each, "blob_id", None)
            return {
                path: data
                for path, data in files.items()
                if there.get(path) not in (sha.git_hash(data), _sha256(data))
            }

        return self._call(repo, compare)

    def commit(
        self,
        kind: Kind,
        repo: str,
        files: Mapping[str, bytes],
        *,
        title: str,
        parent: str,
        revision: str | None = None,
        pull_request: bool = False,
    ) -> str:
        """One commit of all files on top of `parent`, or a pull request with it; its address.

        Raises MovedError where the branch is not at `parent` any more.
        """
        from huggingface_hub import CommitOperationAdd

        def send(api: HfApi) -> str:
            done = api.create_commit(
                repo,
                [CommitOperationAdd(path, data) for path, data in files.items()],
                commit_message=title,
                repo_type=kind,
                revision=revision,
                parent_commit=parent,
                create_pr=pull_request,
            )
            return str(done.pr_url or done.commit_url)

        size = sum(map(len, files.values()))
        return self._call(repo, send, size / SLOWEST)

    def open_pull(self, repo: str, title: str, author: str) -> str | None:
        """The ref of somebody's open pull request to a model, by its title."""

        def find(api: HfApi) -> str | None:
            listed = api.get_repo_discussions(repo, repo_type="model")
            found = (
                f"refs/pr/{each.num}"
                for each in listed
                if each.is_pull_request
                and each.status in ("open", "draft")
                and (each.title, each.author) == (title, author)
            )
            return next(found, None)

        return self._call(repo, find)

    def is_registered(self, dataset: str) -> bool:
        """Whether a data set is a benchmark of the Hub, with a board of its own."""
        from huggingface_hub.errors import HfHubHTTPError

        def ask(api: HfApi) -> bool:
            if not hasattr(api, "get_dataset_leaderboard"):
                raise PublishError(
                    "this huggingface_hub does not know the Hub's boards; upgrade it for --pr"
                )
            try:
                api.get_dataset_leaderboard(dataset)
            except HfHubHTTPError as problem:
                if _status(problem) in (400, 401, 403, 404):
                    return False
                raise
            return True

        return self._call(dataset, ask)

    def _call(self, where: str, ask: Callable[[HfApi], T], longer: float = 0.0) -> T:
        """What a call returns. Raises PublishError, and MovedError."""
        limit = self.timeout + longer
        answers: list[T] = []
        problems: list[BaseException] = []

        def run() -> None:
            try:
                answers.append(ask(self._api))
            except BaseException as problem:
                problems.append(problem)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(limit)
        if answers:
            return answers[0]
        if not problems:
            raise UnreachedError(f"the Hub did not answer about {where} within {limit:.0f} s")
        raise _told(problems[0], where) from None


def _told(problem: BaseException, where: str) -> BaseException:
    """An error of the client's as ours: its request, which holds the token, is left behind."""
    if isinstance(problem, PublishError):
        return problem
    seen: BaseException | None = problem
    while seen is not None:  # an upload's own error stands behind a RuntimeError
        status = _status(seen)
        if status is not None:
            return _refused(status, seen, where)
        if type(seen).__module__.partition(".")[0].rstrip("2") in TRANSPORT or isinstance(
            seen, (ConnectionError, TimeoutError)
        ):
            return UnreachedError(f"the Hub cannot be reached ({_line(seen)})")
        if isinstance(seen, json.JSONDecodeError):
            return UnreachedError(f"the Hub answered about {where} with what is no JSON")
        seen = seen.__cause__ or seen.__context__
    if isinstance(problem, OSError):  # a file that came short
        return UnreachedError(f"{where} could not be read whole ({_line(problem)})")
    if isinstance(problem, (ValueError, RuntimeError)):
        return PublishError(f"{where}: {_line(problem)}")
    return problem


def _refused(status: int, problem: BaseException, where: str) -> BaseException:
    if status in (409, 412):
        return MovedError()
    if status in (408, 429) or status >= 500:
        wait = _retry_after(problem)
        asks = f" and asks to wait {wait:.0f} s" if wait else ""
        return UnreachedError(f"the Hub answers about {where} with status {status}{asks}", wait)
    remedies = {
        401: "the Hub does not know this token; `hf auth login` with a new one, or set HF_TOKEN",
        402: f"the Hub wants payment for {where}",
        403: f"this token may not write to {where}; use one that may, or name another repository",
        404: f"there is no {where} that this token can see; look at its name and who owns it",
    }
    return PublishError(remedies.get(status) or f"the Hub refused {where}: {_line(problem)}")


def _status(problem: BaseException) -> int | None:
    status = getattr(getattr(problem, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _retry_after(problem: BaseException) -> float | None:
    headers = getattr(getattr(problem, "response", None), "headers", {})
    said = str(headers.get("Retry-After", ""))
    return float(said) if said.isdigit() else None


def _line(problem: BaseException) -> str:
    """What an error says, on one short line without secrets."""
    said = getattr(problem, "server_message", None) or str(problem) or type(problem).__name__
    line = " ".join(redact(str(said)).split())
    return line if len(line) <= 200 else f"{line[:199]}…"


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the client's own bars and warnings, which would repeat what is said here."""
    from huggingface_hub.utils import logging
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    bars, level = are_progress_bars_disabled(), logging.get_verbosity()
    disable_progress_bars()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if not bars:
            enable_progress_bars()
