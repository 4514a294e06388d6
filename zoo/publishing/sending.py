"""One bundle into one repository: a single commit, made once, whatever happens on the way.

Each try reads the newest commit, looks which files it lacks, and commits those on top of it. So an
answer that was lost is found to have landed, somebody else's commit in between is built upon, and
what is there already is not sent again. The client tries its own steps again, but never the commit.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from zoo.errors import PublishError
from zoo.publishing.bundle import Bundle
from zoo.publishing.card import CARD
from zoo.publishing.client import Client, Head, MovedError, UnreachedError
from zoo.publishing.manifest import MANIFEST, laid_over

T = TypeVar("T")

logger = logging.getLogger("zoo")

MARK = b"stagezoo"
"""What stands in the card of a repository of ours."""


@dataclass(frozen=True)
class Patience:
    """How often it is tried again, and after how long, where the Hub names no time itself.

    tries: calls that fail for want of an answer. conflicts: commits of others in between.
    first, longest: seconds of the waits, which double. asked: the longest wait that the Hub may ask
    for; a longer one is left to the next publication.
    """

    tries: int = 6
    conflicts: int = 100
    first: float = 1.0
    longest: float = 60.0
    asked: float = 900.0

    def wait(self, failed: int, asked: float | None) -> float:
        """Seconds until the next try, at most `longest` but where the Hub asks for more."""
        own = min(self.longest, self.first * 2 ** (failed - 1)) * random.uniform(0.5, 1)
        return own if asked is None else asked + random.uniform(0, 0.5)


def send(bundle: Bundle, client: Client, patience: Patience = Patience()) -> str:
    """Puts a bundle into its repository; returns where it is, for people.

    Raises PublishError: its `again` says whether the same may succeed later.
    """
    once = _offer if bundle.kind == "model" else _put
    return persist(lambda: once(bundle, client), bundle.target, patience)


def persist(once: Callable[[], T], target: str, patience: Patience) -> T:
    """What `once` returns, asked again as long as there is no answer and the patience lasts.

    target: what it is about. Raises PublishError as `once` does.
    """
    failed = moved = 0
    while True:
        try:
            return once()
        except MovedError:
            moved += 1
            if moved > patience.conflicts:
                said = f"others committed to {target} in between {moved} times"
                raise PublishError(said, again=True) from None
            time.sleep(random.uniform(0, min(2.0, 0.05 * 2 ** min(moved, 6))))
        except UnreachedError as problem:
            failed += 1
            if failed >= patience.tries or (problem.wait or 0) > patience.asked:
                raise
            seconds = patience.wait(failed, problem.wait)
            logger.warning("%s: %s; tried again in %.0f s", target, problem, seconds)
            time.sleep(seconds)


def _put(bundle: Bundle, client: Client) -> str:
    head = _repository(bundle, client)
    there = client.read(bundle.kind, bundle.target, {MANIFEST, CARD} & head.files, head.commit)
    if MARK not in there.get(CARD, MARK) and not client.is_new(bundle.kind, bundle.target):
        raise PublishError(
            f"{bundle.target} holds something else (its card does not speak of stagezoo); name "
            "another repository"
        )
    lacking = client.lacking(bundle.kind, bundle.target, laid_over(bundle, there), head.commit)
    if not lacking:
        return f"{bundle.target} has it all at {head.commit[:12]}"
    return client.commit(
        bundle.kind, bundle.target, lacking, title=bundle.title, parent=head.commit
    )


def _repository(bundle: Bundle, client: Client) -> Head:
    """The repository, made where it is missing."""
    head = client.head(bundle.kind, bundle.target)
    if head is None:
        client.create(bundle.kind, bundle.target, private=bundle.private)
        head = client.head(bundle.kind, bundle.target)
    if head is None:
        raise PublishError(
            f"{bundle.target} is there, and this token may not see it; use one that may"
        )
    if bundle.private and not head.private:
        raise PublishError(
            f"{bundle.target} is public, and this was to be private; say --public, or name another"
        )
    return head


def _offer(bundle: Bundle, client: Client) -> str:
    """A pull request to a model: the open one of the same author, else a new one."""
    head = client.head("model", bundle.target)
    if head is None:
        raise PublishError(f"there is no model {bundle.target} that this token can see")
    if not client.lacking("model", bundle.target, bundle.files, head.commit):
        return f"{bundle.target} has it all at {head.commit[:12]}"
    ref = client.open_pull(bundle.target, bundle.title, client.me())
    if ref is None:
        return client.commit(
            "model",
            bundle.target,
            bundle.files,
            title=bundle.title,
            parent=head.commit,
            pull_request=True,
        )
    own = client.head("model", bundle.target, ref)
    if own is None:
        raise UnreachedError(f"the pull request {ref} of {bundle.target} cannot be read")
    lacking = client.lacking("model", bundle.target, bundle.files, own.commit)
    if lacking:
        client.commit(
            "model",
            bundle.target,
            lacking,
            title=bundle.title,
            parent=own.commit,
            revision=ref,
        )
    return f"{bundle.target}, pull request {ref.rpartition('/')[2]}"
