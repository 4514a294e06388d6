"""Runs that plugins bring as they were recorded: shown without a weight and without an item.

They travel as a published run does, and are checked as one is. Its trade-off is the publisher's
own; what claims and advice make of it is decided here.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import replace

from zoo.advice import advise
from zoo.claims import decide_all
from zoo.contrasts import SCHEMA
from zoo.contrasts import Tradeoff as Analysis
from zoo.errors import ConfigError
from zoo.hookspecs import Recorded
from zoo.host import Host
from zoo.importing.files import FormatError
from zoo.importing.published import claim_of
from zoo.structuring import read
from zoo.tradeoffs import Tradeoff


def recorded(
    host: Host, family: str | None, suite: str | None = None, models: Iterable[str] = ()
) -> Tradeoff | None:
    """The recorded run of a family, where a plugin brings one and the store has none of its own.

    A name is the user's where zoo.toml has a family of it, and a plugin's where that brings the
    family: no other plugin's run is shown under it.
    Raises ConfigError where what the plugin brings is damaged.
    """
    if family is None or family not in host.registry.runs or tuple(models):
        return None
    owner = host.registry.runs.owner(family)
    brought = host.registry.families
    if family in host.config.families or (family in brought and brought.owner(family) != owner):
        return None
    if any(head.family == family for head in host.store.heads()):
        return None
    found = analysis_of(host.registry.runs[family], owner.name)
    if suite not in (None, found.suite):
        return None
    decided = replace(found, claims=decide_all(found, host.registry.claims.values()))
    # comparisons of siblings, item by item, do not travel: their questions are left out
    known = tuple(row for row in advise(decided) if row["measured"])
    whole = replace(decided, advice=known)
    own = {name: getattr(whole, name) for name in Analysis.__dataclass_fields__}
    return Tradeoff(**own, sections=tuple(host.registry.sections.values()))


def analysis_of(run: Recorded, owner: str) -> Analysis:
    """The trade-off that a recorded run holds, every cell of it checked as of a published one.

    owner: the plugin's name. Raises ConfigError.
    """
    where = f"the recorded run {run.name!r} of the plugin {owner}"
    try:
        data = run.path.read_bytes()
        data = gzip.decompress(data) if run.path.suffix == ".gz" else data
        table = json.loads(data)
        claim = claim_of(data, str(table["run"]["id"]), owner, run.sha256, run.sha256)
        said = {**table["tradeoff"], "provenance": _provenance(run, table, owner)}
        if said.pop("schema") != SCHEMA:
            raise FormatError(f"its trade-off is not of the schema {SCHEMA}")
        found = read(Analysis, said, where)
    except (OSError, EOFError, ValueError, KeyError, TypeError, FormatError) as problem:
        raise ConfigError(f"{where} cannot be read: {problem}; install the plugin again") from None
    known = {cell.spec.model.id for cell in claim.record.cells}
    if strange := sorted({stage.model for stage in found.stages} - known):
        raise ConfigError(f"{where} speaks of {strange[0]!r}, of which it has no cell")
    return found


def _provenance(run: Recorded, table: dict[str, object], owner: str) -> dict[str, object]:
    """Whence and of when; by whom it was recorded, and that nothing of it was measured here."""
    head = table["run"]
    assert isinstance(head, dict)
    return {
        "recorded": f"{run.about or run.name}; not measured here",
        "recorded_by": f"the plugin {owner}",
        "runs": [head["id"]],
        "started": head["started"],
        "sha256": run.sha256,
        "zoo": table.get("zoo"),
    }
