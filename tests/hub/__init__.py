"""A Hub on loopback that keeps state, for the unmodified clients of the real one.

    with loopback_hub() as hub:
        hub.add_repo("model", "org/name", {"config.json": "{}"}, branches={"step-10": {...}})
        run_in_a_process(env=hub.environment(tmp_path, token=hub.add_user("me", "org")))

A client reads its endpoint when it is imported, so it runs in a process of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hub import routes
from hub.answering import Answer, Handler, Request, refusal
from hub.faults import Fault, How
from hub.repositories import Files, Refused, Repository, contents

__all__ = ["Fault", "Hub", "Refused", "Repository", "User", "loopback_hub"]


@dataclass(frozen=True)
class User:
    """Who holds a token. role: "read" or "write"."""

    name: str
    orgs: tuple[str, ...] = ()
    role: str = "write"

    def writes(self, owner: str) -> bool:
        return self.role == "write" and owner in (self.name, *self.orgs)


@dataclass
class Hub:
    """The state of a Hub. received: every request, in the order in which they came.

    part_size: bytes above which a large file is sent in parts; 0 for never.
    """

    endpoint: str = ""
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    received: list[Request] = field(default_factory=list)
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    part_size: int = 0
    crashes: list[Exception] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    over: threading.Event = field(default_factory=threading.Event)

    # ------------------------------------------------------------------------ for tests

    def add_repo(
        self,
        kind: str,
        name: str,
        files: Files = (),  # type: ignore[assignment]
        *,
        branches: Mapping[str, Files] | None = None,
        tags: Mapping[str, str] | None = None,
        private: bool = False,
        gated: bool = False,
    ) -> Repository:
        """A repository of kind "model", "dataset" or "space" with files at `main`.

        branches: what each lays over main's files. tags: name -> branch.
        """
        repo = Repository(kind, name, private, set() if gated else None)
        repo.commit(contents(files) if files else {}, author=repo.owner, title="initial commit")
        for branch, over in (branches or {}).items():
            start = repo.head.oid
            repo.commit(contents(over), branch, author=repo.owner, title=branch, start=start)
        for tag, branch in (tags or {}).items():
            repo.tags[tag] = repo.at(branch).oid
        self.repositories[kind, name] = repo
        return repo

    def repo(self, kind: str, name: str) -> Repository:
        return self.repositories[kind, name]

    def add_user(self, name: str, *orgs: str, role: str = "write") -> str:
        """A user, whose token is returned."""
        token = f"hf_{name.title().replace('-', '')}{'x' * 30}"[:37]
        self.users[token] = User(name, orgs, role)
        return token

    def fail(self, method: str, path: str, how: How = "status", **rule: Any) -> Fault:
        """Adds a rule; path is a regular expression. See `Fault`; its `hits` are counted."""
        fault = Fault(method, path, how, **rule)
        self.faults.append(fault)
        return fault

    def environment(self, home: Path, token: str | None = None) -> dict[str, str]:
        """The variables under which a process speaks to this Hub, with nothing cached."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HF_", "HUGGING")) and "proxy" not in name.lower()
        }
        return {
            **kept,
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(home / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_OFFLINE": "0",
            "OMP_NUM_THREADS": "1",
            **({"HF_TOKEN": token} if token else {}),
        }

    def sent(self) -> bytes:
        """All bytes that came, without the tokens in their Authorization headers."""
        return b"\n".join(request.sent for request in self.received)

    def asked(self, method: str, path: str) -> list[Request]:
        """The requests that came to a path that holds this text."""
        return [r for r in list(self.received) if r.method == method and path in r.path]

    # ------------------------------------------------------------------------ for the endpoints

    def answer(self, request: Request) -> Answer:
        try:
            return routes.answer(self, request)
        except Refused as problem:
            return refusal(problem)
        except Exception as problem:
            self.crashes.append(problem)
            return refusal(Refused(500, "Crash", repr(problem)))

    def user_of(self, request: Request) -> User | None:
        """Who asks; None without a token. Raises Refused where the token is nobody's."""
        given = request.headers.get("Authorization")
        if given is None:
            return None
        user = self.users.get(given.removeprefix("Bearer "))
        if user is None:
            raise Refused(401, "Unauthorized", "Invalid credentials in Authorization header")
        return user

    def find(self, kind: str, parts: list[str], user: User | None) -> tuple[Repository, list[str]]:
        """The repository that a path begins with, and the rest of the path."""
        for length in (2, 1):
            repo = self.repositories.get((kind, "/".join(parts[:length])))
            if repo and (not repo.private or (user and repo.owner in (user.name, *user.orgs))):
                return repo, parts[length:]
        status = 404 if user else 401
        raise Refused(status, "RepoNotFound", "Repository not found")

    def may_read(self, user: User | None, repo: Repository) -> None:
        """Raises Refused where a gated repository's files are asked for by who is not let in."""
        if repo.gated is None:
            return
        if user is None:
            raise Refused(401, "GatedRepo", f"Access to {repo.id} is restricted, log in")
        if user.name not in repo.gated and repo.owner not in (user.name, *user.orgs):
            said = f"Access to {repo.id} is restricted and you are not in the authorized list"
            raise Refused(403, "GatedRepo", said)

    def may_write(self, user: User | None, repo: Repository, revision: str, *, pull: bool) -> str:
        """The user's name; raises Refused unless they may commit there, or open a pull request."""
        if user is None:
            raise Refused(401, "Unauthorized", "Invalid username or password.")
        number = revision.removeprefix("refs/pr/")
        own = number != revision and repo.discussions[int(number)].author == user.name
        if user.role != "write" or not (pull or own or user.writes(repo.owner)):
            raise Refused(403, "Forbidden", f"you cannot write to {repo.id}")
        return user.name

    def somebody_commits(self, request: Request) -> None:
        """Another client's commit to the repository that a request is about."""
        kind = request.parts[1].removesuffix("s")
        repo = self.repositories[kind, "/".join(request.parts[2:4])]
        repo.commit({f"other-{len(repo.commits)}.txt": b"theirs"}, author="other", title="theirs")


@contextmanager
def loopback_hub() -> Iterator[Hub]:
    """A Hub that stands within, empty; at the end it raises what was wrong with itself."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        hub.over.set()
        server.shutdown()
        server.server_close()
    if hub.crashes:
        raise hub.crashes[0]
