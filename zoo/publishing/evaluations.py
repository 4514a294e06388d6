"""Entries for model repositories: `.eval_results/*.yaml`, of benchmarks that have a board there.

Format: huggingface.co/docs/hub/eval-results. Values are in per cent, as the boards show them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from zoo.config import Evaluation
from zoo.publishing.bundle import Bundle
from zoo.publishing.names import is_hub_id, safe
from zoo.publishing.recording import Published
from zoo.results import Result

FOLDER = ".eval_results"
TITLE = "Evaluation results, measured with stagezoo"
REGISTERED = {
    **dict.fromkeys(
        (
            "gpqa_diamond_zeroshot",
            "gpqa_diamond_cot_zeroshot",
            "gpqa_diamond_n_shot",
            "leaderboard_gpqa_diamond",
        ),
        Evaluation("Idavidrein/gpqa", "diamond"),
    ),
    **dict.fromkeys(("gsm8k", "gsm8k_cot"), Evaluation("openai/gsm8k", "gsm8k")),
    "leaderboard_mmlu_pro": Evaluation("TIGER-Lab/MMLU-Pro", "mmlu_pro"),
}
"""Tasks of lm-eval that ask the whole of a benchmark of the Hub; zoo.toml adds to them."""
SAME_WEIGHTS = frozenset(
    "add_bos_token attn_implementation dtype enable_thinking max_gen_toks max_length parallelize "
    "prefix_token_id think_end_token tier trust_remote_code".split()
)
"""Arguments of a loader under which the weights are those of the model's repository."""
METRICS = ("acc", "acc_norm", "exact_match")
"""What such a board ranks by: shares of items, 0..1."""


@dataclass(frozen=True)
class Offers:
    """Bundles for models, and one sentence for each model or benchmark that gets none."""

    bundles: tuple[Bundle, ...]
    notes: tuple[str, ...]


def offers_of(
    runs: Sequence[Published],
    known: Mapping[str, Evaluation],
    readers: Collection[str],
    source: str = "",
) -> Offers:
    """What models of the Hub are offered, newest run first.

    known: benchmarks of the Hub by task, beside `REGISTERED`. readers: names of the loaders that
    read a model's own files. source: address of the results.
    """
    table = {**REGISTERED, **known}
    chosen: dict[tuple[str, str], Result] = {}
    notes: dict[str, None] = {}
    for result in _newest_and_native_first(runs):
        if reason := _unfit(result, table, readers):
            notes.setdefault(reason)
        else:
            chosen.setdefault((result.spec.model.id, result.spec.benchmark.task), result)
    files: dict[str, dict[str, bytes]] = {}
    for (model, task), result in chosen.items():
        path = f"{FOLDER}/{safe(task)}-stagezoo.yaml"
        files.setdefault(model, {})[path] = _entry(result, table[task], source)
    bundles = (Bundle("model", model, found, TITLE) for model, found in files.items())
    return Offers(tuple(bundles), tuple(notes))


def _newest_and_native_first(runs: Sequence[Published]) -> Iterator[Result]:
    """How a stage does when it is asked as its regime says is what a model page is about."""
    for run in runs:
        yield from sorted(run.results, key=lambda each: each.spec.protocol != "native")


def _unfit(result: Result, table: Mapping[str, Evaluation], readers: Collection[str]) -> str:
    """Why a result is no entry of a model's, or "" where it is one."""
    spec = result.spec
    model = spec.model
    task, score = spec.benchmark.task, result.score
    if task not in table:
        return f"{task} has no board on the Hub that zoo knows of ([publish.hub.evaluations])"
    if not is_hub_id(model.id) or {"pretrained", "peft"} & set(model.loader_args):
        return f"{model.id} was not run from the Hub"
    if result.provenance.imported:
        return f"the results of {model.id} are imported, not measured here"
    if result.provenance.loader not in readers or not result.provenance.weights:
        said = result.provenance.loader or "nobody knows which"
        return f"the loader of {model.id} ({said}) reads no files of its repository"
    if other := [*sorted(set(model.loader_args) - SAME_WEIGHTS), *model.regime_args]:
        return f"{model.id} was not run as it is in its repository ({', '.join(other)})"
    if spec.limit is not None:
        return f"{task} was asked in part (--limit {spec.limit})"
    if score is None or score.metric not in METRICS:
        return f"{task} of {model.id} has no score that a board ranks by"
    return ""


def _entry(result: Result, board: Evaluation, source: str) -> bytes:
    spec, score = result.spec, result.score
    assert score is not None
    shots = spec.benchmark.num_fewshot
    notes = [
        f"{spec.protocol} protocol",
        f"{score.metric}, {score.filter}",
        *([f"{shots}-shot"] if shots is not None else []),
        *([f"model at {spec.model.revision}"] if spec.model.revision else []),
        result.provenance.dtype,
        f"stderr {100 * score.stderr:.2f}" if score.stderr is not None else "",
    ]
    entry = {
        "dataset": {"id": board.dataset, "task_id": board.task_id},
        "value": round(100 * score.value, 4),
        **({"date": finished[:10]} if (finished := result.provenance.finished) else {}),
        **({"source": {"url": source, "name": "stagezoo"}} if source else {}),
        "notes": "; ".join(filter(None, notes)),
    }
    return yaml.safe_dump([entry], sort_keys=False, allow_unicode=True).encode()
