"""Reads what lm-eval 0.4 writes: results_<date>.json, and samples_<task>_<date>.jsonl beside it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from zoo.errors import ConfigError
from zoo.fingerprints import file_digest
from zoo.importing.nouns import Aggregate, Measure, Results, TaskResults
from zoo.importing.samples import TaskFacts, read_items
from zoo.models import Prompting
from zoo.redaction import struck_out

DATE = re.compile(r"_(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)\.json$")
"""How the name of a results file ends; samples of the same run carry the same date."""

SEED = 1234
"""lm-eval's own seed of few-shot examples, where a file does not say."""

NAMES_OF_MODEL = ("peft", "delta", "pretrained", "model", "path", "engine")
"""Arguments that name the model, the first one that is given: lm-eval's own order."""


def is_results_file(path: Path) -> bool:
    """Whether a file's name is one that lm-eval gives to results."""
    return DATE.search(path.name) is not None and not path.name.startswith("samples_")


def results_of_samples(path: Path) -> Path | None:
    """The results file that a samples file belongs to, None where it is not beside it."""
    ending = DATE.search(path.name.removesuffix("l"))
    if ending is None:
        return None
    beside = path.parent.glob(f"*{ending[0]}")
    return next((each for each in sorted(beside) if is_results_file(each)), None)


def read_results(path: Path) -> Results:
    """A results file. Raises ConfigError where it cannot be read or is not of lm-eval 0.4."""
    try:
        data = path.read_bytes()
        table = json.loads(data)
    except OSError as problem:
        raise ConfigError(f"{path} cannot be read: {problem.strerror}") from None
    except (ValueError, RecursionError) as problem:
        raise ConfigError(f"{path} is no JSON: {problem}") from None
    _check(path, table)
    config = _table(table.get("config"))
    arguments = _arguments(config.get("model_args"))
    named = (arguments[each] for each in NAMES_OF_MODEL if arguments.get(each))
    model = table.get("model_name") or next(named, "")
    if not isinstance(model, str) or not model:
        raise ConfigError(f"{path} does not say which model it is of; it has no model_name")
    version = _text(table.get("lm_eval_version")) or "0.4"
    source = _text(table.get("model_source")) or _text(config.get("model")) or "unknown"
    seed = config.get("fewshot_seed")
    return Results(
        path=path,
        sha256=file_digest(path),
        format=f"lm-eval {version}",
        model=model,
        asked=_asked(table, config),
        seed=seed if isinstance(seed, int) else SEED,
        engine=f"lm-eval {version}, {source}",
        dtype=_dtype(config, arguments),
        device=_text(config.get("device")),
        batch_size=_text(config.get("batch_size")),
        revision=_text(config.get("model_sha")) or None,
        date=_date(table.get("date")),
        versions={
            name: _text(table[key])
            for name, key in (
                ("lm_eval", "lm_eval_version"),
                ("transformers", "transformers_version"),
            )
            if table.get(key)
        },
        tasks=tuple(_tasks(path, table, config)),
        facts={
            name: text
            for name, text in (
                ("format", f"lm-eval {version}"),
                ("git_hash", _text(table.get("git_hash"))),
                ("model", model),
                ("model_args", _said(arguments)),
                ("chat_template", "applied" if table.get("chat_template") else "not applied"),
                ("chat_template_sha", _text(table.get("chat_template_sha"))),
                ("date", _date(table.get("date"))),
            )
            if text
        },
    )


def _check(path: Path, table: Any) -> None:
    """Raises ConfigError, naming the format where it is known, unless it is of lm-eval 0.4."""
    if not isinstance(table, dict):
        raise ConfigError(f"{path} is no results file: it holds no JSON object")
    if "config_general" in table:
        raise ConfigError(f"{path} is of lighteval, which `zoo import` does not read yet")
    if "results" in table and "versions" in table and "configs" not in table:
        raise ConfigError(
            f"{path} is of lm-eval before 0.4, which `zoo import` does not read yet; "
            "run it again with lm-eval 0.4"
        )
    missing = [
        name for name in ("results", "configs", "config") if not isinstance(table.get(name), dict)
    ]
    if missing:
        raise ConfigError(f"{path} is no results file of lm-eval: it has no {missing[0]!r}")


def _asked(table: Mapping[str, Any], config: Mapping[str, Any]) -> Prompting:
    """How the model was asked, as far as the file says."""
    gen_kwargs = config.get("gen_kwargs")
    chat = bool(table.get("chat_template"))
    system = table.get("system_instruction")
    return Prompting(
        chat_template="default" if chat else None,
        system_instruction=system if isinstance(system, str) and system else None,
        fewshot_as_multiturn=chat and bool(table.get("fewshot_as_multiturn")),
        gen_kwargs=gen_kwargs if isinstance(gen_kwargs, dict) else {},
    )


def _tasks(
    path: Path, table: Mapping[str, Any], config: Mapping[str, Any]
) -> Iterator[TaskResults]:
    """The tasks of a file; groups of tasks are the means of others and are passed over."""
    found = DATE.search(path.name)
    ending = f"{found[0]}l" if found else ""
    for name, numbers in table["results"].items():
        own = table["configs"].get(name)
        if not isinstance(own, dict) or not isinstance(numbers, dict):
            continue
        better = _table(_table(table.get("higher_is_better")).get(name))
        aggregates = _aggregates(numbers, better)
        counts = _table(_table(table.get("n-samples")).get(name))
        n = counts.get("effective", numbers.get("sample_len"))
        n = n if isinstance(n, int) else None
        samples = path.parent / f"samples_{name}{ending}"
        has_items = bool(ending) and samples.is_file()
        facts = TaskFacts(
            name=name,
            output_type=_text(own.get("output_type")),
            target_delimiter=str(own.get("target_delimiter") or ""),
            n=n,
            aggregation={
                str(each.get("metric")): _text(each.get("aggregation"))
                for each in own.get("metric_list") or ()
                if isinstance(each, dict)
            },
            aggregates={measure: each.value for measure, each in aggregates.items()},
        )
        shots = _table(table.get("n-shot")).get(name, own.get("num_fewshot"))
        yield TaskResults(
            name=name,
            version=_text(_table(table.get("versions")).get(name)),
            num_fewshot=shots if isinstance(shots, int) else None,
            n=n,
            limit=n if config.get("limit") is not None else None,
            aggregates=aggregates,
            items=partial(read_items, samples, facts) if has_items else None,
            sha256=file_digest(samples) if has_items else "",
            broken="" if aggregates else f"{path} has no number for {name}",
        )


def _aggregates(numbers: Mapping[str, Any], better: Mapping[str, Any]) -> dict[Measure, Aggregate]:
    """The finite numbers of a task; an error that is none ("N/A") is not known."""
    found: dict[Measure, Aggregate] = {}
    for key, value in numbers.items():
        metric, comma, filter = str(key).partition(",")
        if not comma or metric.endswith("_stderr"):
            continue
        if (number := _number(value)) is not None:
            stderr = _number(numbers.get(f"{metric}_stderr,{filter}"))
            found[metric, filter] = Aggregate(number, stderr, better.get(metric) is not False)
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _arguments(value: Any) -> dict[str, Any]:
    """A model's arguments: a table, or K=V,... as older files have it."""
    if isinstance(value, str):
        pairs = (each.partition("=") for each in value.split(","))
        return {key.strip(): text for key, equals, text in pairs if equals}
    return _table(value)


def _dtype(config: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """ "float32" of "torch.float32", "" where the file does not say."""
    said = config.get("model_dtype") or arguments.get("dtype")
    return _text(said).removeprefix("torch.")


def _date(value: Any) -> str:
    number = _number(value)
    try:
        return datetime.fromtimestamp(number or 0, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return ""


def _said(arguments: Mapping[str, Any]) -> str:
    return ",".join(f"{name}={text}" for name, text in struck_out(arguments).items())


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, (dict, list)) else str(value)
