"""Reads task files (lm-eval's YAML) and names what is wrong with them.

lm-eval drops a broken task file in silence; here every file is read and checked against what
lm-eval will do with it. Nothing is imported or run: a task's Python is only looked at.
"""

from __future__ import annotations

import ast
import glob
import importlib.util
import os
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

SHAPES: Mapping[str, type] = {
    "dataset_path": str,
    "metric_list": list,
    "filter_list": list,
    "dataset_kwargs": dict,
    "generation_kwargs": dict,
    "num_fewshot": int,
    "repeats": int,
}
"""What the values of some keys are, where they are given at all."""

FILE_BUILDERS = frozenset({"json", "csv", "parquet", "arrow", "text", "pandas", "xml"})
"""Values of `dataset_path` that read files of ours; every other one names a repository."""

DYNAMIC = frozenset({"globals", "vars", "setattr", "exec", "__getattr__"})
"""Names in a Python file that may bind others, so that reading it cannot tell what it defines."""


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
    line: where its name stands.
    metrics: names it computes; filters: names its answers pass through.
    """

    name: str
    path: Path
    config: Mapping[str, Any]
    origin: str = ""
    line: int | None = None

    @property
    def output_type(self) -> str:
        """loglikelihood, multiple_choice, loglikelihood_rolling or generate_until."""
        return str(self.config.get("output_type") or "generate_until")

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics it declares, in order; empty where lm-eval's defaults apply."""
        return tuple(n for each in self.config.get("metric_list") or () for n in _computed(each))

    @property
    def filters(self) -> tuple[str, ...]:
        """Names of its filters; ("none",) where it declares none."""
        return tuple(str(f["name"]) for f in self.config.get("filter_list") or ()) or ("none",)


def _computed(entry: Mapping[str, Any]) -> list[str]:
    """Names under which an entry of `metric_list` gives its numbers: pass_at_k one for each k."""
    name = str(entry["metric"])
    if name.startswith(FUNCTION):
        name = name.rpartition(".")[2]
    ks = entry.get("k")
    return [f"pass@{k}" for k in ks] if name == "pass_at_k" and isinstance(ks, list) else [name]


def task_files(folder: Path, ending: str = ".yaml") -> Iterator[Path]:
    """Task files below a folder, sorted; names that begin with _ are there to be included."""
    hidden = ("__pycache__", ".ipynb_checkpoints")
    return (
        path
        for path in sorted(folder.glob(f"**/*{ending}"))
        if not path.name.startswith("_") and not set(hidden) & set(path.parts)
    )


def read_task(path: Path, origin: str = "") -> Task | Problem | None:
    """The task a file describes, or why it cannot be used, or None for a group of tasks."""
    try:
        config, lines = _read_yaml(path, set())
        if "group" in config and isinstance(config.get("task"), list):
            return None
        _check_task(path, config, lines)
    except _Flaw as flaw:
        return Problem(path, flaw.line, flaw.reason)
    except RecursionError:
        return Problem(path, 1, "it is nested too deeply to be read")
    return Task(config["task"], path, config, origin, lines.get("task"))


def read_plain(path: Path) -> dict[str, Any] | Problem:
    """What a file of a task or a group says, its includes merged and nothing checked."""
    try:
        return _read_yaml(path, set())[0]
    except _Flaw as flaw:
        return Problem(path, flaw.line, flaw.reason)


class _Flaw(Exception):
    """What is wrong with a file, at which line."""

    def __init__(self, reason: str, line: int | None = 1) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


_SafeLoader: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

FUNCTION = "!function "
"""What a reference to Python begins with."""


class _Loader(_SafeLoader):
    """Reads YAML and keeps `!function NAME` as text."""


def _function(loader: Any, node: yaml.Node) -> str:
    return f"{FUNCTION}{loader.construct_scalar(node)}"


_Loader.add_constructor("!function", _function)


def _read_yaml(path: Path, seen: set[Path]) -> tuple[dict[str, Any], dict[str, int]]:
    """The file with its includes merged (its own keys win), and the line of each top-level key.

    A key from an included file has the line of the `include`. seen: files read so far, none of
    which may be included again (as lm-eval has it).
    """
    seen.add(path.resolve())
    own, lines = _parse(path)
    for name, value in own.items():
        for text in texts(value):
            if text.startswith(FUNCTION):
                _check_function(path.parent, text.removeprefix(FUNCTION), lines.get(name, 1))
    line = lines.get("include", 1)
    includes = own.pop("include", [])
    merged: dict[str, Any] = {}
    for include in includes if isinstance(includes, list) else [includes]:
        other = path.parent / str(include)
        if not os.path.isfile(other):  # which bears names that no file can have
            raise _Flaw(f"the included file {str(include)!r} does not exist", line)
        if other.resolve() in seen:
            raise _Flaw(f"the file {include} is included twice or in a circle", line)
        try:
            inherited, _ = _read_yaml(other, seen)
        except _Flaw as flaw:
            reason = f"the included file {include}, line {flaw.line}: {flaw.reason}"
            raise _Flaw(reason, line) from None
        inherited.pop("task_list", None)
        merged.update(inherited)
    merged.update(own)
    return merged, {**dict.fromkeys(merged, line), **lines}


def _parse(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """The file alone, and the line of each of its top-level keys."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise _Flaw(f"cannot be read: {problem.strerror}", None) from None
    try:
        loader = _Loader(data.decode("utf-8"))
        try:
            node = loader.get_single_node()
            config = loader.construct_document(node) if node else None
        finally:
            loader.dispose()
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n") + 1
        raise _Flaw(f"not UTF-8 text: {problem.reason}", line) from None
    except yaml.MarkedYAMLError as problem:
        # what is left open is found out after the last line
        mark, last = problem.problem_mark, len(data.splitlines())
        line = min(mark.line + 1, last) if mark else 1
        raise _Flaw(f"not valid YAML: {problem.problem}", line) from None
    except RecursionError:
        raise
    except Exception as problem:
        # an explicit tag (!!int x, !!timestamp x) makes PyYAML stumble in ways of its own
        reason = (str(problem).splitlines() or [""])[0]
        raise _Flaw(f"not valid YAML: {type(problem).__name__}: {reason}") from None
    if not isinstance(config, dict):
        raise _Flaw("a task file holds a mapping, this one does not")
    lines: dict[str, int] = {}
    values: dict[str, str] = {}
    for name, value in node.value:
        line, text = name.start_mark.line + 1, yaml.serialize(value)
        if values.setdefault(str(name.value), text) != text:
            raise _Flaw(f"the key {name.value!r} stands twice, remove one", line)
        lines.setdefault(str(name.value), line)
    return config, lines


def _check_task(path: Path, config: dict[str, Any], lines: Mapping[str, int]) -> None:
    """Raises a _Flaw for the first thing lm-eval would trip over, or would pass over in silence."""

    def flaw(reason: str, key: str = "task") -> _Flaw:
        return _Flaw(reason, lines.get(key, 1))

    name = config.get("task")
    if name is None and "task_list" in config:
        raise flaw("'task_list' holds several tasks, give each a file of its own", "task_list")
    if name is None:
        raise flaw("the key 'task' (its name) is missing")
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise flaw(f"its name {name!r} cannot be used, write one that can be read")
    for key, shape in SHAPES.items():
        value = config.get(key)
        if value is not None and (not isinstance(value, shape) or isinstance(value, bool)):
            kinds = {str: "text", list: "a list", dict: "a mapping", int: "a whole number"}
            raise flaw(f"{key!r} is {value!r:.60}, wanted {kinds[shape]}", key)
    for metric in config.get("metric_list") or ():
        if not isinstance(metric, dict) or not isinstance(metric.get("metric"), str):
            raise flaw("an entry of 'metric_list' has no 'metric'", "metric_list")
    filters = config.get("filter_list") or ()
    names = [each.get("name") if isinstance(each, dict) else None for each in filters]
    if not all(isinstance(each, str) for each in names) or len({*names}) < len(names):
        raise flaw("each entry of 'filter_list' needs a name of its own", "filter_list")
    if "class" in config:
        return  # a task written in Python: its keys are its own, nothing more can be seen from here
    for key in config:
        if key not in TASK_KEYS:
            near = did_you_mean(str(key), TASK_KEYS)
            raise flaw(f"the key {key!r} is not known{near}", str(key))
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
    for file in data_files(config):
        if not _exists(path.parent, file):
            raise flaw(f"its data file {file!r} does not exist beside it", "dataset_kwargs")


def data_files(config: Mapping[str, Any]) -> list[str]:
    """Files of ours that `dataset_kwargs.data_files` names, as written, patterns included.

    Files of a repository (where `dataset_path` names one) and addresses are not among them.
    """
    if config.get("dataset_path") not in FILE_BUILDERS:
        return []
    files = (config.get("dataset_kwargs") or {}).get("data_files") or []
    return [file for file in texts(files) if "://" not in file]


def _exists(folder: Path, pattern: str) -> bool:
    """Whether a file, or any file of a pattern, is there; relative to the folder."""
    try:
        return any(glob.iglob(pattern, root_dir=folder, recursive=True))
    except ValueError:  # a name no file can have
        return False


def _check_function(folder: Path, reference: str, line: int) -> None:
    """`module.name`: the module lies beside the file or can be imported, and defines the name."""
    module, _, name = reference.rpartition(".")
    source = folder / (module.replace(".", "/") + ".py")
    if not module:
        raise _Flaw(f"!function {reference} names no module, write MODULE.FUNCTION", line)
    if not os.path.isfile(source):
        if not _importable(module.partition(".")[0]):
            reason = f"!function {reference}: there is no {source.name} beside it"
            raise _Flaw(f"{reason}, nor a package of that name", line)
        return
    defined = _defined(source, line)
    if name not in defined and not defined & DYNAMIC:
        near = did_you_mean(name, defined)
        raise _Flaw(f"{source.name} defines no function {name!r}{near}", line)


def _importable(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _defined(source: Path, line: int) -> set[str]:
    """Names a Python file may bind at its top, read without running it; "globals" and the like
    where it binds names that cannot be read."""
    try:
        tree = ast.parse(source.read_bytes())
    except (SyntaxError, ValueError, OSError) as problem:
        raise _Flaw(f"{source.name} is not valid Python: {problem}", line) from None
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & DYNAMIC
    for node in _outermost(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                bound = {(alias.asname or alias.name).split(".")[0] for alias in aliases}
                names |= {"globals" if name == "*" else name for name in bound}
    return names


def _outermost(node: ast.AST) -> Iterator[ast.AST]:
    """All that is inside a module, save what is inside its functions and classes."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _outermost(child)


def texts(value: Any) -> Iterator[str]:
    """Every string inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from texts(each)
