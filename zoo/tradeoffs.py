"""From a run's results to its trade-off as people look at it: analysed, judged, with every item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from zoo.contrasts import Tradeoff as Analysis
from zoo.uncollected import uncollected

if TYPE_CHECKING:
    import pandas as pd

    from zoo.benchmarks import Suite
    from zoo.hookspecs import Section
    from zoo.host import Host
    from zoo.models import Family
    from zoo.reporting.items import Items
    from zoo.results import Result, RunRecord

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
