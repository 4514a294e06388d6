"""What a watch takes up of an earlier one: points of the training that writes now, its parent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.benchmarks import Suite
from zoo.errors import ZooError
from zoo.evaluation.evaluator import OnEvent
from zoo.host import Host
from zoo.models import Model
from zoo.store import Store
from zoo.watching.describing import parent_named, parent_said
from zoo.watching.lives import Life, Present, is_another
from zoo.watching.remembering import Past, remembered, runs_of
from zoo.watching.rounds import FINAL


def recall(
    store: Store,
    family: str,
    suite: Suite,
    settings: Mapping[str, Any],
    name_of: Callable[[Model], str],
    life: Life,
    mark: str,
    here: Sequence[Present],
) -> tuple[Life, Past]:
    """What was measured of the training that writes now, and what is known of that; a new life
    where another one writes. mark: the training's, now. here: what stands in its folder."""
    revisions = {each.revision for each in here}

    def past(life: Life) -> Past:
        return remembered(store, family, suite, settings, name_of, life.earlier, revisions)

    found = past(life)
    if is_another(life, mark, here, found.measured):
        life = Life(earlier=runs_of(store, family))
        found = past(life)
    return life, found


def parent_recalled(
    host: Host, folder: Path, here: Sequence[Present], before: Model, tell: OnEvent
) -> Model:
    """The parent that the training names, else the one that an earlier watch had; says which where
    they are not the same."""
    places = (folder if each.name == FINAL else folder / each.name for each in here)
    named = parent_said(host, folder, places)
    if named == before.id:
        return before
    why = "the training names none"
    if named:
        try:
            base = parent_named(host, named)
        except ZooError as problem:
            why = f"{named}, which the training names, cannot be had: {problem}"
        else:
            if base.id != before.id:
                text = f"step 0 is {base.id}, which the training names, and not {before.id}"
                tell("recalled", {"text": f"{text}, as an earlier watch had it"})
            return base
    text = f"step 0 is {before.id}, as an earlier watch had it: {why}; --base names another"
    tell("recalled", {"text": text})
    return before
