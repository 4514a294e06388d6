"""Who descends from whom, and what to call them in a narrow column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os.path import commonprefix

from zoo.contrasts import Stage, Tradeoff
from zoo.reporting.text import clean, shorten

NAME_WIDTH = 20


def parents(stage: Stage) -> tuple[str, ...]:
    """Ids of the models that a stage was made from."""
    if stage.base_model is None:
        return ()
    return (stage.base_model,) if isinstance(stage.base_model, str) else tuple(stage.base_model)


def tree(stages: Sequence[Stage]) -> list[tuple[Stage, int]]:
    """Every stage with its depth, children below their first parent, in the order given.

    A stage whose parents are not in the report is a root; so is one in a circle of parents.
    """
    present = {stage.model for stage in stages}
    children: dict[str | None, list[Stage]] = {}
    for stage in stages:
        above = [parent for parent in parents(stage) if parent in present - {stage.model}]
        children.setdefault(above[0] if above else None, []).append(stage)

    placed: dict[int, tuple[Stage, int]] = {}
    for start in [*children.get(None, []), *stages]:
        waiting = [(start, 0)]
        while waiting:
            stage, depth = waiting.pop()
            if id(stage) not in placed:
                placed[id(stage)] = (stage, depth)
                below = children.get(stage.model, [])
                waiting.extend((child, depth + 1) for child in reversed(below))
    return list(placed.values())


def roots(stages: Sequence[Stage]) -> list[Stage]:
    """The stages that nothing else in the report is a parent of."""
    return [stage for stage, depth in tree(stages) if depth == 0]


def leaves(stages: Sequence[Stage]) -> list[Stage]:
    """The stages that have a parent in the report and are nobody's."""
    above = {parent for stage in stages for parent in parents(stage) if parent != stage.model}
    return [stage for stage, depth in tree(stages) if depth and stage.model not in above]


def pairs(tradeoff: Tradeoff) -> list[tuple[str, str]]:
    """(base, other) of every edge, in the order of the tree: the lineage's and any contrasted."""
    order = {stage.model: place for place, (stage, _) in enumerate(tree(tradeoff.stages))}
    lineage = [
        (parent, stage.model)
        for stage in tradeoff.stages
        for parent in parents(stage)
        if parent in order and parent != stage.model
    ]
    contrasted = [(edge.base, edge.other) for edge in tradeoff.tradeoffs]
    contrasted += [(edge.base, edge.other) for edge in tradeoff.edges]
    last = len(order)
    return sorted(
        dict.fromkeys([*lineage, *contrasted]),
        key=lambda pair: (order.get(pair[1], last), order.get(pair[0], last)),
    )


def short_names(ids: Iterable[str]) -> dict[str, str]:
    """A short, clean, distinct name for each id: without what all share, at most 20 cells wide.

    >>> short_names(["org/M-1B", "org/M-1B-SFT", "me/M-1B-Law"])
    {'org/M-1B': '1B', 'org/M-1B-SFT': '1B-SFT', 'me/M-1B-Law': '1B-Law'}
    >>> list(short_names(["out/checkpoint-100", "out/checkpoint-200"]).values())
    ['checkpoint-100', 'checkpoint-200']
    >>> list(short_names(["nano/base", "nano/sft", "./mine/nano/sft"]).values())
    ['base', 'nano/sft', 'mine/nano/sft']
    """
    cleaned = {each: clean(each).rstrip("/") or "(no name)" for each in dict.fromkeys(ids)}
    whole = _told_apart(cleaned)
    start = _shared(list(whole.values()))

    names: dict[str, str] = {}
    for each, name in whole.items():
        rest, number = name[start:].strip(), 2
        short = shorten(rest, NAME_WIDTH)
        while short in names.values():
            short, number = shorten(rest, NAME_WIDTH - 5).strip() + f" ({number})", number + 1
        names[each] = short
    return names


def _told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """The last parts of each name, as many as no other name ends in."""
    parts = {each: name.split("/") for each, name in names.items()}

    def tail(each: str) -> str:
        for count in range(1, len(parts[each])):
            end = parts[each][-count:]
            if sum(others[-count:] == end for others in parts.values()) == 1:
                return "/".join(end)
        return names[each]

    return {each: tail(each) for each in names}


def _shared(names: Sequence[str]) -> int:
    """Where the names begin to differ: after a / or, if each then still has a letter, - or _."""
    shared = commonprefix(names)  # noqa: RUF071 - letters are meant, not folders
    word = max(shared.rfind(separator) for separator in "/-_") + 1
    if len(names) > 1 and all(any(map(str.isalpha, name[word:])) for name in names):
        return word
    return shared.rfind("/") + 1
