"""Trade-offs that no analysis would make: hostile names, unknown numbers, circles of parents."""

from __future__ import annotations

from hypothesis import strategies as st

from zoo.contrasts import (
    Change,
    Contrast,
    EdgeTradeoff,
    Estimate,
    Stage,
    StageScore,
    Tradeoff,
)
from zoo.results import PROTOCOLS

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><svg onload=alert(1)>",
    '" onmouseover="alert(1)',
    "a|b\\|c",
    "\\input{/etc/passwd} 100% of a_b & #c ~ ^ {",
    "=cmd|' /C calc'!A0",
    "+1", "-2+3", "@SUM(A1)", "\t=1+1",
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil\x07link\x1b]8;;\x07",
    "\x9b2J\x00\x7f",
    "left\u202eright",
    "line one\nline two\r\nthree",
    "한국어-모델-이름",
    "한" * 90,
    "x" * 300,
    "{{ 7 * 7 }}{% raw %}",
    "[bold red]markup[/bold red]",
    "![image](http://evil/x.png) `code` **bold**",
    "lone \ud800 surrogate",
    "",
)  # fmt: skip

texts = st.sampled_from(HOSTILE) | st.text(max_size=12)
numbers = st.none() | st.floats(-2, 2) | st.just(float("nan"))
shares = st.none() | st.floats(0, 1)
counts = st.integers(0, 10_000)
protocols = st.sampled_from(PROTOCOLS)
axes = st.sampled_from(("general", "special"))
estimates = st.builds(Estimate, numbers, numbers, numbers)
changes = st.builds(Change, numbers, numbers, numbers, shares)
composites = st.dictionaries(protocols, estimates)


@st.composite
def tradeoffs(draw: st.DrawFn) -> Tradeoff:
    """Up to four stages with any parents, on up to three benchmarks."""
    models = draw(st.lists(texts, min_size=0, max_size=4, unique=True))
    benchmarks = draw(st.lists(texts, min_size=1, max_size=3, unique=True))
    targets = tuple(draw(st.lists(texts, max_size=2, unique=True)))
    ids = st.sampled_from(models) if models else texts
    parents = st.none() | texts | ids | st.lists(ids, max_size=2)
    names = st.sampled_from(benchmarks)
    scores = st.builds(
        StageScore,
        names,
        st.sampled_from(("acc", "word_perplexity")),
        st.just("none"),
        protocols,
        axes,
        texts,
        st.none() | st.integers(0, 8),
        counts,
        numbers,
        shares,
        shares,
        numbers,
        st.sampled_from(("scored", "failed", "not_applicable")),
        st.none() | texts,
    )
    contrasts = st.builds(
        Contrast,
        ids,
        ids,
        names,
        st.just("acc"),
        st.just("none"),
        protocols,
        counts,
        numbers,
        numbers,
        numbers,
        shares,
        shares,
        st.none() | counts,
        st.none() | counts,
        axes,
        shares,
        texts,
    )
    edges = st.builds(
        EdgeTradeoff, ids, ids, protocols, st.just(targets), changes, changes, changes
    )
    stages = tuple(
        Stage(
            model,
            draw(st.none() | texts),
            draw(texts),
            draw(parents),
            targets,
            draw(composites),
            draw(composites),
            draw(composites),
            tuple(draw(st.lists(scores, max_size=4))),
        )
        for model in models
    )
    return Tradeoff(
        draw(texts),
        draw(texts),
        targets,
        stages,
        tuple(draw(st.lists(contrasts, max_size=4))),
        tuple(draw(st.lists(edges, max_size=3))),
        provenance=draw(st.dictionaries(texts, texts | numbers | st.lists(texts), max_size=3)),
    )
