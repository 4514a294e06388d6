"""A run as others may have it: `zoo.run/1`, JSON without a text of any item.

    {"schema", "zoo", "run": {id, family, suite, started, settings},
     "cells": [{spec, status, error, response_key, score_key, scores, provenance, withheld}],
     "standing": what `zoo.standings` makes of the run, from which a leaderboard is made,
     "tradeoff": stages, edges, trade-offs and ways of training as in zoo.tradeoff/1}

`run` with `cells` (less scores, provenance and withheld) is a run record of the store. Fields go
out by the lists of this file, and of no others; what a loader was told is only named where it
stands on none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from zoo.benchmarks import Benchmark
from zoo.models import Model
from zoo.publishing.local import shareable
from zoo.publishing.names import is_hub_id, public_names, renamed
from zoo.redaction import redact
from zoo.results import Result, RunRecord
from zoo.structuring import plain

SCHEMA = "zoo.run/1"

SETTINGS = "batch_size device dtype gen_kwargs limit loader num_fewshot probes seed".split()
MODEL = (
    "id revision family regime base_model targets loader step seed gpus training_datasets licence "
    "parameters".split()
)
LOADER_ARGS = (
    "add_bos_token attn_implementation dtype enable_thinking gguf_file load_in_4bit load_in_8bit "
    "max_gen_toks max_length prefix_token_id revision subfolder think_end_token trust_remote_code "
    "parallelize quantization".split()
)
REPOSITORIES = ("pretrained", "peft", "tokenizer")
"""Arguments of a loader that go out where they name a repository, and not where a folder."""
SPEC = "benchmark protocol prompting seed limit purpose likelihood_of".split()
PROVENANCE = (
    "response_key score_key weights tokenizer chat_template loader engine scoring dtype device "
    "batch_size hardware seconds end tokens_in peak_memory_bytes kwh finished versions "
    "plugins".split()
)
IMPORTED = "format date version file_sha256 git_hash".split()
TRADEOFF = (
    "schema family suite targets stages edges tradeoffs decomposition claims training methods "
    "series frontier".split()
)


@dataclass(frozen=True)
class Published:
    """A run whose cells have been read, with its trade-off as a dictionary of zoo.tradeoff/1, and
    its standing as JSON. beside: runs that go out with it, whose models must have other names."""

    record: RunRecord
    results: Sequence[Result]
    tradeoff: Mapping[str, Any]
    standing: Mapping[str, Any]
    beside: Sequence[Published] = field(default=(), repr=False, compare=False)

    @cached_property
    def models(self) -> list[Model]:
        """Each model once."""
        return list({result.spec.model.id: result.spec.model for result in self.results}.values())

    @cached_property
    def weights(self) -> dict[str, str]:
        """Hash of the weights by model, of those whose hash is known."""
        hashes = ((each.spec.model.id, each.provenance.weights) for each in self.results)
        return {model: hash for model, hash in hashes if hash}

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What models in folders of this machine are called elsewhere."""
        beside = (self, *self.beside)
        parents = (parent for run in beside for model in run.models for parent in model.parents)
        own = (model.id for run in beside for model in run.models)
        known = {model: hash for run in reversed(beside) for model, hash in run.weights.items()}
        return public_names(sorted({*own, *parents}), known)


def may_show_items(benchmark: Benchmark) -> bool:
    """Whether texts of a benchmark's items may go out: it says so, and whose licence they have.

    A benchmark of which nobody has said under which licence its data are is not taken for open.
    """
    return benchmark.policy == "open" and bool(benchmark.licence)


def run_of(run: Published, version: str) -> dict[str, Any]:
    """The run as zoo.run/1, ready for JSON. version: of zoo."""
    record = run.record
    keys = [cell.score_key for cell in record.cells]
    said = {
        "schema": SCHEMA,
        "zoo": version,
        "run": {
            "id": record.id,
            "family": record.family,
            "suite": dict(record.suite),
            "started": record.started,
            "settings": {name: record.settings.get(name) for name in SETTINGS},
        },
        "cells": [
            {
                "spec": spec_of(result),
                "status": result.status,
                "error": error_of(result),
                "response_key": result.provenance.response_key,
                "score_key": key,
                "scores": plain(result.scores),
                "provenance": provenance_of(result),
                "withheld": withheld_of(result.spec.model),
            }
            for result, key in zip(run.results, keys, strict=True)
        ],
        "standing": run.standing,
        "tradeoff": _tradeoff_of(run),
    }
    found: dict[str, Any] = renamed(said, run.names)
    return found


def spec_of(result: Result) -> dict[str, Any]:
    """What was asked; of the model what it is, and of its loader's arguments those of the list."""
    table = plain(result.spec)
    model = table["model"]
    return {
        **{name: table[name] for name in SPEC},
        "model": {
            **{name: model[name] for name in MODEL},
            "made": made_of(result.spec.model),
            "loader_args": {
                name: value
                for name, value in model["loader_args"].items()
                if _goes_out(name, value)
            },
        },
    }


def made_of(model: Model) -> dict[str, Any] | None:
    """How a stage was made, less what names a folder of this machine; None where not known."""
    if model.made is None:
        return None
    table: dict[str, Any] = plain(model.made)
    return {**table, "settings": shareable(table["settings"], model.parents)}


def withheld_of(model: Model) -> list[str]:
    """Names of the loader's arguments that stay here."""
    return sorted(n for n, value in model.loader_args.items() if not _goes_out(n, value))


def error_of(result: Result) -> str:
    """Why a cell has no score; an error may quote an item, so that of closed ones it stays here."""
    if result.error and not may_show_items(result.spec.benchmark):
        return f"{result.status}: the reason may quote items that may not be shown, and stays here"
    return redact(result.error)


def provenance_of(result: Result) -> dict[str, Any]:
    """Where the number comes from; not the tokens with which the first request begins."""
    table = plain(result.provenance)
    facts = {name: text for name, text in table["imported"].items() if name in IMPORTED}
    return {**{name: table[name] for name in PROVENANCE}, "imported": facts}


def _tradeoff_of(run: Published) -> dict[str, Any]:
    """The trade-off without errors, which may quote items: the cells say of them what may be."""
    found = {name: run.tradeoff.get(name) for name in TRADEOFF}
    stages = [
        {**stage, "scores": [{**score, "error": None} for score in stage["scores"]]}
        for stage in found["stages"] or ()
    ]
    known = {name for model in run.models for name in (model.id, *model.parents)}
    made = {
        name: [{**row, "settings": shareable(row["settings"], known)} for row in found[name] or ()]
        for name in ("training", "frontier")
    }
    return {**found, "stages": stages, **made}


def _goes_out(name: str, value: Any) -> bool:
    if name in REPOSITORIES:
        return isinstance(value, str) and is_hub_id(value)
    return name in LOADER_ARGS and isinstance(value, (str, int, float, bool, type(None)))
