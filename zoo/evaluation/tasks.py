"""lm-eval's tasks: loaded one by one, their requests built once and frozen.

lm-eval keeps answers on the very objects it built the requests from, and draws other few-shot
examples at a second build. So a task is built for each way of asking, reseeded, in full order,
and only plain `Request` values leave this module.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.benchmarks import Benchmark
from zoo.errors import BenchmarkError, ZooError, did_you_mean
from zoo.evaluation.images import image_hash, images_of, is_image
from zoo.evaluation.preflight.data import bounded, data_set_of, data_trouble
from zoo.evaluation.preflight.packages import missing_package
from zoo.evaluation.requests import Request
from zoo.evaluation.sandbox import Sandbox, missing
from zoo.evaluation.scoring_code import code_of
from zoo.fingerprints import digest
from zoo.groups import lm_eval_files
from zoo.probing import describe
from zoo.task_code import code_files, code_hash, runs_code
from zoo.tasks import FILE_BUILDERS, Problem, Task, read_task
from zoo.trust import OUTSIDE

if TYPE_CHECKING:
    from lm_eval.api.task import Task as LmEvalTask

SCORING_KEYS = (
    "output_type",
    "doc_to_text",
    "doc_to_target",
    "doc_to_choice",
    "process_results",
    "filter_list",
    "metric_list",
    "repeats",
)
"""Keys of a task file that decide a score once the responses are given (where an item's prompt
names one of several inputs, lm-eval reads the right answer from doc_to_text)."""

RenderChat = Callable[..., str]
"""(messages, add_generation_prompt=...) -> prompt, as lm-eval calls it."""


@dataclass(frozen=True)
class LoadedTask:
    """A task ready to be asked and scored.

    task: lm-eval's object, shared: whoever builds requests on it reseeds it first.
    docs: its documents in order, limited; item_ids: a hash of each. content: hash of what decides
    a score given the responses: filters, metrics, scoring code, documents. sandbox: what its
    answers are scored in where they are code that is run, else None; code: then the hash of the
    task's own Python before any of it ran (`zoo.task_code`).
    """

    source: Task
    task: LmEvalTask = field(repr=False, compare=False)
    docs: tuple[Mapping[str, Any], ...] = field(repr=False, compare=False)
    item_ids: tuple[str, ...] = field(repr=False, compare=False)
    content: str
    sandbox: Sandbox | None = None
    code: str = ""

    @property
    def output_type(self) -> str:
        """lm-eval's output type of the task."""
        return str(self.task.OUTPUT_TYPE)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of what lm-eval computes of its answers."""
        return tuple(dict.fromkeys((*self.source.metrics, *self.task.aggregation())))

    @property
    def filters(self) -> tuple[str, ...]:
        """Names of the filters that its answers pass through."""
        return tuple(each.name for each in getattr(self.task, "_filters", ()))

    @property
    def repeats(self) -> int:
        """How many answers lm-eval draws for each request."""
        return int(self.task.config.repeats or 1)


class TaskLoader:
    """Loads tasks by name: ours from the catalogue, others from lm-eval's own collection."""

    def __init__(
        self,
        tasks: Mapping[str, Task],
        unsafe: Collection[str] = (),
        sandbox: Sandbox = "namespaces",
        trusted: Collection[str] = (),
    ) -> None:
        """unsafe: names of tasks that may run code that models write, in this sandbox. trusted:
        hashes of tasks from outside that may run their own (`zoo.trust`)."""
        self._tasks = dict(tasks)
        self._unsafe = frozenset(unsafe)
        self._sandbox = sandbox
        self._trusted = frozenset(trusted)

    def load(self, benchmark: Benchmark, limit: int | None, *, anew: bool = False) -> LoadedTask:
        """The benchmark's task with its few-shot number set; BenchmarkError says what is wrong.

        anew: whether a data set of the Hub is fetched again, whatever the cache holds.
        """
        source = self.find(benchmark.task)
        if (
            source.origin == OUTSIDE
            and runs_code(source)
            and code_hash(source) not in self._trusted
        ):
            raise BenchmarkError(_untrusted(source))
        code = code_hash(source) if source.name in self._unsafe else ""
        dataset = data_set_of(source)
        if allowed := source.name in self._unsafe:
            if self._sandbox == "namespaces" and (reason := missing()):
                raise BenchmarkError(_unguarded(source, reason))
            os.environ["HF_ALLOW_CODE_EVAL"] = "1"  # the metric asks for it again
        elif source.config.get("unsafe_code"):
            raise BenchmarkError(_unsafe(source))
        try:
            config = _task_config(source, benchmark)
            if dataset and anew:
                again = {"download_mode": "force_redownload"}
                config["dataset_kwargs"] = {**(config.get("dataset_kwargs") or {}), **again}
            with bounded(dataset) if dataset else contextlib.nullcontext(), _seeded():
                task = _configured(source, config, allowed)
                # a document is hashed and scored as lm-eval hands it out, in lm-eval's own order
                docs = tuple(dict(doc) for _, doc in task.doc_iterator(limit=limit))
        except ZooError:
            raise
        except Exception as problem:
            if dataset and (reason := data_trouble(problem, dataset)):
                raise BenchmarkError(f"the task '{source.name}': {reason}") from problem
            if reason := missing_package(problem):
                raise BenchmarkError(f"the task '{source.name}': {reason}") from problem
            raise BenchmarkError(
                f"the task '{source.name}' ({source.path}) fails: {describe(problem)}"
            ) from problem
        if not docs:
            raise BenchmarkError(f"the task '{source.name}' has no documents")
        plain_docs = [plain_document(doc) for doc in docs]
        scoring = plain_document({key: source.config.get(key) for key in SCORING_KEYS})
        content = digest([scoring, code_of(source.path, config), plain_docs])
        item_ids = tuple(numbered(digest(doc)[:16] for doc in plain_docs))
        sandbox = self._sandbox if getattr(task, "UNSAFE_CODE", False) else None
        return LoadedTask(source, task, docs, item_ids, content, sandbox, code)

    def find(self, name: str) -> Task:
        """The task's file. Raises BenchmarkError."""
        if name in self._tasks:
            return self._tasks[name]
        path = lm_eval_files().get(name)
        if path is None:
            near = did_you_mean(
                name, [*self._tasks, *lm_eval_files()], "`zoo benchmarks` lists what there is"
            )
            raise BenchmarkError(
                f"there is no task '{name}', neither in a plugin nor in lm-eval{near}"
            )
        found = read_task(path, "lm-eval")
        if found is None:
            raise BenchmarkError(f"'{name}' is a group of tasks, no task")
        if isinstance(found, Problem):
            raise BenchmarkError(str(found))
        return self._tasks.setdefault(name, replace(found, name=name))


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
    Raises BenchmarkError where a document cannot be rendered.
    """
    task = loaded.task
    task.set_fewshot_seed(seed)
    try:
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
    except ZooError:
        raise
    except Exception as problem:
        raise BenchmarkError(
            f"the task '{loaded.source.name}' cannot be rendered: {describe(problem)}"
        ) from problem
    return tuple(_frozen(task, instance) for instance in task.instances)


def _frozen(task: LmEvalTask, instance: Any) -> Request:
    arguments = instance.args
    kind = instance.request_type
    images = images_of(task, instance) if len(arguments) > 2 else ()
    second = arguments[1] if len(arguments) > 1 else None
    return Request(
        doc=instance.doc_id,
        index=instance.idx,
        kind=kind,
        context=arguments[0],
        continuation=second if kind == "loglikelihood" else None,
        gen_kwargs=dict(second) if kind == "generate_until" and second else None,
        images=tuple(map(image_hash, images)),
        pixels=images,
    )


def _task_config(source: Task, benchmark: Benchmark) -> dict[str, Any]:
    """The task file as lm-eval reads it, with what the benchmark asks for; its data are found
    beside the file, wherever we run."""
    _quiet()
    from lm_eval.tasks._yaml_loader import load_yaml

    config: dict[str, Any] = load_yaml(source.path)
    kwargs = config.get("dataset_kwargs") or {}
    if "data_files" in kwargs and config.get("dataset_path") in FILE_BUILDERS:
        # a repository's own files are named relative to it, and stay so
        files = _beside(kwargs["data_files"], source.path.parent)
        config["dataset_kwargs"] = {**kwargs, "data_files": files}
    if benchmark.num_fewshot is not None:
        config["num_fewshot"] = benchmark.num_fewshot
    if benchmark.repeats > 1:
        config["repeats"] = benchmark.repeats
    return config


def _configured(source: Task, config: Mapping[str, Any], allowed: bool) -> LmEvalTask:
    """lm-eval's object for a task."""
    from lm_eval.tasks import TaskManager

    task = TaskManager(include_defaults=False).load([dict(config)])["tasks"][source.name]
    if getattr(task, "UNSAFE_CODE", False) and not allowed:
        raise BenchmarkError(_unsafe(source))
    if task.get_config("num_fewshot") is None:
        task.set_config("num_fewshot", 0)
    return task


@contextlib.contextmanager
def _seeded() -> Iterator[None]:
    """Within, chance begins where lm-eval's own command lets it begin: some tasks shuffle the
    options of their documents when these are read, and items must be the same in every process."""
    state = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(state)


def _unsafe(source: Task) -> str:
    return (
        f"the task '{source.name}' runs code that models write; zoo.toml may allow it, in a "
        f'sandbox without network or secrets: [zoo] unsafe_code = ["{source.name}"]'
    )


def _unguarded(source: Task, reason: str) -> str:
    return (
        f"the task '{source.name}' runs code that models write, and this machine allows no sandbox "
        f"({reason}); where there is nothing to lose, zoo.toml may do without: "
        '[zoo] sandbox = "none"'
    )


def _untrusted(source: Task) -> str:
    names = ", ".join(path.name for path in code_files(source)) or "an installed package"
    return (
        f"the task '{source.name}' runs Python ({names}) that nobody has trusted as it is now; "
        f"read it, then `zoo trust {source.path}`"
    )


def _beside(files: Any, folder: Path) -> Any:
    """Relative data files, made absolute against the task file's folder."""
    if isinstance(files, Mapping):
        return {split: _beside(each, folder) for split, each in files.items()}
    if isinstance(files, (list, tuple)):
        return [_beside(each, folder) for each in files]
    return files if "://" in files else str(folder / files)


def numbered(marks: Iterable[str]) -> Iterator[str]:
    """Ids of documents, from what tells them apart; one that stands twice is numbered."""
    seen: dict[str, int] = defaultdict(int)
    for mark in marks:
        yield f"{mark}#{seen[mark]}" if seen[mark] else mark
        seen[mark] += 1


def plain_document(value: Any) -> Any:
    """A document as JSON: an image by its hash, whatever else it holds is written as text."""
    if isinstance(value, Mapping):
        return {str(key): plain_document(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_document(each) for each in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    return {"image": image_hash(value)} if is_image(value) else repr(value)


@lru_cache(maxsize=1)
def _quiet() -> None:
    """Once, before lm-eval is used: its bars and notices are for its own command line."""
    import datasets

    datasets.disable_progress_bars()
    # a local file needs no network: no count of its use is sent anywhere
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
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
