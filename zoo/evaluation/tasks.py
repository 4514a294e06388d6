"""lm-eval's tasks: loaded one by one, their requests built once and frozen.

lm-eval keeps answers on the very objects it built the requests from, and draws other few-shot
examples at a second build. So a task is built for each way of asking, reseeded, in full order,
and only plain `Request` values leave this module.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.benchmarks import Benchmark
from zoo.errors import BenchmarkError
from zoo.evaluation.requests import Request
from zoo.fingerprints import digest, file_digest
from zoo.tasks import Problem, Task, read_task

if TYPE_CHECKING:
    from lm_eval.api.task import Task as LmEvalTask

SCORING_KEYS = (
    "output_type",
    "doc_to_target",
    "doc_to_choice",
    "process_results",
    "filter_list",
    "metric_list",
    "repeats",
)
"""Keys of a task file that decide a score once the responses are given."""

RenderChat = Callable[..., str]
"""(messages, add_generation_prompt=...) -> prompt, as lm-eval calls it."""


@dataclass(frozen=True)
class LoadedTask:
    """A task ready to be asked and scored.

    task: lm-eval's object, shared: whoever builds requests on it reseeds it first.
    docs: its documents in order, limited. content: hash of what decides a score given the
    responses: filters, metrics, scoring code, documents.
    """

    source: Task
    task: LmEvalTask = field(repr=False, compare=False)
    docs: tuple[Mapping[str, Any], ...] = field(repr=False, compare=False)
    content: str

    @property
    def output_type(self) -> str:
        """lm-eval's output type of the task."""
        return str(self.task.OUTPUT_TYPE)


class TaskLoader:
    """Loads tasks by name: ours from the catalogue, others from lm-eval's own collection."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._tasks = dict(tasks)
        self._loaded: dict[tuple[object, ...], LoadedTask] = {}

    def load(self, benchmark: Benchmark, seed: int, limit: int | None) -> LoadedTask:
        """The benchmark's task with its few-shot number set; BenchmarkError says what is wrong."""
        key = (benchmark.task, benchmark.num_fewshot, benchmark.repeats, seed, limit)
        if key not in self._loaded:
            self._loaded[key] = self._load(benchmark, limit)
        return self._loaded[key]

    def _load(self, benchmark: Benchmark, limit: int | None) -> LoadedTask:
        source = self._source(benchmark.task)
        task = _configured(source, benchmark)
        # a document is hashed and scored as lm-eval hands it out, so the order is lm-eval's own
        docs = tuple(dict(doc) for _, doc in task.doc_iterator(limit=limit))
        if not docs:
            raise BenchmarkError(f"the task '{source.name}' has no documents")
        scoring = {key: source.config.get(key) for key in SCORING_KEYS}
        content = digest([plain_document(scoring), _code(source.path), plain_document(docs)])
        return LoadedTask(source, task, docs, content)

    def _source(self, name: str) -> Task:
        if name in self._tasks:
            return self._tasks[name]
        path = _lm_eval_index().get(name)
        if path is None:
            raise BenchmarkError(
                f"there is no task '{name}', neither in a plugin nor in lm-eval; "
                "`zoo benchmarks` lists what there is"
            )
        found = read_task(path, "lm-eval")
        if found is None:
            raise BenchmarkError(f"'{name}' is a group of tasks; name the tasks it holds")
        if isinstance(found, Problem):
            raise BenchmarkError(str(found))
        self._tasks[name] = replace(found, name=name)
        return self._tasks[name]


def build_requests(
    loaded: LoadedTask,
    *,
    seed: int,
    limit: int | None,
    system_instruction: str | None = None,
    fewshot_as_multiturn: bool = False,
    render_chat: RenderChat | None = None,
) -> tuple[Request, ...]:
    """Every request of the task, rendered, in lm-eval's order.

    render_chat: lays the chat template around the messages; None means plain completion.
    """
    task = loaded.task
    task.set_fewshot_seed(seed)
    with _no_bars():
        task.build_all_requests(
            limit=limit,
            rank=0,
            world_size=1,
            system_instruction=system_instruction,
            apply_chat_template=render_chat is not None,
            fewshot_as_multiturn=fewshot_as_multiturn and render_chat is not None,
            chat_template=render_chat,
        )
    return tuple(_frozen(instance) for instance in task.instances)


def _frozen(instance: Any) -> Request:
    arguments = instance.args
    kind = instance.request_type
    if len(arguments) > 2:
        raise BenchmarkError(f"the task '{instance.task_name}' needs images or sound")
    second = arguments[1] if len(arguments) == 2 else None
    return Request(
        doc=instance.doc_id,
        index=instance.idx,
        kind=kind,
        context=arguments[0],
        continuation=second if kind == "loglikelihood" else None,
        gen_kwargs=dict(second) if kind == "generate_until" and second else None,
    )


def _configured(source: Task, benchmark: Benchmark) -> LmEvalTask:
    """lm-eval's object for a task file; its data are found beside the file, wherever we run."""
    _quiet()
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._yaml_loader import load_yaml

    try:
        config = load_yaml(source.path)
        kwargs = config.get("dataset_kwargs") or {}
        if "data_files" in kwargs:
            files = _beside(kwargs["data_files"], source.path.parent)
            config["dataset_kwargs"] = {**kwargs, "data_files": files}
        if benchmark.num_fewshot is not None:
            config["num_fewshot"] = benchmark.num_fewshot
        if benchmark.repeats > 1:
            config["repeats"] = benchmark.repeats
        task = TaskManager(include_defaults=False).load([config])["tasks"][source.name]
    except Exception as problem:
        reason = f"{type(problem).__name__}: {str(problem).strip().splitlines()[0]}"
        raise BenchmarkError(
            f"the task '{source.name}' ({source.path}) fails: {reason}"
        ) from problem
    if getattr(task, "UNSAFE_CODE", False):
        raise BenchmarkError(
            f"the task '{source.name}' runs code that models write; there is no sandbox for it yet"
        )
    if task.get_config("num_fewshot") is None:
        task.set_config("num_fewshot", 0)
    return task


def _beside(files: Any, folder: Path) -> Any:
    """Relative data files, made absolute against the task file's folder."""
    if isinstance(files, Mapping):
        return {split: _beside(each, folder) for split, each in files.items()}
    if isinstance(files, (list, tuple)):
        return [_beside(each, folder) for each in files]
    return files if "://" in files else str(folder / files)


def _code(path: Path) -> list[list[str]]:
    """Name and hash of every Python file beside a task: any of them may score it."""
    return [[file.name, file_digest(file)] for file in sorted(path.parent.glob("*.py"))]


def plain_document(value: Any) -> Any:
    """A document as JSON: whatever else it holds is written as text."""
    if isinstance(value, Mapping):
        return {str(key): plain_document(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_document(each) for each in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    return repr(value)


@lru_cache(maxsize=1)
def _lm_eval_index() -> dict[str, Path]:
    """Files of lm-eval's own tasks by name. Takes seconds, so only where a plan needs it."""
    _quiet()
    from lm_eval.tasks import TaskManager

    index = TaskManager().task_index
    return {name: Path(entry.yaml_path) for name, entry in index.items() if entry.yaml_path}


@lru_cache(maxsize=1)
def _quiet() -> None:
    """Once, before lm-eval is used: its bars and notices are for its own command line."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    import datasets

    datasets.disable_progress_bars()
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    _sandbox_templates()


def _sandbox_templates() -> None:
    """Renders task templates in Jinja's sandbox, each compiled once.

    lm-eval's own environment runs whatever a template says (a shell command, too) and compiles it
    again for every document.
    """
    import lm_eval.utils
    from jinja2.sandbox import SandboxedEnvironment

    class Sandbox(SandboxedEnvironment):
        compiled: dict[str, Any] = {}  # noqa: RUF012 - one environment in a process

        def from_string(self, source: Any, *args: Any, **kwargs: Any) -> Any:
            if args or kwargs or not isinstance(source, str):
                return super().from_string(source, *args, **kwargs)
            if source not in self.compiled:
                self.compiled[source] = super().from_string(source)
            return self.compiled[source]

    theirs = lm_eval.utils.env
    ours = Sandbox(undefined=theirs.undefined, keep_trailing_newline=theirs.keep_trailing_newline)
    ours.filters.update(theirs.filters)
    lm_eval.utils.env = ours


@contextlib.contextmanager
def _no_bars() -> Iterator[None]:
    """lm-eval draws a bar for every build; we show our own progress."""
    import lm_eval.api.task as module

    bar = module.tqdm
    module.tqdm = lambda iterable, **_: iterable
    try:
        yield
    finally:
        module.tqdm = bar
