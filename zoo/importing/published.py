"""A run that somebody has published, `zoo.run/1`, read as a claim: whole and by its hash, or not.

A published run has no items. What it claims lies in the record of the run, under an id that says
whose it is, and serves no run that is made here.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from zoo.benchmarks import Suite
from zoo.errors import ConfigError
from zoo.fingerprints import canonical, digest
from zoo.importing.files import FormatError
from zoo.importing.standing import check_standing
from zoo.results import Provenance, RecordedCell, Result, RunRecord, Score
from zoo.standings import RunStanding
from zoo.structuring import plain, read

SCHEMA = "zoo.run/1"
RUN_FILE = re.compile(r"runs/([0-9A-Za-z][0-9A-Za-z._-]{0,99})\.json")
"""Where a publication has a run, and what a run's id may be: one step of a path, whose first
character keeps it from being hidden or above."""

HASH = re.compile(r"[0-9a-f]{64}")
LONGEST = 500
"""Characters of a name that somebody may give to a model, a family or a suite."""


@dataclass(frozen=True)
class Claim:
    """A run of somebody else, as the store keeps it. standing: plain JSON, None if it has none."""

    record: RunRecord
    standing: Mapping[str, Any] | None


def local_id(repo: str, run: str) -> str:
    """What a run of a repository is called here: its own id, and whose it is."""
    return f"{run}@{digest(repo)[:12]}"


def claim_of(data: bytes, run: str, repo: str, commit: str, sha256: str) -> Claim:
    """The claim that a published file makes.

    run: the id that its name says. sha256: what the repository's manifest says of its bytes.
    Raises FormatError, which says what does not match.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise FormatError("its sha256 is not the one that the manifest says")
    table = _table(data)
    head = table["run"]
    if head.get("id") != run:
        raise FormatError(f"it says that it is the run {_short(head.get('id'))!r}")
    source = f"{repo}@{commit[:12]}"
    try:
        suite = read(Suite, head["suite"], "its suite")
        said = {"format": SCHEMA, "source": source, "file": f"{run}.json", "file_sha256": sha256}
        cells = tuple(_cell(each, f"cell {n}", said) for n, each in enumerate(table["cells"]))
        settings = dict(head["settings"])
        family, started = str(head["family"]), str(head["started"])
    except (ConfigError, KeyError, TypeError, ValueError, AttributeError) as problem:
        raise FormatError(f"it is no whole run: {_short(problem)}") from None
    _check(family, suite, cells)
    record = RunRecord(
        id=local_id(repo, run),
        family=family,
        suite=plain(suite),
        started=started,
        # a later commit is of the same publisher: what it says again takes the place of this
        settings={
            **settings,
            "source": repo,
            "pulled": {"repo": repo, "commit": commit, "sha256": sha256},
        },
        cells=cells,
    )
    return Claim(record, _standing(table.get("standing"), record))


def _table(data: bytes) -> dict[str, Any]:
    try:
        table = json.loads(data, parse_constant=_refuse, parse_int=_whole)
        canonical(table).encode()  # half a surrogate cannot be written again
    except (ValueError, RecursionError) as problem:
        raise FormatError(f"it is no JSON: {_short(problem)}") from None
    if not isinstance(table, dict) or table.get("schema") != SCHEMA:
        raise FormatError(f"it is not of the schema {SCHEMA}")
    if not isinstance(table.get("run"), dict) or not isinstance(table.get("cells"), list):
        raise FormatError("it has no 'run' or no 'cells'")
    return table


def _cell(table: Mapping[str, Any], where: str, said: Mapping[str, str]) -> RecordedCell:
    """One line of the record, with all that is known of the cell. said: where it comes from."""
    kept = {name: table[name] for name in ("spec", "status", "response_key", "score_key", "error")}
    cell = read(RecordedCell, kept, where)
    if cell.status != "scored":
        return cell
    scores = read(tuple[Score, ...], table["scores"], where)
    own = read(Provenance, table["provenance"], where)
    if cell.score_key != own.score_key or not HASH.fullmatch(cell.score_key):
        raise ValueError(f"{where} is under another key than its provenance says")
    if Result(cell.spec, "scored", scores).score is None:
        raise ValueError(f"{where} has no {cell.spec.benchmark.metric}")
    for score in scores:
        numbers = (score.value, score.n, score.stderr or 0.0)
        if not all(map(math.isfinite, numbers)) or min(numbers[1:]) < 0:
            raise ValueError(f"{where} has a {score.metric} that cannot be")
    provenance = replace(own, imported={**own.imported, **said})
    return replace(cell, summary={"scores": plain(scores), "provenance": plain(provenance)})


def _check(family: str, suite: Suite, cells: tuple[RecordedCell, ...]) -> None:
    """Raises FormatError where names are none, or a cell is claimed twice."""
    models = {cell.spec.model.id for cell in cells}
    for name in (family, suite.name, *models):
        if not name or len(name) > LONGEST:
            raise FormatError(f"it names something {_short(name)!r}")
    if len({cell.spec.identity for cell in cells}) < len(cells):
        raise FormatError("it claims a cell twice")


def _standing(table: Any, record: RunRecord) -> Mapping[str, Any] | None:
    """What the run says of each stage, as far as it is of these cells; None where it says nothing.

    Raises FormatError where it is damaged.
    """
    if table is None:
        return None
    try:
        standing = read(RunStanding, table, "its standing")
    except ConfigError as problem:
        raise FormatError(_short(problem)) from None
    check_standing(standing, record)
    found: Mapping[str, Any] = plain(replace(standing, run=record.id))
    return found


def _whole(spelled: str) -> int:
    if len(spelled) > 18:
        raise ValueError(f"{spelled[:18]}… is too large")
    return int(spelled)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _short(said: object) -> str:
    line = " ".join(str(said).split())
    return line if len(line) <= 200 else f"{line[:199]}…"
