"""Preflight: turns a spec into a cell that is ready to run and knows its keys.

Everything that can go wrong before a weight is loaded goes wrong here: a missing model, a broken
task, a chat template that is asked for and absent, a prompt that does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from zoo.errors import BenchmarkError, CellError, ModelError, ZooError
from zoo.evaluation.checkpoints import (
    Checkpoint,
    chat_renderer,
    find_checkpoint,
    knows_thinking,
)
from zoo.evaluation.environment import checkpoint_dtype
from zoo.evaluation.huggingface import HF, TORCH
from zoo.evaluation.keys import Answerer, response_key, score_key
from zoo.evaluation.likelihoods import likelihood_requests
from zoo.evaluation.passages import with_passages
from zoo.evaluation.preflight.code import needed_code, refuse_code_of_generation
from zoo.evaluation.preflight.heads import not_a_writer
from zoo.evaluation.preflight.measures import unmeasured
from zoo.evaluation.requests import CellRequests, Request, requests_digest
from zoo.evaluation.tasks import LoadedTask, TaskLoader, build_requests
from zoo.fingerprints import canonical
from zoo.hookspecs import Loader
from zoo.models import Model, Prompting, Regime
from zoo.plan import without_generation
from zoo.results import RunSpec
from zoo.store import Stored
from zoo.structuring import plain
from zoo.suites import misfit

PATH_ARGS = ("pretrained", "peft", "tokenizer", "revision")
"""Loader arguments that say where files lie; their bytes identify them, not their names."""

DEFAULT_BUDGET = 256
"""Tokens that lm-eval's models generate where a task does not say how many."""

BUDGET_ALIASES = ("max_new_tokens", "max_tokens", "max_completion_tokens")
"""Other names for max_gen_toks, which lm-eval passes over where that is given too."""

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
    asked: hash of the requests.
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


class Preparer:
    """Prepares the cells of one run.

    Whatever several cells share (a model's hashes, a task, requests that stages are asked alike)
    is made once, and so is every failure: a Hub that is out of reach is asked once for a model,
    not once for each of its cells. A file that changes during the run changes nothing, so another
    run needs another Preparer.

    dtype: "auto" means each checkpoint's own. loader_args: of the run, laid over each model's own.
    answers: the stored answers under a response key, for cells that ask how likely they are.
    regimes: by name, for those that put something before a question.
    """

    def __init__(
        self,
        tasks: TaskLoader,
        loader_of: Callable[[Model], Loader],
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
        named = canonical([model.id, model.revision, loader.name, dict(model.loader_args)])
        checkpoint = self._once(
            ("checkpoint", named), lambda: find_checkpoint(model, loader.reads_files)
        )
        loaded = self._once(
            ("task", benchmark.task, benchmark.num_fewshot, benchmark.repeats, spec.limit),
            lambda: self._tasks.load(benchmark, spec.limit),
        )
        if loader in (HF, TORCH) and (reason := not_a_writer(model.id, checkpoint.config)):
            raise ModelError(reason)
        if loader in (HF, TORCH) and not checkpoint.pin:
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
        requests = self._requests(spec, prompting, loaded, checkpoint)
        requests = self._in_context(model, loaded, requests)
        stops: tuple[str, ...] = ()
        if spec.likelihood_of:
            stored = self._answers(spec.likelihood_of)
            requests = likelihood_requests(requests, stored)
        elif generates:
            room = _room(model, checkpoint)
            arguments, stops = _generation(requests, prompting, checkpoint, room)
            refuse_code_of_generation(arguments)
            requests = self._with_arguments(requests, arguments)
        dtype = self._dtype
        if dtype == "auto" and checkpoint.folder is not None:
            dtype = checkpoint_dtype(checkpoint.config)
        answerer = Answerer(
            identity=checkpoint.identity,
            loader=loader.name,
            numerics=loader.numerics,
            dtype=dtype,
            loader_args={k: v for k, v in model.loader_args.items() if k not in PATH_ARGS},
        )
        asked = self._once(("digest", id(requests)), lambda: requests_digest(requests))
        repeats = 1 if spec.likelihood_of else loaded.repeats
        responses = response_key(answerer, asked, repeats, spec.seed)
        scores = score_key(
            responses,
            loaded.content,
            benchmark.metric,
            benchmark.filter,
            benchmark.cluster,
            prompting.think_end_token,
            stops,
            benchmark.repeats,
        )
        # what was hashed is what is loaded: a branch that moves on in between changes nothing
        pinned = replace(model, revision=checkpoint.revision or model.revision)
        spec = replace(spec, model=pinned)
        return Cell(spec, checkpoint, dtype, loaded, requests, stops, responses, scores, asked)

    def _requests(
        self, spec: RunSpec, prompting: Prompting, loaded: LoadedTask, checkpoint: Checkpoint
    ) -> tuple[Request, ...]:
        benchmark = spec.benchmark
        asked: tuple[object, ...] = (prompting.system_instruction,)
        renderer = None
        if prompting.is_chat:
            renderer = chat_renderer(checkpoint.tokenizer(), prompting, spec.model.id)
            asked = (
                prompting.system_instruction,
                prompting.chat_template,
                prompting.fewshot_as_multiturn,
                prompting.enable_thinking,
                checkpoint.identity.tokenizer,
                checkpoint.identity.chat_template,
            )
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


def _room(model: Model, checkpoint: Checkpoint) -> int | None:
    """Tokens that fit into the model, or as many as its loader is told; None where unknown."""
    told = model.loader_args.get("max_length")
    return told if isinstance(told, int) else checkpoint.context_length


def _generation(
    requests: tuple[Request, ...], prompting: Prompting, checkpoint: Checkpoint, room: int | None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The generation arguments, laid over the task's own, and the stops held back for scoring.

    A model that thinks is not stopped by the task's stop strings, which its thinking may contain;
    they cut its answer when it is scored. A budget that is larger than the task's own is clipped
    to what the longest prompt leaves of the context, so that no prompt is cut for it.
    """
    own = {"max_gen_toks": DEFAULT_BUDGET, **_one_budget(requests[0].gen_kwargs or {})}
    merged = {**own, **_one_budget(prompting.gen_kwargs)}
    stops: tuple[str, ...] = ()
    if _thinks(prompting):
        until = merged.get("until") or []
        stops = (until,) if isinstance(until, str) else tuple(until)
        merged["until"] = []
    if room is not None:
        budget, least = int(merged["max_gen_toks"]), int(own["max_gen_toks"])
        if budget > least:
            budget = max(least, min(budget, room - _longest(requests, checkpoint)))
        if budget >= room:
            raise CellError(
                f"max_gen_toks {budget} leaves no room for a prompt: the context of this model is "
                f"{room} tokens; lower it with --gen-kwargs"
            )
        merged["max_gen_toks"] = budget
    return merged, stops


def _thinks(prompting: Prompting) -> bool:
    """Whether an answer may begin with thinking: it is asked to, or only its end is known."""
    if prompting.enable_thinking is None:
        return prompting.think_end_token is not None
    return prompting.enable_thinking


def _one_budget(gen_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Generation arguments whose budget, if any, is called max_gen_toks, chosen as lm-eval does."""
    found = [gen_kwargs[k] for k in ("max_gen_toks", *BUDGET_ALIASES) if k in gen_kwargs]
    others = {k: v for k, v in gen_kwargs.items() if k not in BUDGET_ALIASES}
    return {**others, "max_gen_toks": found[0]} if found else others


def _longest(requests: tuple[Request, ...], checkpoint: Checkpoint) -> int:
    """Tokens of the longest prompt."""
    encoded = checkpoint.tokenizer()(
        [request.context for request in requests], add_special_tokens=True
    )
    return max(len(ids) for ids in encoded["input_ids"])
