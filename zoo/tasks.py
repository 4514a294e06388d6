"""Reads task files (lm-eval's YAML) and names what is wrong with them.

lm-eval drops a broken task file in silence; here every file is read and checked against what
lm-eval will do with it. Nothing is imported or run: a task's Python is only looked at.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from zoo.errors import did_you_mean

OUTPUT_TYPES = ("loglikelihood", "multiple_choice", "loglikelihood_rolling", "generate_until")

TASK_KEYS = frozenset(
    """
    task task_alias tag custom_dataset dataset_path dataset_name dataset_kwargs training_split
    validation_split test_split fewshot_split process_docs doc_to_text doc_to_target doc_to_image
    doc_to_audio doc_to_choice doc_to_decontamination_query process_results use_prompt description
    target_delimiter fewshot_delimiter fewshot_config num_fewshot metric_list output_type
    generation_kwargs repeats filter_list should_decontaminate gen_prefix unsafe_code metadata
    include class group task_list
    """.split()
)
"""Keys lm-eval 0.4 knows in a task file (a test holds them against its TaskConfig)."""


@dataclass(frozen=True)
class Problem:
    """Something that cannot be used, and why."""

    path: Path
    line: int | None
    reason: str

    def __str__(self) -> str:
        at = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{at}: {self.reason}"


@dataclass(frozen=True)
class Task:
    """One task file that can be used.

    config: the YAML with its includes merged; a `!function` is the string "!function NAME".
    metrics: names it computes; filters: names its answers pass through.
    """

    name: str
    path: Path
    config: Mapping[str, Any]
    origin: str = ""

    @property
    def output_type(self) -> str:
        """loglikelihood, multiple_choice, loglikelihood_rolling or generate_until."""
        return str(self.config.get("output_type", "generate_until"))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics it declares, in order; empty where lm-eval's defaults apply."""
        return tuple(str(m["metric"]) for m in self.config.get("metric_list") or ())

    @property
    def filters(self) -> tuple[str, ...]:
        """Names of its filters; ("none",) where it declares none."""
        return tuple(str(f["name"]) for f in self.config.get("filter_list") or ()) or ("none",)


def task_files(folder: Path) -> Iterator[Path]:
    """Task files below a folder, sorted; names that begin with _ are there to be included."""
    hidden = ("__pycache__", ".ipynb_checkpoints")
    return (
        path
        for path in sorted(folder.glob("**/*.yaml"))
        if not path.name.startswith("_") and not set(hidden) & set(path.parts)
    )


def read_task(path: Path, origin: str = "") -> Task | Problem | None:
    """The task a file describes, or why it cannot be used, or None for a group of tasks."""
    try:
        config, lines = _read_yaml(path)
        if "group" in config and isinstance(config.get("task"), list):
            return None
        _check_task(path, config, lines)
    except _Flaw as flaw:
        return Problem(path, flaw.line, flaw.reason)
    return Task(config["task"], path, config, origin)


class _Flaw(Exception):
    """What is wrong with a file, at which line."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


class _Loader(yaml.SafeLoader):
    """Reads YAML and keeps `!function NAME` as text."""


def _function(_: yaml.SafeLoader, node: yaml.Node) -> str:
    return f"!function {node.value}"


_Loader.add_constructor("!function", _function)


def _read_yaml(path: Path, above: tuple[Path, ...] = ()) -> tuple[dict[str, Any], dict[str, int]]:
    """The file with its includes merged (its own keys win), and the line of each top-level key."""
    if path in above:
        raise _Flaw(f"it includes itself through {above[-1].name}")
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=_Loader)
        config = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        raise _Flaw(f"not valid YAML: {problem.problem}", mark.line + 1 if mark else None) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise _Flaw(f"cannot be read: {problem}") from None
    if not isinstance(config, dict) or not isinstance(node, yaml.MappingNode):
        raise _Flaw("a task file holds a mapping, this one does not", 1)
    lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    merged: dict[str, Any] = {}
    includes = config.pop("include", [])
    for include in includes if isinstance(includes, list) else [includes]:
        other = (path.parent / str(include)).resolve()
        if not other.is_file():
            raise _Flaw(f"the included file {include} does not exist", lines.get("include"))
        merged.update(_read_yaml(other, (*above, path))[0])
    merged.update(config)
    return merged, lines


def _check_task(path: Path, config: dict[str, Any], lines: dict[str, int]) -> None:
    """Raises a _Flaw for the first thing lm-eval would trip over, or would pass over in silence."""

    def flaw(reason: str, key: str = "task") -> _Flaw:
        return _Flaw(reason, lines.get(key))

    if not isinstance(config.get("task"), str):
        raise flaw("the key 'task' (its name) is missing")
    for key in config:
        if key not in TASK_KEYS:
            raise flaw(f"the key {key!r} is not known{did_you_mean(str(key), TASK_KEYS)}", key)
    if "class" in config:
        return  # a task written in Python: nothing more can be seen from here
    if not config.get("dataset_path") and not config.get("custom_dataset"):
        raise flaw("the key 'dataset_path' is missing")
    kind = config.get("output_type", "generate_until")
    if kind not in OUTPUT_TYPES:
        near = did_you_mean(str(kind), OUTPUT_TYPES)
        raise flaw(f"the output_type {kind!r} is not known{near}", "output_type")
    if kind == "multiple_choice" and "doc_to_choice" not in config:
        raise flaw("a multiple_choice task needs the key 'doc_to_choice'", "output_type")
    if not any(config.get(key) for key in ("test_split", "validation_split")):
        raise flaw("it has neither 'test_split' nor 'validation_split'")
    if kind != "loglikelihood_rolling" and "doc_to_text" not in config:
        raise flaw("the key 'doc_to_text' is missing")
    for metric in config.get("metric_list") or ():
        if not isinstance(metric, dict) or not isinstance(metric.get("metric"), str):
            raise flaw("an entry of 'metric_list' has no 'metric'", "metric_list")
    names = [f.get("name") for f in config.get("filter_list") or () if isinstance(f, dict)]
    if len(set(names)) < len(names) or None in names:
        raise flaw("each entry of 'filter_list' needs a name of its own", "filter_list")
    for file in data_files(config):
        if "://" not in file and not any(path.parent.glob(file)):
            raise flaw(f"its data file {file} does not exist beside it", "dataset_kwargs")
    _check_functions(path, config, lines)


def data_files(config: Mapping[str, Any]) -> list[str]:
    """Local files that `dataset_kwargs.data_files` names, as written."""
    files = (config.get("dataset_kwargs") or {}).get("data_files") or []
    return list(_texts(files))


def _check_functions(path: Path, config: Mapping[str, Any], lines: Mapping[str, int]) -> None:
    """Each `!function module.name` whose module lies beside the file must define that name."""
    for key, value in config.items():
        for text in _texts(value):
            if not text.startswith("!function "):
                continue
            module, _, name = text.removeprefix("!function ").rpartition(".")
            source = path.parent / (module.replace(".", "/") + ".py")
            if source.is_file() and name not in _defined(source):
                reason = f"{source.name} defines no function {name!r}"
                raise _Flaw(reason + did_you_mean(name, _defined(source)), lines.get(key))


def _defined(source: Path) -> set[str]:
    """Names a Python file binds at its top, read without running it."""
    try:
        tree = ast.parse(source.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as problem:
        raise _Flaw(f"{source.name} is not valid Python: {problem}") from None
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(t.id for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((a.asname or a.name).split(".")[0] for a in node.names)
    return names


def _texts(value: Any) -> Iterator[str]:
    """Every string inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
