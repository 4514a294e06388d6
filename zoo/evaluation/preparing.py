"""Preflight: turns a spec into a cell that is ready to run and knows its keys.

Everything that can go wrong before a weight is loaded goes wrong here: a missing model, a broken
task, a chat template that is asked for and absent, a prompt that does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from zoo.errors import BenchmarkError, ModelError, NotApplicableError, ZooError
from zoo.evaluation.budgets import draws, generation
from zoo.evaluation.checkpoints import Checkpoint, find_checkpoint, knows_thinking
from zoo.evaluation.environment import checkpoint_dtype
from zoo.evaluation.huggingface import HF, TORCH
from zoo.evaluation.images import showable
from zoo.evaluation.keys import Answerer, response_key, score_key
from zoo.evaluation.likelihoods import likelihood_requests
from zoo.evaluation.passages import with_passages
from zoo.evaluation.preflight.code import needed_code, refuse_code_of_generation
from zoo.evaluation.preflight.heads import not_a_writer
from zoo.evaluation.preflight.measures import unmeasured
from zoo.evaluation.requests import CellRequests, Request, requests_digest
from zoo.evaluation.tasks import LoadedTask, TaskLoader, build_requests
from zoo.evaluation.turns import THINK_END, chat_form
from zoo.fingerprints import canonical
from zoo.hookspecs import Loader
from zoo.models import Model, Prompting, Regime
from zoo.plan import BUDGET_ALIASES, without_generation
from zoo.results import RunSpec
from zoo.store import Stored
from zoo.structuring import plain
from zoo.suites import misfit

PATH_ARGS = ("pretrained", "peft", "tokenizer", "revision")
"""Loader arguments that say where files lie; their bytes identify them, not their names."""

UNWEIGHED = (
    "the server of {} lays the chat template itself and weighs no given answer; where it takes "
    "plain completions too, name the model's tokenizer: --loader-args tokenizer=org/name"
)

GREEDY = (
    "{} asks for {} answers to each item, which would all be the same, since the likeliest token "
    "is always taken: set do_sample = true and a temperature above 0 in gen_kwargs, or repeats = 1"
)

_THINKING = {
    "enable_thinking",
    "think_end_token",
    *(f"gen_kwargs.{name}" for name in ("max_gen_toks", *BUDGET_ALIASES)),
}
"""Settings, as a spec's rules name them, that give a model room to think."""

T = TypeVar("T")


@dataclass(frozen=True)
class Cell:
    """A spec that is ready: what is asked, how it is scored, and both keys.

    dtype: what the weights are loaded in, never "auto" where the checkpoint can be read.
    stops: stop strings held back while the model thinks and applied when it is scored.
    asked: hash of the requests. think_end: what ends the thinking in an answer, None for nothing.
    """

    spec: RunSpec
    checkpoint: Checkpoint
    dtype: str
    loaded: LoadedTask = field(repr=False)
    requests: tuple[Request, ...] = field(repr=False)
    stops: tuple[str, ...]
    response_key: str
    score_key: str
    asked: str = ""
    think_end: str | None = None

    @property
    def model(self) -> Model:
        """The model as its loader is given it: what was hashed is what is loaded."""
        model = self.spec.model
        return replace(model, loader_args={**model.loader_args, **self.checkpoint.fetched})

    @property
    def wanted(self) -> CellRequests:
        """What it asks."""
        repeats = 1 if self.spec.likelihood_of else self.loaded.repeats
        return CellRequests(self.response_key, self.requests, repeats)

    @property
    def size(self) -> int:
        """How many answers it takes."""
        return self.wanted.size


class LoaderOf(Protocol):
    """The loader of a model; what its config.json says decides where no name does.

    Raises ModelError where the checkpoint is none for the loader that is named.
    """

    def __call__(self, model: Model, config: Mapping[str, Any] | None = None, /) -> Loader: ...


class Preparer:
    """Prepares the cells of one run.

    Whatever several cells share (a model's hashes, a task, requests that stages are asked alike)
    is made once, and so is every failure: a Hub that is out of reach is asked once for a model,
    not once for each of its cells. A file that changes during the run changes nothing, so another
    run needs another Preparer.

    loader_of: without a config, the loader as far as names decide it. dtype: "auto" means each
    checkpoint's own. loader_args: of the run, laid over each model's own.
    answers: the stored answers under a response key, for cells that ask how likely they are.
    regimes: by name, for those that put something before a question.
    """

    def __init__(
        self,
        tasks: TaskLoader,
        loader_of: LoaderOf,
        dtype: str,
        loader_args: Mapping[str, Any] | None = None,
        answers: Callable[[str], Stored | None] = lambda _: None,
        regimes: Mapping[str, Regime] | None = None,
    ) -> None:
        self._tasks = tasks
        self._answers = answers
        self._loader_of = loader_of
        self._dtype = dtype
        self._loader_args = dict(loader_args or {})
        self._regimes = dict(regimes or {})
        self._made: dict[tuple[object, ...], Any] = {}

    def prepare(self, spec: RunSpec) -> Cell:
        """The cell of a spec. Raises ZooError with what is wrong and what to do."""
        model = spec.model
        if self._loader_args:
            loader_args = {**model.loader_args, **self._loader_args}
            spec = replace(spec, model=replace(model, loader_args=loader_args))
        cell = self._once(("cell", canonical(plain(spec))), lambda: self._prepare(spec))
        # a job brings the spec back as the cell has it
        self._made.setdefault(("cell", canonical(plain(cell.spec))), cell)
        return cell

    def _once(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """What `make` gave, or raised, the first time."""
        if key not in self._made:
            try:
                self._made[key] = make()
            except ZooError as problem:
                self._made[key] = problem
        made = self._made[key]
        if isinstance(made, ZooError):
            raise made.with_traceback(None)
        return made

    def _prepare(self, spec: RunSpec) -> Cell:
        benchmark, model = spec.benchmark, spec.model
        loader = self._loader_of(model)
        args = loader.identity(model) if loader.identity else model.loader_args
        named = canonical([model.id, model.revision, loader.name, dict(args)])
        checkpoint = self._once(
            ("checkpoint", named), lambda: find_checkpoint(model, loader.reads_files, args)
        )
        loader, by_name = self._loader_of(model, checkpoint.config), loader
        if loader.name != by_name.name:
            model = replace(model, loader=loader.name)
        loaded = self._once(
            ("task", benchmark.task, benchmark.num_fewshot, benchmark.repeats, spec.limit),
            lambda: self._tasks.load(benchmark, spec.limit),
        )
        answerable(loader, _kind(spec, loaded))
        showable(loader, _kind(spec, loaded), loaded.task, checkpoint.config)
        if loader in (HF, TORCH) and (reason := not_a_writer(model.id, checkpoint.config)):
            raise ModelError(reason)
        if (loader in (HF, TORCH) or loader.takes) and not checkpoint.pin:
            where = checkpoint.commit, checkpoint.folder
            if reason := needed_code(model.id, checkpoint.config, *where):
                raise ModelError(reason)
            if checkpoint.tokenizer_brings_code:
                checkpoint.tokenizer()  # without its code, if it can be read so
        if not spec.likelihood_of and (
            reason := misfit(benchmark, loaded.source)
            or unmeasured(benchmark, loaded.metrics, loaded.filters)
        ):
            raise BenchmarkError(reason)  # before the model is asked what could not be scored
        generates = loaded.output_type == "generate_until"
        if not generates or spec.likelihood_of:
            spec = replace(spec, prompting=without_generation(spec.prompting))
        elif _wishes_thinking(spec.prompting) and not knows_thinking(
            checkpoint, spec.prompting.think_end_token
        ):
            spec = _without_thinking(spec)
        prompting = spec.prompting
        turns = loader.takes_turns and prompting.is_chat
        if turns and (not generates or spec.likelihood_of):
            if checkpoint.tokenizer_folder is None:
                raise NotApplicableError(UNWEIGHED.format(model.id))
            turns = False  # a given answer is weighed after the template as it is written
        form = {"turns": turns, "parts": bool(loader.images)}
        requests = self._requests(spec, prompting, loaded, checkpoint, form)
        requests = self._in_context(model, loaded, requests)
        stops: tuple[str, ...] = ()
        if spec.likelihood_of:
            stored = self._answers(spec.likelihood_of)
            requests = likelihood_requests(requests, stored)
        elif generates:
            arguments, stops = generation(requests, prompting, model, checkpoint)
            refuse_code_of_generation(arguments)
            if benchmark.repeats > 1 and not draws(arguments):
                raise BenchmarkError(GREEDY.format(benchmark.name, benchmark.repeats))
            requests = self._with_arguments(requests, arguments)
        dtype = self._dtype if loader.identity is None else ""  # elsewhere, and not ours to choose
        if dtype == "auto" and checkpoint.folder is not None:
            dtype = checkpoint_dtype(checkpoint.config)
        identity = checkpoint.identity
        if not any(each.images for each in requests):
            identity = replace(identity, processor="")
        answerer = Answerer(
            identity=identity,
            loader=loader.name,
            numerics=loader.numerics,
            dtype=dtype,
            loader_args={k: v for k, v in args.items() if k not in PATH_ARGS},
        )
        asked = self._once(("digest", id(requests)), lambda: requests_digest(requests))
        repeats = 1 if spec.likelihood_of else loaded.repeats
        responses = response_key(answerer, asked, repeats, spec.seed)
        think_end = prompting.think_end_token or (THINK_END if turns else None)
        scores = score_key(
            responses,
            loaded.content,
            benchmark.metric,
            benchmark.filter,
            benchmark.cluster,
            think_end,
            stops,
            benchmark.repeats,
        )
        # what was hashed is what is loaded: a branch that moves on in between changes nothing
        pinned = replace(model, revision=checkpoint.revision or model.revision)
        spec = replace(spec, model=pinned)
        keys = responses, scores, asked
        return Cell(spec, checkpoint, dtype, loaded, requests, stops, *keys, think_end)

    def _requests(
        self,
        spec: RunSpec,
        prompting: Prompting,
        loaded: LoadedTask,
        checkpoint: Checkpoint,
        form: Mapping[str, bool],
    ) -> tuple[Request, ...]:
        benchmark = spec.benchmark
        renderer, asked = chat_form(checkpoint, prompting, spec.model.id, **form)
        return self._once(
            (
                "requests",
                (benchmark.task, benchmark.num_fewshot, benchmark.repeats, spec.seed, spec.limit),
                asked,
            ),
            lambda: build_requests(
                loaded,
                seed=spec.seed,
                limit=spec.limit,
                system_instruction=prompting.system_instruction,
                fewshot_as_multiturn=prompting.fewshot_as_multiturn,
                render_chat=renderer,
            ),
        )

    def _in_context(
        self, model: Model, loaded: LoadedTask, requests: tuple[Request, ...]
    ) -> tuple[Request, ...]:
        """The requests with what the model's regime puts before each question, if anything."""
        regime = self._regimes.get(model.regime)
        if regime is None or regime.context is None:
            return requests
        find = partial(regime.context, model)
        told = canonical([model.regime, model.regime_args])
        return self._once(
            ("context", id(requests), told), lambda: with_passages(requests, loaded, find)
        )

    def _with_arguments(
        self, requests: tuple[Request, ...], arguments: Mapping[str, Any]
    ) -> tuple[Request, ...]:
        """The requests with these generation arguments: for cells that share both, one object."""
        return self._once(
            ("generation", id(requests), canonical(arguments)),
            # lm-eval gives every request of a task the same arguments
            lambda: tuple(replace(each, gen_kwargs=arguments) for each in requests),
        )


def answerable(loader: Loader, kind: str) -> None:
    """Raises NotApplicableError where a loader's models do not answer a kind of request."""
    if reason := loader.unanswered.get(kind):
        raise NotApplicableError(f"the loader {loader.name!r} does not answer {kind}: {reason}")


def _kind(spec: RunSpec, loaded: LoadedTask) -> str:
    """How a cell asks, before its requests are built."""
    if spec.likelihood_of or loaded.output_type == "multiple_choice":
        return "loglikelihood"
    return loaded.output_type


def _wishes_thinking(prompting: Prompting) -> bool:
    return bool(prompting.enable_thinking or prompting.think_end_token)


def _without_thinking(spec: RunSpec) -> RunSpec:
    """The spec of a model that knows no thinking, asked like any other: without the thinking and
    the budget for it that only its regime wished. What a person said stays."""
    dropped = {
        name
        for name, rule in ((setting.split("=", 1)[0], rule) for setting, rule in spec.rules)
        if rule.startswith("regime ") and name in _THINKING
    }
    if not dropped & {"enable_thinking", "think_end_token"}:
        return spec
    wished = spec.prompting
    prompting = replace(
        wished,
        enable_thinking=None if "enable_thinking" in dropped else wished.enable_thinking,
        think_end_token=None if "think_end_token" in dropped else wished.think_end_token,
        gen_kwargs={
            name: value
            for name, value in wished.gen_kwargs.items()
            if f"gen_kwargs.{name}" not in dropped
        },
    )
    rules = [
        (setting, rule) for setting, rule in spec.rules if setting.split("=")[0] not in dropped
    ]
    rules.append(("no thinking", "its chat template knows no thinking"))
    return replace(spec, prompting=prompting, rules=tuple(rules))
