"""What a repository of results holds: `manifest.json`, to which each publication adds its runs.

    {"schema": "zoo.manifest/1",
     "files": {path: {"sha256", "size"}},        every file but the card and itself
     "runs": {run id: {family, suite, started, limit, command, cells, samples, stages}}}

The files of a run bear its id, so that those of many publishers stand side by side. The manifest
and the card are all that they share, and both are made anew from what is there and what is added.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoo.errors import PublishError
from zoo.publishing.bundle import Bundle
from zoo.publishing.card import CARD, card_of
from zoo.publishing.names import renamed
from zoo.publishing.recording import Published
from zoo.results import RunRecord

MANIFEST = "manifest.json"
SCHEMA = "zoo.manifest/1"


def spell(table: Mapping[str, Any]) -> bytes:
    """JSON as this package writes it: the same table gives the same bytes."""
    text = json.dumps(table, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    return f"{text}\n".encode("utf-8", "replace")


def entry_of(run: Published, *, samples: bool) -> dict[str, Any]:
    """What the manifest says of a run."""
    record = run.record
    stages = [
        {name: stage.get(name) for name in ("model", "revision", "regime", "general", "special")}
        for stage in run.tradeoff.get("stages", ())
    ]
    said = {
        "family": record.family,
        "suite": record.suite.get("name", ""),
        "started": record.started,
        "limit": record.settings.get("limit"),
        "command": _command(record),
        "cells": dict(Counter(result.status for result in run.results)),
        "samples": samples,
        "stages": stages,
    }
    found: dict[str, Any] = renamed(said, run.names)
    return found


def _command(record: RunRecord) -> str:
    """What makes the run again, where the family is known."""
    suite, settings = record.suite, record.settings
    tasks = ",".join(benchmark["task"] for benchmark in suite.get("benchmarks", ()))
    name = str(suite.get("name", ""))
    words = ["zoo", "run", record.family, "--tasks" if name == tasks else "--suite", name]
    for flag in ("limit", "num_fewshot"):
        if settings.get(flag) is not None:
            words += [f"--{flag.replace('_', '-')}", str(settings[flag])]
    return shlex.join(words)


def with_manifest(bundle: Bundle, runs: Mapping[str, Any], licence: str) -> Bundle:
    """The bundle with its manifest and its card, as if nothing else were there."""
    files = {
        path: {"sha256": hash, "size": len(bundle.files[path])}
        for path, hash in bundle.hashes.items()
    }
    manifest = {"schema": SCHEMA, "files": files, "runs": dict(runs)}
    own = {MANIFEST: spell(manifest), CARD: card_of(manifest, bundle.target, licence=licence)}
    return replace(bundle, files={**bundle.files, **own})


def laid_over(bundle: Bundle, there: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The bundle's files where others lie already: manifest and card hold both.

    there: manifest and card of the repository, as far as it has them. Raises PublishError where
    its manifest is none.
    """
    if MANIFEST not in bundle.files:
        return bundle.files
    own = json.loads(bundle.files[MANIFEST])
    other = read_manifest(there[MANIFEST], bundle.target) if MANIFEST in there else {}
    merged: dict[str, Any] = {
        "schema": SCHEMA,
        "files": {**other.get("files", {}), **own["files"]},
        "runs": {**other.get("runs", {}), **own["runs"]},
    }
    samples = {id: r for id, r in other.get("runs", {}).items() if r.get("samples")}
    for id in samples.keys() & own["runs"].keys():
        merged["runs"][id] = {**own["runs"][id], "samples": True}  # they stay where they are
    card = card_of(merged, bundle.target, over=there.get(CARD, bundle.files[CARD]))
    return {**bundle.files, MANIFEST: spell(merged), CARD: card}


def read_manifest(data: bytes, where: str) -> dict[str, Any]:
    """A manifest that somebody else may have written. Raises PublishError where it is none."""
    try:
        found = json.loads(data)
        known = found["schema"] == SCHEMA
        tables = isinstance(found["files"], dict) and isinstance(found["runs"], dict)
        entries = [*found["files"].values(), *found["runs"].values()]
        if known and tables and all(isinstance(entry, dict) for entry in entries):
            return {"files": found["files"], "runs": found["runs"]}
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise PublishError(
        f"the {MANIFEST} of {where} is none that this zoo can read; name another repository, or "
        "remove the file there"
    )
