"""What `import zoo` offers: each function mirrors the command of its name.

Heavy libraries load when a function needs them, not when zoo is imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, did_you_mean
from zoo.plan import DEFAULT_SEED
from zoo.tradeoffs import Tradeoff, tradeoff_of

if TYPE_CHECKING:
    from lm_eval.api.model import LM

    from zoo.equivalence import Gate
    from zoo.hookspecs import Loader
    from zoo.host import Host
    from zoo.importing.pulling import Pulled
    from zoo.leaderboards import Leaderboard
    from zoo.models import Model
    from zoo.progress import Listener
    from zoo.publishing.publication import Prepared, Publication, Wanted
    from zoo.results import Protocol, Result, RunRecord


def open_zoo(
    config: str | Path | None = None,
    *,
    store: str | Path | None = None,
    plugins: bool = True,
    include_paths: Sequence[str | Path] = (),
) -> Host:
    """The zoo that zoo.toml describes, or the embedded one where there is none."""
    from zoo.executors import builtins
    from zoo.host import Host
    from zoo.publishing.hub import publishers

    return Host(
        config_path=Path(config) if config else None,
        store_path=Path(store) if store else None,
        plugins_enabled=plugins,
        include_paths=tuple(Path(path) for path in include_paths),
        builtins={**builtins(), **publishers()},
    )


def run(
    *targets: str,
    suite: str | None = None,
    tasks: str | Sequence[str] = (),
    protocol: str = "both",
    limit: int | None = None,
    num_fewshot: int | None = None,
    gen_kwargs: Mapping[str, Any] | None = None,
    device: str = "auto",
    dtype: str = "auto",
    batch_size: int | str = "auto",
    seed: int = DEFAULT_SEED,
    loader: str | None = None,
    loader_args: Mapping[str, Any] | None = None,
    executor: str | None = None,
    executor_args: Mapping[str, Any] | None = None,
    include_path: str | Path | Sequence[str | Path] = (),
    base: str | None = None,
    fresh: bool = False,
    probes: str | Sequence[str] = (),
    probe_args: Mapping[str, Any] | None = None,
    store: str | Path | None = None,
    config: str | Path | None = None,
) -> Tradeoff:
    """Evaluates one family (the default one without targets) and returns its trade-off.

    tasks, probes: names, or one text of names with commas between; "all" for every probe.
    probe_args: by "probe.argument". include_path: a folder or several.
    Cells that fail are in it with their reason; cells the store has are not asked again.
    Raises ZooError where the question itself cannot be meant.
    """
    from zoo.plan import Wishes
    from zoo.running import Options, run_family

    paths = [include_path] if isinstance(include_path, (str, Path)) else include_path
    named = tasks.split(",") if isinstance(tasks, str) else tasks
    asking = probes.split(",") if isinstance(probes, str) else probes
    host = open_zoo(config, store=store, include_paths=paths)
    families = host.discovery.resolve(targets, base)
    if len(families) != 1:
        named = ", ".join(family.name for family in families)
        raise ConfigError(f"these targets form several families ({named}); run one at a time")
    options = Options(
        wishes=Wishes(
            protocols=protocols_of(protocol),
            seed=seed,
            limit=limit,
            num_fewshot=num_fewshot,
            gen_kwargs=gen_kwargs or {},
        ),
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        loader=loader,
        loader_args=loader_args or {},
        executor=executor,
        executor_args=executor_args or {},
        fresh=fresh,
        probes=tuple(filter(None, asking)),
        probe_args=probe_args or {},
    )
    family = families[0]
    outcome = run_family(
        host, family, host.suite(suite, tuple(filter(None, named)), family), options
    )
    return tradeoff_of(host, family, outcome.suite, outcome.results, (outcome.record,))


def report(
    family: str | None = None,
    *,
    suite: str | None = None,
    models: Sequence[str] = (),
    targets: Sequence[str] | None = None,
    store: str | Path | None = None,
    config: str | Path | None = None,
) -> Tradeoff:
    """The trade-off of what the store has: of the newest run, or of a family and suite by name.

    A family that only a plugin has a recorded run of is shown as it was recorded.
    targets: capabilities that S stands for; None means what the stages were trained for.
    """
    from zoo.importing.recorded import recorded
    from zoo.recall import recall

    host = open_zoo(config, store=store)
    if targets is None and (known := recorded(host, family, suite, models)):
        return known
    found = recall(host.store, family, suite, models)
    return tradeoff_of(
        host,
        found.family,
        found.suite,
        found.results,
        found.records,
        targets=targets,
        notes=found.notes,
    )


def leaderboard(
    name: str | None = None,
    *,
    suite: str | None = None,
    families: Sequence[str] = ("*",),
    regime: str | None = None,
    min_size: int | None = None,
    max_size: int | None = None,
    licence: str | None = None,
    protocol: str | None = None,
    sort: str = "G",
    store: str | Path | None = None,
    config: str | Path | None = None,
) -> Leaderboard:
    """What the store holds of a suite, ranked; no item is read.

    name: of zoo.toml's [leaderboards]. families: patterns. min_size, max_size: in parameters.
    protocol: "uniform" or "native", None for both. sort: "G", "S" or a capability.
    """
    from zoo.leaderboards import open_leaderboard
    from zoo.ranking import Wanted

    wanted = Wanted(
        tuple(families),
        regime,
        min_size,
        max_size,
        licence,
        protocol and protocols_of(protocol)[0],
        sort,
    )
    return open_leaderboard(open_zoo(config, store=store), name, suite, wanted)


def import_results(
    *files: str | Path,
    family: str | None = None,
    models: Mapping[str, str] | None = None,
    suite: str | None = None,
    store: str | Path | None = None,
    config: str | Path | None = None,
) -> Tradeoff:
    """Reads results that were written elsewhere, files or folders, and returns their trade-off.

    Of several families it is that of the one with the most cells; `report` has the others.
    family: whose models they are of (default: those that they fit). models: model id -> what the
    files call it, or where they lie. suite: only its benchmarks are taken.
    What could not be taken is in the provenance's `notes`. Raises ConfigError where nothing can be.
    """
    from zoo.importing.runs import import_files
    from zoo.recall import recall_run

    host = open_zoo(config, store=store)
    done = import_files(
        host, [Path(file) for file in files], family=family, models=models, suite=suite
    )
    found = recall_run(host.store, done.main.id)
    others = (run.family for run in done.runs if run is not done.main)
    more = (f"imported too: {name}" for name in dict.fromkeys(others))
    return tradeoff_of(
        host,
        found.family,
        found.suite,
        found.results,
        found.records,
        notes=(*done.problems, *done.notes, *more),
    )


def pull(
    repo: str,
    *,
    revision: str | None = None,
    store: str | Path | None = None,
    config: str | Path | None = None,
) -> Pulled:
    """Takes the runs of a data set that `publish` made into the store, each as its own claim.

    What does not match is in `problems`. Raises ConfigError where there are no results of zoo, and
    PublishError where the Hub gives no answer.
    """
    from zoo.importing.pulling import pull as take

    return take(open_zoo(config, store=store).store, repo, revision)


def publish(
    *targets: str,
    suite: str | None = None,
    to: str = "hub",
    repo: str | None = None,
    public: bool = False,
    samples: bool = False,
    pull_requests: bool = False,
    space: bool = False,
    store: str | Path | None = None,
    config: str | Path | None = None,
) -> Publication:
    """Publishes the newest run of each family on each suite, and says what landed and what not.

    targets: families or models (default: all). to: the publisher. repo: where to (default: that of
    zoo.toml's ``[publish.NAME]``). pull_requests: models of the Hub are offered their scores.
    space: the leaderboard becomes a page of its own.
    Raises ZooError where nothing can be made ready to be sent.
    """
    from zoo.publishing.publication import Wanted
    from zoo.publishing.publication import publish as send

    host = open_zoo(config, store=store)
    wanted = Wanted(targets, suite, to, repo, public, samples, pull_requests, space)
    return send(host, publication_of(host, wanted))


def publication_of(host: Host, wanted: Wanted) -> Prepared:
    """What `wanted` would publish of a zoo's store; nothing is sent."""
    from zoo.benchmarks import Suite
    from zoo.leaderboards import open_leaderboard
    from zoo.models import Family
    from zoo.publishing.publication import prepare
    from zoo.structuring import read

    def analyse(record: RunRecord, results: Sequence[Result]) -> dict[str, Any]:
        models = {result.spec.model.id: result.spec.model for result in results}
        suite = read(Suite, record.suite, "run record")
        family = Family(record.family, tuple(models.values()), suite=suite.name)
        return tradeoff_of(host, family, suite, results, (record,)).to_dict()

    def rank(records: Sequence[RunRecord]) -> Leaderboard:
        return open_leaderboard(host, suite=wanted.suite, records=records)

    return prepare(host, wanted, analyse, rank)


def gate(child: str, against: str, *, margin: float = 0.02, **run_args: Any) -> tuple[Gate, ...]:
    """Whether a child takes no harm against its parent: a gate for each protocol.

    run_args: as of `run`. Raises ConfigError where the two cannot be held against each other.
    """
    return gates_of(run(child, base=against, **run_args), child, against, margin)


def gates_of(tradeoff: Tradeoff, child: str, against: str, margin: float) -> tuple[Gate, ...]:
    """The gates of one edge of a trade-off, one for each protocol.

    Raises UnknownNameError (a ConfigError) where the child does not descend from the other.
    """
    from zoo.equivalence import gate as ruled

    protocols = dict.fromkeys(s.protocol for stage in tradeoff.stages for s in stage.scores)
    return tuple(
        ruled(tradeoff, against, child, margin=margin, protocol=protocol) for protocol in protocols
    )


def train(
    family: str,
    stage: str,
    *,
    recipe: str = "",
    parent: str | None = None,
    data: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    targets: Sequence[str] | None = None,
    seed: int = 1,
    steps: int | None = None,
    save_every: int = 0,
    out: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    limit: int | None = None,
    restart: bool = False,
    tell: Listener | None = None,
    config: str | Path | None = None,
) -> Model:
    """Makes a stage of a family from its parent, writes it into zoo.toml, and returns it.

    recipe: "" for the one called FAMILY/STAGE. parent: a model of the family, a Hub id or a folder.
    data: a file, a folder, or `HUB_ID:split` (`HUB_ID:config:split`); limit: only so many of its
    rows. options: of the recipe. save_every: steps between checkpoints that are kept. tell: told of
    progress, as `zoo train --progress json` prints it. restart: begins anew; what stands of the
    stage is deleted when the new one is finished.
    A training that was stopped goes on; one that is finished is found so. Raises ZooError.
    """
    from zoo.training.making import make, prepare
    from zoo.training.order import Wish

    wish = Wish(
        family=family,
        stage=stage,
        recipe=recipe,
        parent=parent,
        data=None if data is None else str(data),
        options=options or {},
        targets=None if targets is None else tuple(targets),
        seed=seed,
        steps=steps,
        save_every=save_every,
        out=None if out is None else Path(out),
        device=device,
        threads=threads,
        limit=limit,
    )
    host = open_zoo(config)
    ready = prepare(host, wish, restart=restart)
    heard = {} if tell is None else {"tell": tell}
    return make(host, ready, restart=restart, **heard).model


def load(
    model: str,
    loader: str = "torch",
    device: str = "auto",
    dtype: str = "auto",
    batch_size: int | str = "auto",
    **options: Any,
) -> LM:
    """A Hub id, a folder or a family's model as an lm-eval LM, for `lm_eval.simple_evaluate`.

    loader: "torch" is the engine, "hf" lm-eval's own HFLM; a model that names a loader keeps it.
    Raises ConfigError where an option holds a secret: lm-eval writes its model's options into
    results.
    """
    from zoo.evaluation.environment import resolve_device, resolve_dtype
    from zoo.redaction import refuse_secrets

    refuse_secrets(options, "zoo.load")
    host = open_zoo()
    (family,) = host.discovery.resolve([model])
    if len(family.models) > 1:
        ids = ", ".join(each.id for each in family.models)
        raise ConfigError(f"{model} is a family of several models; load one of them: {ids}")
    (found,) = family.models
    brought: Loader = host.loader_of(found, loader)
    device = resolve_device(device)
    dtype = resolve_dtype(dtype, device)
    return brought.load(found, device=device, dtype=dtype, batch_size=batch_size, **options)


def protocols_of(name: str) -> tuple[Protocol, ...]:
    """The protocols that a name stands for: uniform, native or both. Raises ConfigError."""
    from zoo.results import PROTOCOLS

    if name == "both":
        return PROTOCOLS
    if name not in PROTOCOLS:
        known = (*PROTOCOLS, "both")
        raise ConfigError(f"there is no protocol {name!r}{did_you_mean(name, known)}")
    return tuple(each for each in PROTOCOLS if each == name)
