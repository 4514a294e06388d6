"""The razor: the divergence of two distributions, estimated from texts that one of them wrote."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from stats.draws import monte_carlo_error, rates

from probes.drawn import BASE, CHILD, SUMS, cell, item, known
from zoo.probes import likelihoods
from zoo.results import Provenance, Result
from zoo.stats import Interval
from zoo_probes import razor

PARENT = np.array([0.5, 0.3, 0.2])
CHILDS = np.array([0.2, 0.3, 0.5])
TRUTH = float(np.sum(PARENT * np.log(PARENT / CHILDS)))


def measured(rng: np.random.Generator, items: int = 40, samples: int = 8):
    """Texts of one token of three, drawn from the parent, and what both say to them."""
    drawn = rng.choice(3, (items, samples), p=PARENT)
    written = cell(
        BASE,
        [item(i, k, n_tokens=1, truncated=True) for i in range(items) for k in range(samples)],
        replace(SUMS, repeats=samples),
        protocol="uniform",
        purpose=razor.WRITTEN,
    )
    written = replace(written, provenance=Provenance(response_key="key"))
    asked = []
    for model, chances in ((BASE, PARENT), (CHILD, CHILDS)):
        said = [
            item(i, k, float(np.log(chances[drawn[i, k]])), n_tokens=1, response=str(drawn[i, k]))
            for i in range(items)
            for k in range(samples)
        ]
        spec = likelihoods(written, model, razor.ASKED)
        asked.append(Result(spec, "scored", items=tuple(said)))
    return written, *asked


def test_the_divergence_is_estimated_without_bias_and_its_limits_hold_it() -> None:
    values = []

    def infer(rng: np.random.Generator) -> Interval:
        (row,) = razor.rows(known(*measured(rng)), None)
        values.append(row["kl"])
        return Interval(row["kl"], row["low"], row["high"])

    held, _ = rates(infer, TRUTH, draws=300)
    assert held > 0.95 - monte_carlo_error(0.95, 300)
    assert np.mean(values) == pytest.approx(TRUTH, abs=4 * np.std(values) / np.sqrt(300))


def test_a_child_like_its_parent_has_no_distance() -> None:
    written, parent, _ = measured(np.random.default_rng(1))
    same = replace(parent, spec=likelihoods(written, CHILD, razor.ASKED))
    (row,) = razor.rows(known(written, parent, same), None)
    assert row["kl"] == row["low"] == row["high"] == 0.0
    assert (row["n"], row["samples"], row["left_out"]) == (40, 320, 0)


def test_texts_that_were_spelled_otherwise_are_left_out_and_counted() -> None:
    written, parent, child = measured(np.random.default_rng(1))
    few = [
        replace(each, n_tokens=2) if each.sample == 0 else each  # spelled by two tokens now
        for each in parent.items
    ]
    (row,) = razor.rows(known(written, replace(parent, items=tuple(few)), child), None)
    assert (row["samples"], row["left_out"]) == (280, 40)
    other = [replace(each, response="other tokens") for each in child.items]
    (row,) = razor.rows(known(written, parent, replace(child, items=tuple(other))), None)
    assert row["kind"] == "not_applicable"
    assert "other tokens" in row["reason"]


def test_the_parent_writes_to_what_the_child_was_trained_for_and_to_nothing_else() -> None:
    specs = tuple(
        cell(model, [item(0)], replace(SUMS, task=task, capability=capability), protocol=protocol)
        .spec
        for model in (BASE, CHILD)
        for task, capability in (("sums", "math"), ("qa", "knowledge"))
        for protocol in ("uniform", "native")
    )  # fmt: skip
    told = replace(known(), specs=specs, writes=frozenset({"sums", "qa"}))
    (spec,) = razor.wants(told)
    assert (spec.model, spec.benchmark.task, spec.protocol) == (BASE, "sums", "uniform")
    drawing = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "until": []}
    assert drawing.items() <= spec.prompting.gen_kwargs.items()
