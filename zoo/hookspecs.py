"""Every hook a plugin may implement, and the types it answers with.

A plugin is a module named by an entry point of the group ``zoo``. It implements any of these
functions, marked with ``zoo.hookimpl``, and each returns a list. Nothing a plugin brings takes
effect by being there: zoo.toml and the command line choose by name.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    from lm_eval.api.model import LM

    from zoo.contrasts import Tradeoff
    from zoo.models import Evidence, Facts, Family, Model, Regime
    from zoo.probes import Known
    from zoo.results import Result, RunSpec

GROUP = "zoo"
"""The entry-point group, and pluggy's project name."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


# --------------------------------------------------------------------------------------- types


class LoadModel(Protocol):
    """Makes an lm-eval LM of a model; raises zoo.errors.ModelError with the remedy."""

    def __call__(
        self, model: Model, *, device: str, dtype: str, batch_size: int | str, **options: Any
    ) -> LM: ...


@dataclass(frozen=True)
class Loader:
    """A way to load a model: `zoo run --loader NAME`.

    numerics: version of the numbers it produces; part of the identity of each response, so
        change it whenever results may differ beyond rounding.
    reads_files: whether its models are checkpoints of files (a folder, a Hub id) that are known
        by their bytes; otherwise a model is known by its id, revision and loader_args.
    pools: whether its models are best asked the requests of many benchmarks in one call; an answer
        must not depend on what else is asked, beyond rounding.
    spread: options that make `load` lay a model over all devices that the process sees; given for
        a model whose `gpus` are several.
    session: opens what is kept from one model of a run to the next, as the weights under adapters
        are, and gives the `load` to use within; None where nothing is kept.
    takes: whether it loads a checkpoint of this config.json; None where it does not say. A
        checkpoint that the default loader does not take, and for which nobody names a loader, gets
        the one that takes it. Code of a repository is then refused before loading unless pinned.
    unanswered: by kind of request (loglikelihood, loglikelihood_rolling, generate_until), why its
        models do not answer it, as the end of a sentence; such a cell is not applicable.
    identity: of a loader whose models run elsewhere, as those of a server: what decides an answer
        of theirs, from their loader_args (how often to ask again does not). Dtype and device are
        then not the run's. Pure and quick; raises ConfigError where loader_args cannot be meant. A
        `tokenizer` in it is known by its bytes.
    images: kinds of request in which its models are shown images. A chat then comes to the
        checkpoint's template in parts, of text and of images, and a prompt says `<image>` where one
        stands; lm-eval's requests carry them as ``{"visual": [...]}``, their third argument.
    missing: why it cannot be used here, "" where it can; None where nothing can be missing. `zoo
        doctor` tells it; `load` raises it as a ModelError.
    takes_turns: whether its models lay their own chat template: a chat comes as the text of
        `zoo.evaluation.turns.Turns`.
    """

    name: str
    load: LoadModel
    numerics: str = "1"
    reads_files: bool = True
    pools: bool = False
    spread: Mapping[str, Any] = field(default_factory=dict)
    session: Callable[[], AbstractContextManager[LoadModel]] | None = None
    takes: Callable[[Mapping[str, Any]], bool] | None = None
    unanswered: Mapping[str, str] = field(default_factory=dict)
    identity: Callable[[Model], Mapping[str, Any]] | None = None
    takes_turns: bool = False
    images: tuple[str, ...] = ()
    missing: Callable[[], str] | None = None


@dataclass(frozen=True)
class Probe:
    """A measurement beyond tasks: `zoo run --probes NAME`. It has any of three parts.

    measure: (model, lm, family) -> rows; asks the loaded model itself, in the process of the run,
        once for each model. Its rows are kept in the store.
    wants: (known, **arguments) -> cells to be asked beside the suite's, each with a `purpose`; they
        are run, kept and resumed like any other. Pure; asked again when these are answered, until
        it wants no more. Its keyword arguments are what --probe-args may set.
    rows: (known, tradeoff) -> rows, from what is stored, for every report. Pure.

    A row is a flat mapping of JSON values. `known` is a `zoo.probes.Known`.
    """

    name: str
    title: str
    measure: Callable[..., Sequence[Mapping[str, Any]]] | None = None
    wants: Callable[..., Iterable[RunSpec]] | None = None
    rows: Callable[[Known, Tradeoff], Iterable[Mapping[str, Any]]] | None = None


@dataclass(frozen=True)
class Recipe:
    """How a stage is made from its parent: `zoo train FAMILY STAGE --recipe NAME`.

    It has one of two forms. With `train` it is a way of training: train(assignment, **options)
    writes a checkpoint into `assignment.out`; `assignment` is a `zoo.training.Assignment`, and its
    keyword-only arguments with their defaults are the options that `--set` may change. With `of`
    it is a way of training made ready for one stage: the recipe of that name with `options` set,
    from `parent`, on `data`, for `targets`. `zoo train FAMILY STAGE` takes the one that is called
    FAMILY/STAGE.

    columns: what a row of data must have, any one of several forms: (("text",), ("prompt",
        "completion")). Empty where the recipe takes no data.
    data: (seed) -> rows, each a mapping of JSON values.
    parent: id of the model that it starts from, unless --from names another. "" of a recipe with
        `of` means that it starts from nothing.
    adapter: whether what it writes is an adapter over its parent.
    check: check(**options) raises a ZooError for options that cannot be meant. It is asked before
        anything is written, and imports nothing heavy. With `of`, that of the way counts.
    """

    name: str
    regime: str
    train: Callable[..., None] | None = None
    description: str = ""
    columns: tuple[tuple[str, ...], ...] = ()
    adapter: bool = False
    of: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    data: Callable[[int], Iterable[Mapping[str, Any]]] | None = None
    parent: str = ""
    targets: tuple[str, ...] = ()
    check: Callable[..., None] | None = None


@dataclass(frozen=True)
class Claim:
    """A hypothesis about stages, with the rule that decides it.

    decide: (tradeoff) -> one row of the report's "claims"; `zoo.claims.declare` makes it from the
        cases that a function finds. One that raises costs only itself.
    margin: smallest change that counts, as a fraction (0.02 is two points).
    """

    id: str
    claim: str
    decide: Callable[[Tradeoff], Mapping[str, Any]]
    margin: float = 0.02


@dataclass(frozen=True)
class Job:
    """What an executor is given: one model with its specs, and how they are run.

    settings: plain JSON values, enough to evaluate the specs in another process.
    """

    model: Model
    specs: tuple[RunSpec, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Executor:
    """Where jobs run: `zoo run --executor NAME`.

    run: (jobs, **args) -> results, one for each spec, in any order, as they are done. args are
        what --executor-args gives; a run that takes `on_event` is also given a listener,
        (name, facts) -> None, for its progress.
    remote: whether jobs run on other machines, so that this one need not have the run's device.
    """

    name: str
    run: Callable[..., Iterator[Result]]
    remote: bool = False


@dataclass(frozen=True)
class Section:
    """A section of the report: render gives HTML that is trusted as it stands."""

    name: str
    title: str
    render: Callable[[Tradeoff], str]


@dataclass(frozen=True)
class Publisher:
    """A place results can be published to: `zoo publish --to NAME`.

    publish: (bundle, target, **options) -> where it is now, one line for people. `bundle` is a
        `zoo.publishing.Bundle` of files by path, target what --repo or zoo.toml's
        ``[publish.NAME] repo`` says, options are ``[publish.NAME.options]``. It raises ZooError on
        failure; a bundle stays in the store's outbox and is given to it again, so publishing what
        is there already must change nothing. Where it cannot look what is there, it takes an
        argument `notes`, a `zoo.publishing.Notes` of what it has sent.
    while_training: one sentence for `zoo watch --publish`, where a training that goes on is in the
        way; "" where it is not.
    """

    name: str
    publish: Callable[..., str]
    while_training: str = ""


@dataclass(frozen=True)
class Recorded:
    """A run as it was recorded, so that `zoo report NAME` shows it without a weight.

    name: the family that it is of. path: a file of `zoo.run/1`, as published runs are, packed with
        gzip where its name ends with .gz. sha256: of the JSON, unpacked. about: how it was made.
    """

    name: str
    path: Path
    sha256: str
    about: str = ""


@dataclass(frozen=True)
class Command:
    """A verb of the command line: `zoo NAME`. It cannot shadow a built-in.

    run: (args) -> exit status.
    """

    name: str
    help: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


# --------------------------------------------------------------------------------------- hooks


@hookspec
def zoo_regimes() -> list[Regime]:  # type: ignore[empty-body]
    """Ways of training this plugin knows, and how a model made that way wants to be asked.

    Example::

        @hookimpl
        def zoo_regimes():
            return [Regime("distilled", "Distilled", 25, lambda model, benchmark: Prompting())]
    """


@hookspec
def zoo_classify(facts: Facts) -> list[Evidence]:  # type: ignore[empty-body]
    """Reasons to believe that a checkpoint belongs to a regime: advice only, zoo.toml wins.

    Example::

        @hookimpl
        def zoo_classify(facts):
            if "distillation" in facts.tags:
                return [Evidence("distilled", 0.9, "tag 'distillation' in the model card")]
            return []
    """


@hookspec
def zoo_families() -> list[Family]:  # type: ignore[empty-body]
    """Lineages this plugin brings: models, parents before children.

    Example::

        @hookimpl
        def zoo_families():
            base = Model("org/base", regime="pretrained")
            child = Model("org/chat", regime="instruction-tuned", base_model="org/base")
            return [Family("org", (base, child))]
    """


@hookspec
def zoo_loaders() -> list[Loader]:  # type: ignore[empty-body]
    """Ways to turn a model into an lm-eval LM.

    Example::

        @hookimpl
        def zoo_loaders():
            return [Loader("echo", load_echo)]
    """


@hookspec
def zoo_benchmarks() -> list[Path]:  # type: ignore[empty-body]
    """Folders that hold ``suites/*.toml`` and ``tasks/**/*.yaml``.

    Example::

        @hookimpl
        def zoo_benchmarks():
            return [Path(__file__).parent]
    """


@hookspec
def zoo_probes() -> list[Probe]:  # type: ignore[empty-body]
    """Measurements beyond tasks.

    Example::

        @hookimpl
        def zoo_probes():
            return [Probe("length", "Length of answers", measure_length)]
    """


@hookspec
def zoo_recipes() -> list[Recipe]:  # type: ignore[empty-body]
    """How a stage is made from its parent.

    Example::

        @hookimpl
        def zoo_recipes():
            return [Recipe("sft", "fine-tuned", train_sft, "supervised fine-tuning in full")]
    """


@hookspec
def zoo_claims() -> list[Claim]:  # type: ignore[empty-body]
    """Hypotheses about stages, each with its decision rule.

    Example::

        @hookimpl
        def zoo_claims():
            from zoo.claims import above, declare
            from zoo.findings import composite_cases

            def find(tradeoff):
                return composite_cases(tradeoff, "distilled", "general", above(-0.02))

            kept: Claim = declare("X1", "distillation keeps general ability", find, declared=1)
            return [kept]
    """


@hookspec
def zoo_executors() -> list[Executor]:  # type: ignore[empty-body]
    """Places where jobs run.

    Example::

        @hookimpl
        def zoo_executors():
            return [Executor("queue", run_on_queue)]
    """


@hookspec
def zoo_sections() -> list[Section]:  # type: ignore[empty-body]
    """Sections for the report's page.

    Example::

        @hookimpl
        def zoo_sections():
            return [Section("notes", "Notes", lambda tradeoff: "<p>...</p>")]
    """


@hookspec
def zoo_publishers() -> list[Publisher]:  # type: ignore[empty-body]
    """Places results can be published to.

    Example::

        @hookimpl
        def zoo_publishers():
            return [Publisher("folder", copy_to_folder)]
    """


@hookspec
def zoo_runs() -> list[Recorded]:  # type: ignore[empty-body]
    """Runs that were recorded, for reports of what not everybody can make again.

    Example::

        @hookimpl
        def zoo_runs():
            return [Recorded("sweep", Path(__file__).parent / "sweep.json.gz", SHA256)]
    """


@hookspec
def zoo_commands() -> list[Command]:  # type: ignore[empty-body]
    """Verbs for the command line.

    Example::

        @hookimpl
        def zoo_commands():
            return [Command("hello", "greet", lambda parser: None, lambda args: 0)]
    """
