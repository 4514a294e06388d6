"""What the Hub keeps: repositories with their commits, refs, pull requests and large files."""

from __future__ import annotations

import hashlib
import json
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

PREFIXES = {"model": "", "dataset": "datasets/", "space": "spaces/"}
"""What the address of a repository begins with, by kind."""
LFS_SUFFIXES = (".parquet", ".safetensors", ".bin", ".arrow", ".gz", ".zip", ".png", ".tar")
LFS_ABOVE = 10_000_000
"""Bytes of a file that goes to large-file storage whatever it is called."""

Tree = Mapping[str, bytes]
Files = Mapping[str, bytes | str] | Path
"""A repository's files: a folder, or contents by path."""


class Refused(Exception):
    """An answer that is no success: status, the Hub's code for it, what it says."""

    def __init__(self, status: int, code: str, said: str = "") -> None:
        super().__init__(said or code)
        self.status, self.code, self.said = status, code, said or code


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_lfs(path: str, size: int) -> bool:
    return size > 0 and (path.endswith(LFS_SUFFIXES) or size > LFS_ABOVE)


def contents(files: Files) -> dict[str, bytes]:
    if isinstance(files, Path):
        found = (path for path in sorted(files.rglob("*")) if path.is_file())
        return {path.relative_to(files).as_posix(): path.read_bytes() for path in found}
    return {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}


@dataclass(frozen=True)
class Commit:
    oid: str
    parent: str | None
    title: str
    author: str
    date: str
    tree: Tree


@dataclass
class Discussion:
    num: int
    title: str
    author: str
    description: str
    is_pull_request: bool
    status: str = "open"
    created: str = field(default_factory=now)
    merged_as: str | None = None

    @property
    def ref(self) -> str:
        return f"refs/pr/{self.num}"


@dataclass
class Repository:
    """One repository. gated: who has been let in besides its owner, or None where it is open."""

    kind: str
    id: str
    private: bool = False
    gated: set[str] | None = None
    sdk: str | None = None
    created: str = field(default_factory=now)
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pulls: dict[str, str] = field(default_factory=dict)
    discussions: dict[int, Discussion] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def owner(self) -> str:
        return self.id.partition("/")[0]

    @property
    def head(self) -> Commit:
        return self.at("main")

    def at(self, revision: str) -> Commit:
        """The commit that a branch, a tag, a pull request's ref or (the start of) an oid names."""
        for refs in (self.branches, self.tags, self.pulls):
            if revision in refs:
                return self.commits[refs[revision]]
        found = [oid for oid in self.commits if len(revision) >= 7 and oid.startswith(revision)]
        if len(found) != 1:
            raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return self.commits[found[0]]

    def history(self, revision: str = "main") -> list[Commit]:
        """Commits that lead to a revision, newest first."""
        commit: Commit | None = self.at(revision)
        found = []
        while commit is not None:
            found.append(commit)
            commit = self.commits[commit.parent] if commit.parent else None
        return found

    def commit(
        self,
        changes: Mapping[str, bytes | None],
        revision: str = "main",
        *,
        author: str = "somebody",
        title: str = "a commit",
        expected: str | None = None,
        start: str | None = None,
    ) -> Commit:
        """Puts changes (None deletes) onto a ref.

        expected: the parent this commit must have, else 412. start: the commit a new ref begins at.
        """
        with self.lock:
            refs = self.pulls if revision.startswith("refs/pr/") else self.branches
            if start is not None:
                refs[revision] = start
            if self.commits and revision not in refs:
                self.at(revision)
                raise Refused(400, "BadRequest", f"{revision} is no branch")
            parent = self.commits[refs[revision]] if self.commits else None
            if expected and (parent is None or not parent.oid.startswith(expected)):
                said = "A commit has happened since. Please refresh and try again."
                raise Refused(412, "PreconditionFailed", said)
            tree = {**(parent.tree if parent else {}), **changes}
            kept = {path: data for path, data in tree.items() if data is not None}
            spelt = f"{self.kind}{self.id}{parent and parent.oid}{author}{title}{len(self.commits)}"
            summed = hashlib.sha1(spelt.encode())
            for path in sorted(kept):
                summed.update(f"{path} {git_oid(kept[path])}".encode())
            commit = Commit(summed.hexdigest(), parent and parent.oid, title, author, now(), kept)
            self.commits[commit.oid] = commit
            refs[revision] = commit.oid
            return commit

    def open_discussion(
        self, title: str, author: str, description: str, *, pull: bool, start: str | None = None
    ) -> Discussion:
        with self.lock:
            num = len(self.discussions) + 1
            found = Discussion(num, title, author, description, pull)
            self.discussions[num] = found
            if pull:
                self.pulls[found.ref] = start or self.head.oid
            return found

    def merge(self, num: int, author: str) -> Commit:
        with self.lock:
            pull = self.discussions.get(num)
            if pull is None or not pull.is_pull_request or pull.status == "merged":
                raise Refused(404, "DiscussionNotFound")
            own = self.at(pull.ref)
            started = next(c for c in self.history(pull.ref) if c in self.history("main"))
            changed = {
                path: own.tree.get(path)
                for path in {*own.tree, *started.tree}
                if own.tree.get(path) != started.tree.get(path)
            }
            commit = self.commit(changed, author=author, title=f"{pull.title} (#{num})")
            pull.status, pull.merged_as = "merged", commit.oid
            return commit


def entry_of(path: str, data: bytes) -> dict[str, Any]:
    """A file as the tree listing shows it."""
    if not is_lfs(path, len(data)):
        return {"type": "file", "oid": git_oid(data), "size": len(data), "path": path}
    sha256 = hashlib.sha256(data).hexdigest()
    pointer = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(data)}\n"
    ).encode()
    lfs = {"oid": sha256, "size": len(data), "pointerSize": len(pointer)}
    return {
        "type": "file",
        "oid": git_oid(pointer),
        "size": len(data),
        "path": path,
        "lfs": lfs,
    }


def listing(commit: Commit, folder: str, recursive: bool) -> list[dict[str, Any]]:
    """Files and folders under one; 404 where it does not exist."""
    prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
    inside = {path: data for path, data in commit.tree.items() if path.startswith(prefix)}
    if prefix and not inside:
        raise Refused(404, "EntryNotFound", f"{folder} does not exist on {commit.oid}")
    found: dict[str, dict[str, Any]] = {}
    for path, data in sorted(inside.items()):
        parents = path[len(prefix) :].split("/")[:-1]
        for depth in range(len(parents) if recursive else min(len(parents), 1)):
            name = prefix + "/".join(parents[: depth + 1])
            oid = hashlib.sha1(name.encode()).hexdigest()
            found[name] = {"type": "directory", "oid": oid, "size": 0, "path": name}
        if recursive or not parents:
            found[path] = entry_of(path, data)
    return list(found.values())


def card_of(commit: Commit) -> dict[str, Any]:
    """The front matter of the card."""
    text = commit.tree.get("README.md", b"").decode(errors="replace")
    if not text.startswith("---\n"):
        return {}
    return dict(yaml.safe_load(text[4:].partition("\n---")[0]) or {})


def weights_of(commit: Commit) -> dict[str, Any] | None:
    """Parameters by type, from the headers of the weights' files."""
    counts: dict[str, int] = {}
    for path, data in commit.tree.items():
        if path.endswith(".safetensors"):
            (size,) = struct.unpack("<Q", data[:8])
            for name, about in json.loads(data[8 : 8 + size]).items():
                if name != "__metadata__":
                    number = 1
                    for extent in about["shape"]:
                        number *= extent
                    counts[about["dtype"]] = counts.get(about["dtype"], 0) + number
    return {"parameters": counts, "total": sum(counts.values())} if counts else None


def evaluations_of(commit: Commit) -> Iterator[dict[str, Any]]:
    """Entries of `.eval_results/*.yaml`, each with its file."""
    for path, data in sorted(commit.tree.items()):
        if path.startswith(".eval_results/") and path.endswith((".yaml", ".yml")):
            for entry in yaml.safe_load(data):
                yield {"filename": path, **entry}


def refs_of(repo: Repository) -> dict[str, Any]:
    def spell(refs: Mapping[str, str], prefix: str) -> Sequence[dict[str, str]]:
        return [
            {"name": name, "ref": f"{prefix}{name}", "targetCommit": oid}
            for name, oid in refs.items()
        ]

    return {
        "branches": spell(repo.branches, "refs/heads/"),
        "tags": spell(repo.tags, "refs/tags/"),
        "converts": [],
        "pullRequests": spell(repo.pulls, ""),
    }
