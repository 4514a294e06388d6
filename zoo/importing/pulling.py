"""`zoo pull`: runs that others have published stand in the store beside one's own.

manifest -> run files, one by one -> claims (`published`) -> records and standings of the store.
What does not match is refused by name, and the rest goes on. To pull again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from zoo.errors import ConfigError, PublishError, StoreError
from zoo.importing.files import FormatError
from zoo.importing.published import RUN_FILE, Claim, claim_of, local_id
from zoo.maintenance import keep_claims
from zoo.publishing.client import LARGEST, Client, UnreachedError, quiet
from zoo.publishing.hub import REPOSITORY, reader
from zoo.publishing.manifest import MANIFEST, read_manifest
from zoo.store import Store
from zoo.store.runs import run_file

BATCH = 64
"""Runs that are kept at once: what is kept is not fetched again where the Hub is gone later."""

MOST = 10_000
"""Runs of one repository that are taken."""

HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Pulled:
    """What came of it.

    source: repository and commit. runs: ids of the records that are new here or changed there;
    models, cells: of these. known: runs that were here already. problems: what was refused.
    """

    source: str
    runs: tuple[str, ...]
    models: tuple[str, ...]
    cells: int
    known: int
    problems: tuple[str, ...]


def pull(store: Store, repo: str, revision: str | None = None) -> Pulled:
    """Takes the runs of a repository of results into the store, as claims of their own.

    revision: a branch, tag or commit. Raises ConfigError where there is no such repository or none
    of results, and PublishError where the Hub gives no answer.
    """
    if not REPOSITORY.fullmatch(repo) or ".." in repo:
        raise ConfigError(f"{repo!r} is no repository of the Hub; write it as org/name")
    client = reader()
    with quiet():
        head = client.head("dataset", repo, revision)
        if head is None:
            raise ConfigError(f"there is no data set {repo} on the Hub that you may see")
        if MANIFEST not in head.files:
            raise ConfigError(f"{repo} has no {MANIFEST}: it holds no results of `zoo publish`")
        manifest = read_manifest(
            client.read("dataset", repo, {MANIFEST}, head.commit)[MANIFEST], repo
        )
        problems: list[str] = []
        wanted, known = _wanted(store, repo, manifest["files"], problems)
        claims = _claims(client, repo, head.commit, wanted, problems)
        runs: list[str] = []
        models: dict[str, None] = {}
        cells = 0
        while some := list(islice(claims, BATCH)):
            keep_claims(store, [(claim.record, claim.standing) for claim in some])
            runs += [claim.record.id for claim in some]
            models |= {c.spec.model.id: None for claim in some for c in claim.record.cells}
            cells += sum(len(claim.record.cells) for claim in some)
    source = f"{repo}@{head.commit[:12]}"
    return Pulled(source, tuple(runs), tuple(models), cells, known, tuple(problems))


def _wanted(
    store: Store, repo: str, files: Mapping[str, Any], problems: list[str]
) -> tuple[dict[str, str], int]:
    """sha256 by run of what is to be fetched, and how many runs are here as they are there."""
    wanted: dict[str, str] = {}
    known = 0
    for path, facts in sorted(files.items()):
        if not path.startswith("runs/"):
            continue
        run, sha256, size = RUN_FILE.fullmatch(path), facts.get("sha256"), facts.get("size")
        if run is None:
            problems.append(f"{path[:100]!r} of {repo} is no name of a run; it is left there")
        elif not isinstance(sha256, str) or not HASH.fullmatch(sha256):
            problems.append(f"{path} of {repo} has no sha256 in the manifest")
        elif not isinstance(size, int) or size > LARGEST:
            problems.append(f"{path} of {repo} is larger than {LARGEST >> 20} MiB, or of no size")
        elif _has(store, repo, run[1], sha256):
            known += 1
        elif len(wanted) == MOST:
            problems.append(f"{repo} holds more than {MOST} runs; {path} and later ones are left")
            break
        else:
            wanted[run[1]] = sha256
    return wanted, known


def _has(store: Store, repo: str, run: str, sha256: str) -> bool:
    """Whether the store holds this run of this repository, of these bytes."""
    path = run_file(store.root, local_id(repo, run))
    try:
        held = store.read_run(path).settings.get("pulled") if path.is_file() else None
    except StoreError:
        return False
    return held is not None and held["sha256"] == sha256


def _claims(
    client: Client, repo: str, commit: str, wanted: Mapping[str, str], problems: list[str]
) -> Iterator[Claim]:
    """The runs that are what the manifest says. Raises UnreachedError where the Hub is gone."""
    for run, sha256 in wanted.items():
        path = f"runs/{run}.json"
        try:
            data = client.read("dataset", repo, {path}, commit).get(path)
            if data is None:
                raise FormatError("the manifest names it, and it is not there")
            yield claim_of(data, run, repo, commit, sha256)
        except UnreachedError:
            raise
        except PublishError as problem:
            problems.append(str(problem))
        except FormatError as problem:
            problems.append(f"{path} of {repo} is refused: {problem}")
