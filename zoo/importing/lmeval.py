"""Reads what lm-eval writes: results_<date>.json, and samples_<task>_<date>.jsonl beside it; or all
of it in one file, where what `simple_evaluate` returned was dumped.

Since 0.4 a number stands under "metric,filter", beside the configuration of each task; before,
under "metric" alone, beside the tasks' versions, and no items were written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from zoo.fingerprints import file_digest
from zoo.importing.files import FormatError, Source
from zoo.importing.nouns import Aggregate, Measure, Results, TaskResults
from zoo.importing.samples import TaskFacts, read_items
from zoo.importing.values import (
    SEED,
    arguments,
    count,
    dtype,
    is_plain,
    moment,
    number,
    said,
    spelled,
    table,
    tables,
    text,
)  # fmt: skip
from zoo.models import Prompting

DATE = re.compile(r"_(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)\.json$")
"""How the name of a results file ends; samples of the same run carry the same date."""

NAMES_OF_MODEL = ("peft", "delta", "pretrained", "model", "path", "engine")
"""Arguments that name the model, the first one that is given: lm-eval's own order."""


def is_results_file(path: Path) -> bool:
    """Whether a file's name is one that lm-eval gives to results."""
    return DATE.search(path.name) is not None and not path.name.startswith("samples_")


def results_of_items(path: Path) -> Path | None:
    """The results file that a samples file belongs to, None where it is not beside it."""
    ending = DATE.search(path.name.removesuffix("l"))
    if path.suffix != ".jsonl" or ending is None:
        return None
    beside = path.parent.glob(f"*{ending[0]}")
    return next((each for each in sorted(beside) if is_results_file(each)), None)


def knows(content: Any) -> bool:
    """Whether it is of lm-eval 0.4 or later."""
    return isinstance(content, dict) and {"results", "configs"} <= content.keys()


def knows_before(content: Any) -> bool:
    """Whether it is of lm-eval before 0.4."""
    return isinstance(content, dict) and {"results", "versions", "config"} <= content.keys()


def read_results(source: Source) -> Iterator[Results]:
    """A results file of lm-eval 0.4 or later. Raises FormatError where it is none."""
    content, config = _parts(source, "results", "configs", "config")
    given = arguments(config.get("model_args"))
    version = text(content.get("lm_eval_version")) or "0.4"
    kind = text(content.get("model_source")) or text(config.get("model")) or "unknown"
    sha = text(config.get("model_sha"))
    precision = dtype(config.get("model_dtype") or given.get("dtype"))
    seed = count(config.get("fewshot_seed"))
    yield Results(
        path=source.path,
        sha256=source.sha256,
        format=f"lm-eval {version}",
        model=_model(content.get("model_name"), given),
        asked=_asked(content, config),
        seed=SEED if seed is None else seed,
        engine=f"lm-eval {version}, {kind}",
        dtype=precision,
        device=text(config.get("device")),
        batch_size=text(config.get("batch_size")),
        revision=sha or None,
        date=moment(content.get("date")),
        versions=said(
            (name, text(content.get(f"{name}_version"))) for name in ("lm_eval", "transformers")
        ),
        tasks=tuple(_tasks(source, config)),
        facts=said(
            (
                ("git_hash", text(content.get("git_hash"))),
                ("model_args", spelled(given)),
                ("chat_template", "applied" if content.get("chat_template") else "not applied"),
                ("chat_template_sha", text(content.get("chat_template_sha"))),
            )
        ),
        parameters=count(config.get("model_num_parameters")),
        unsaid=_unsaid(revision=sha, dtype=precision, seed=seed),
    )


def read_before(source: Source) -> Iterator[Results]:
    """A results file of lm-eval before 0.4. Raises FormatError where it is none."""
    content, config = _parts(source, "results", "versions", "config")
    given = arguments(config.get("model_args"))
    kind = text(config.get("model")) or "unknown"
    shots, limit = count(config.get("num_fewshot")), count(config.get("limit"))
    yield Results(
        path=source.path,
        sha256=source.sha256,
        format="lm-eval before 0.4",
        model=_model(None, given),
        asked=Prompting(),  # it had no chat templates
        seed=SEED,
        engine=f"lm-eval before 0.4, {kind}",
        dtype=dtype(given.get("dtype")),
        device=text(config.get("device")),
        batch_size=text(config.get("batch_size")),
        revision=None,
        date="",
        versions={},
        tasks=tuple(
            TaskResults(
                name=str(name),
                version=text(content["versions"].get(name)),
                num_fewshot=shots,
                n=None,
                limit=limit,
                aggregates=(found := plain_aggregates(numbers)),
                broken="" if found else f"{source.path} has no number for {name}",
            )
            for name, numbers in content["results"].items()
            if isinstance(numbers, dict)
        ),
        facts=said((("model_args", spelled(given)), ("revision", text(given.get("revision"))))),
        unsaid=_unsaid(revision="", dtype=dtype(given.get("dtype")), seed=None, date=""),
    )


def plain_aggregates(numbers: Mapping[str, Any]) -> dict[Measure, Aggregate]:
    """Finite numbers that stand under "metric", with their errors under "metric_stderr"."""
    found: dict[Measure, Aggregate] = {}
    for metric, value in numbers.items():
        if not str(metric).endswith("_stderr") and (mean := number(value)) is not None:
            stderr = number(numbers.get(f"{metric}_stderr"))
            found[str(metric), "none"] = Aggregate(mean, stderr)
    return found


def _parts(source: Source, *wanted: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The file's table and its configuration. Raises FormatError where a part is missing."""
    content = table(source.content)
    missing = [name for name in wanted if not isinstance(content.get(name), dict)]
    if missing:
        raise FormatError(f"it has no {missing[0]!r}")
    return content, content["config"]


def _model(name: Any, given: Mapping[str, Any]) -> str:
    """What the file calls its model. Raises FormatError where it does not say."""
    named = (given[each] for each in NAMES_OF_MODEL if given.get(each))
    found = name or next(named, "")
    if not isinstance(found, str) or not found:
        raise FormatError("it does not say which model it is of (no model_name)")
    return found


def _unsaid(**facts: object) -> tuple[str, ...]:
    return tuple(name for name, value in facts.items() if value is None or value == "")


def _asked(content: Mapping[str, Any], config: Mapping[str, Any]) -> Prompting:
    """How the model was asked, as far as the file says."""
    gen_kwargs = table(config.get("gen_kwargs"))
    chat = bool(content.get("chat_template"))
    system = content.get("system_instruction")
    return Prompting(
        chat_template="default" if chat else None,
        system_instruction=system if isinstance(system, str) and system else None,
        fewshot_as_multiturn=chat and bool(content.get("fewshot_as_multiturn")),
        gen_kwargs={name: value for name, value in gen_kwargs.items() if is_plain(value)},
    )


def _tasks(source: Source, config: Mapping[str, Any]) -> Iterator[TaskResults]:
    """The tasks of a file; groups of tasks are the means of others and are passed over."""
    path, content = source.path, source.content
    found = DATE.search(path.name)
    ending = f"{found[0]}l" if found else ""
    for name, numbers in content["results"].items():
        own = content["configs"].get(name)
        if not isinstance(own, dict) or not isinstance(numbers, dict):
            continue
        better = table(table(content.get("higher_is_better")).get(name))
        aggregates = _aggregates(numbers, better)
        counts = table(table(content.get("n-samples")).get(name))
        n = count(counts.get("effective", numbers.get("sample_len")))
        samples = path.parent / f"samples_{name}{ending}"
        beside = bool(ending) and samples.parent == path.parent and samples.is_file()
        inside = None if beside else table(content.get("samples")).get(name)
        place = samples if beside else path
        facts = TaskFacts(
            name=name,
            output_type=text(own.get("output_type")),
            target_delimiter=str(own.get("target_delimiter") or ""),
            n=n,
            aggregation={
                str(each.get("metric")): text(each.get("aggregation"))
                for each in tables(own.get("metric_list"))
            },
            aggregates={measure: each.value for measure, each in aggregates.items()},
        )
        shots = table(content.get("n-shot")).get(name, own.get("num_fewshot"))
        yield TaskResults(
            name=name,
            version=text(table(content.get("versions")).get(name)),
            num_fewshot=count(shots),
            n=n,
            limit=n if config.get("limit") is not None else None,
            aggregates=aggregates,
            items=partial(read_items, place, facts, inside=inside) if beside or inside else None,
            sha256=file_digest(place) if beside else source.sha256 if inside else "",
            broken="" if aggregates else f"{path} has no number for {name}",
            chance=_chance(own),
        )


def _chance(task: Mapping[str, Any]) -> float | None:
    """A guesser's score, as far as a task's configuration tells: the options it lists, or that
    there are none."""
    choices = task.get("doc_to_choice")
    if task.get("output_type") == "multiple_choice":
        return 1 / len(choices) if isinstance(choices, list) and choices else None
    return 0.0 if task.get("output_type") in ("generate_until", "loglikelihood") else None


def _aggregates(numbers: Mapping[str, Any], better: Mapping[str, Any]) -> dict[Measure, Aggregate]:
    """The finite numbers of a task; an error that is none ("N/A") is not known."""
    found: dict[Measure, Aggregate] = {}
    for key, value in numbers.items():
        metric, comma, filter = str(key).partition(",")
        if not comma or metric.endswith("_stderr"):
            continue
        if (mean := number(value)) is not None:
            stderr = number(numbers.get(f"{metric}_stderr,{filter}"))
            found[metric, filter] = Aggregate(mean, stderr, better.get(metric) is not False)
    return found
