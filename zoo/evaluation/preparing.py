"""Preflight: turns a spec into a cell that is ready to run and knows its keys.

Everything that can go wrong before a weight is loaded goes wrong here: a missing model, a broken
task, a chat template that is asked for and absent, a prompt that does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.errors import CellError
from zoo.evaluation.checkpoints import Checkpoint, chat_renderer, find_checkpoint
from zoo.evaluation.keys import Answerer, response_key, score_key
from zoo.evaluation.requests import Request, requests_digest
from zoo.evaluation.tasks import LoadedTask, TaskLoader, build_requests
from zoo.fingerprints import canonical
from zoo.hookspecs import Loader
from zoo.models import Model, Prompting
from zoo.plan import without_generation
from zoo.results import RunSpec

PATH_ARGS = ("pretrained", "peft", "tokenizer")
"""Loader arguments that say where files lie; their bytes identify them, not their names."""


@dataclass(frozen=True)
class Cell:
    """A spec that is ready: what is asked, how it is scored, and both keys.

    stops: stop strings held back while the model thinks and applied when it is scored.
    """

    spec: RunSpec
    checkpoint: Checkpoint
    loaded: LoadedTask = field(repr=False)
    requests: tuple[Request, ...] = field(repr=False)
    stops: tuple[str, ...]
    response_key: str
    score_key: str


class Preparer:
    """Prepares cells; requests that several stages are asked alike are built once."""

    def __init__(self, tasks: TaskLoader, loader_of: Callable[[Model], Loader], dtype: str) -> None:
        self._tasks = tasks
        self._loader_of = loader_of
        self._dtype = dtype
        self._built: dict[tuple[object, ...], tuple[Request, ...]] = {}
        self._checkpoints: dict[str, Checkpoint] = {}

    def prepare(self, spec: RunSpec) -> Cell:
        """The cell of a spec. Raises ZooError with what is wrong and what to do."""
        benchmark, model = spec.benchmark, spec.model
        loader = self._loader_of(model)
        checkpoint = self._checkpoint(model, loader)
        loaded = self._tasks.load(benchmark, spec.seed, spec.limit)
        generates = loaded.output_type == "generate_until"
        prompting = spec.prompting if generates else without_generation(spec.prompting)
        requests = self._requests(spec, prompting, loaded, checkpoint)
        stops: tuple[str, ...] = ()
        if generates:
            requests, stops = _generation(requests, prompting, checkpoint)
        answerer = Answerer(
            identity=checkpoint.identity,
            loader=loader.name,
            numerics=loader.numerics,
            dtype=self._dtype,
            loader_args={k: v for k, v in model.loader_args.items() if k not in PATH_ARGS},
        )
        responses = response_key(answerer, requests_digest(requests), benchmark.repeats, spec.seed)
        scores = score_key(
            responses,
            loaded.content,
            benchmark.metric,
            benchmark.filter,
            benchmark.cluster,
            prompting.think_end_token,
            stops,
        )
        # what was hashed is what is loaded: a branch that moves on in between changes nothing
        pinned = replace(model, revision=checkpoint.commit or model.revision)
        spec = replace(spec, prompting=prompting, model=pinned)
        return Cell(spec, checkpoint, loaded, requests, stops, responses, scores)

    def _checkpoint(self, model: Model, loader: Loader) -> Checkpoint:
        """Found once for each model: hashing gigabytes is not free."""
        key = canonical([model.id, model.revision, loader.name, dict(model.loader_args)])
        if key not in self._checkpoints:
            self._checkpoints[key] = find_checkpoint(model, loader.reads_files)
        return self._checkpoints[key]

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
        key = (benchmark.task, benchmark.num_fewshot, benchmark.repeats, spec.seed, spec.limit)
        if (*key, asked) not in self._built:
            self._built[(*key, asked)] = build_requests(
                loaded,
                seed=spec.seed,
                limit=spec.limit,
                system_instruction=prompting.system_instruction,
                fewshot_as_multiturn=prompting.fewshot_as_multiturn,
                render_chat=renderer,
            )
        return self._built[(*key, asked)]


def _generation(
    requests: tuple[Request, ...], prompting: Prompting, checkpoint: Checkpoint
) -> tuple[tuple[Request, ...], tuple[str, ...]]:
    """Lays the generation arguments over the task's own; returns stops held back for scoring.

    A model that thinks is not stopped by the task's stop strings, which its thinking may contain;
    they cut its answer when it is scored. A budget beyond the context is clipped to what is left
    after the longest prompt, so that no prompt is cut for it.
    """
    own = dict(requests[0].gen_kwargs or {})
    merged: dict[str, Any] = {**own, **prompting.gen_kwargs}
    stops: tuple[str, ...] = ()
    if prompting.enable_thinking:
        until = merged.get("until") or []
        stops = (until,) if isinstance(until, str) else tuple(until)
        merged["until"] = []
    budget = merged.get("max_gen_toks")
    if isinstance(budget, int) and (room := checkpoint.context_length) is not None:
        least = min(budget, int(own.get("max_gen_toks", budget)))
        if budget > least or budget >= room:
            left = room - _longest(requests, checkpoint)
            merged["max_gen_toks"] = max(least, min(budget, left))
        if merged["max_gen_toks"] >= room:
            raise CellError(
                f"max_gen_toks {merged['max_gen_toks']} leaves no room for a prompt: the context "
                f"of this model is {room} tokens; lower it with --gen-kwargs"
            )
    return tuple(
        replace(each, gen_kwargs=_with(each.gen_kwargs, merged)) for each in requests
    ), stops


def _with(own: Mapping[str, Any] | None, merged: Mapping[str, Any]) -> dict[str, Any]:
    return {**(own or {}), **merged}


def _longest(requests: tuple[Request, ...], checkpoint: Checkpoint) -> int:
    """Tokens of the longest prompt."""
    encoded = checkpoint.tokenizer()(
        [request.context for request in requests], add_special_tokens=True
    )
    return max(len(ids) for ids in encoded["input_ids"])
