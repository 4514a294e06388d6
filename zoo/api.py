"""What `import zoo` offers: each function mirrors the command of its name.

Heavy libraries load when a function needs them, not when zoo is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.contrasts import Tradeoff as Analysis
from zoo.errors import ConfigError, did_you_mean
from zoo.plan import DEFAULT_SEED
from zoo.uncollected import uncollected

if TYPE_CHECKING:
    import pandas as pd
    from lm_eval.api.model import LM

    from zoo.benchmarks import Suite
    from zoo.hookspecs import Loader, Section
    from zoo.host import Host
    from zoo.leaderboards import Leaderboard
    from zoo.models import Family
    from zoo.reporting.items import Items
    from zoo.results import Protocol, Result, RunRecord


ONE_SEED = "one training seed for each stage"


@dataclass(frozen=True)
class Tradeoff(Analysis):
    """A family on a suite, with ways to look at it.

    items, sections: what the page shows beside the numbers; no part of the JSON.
    """

    items: Items | None = field(default=None, repr=False, compare=False)
    sections: Sequence[Section] = field(default=(), repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `zoo report --format json`, as plain dicts and lists."""
        own = {each.name: getattr(self, each.name) for each in fields(Analysis)}
        return Analysis(**own).to_dict()

    def to_frame(self) -> pd.DataFrame:
        """One row for each stage, benchmark and protocol, with the columns of the JSON's scores."""
        import pandas as pd

        rows = [
            {"model": stage.model, "regime": stage.regime, **vars(score)}
            for stage in self.stages
            for score in stage.scores
        ]
        return pd.DataFrame(rows)

    def to_html(self) -> str:
        """The report's page, whole and self-contained."""
        from zoo.reporting import render
        from zoo.reporting.sections import rendered

        return render(self, "html", sections=rendered(self.sections, self), items=self.items)


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

    return Host(
        config_path=Path(config) if config else None,
        store_path=Path(store) if store else None,
        plugins_enabled=plugins,
        include_paths=tuple(Path(path) for path in include_paths),
        builtins=builtins(),
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

    targets: capabilities that S stands for; None means what the stages were trained for.
    """
    from zoo.recall import recall

    host = open_zoo(config, store=store)
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
    """Reads results that lm-eval wrote, files or folders of them, and returns their trade-off.

    family: whose models they are of (default: the one that they fit). models: model id -> what the
    files call it, or where they lie. suite: only its benchmarks are taken.
    What could not be taken is in the provenance's `notes`. Raises ConfigError where nothing can be.
    """
    from zoo.importing.runs import import_files

    host = open_zoo(config, store=store)
    done = import_files(
        host, [Path(file) for file in files], family=family, models=models, suite=suite
    )
    return tradeoff_of(
        host,
        done.family,
        done.suite,
        done.results,
        (done.record,),
        notes=(*done.problems, *done.notes),
    )


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


def tradeoff_of(
    host: Host,
    family: Family,
    suite: Suite,
    results: Sequence[Result],
    records: Sequence[RunRecord],
    targets: Sequence[str] | None = None,
    notes: Sequence[str] = (),
) -> Tradeoff:
    """The analysis of results, with where they come from. notes: what was left out, and why."""
    from zoo.advice import advise
    from zoo.claims import decide_all
    from zoo.lineages import seed_groups
    from zoo.probes import known_of, rows_of
    from zoo.questions import Asked
    from zoo.reporting.items import Items
    from zoo.tradeoff import analyse

    seeds = "several training seeds of some stages" if seed_groups(family.models) else ONE_SEED

    own_results = [result for result in results if not result.spec.purpose]
    said = list(notes)

    def probed(found: Analysis) -> Iterable[Mapping[str, Any]]:
        known = known_of(
            family,
            host.registry.regimes,
            [result.spec for result in own_results],
            results,
            host.catalogue.output_types(suite),
        )
        return rows_of(host.registry.probes.values(), known, found, said.append)

    with uncollected():
        found = analyse(
            family,
            suite,
            own_results,
            host.registry.regimes,
            targets=targets,
            probes=probed,
            provenance={
                **_provenance(own_results, records),
                "intervals": f"95 %, over items, clustered; {seeds}",
            },
        )
    if said:
        found = replace(found, provenance={**found.provenance, "notes": said})
    decided = replace(
        found,
        claims=decide_all(found, host.registry.claims.values()),
        advice=advise(found),
    )
    own = {each.name: getattr(decided, each.name) for each in fields(decided)}
    items = Items(own_results, [stage.model for stage in found.stages], Asked(host.store, records))
    return Tradeoff(**own, items=items, sections=tuple(host.registry.sections.values()))


def _provenance(results: Sequence[Result], records: Sequence[RunRecord]) -> dict[str, Any]:
    """What all cells share, as one value; what they do not, as the sorted list of values."""
    scored = [result.provenance for result in results if result.status == "scored"]

    def shared(name: str) -> Any:
        values = sorted({str(getattr(each, name)) for each in scored})
        return values[0] if len(values) == 1 else values

    def gathered(name: str) -> dict[str, Any]:
        found: dict[str, set[str]] = {}
        for provenance in scored:
            for key, value in getattr(provenance, name).items():
                found.setdefault(key, set()).add(value)
        return {
            key: next(iter(found[key])) if len(found[key]) == 1 else sorted(found[key])
            for key in sorted(found)
        }

    newest = records[0]
    names = ("loader", "engine", "scoring", "dtype", "device", "hardware", "batch_size")
    return {
        **{name: shared(name) for name in names if scored},
        "seed": newest.settings.get("seed"),
        "limit": newest.settings.get("limit"),
        "runs": [record.id for record in records],
        "started": newest.started,
        "versions": gathered("versions"),
        "plugins": gathered("plugins"),
        **({"answers_cut_at_the_cap": cut} if (cut := _cut(results)) else {}),
        **({"imported": files} if (files := _files(results)) else {}),
    }


def _files(results: Sequence[Result]) -> dict[str, str]:
    """By model, the files of its imported cells and what they say of themselves."""
    said: dict[str, dict[str, None]] = {}
    for result in results:
        facts = result.provenance.imported
        if facts:
            named = f"{facts['file']} (sha256 {facts['file_sha256'][:12]})"
            about = (facts.get(name, "") for name in ("format", "model_args", "date"))
            git = f"git {facts['git_hash']}" if "git_hash" in facts else ""
            chat = f"chat template {facts['chat_template']}" if "chat_template" in facts else ""
            line = ", ".join(filter(None, (named, *about, git, chat)))
            said.setdefault(result.spec.model.id, {})[line] = None
    return {model: "; ".join(lines) for model, lines in said.items()}


def _cut(results: Sequence[Result]) -> dict[str, str]:
    """By model, the share of written answers that the cap on their tokens ended, where any was."""
    written: dict[str, list[bool]] = {}
    for result in results:
        known = [item.truncated for item in result.items if item.truncated is not None]
        written.setdefault(result.spec.model.id, []).extend(known)
    return {
        model: f"{sum(cut)} of {len(cut)} ({sum(cut) / len(cut):.0%})"
        for model, cut in written.items()
        if any(cut)
    }
