"""How fast the engine is, beside lm-eval's HFLM at its best batch size and lm-eval's vLLM backend.

    python tests/speed/scoring.py --workload mmlu|hellaswag|e2e|generate [--model 25m|62m|100m|8b]
        [--docs N] [--device cpu|cuda] [--dtype D] [--repeat N] [--threads N] [--json]

Random Llamas and a tokenizer trained on the spot, so that nothing is downloaded. What is timed is
`loglikelihood` or `generate_until` from strings (`e2e`: `simple_evaluate` on a local task), after a
warm-up, the engines taking turns in one process. The best of the rounds counts; all are told.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import comparisons
import material
import peers
import workloads
from timing import MatmulRate, Side, ratios, take_turns

DOCS = {"mmlu": 150, "hellaswag": 30, "e2e": 150, "generate": 32}
"""Documents, or prompts, where no number is given."""


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Runs one workload and returns what it showed."""
    model = material.model(options.model, device=options.device, dtype=options.dtype)
    kind = "generate" if options.workload == "generate" else "likelihood"
    sizes = peers.batches(options.device, kind, options.batch_sizes)
    ours = peers.ours(model)
    rate = MatmulRate(weights(material.SHAPES[options.model]), options.device, options.dtype)
    with tempfile.TemporaryDirectory() as name:
        others, absent = peers.peers(model, options.dtype, Path(name) / "model", sizes)
        lms = {**others, "zoo": ours}
        rows = [
            compare_row(options, model, lms, rate, shared, Path(name))
            for shared in ([options.shared, 0] if kind == "generate" else [0])
        ]
    return {
        "workload": options.workload,
        "docs": options.docs,
        "model": options.model,
        "parameters": sum(p.numel() for p in model.parameters()),
        "dtype": options.dtype,
        "device": options.device,
        "machine": material.machine(),
        "absent": absent,
        "choice": str(ours.choice),
        "rows": rows,
    }


def compare_row(
    options: argparse.Namespace,
    model: Any,
    lms: Mapping[str, Any],
    rate: MatmulRate,
    shared: int,
    folder: Path,
) -> dict[str, Any]:
    """One set of requests to all engines. shared: tokens that generation's prompts share."""
    pairs: list[tuple[str, str]] = []
    if options.workload == "generate":
        own = 50 if shared else options.shared + 50
        sides = comparisons.generations(
            lms, workloads.prompts(options.docs, shared, own), options.new
        )
    elif options.workload == "e2e":
        sides = comparisons.evaluations(lms, options.docs, folder)
    else:
        pairs = getattr(workloads, options.workload)(options.docs)
        sides = comparisons.likelihoods(lms, pairs)
    for side in sides:
        if side.name == "vllm":
            side.memory = None  # it takes its share of the device beforehand
    take_turns(sides, options.repeat, options.device, rate.sample)
    by_name = {side.name: side for side in sides}
    ours = by_name.pop("zoo")
    stock = [side for side in by_name.values() if side.name != "vllm"]
    best = min(stock, key=lambda side: side.best)
    row: dict[str, Any] = {
        "engines": {side.name: side.told() for side in sides},
        "best_hflm": best.name,
        "ratio": ratios(ours, best),
        "memory_share": None
        if not best.memory
        else round((ours.memory or 0) / max(side.memory or 0 for side in stock), 4),
    }
    if (side := by_name.get("vllm")) is not None:
        row["ratio_vllm"] = ratios(ours, side)
    if options.workload == "generate":
        row |= {"shared": shared, "equal": equal_texts(ours, best), "prompts": options.docs}
        return row
    row["max_difference"] = max(
        abs(float(a[0]) - float(b[0])) for a, b in zip(ours.answers, best.answers, strict=True)
    )
    if not pairs:
        return row
    row["gate"] = comparisons.greedy_gate(model, pairs)
    if statistics := getattr(lms["zoo"].way, "statistics", None):  # only the stream counts them
        row["stream"] = statistics
        row["utilisation"] = utilisation(options.model, statistics, ours.best, rate)
    return row


def equal_texts(ours: Side, other: Side) -> int:
    """Answers that are the same text."""
    return sum(map(str.__eq__, ours.answers, other.answers))


def weights(shape: Mapping[str, int]) -> list[tuple[int, int]]:
    """(inputs, outputs) of each weight of a layer; the last three are its feed-forward part."""
    width, inner = shape["hidden_size"], shape["intermediate_size"]
    keys = width // shape["num_attention_heads"] * shape["num_key_value_heads"]
    attention = [(width, width), (width, keys), (width, keys), (width, width)]
    return [*attention, (width, inner), (width, inner), (inner, width)]


def utilisation(
    name: str, statistics: Mapping[str, int], seconds: float, rate: MatmulRate
) -> dict[str, float]:
    """Arithmetic a second, as a share of the measured peaks.

    Done: two operations for each weight and token that meets it, the last feed-forward part and the
    head meeting scored rows alone; with attention, four for each visible pair, channel and layer
    but the last. `model`: of the plain model over every unique token, head and last layer whole, as
    model FLOPs utilisation is defined (Chowdhery et al. 2022, PaLM, appendix B). The peak is of the
    largest weight, or of all of a layer's (`mix`).
    """
    shape = material.SHAPES[name]
    layer = [a * b for a, b in weights(shape)]
    layers, width = shape["num_hidden_layers"], shape["hidden_size"]
    tokens, rows = statistics["tokens"], statistics["rows"]
    body = layers * sum(layer) * tokens - sum(layer[-3:]) * (tokens - rows)
    products = 2 * (body + width * shape["vocab_size"] * rows)
    attention = 4 * statistics["pairs"] * width * (layers - 1)
    whole = 2 * (layers * sum(layer) + width * shape["vocab_size"]) * tokens
    whole += 4 * statistics["pairs"] * width * layers
    return {
        "peak_gflops": round(rate.largest / 1e9, 1),
        "mix_gflops": round(rate.mix / 1e9, 1),
        "model": round(whole / seconds / rate.largest, 3),
        "weights": round(products / seconds / rate.largest, 3),
        "with_attention": round((products + attention) / seconds / rate.largest, 3),
        "with_attention_of_mix": round((products + attention) / seconds / rate.mix, 3),
    }


def show(found: Mapping[str, Any]) -> None:
    """Prints what a person wants to read."""
    for row in found["rows"]:
        if "shared" in row:
            print(f"{row['shared']} tokens shared, {row['prompts']} prompts")
        for name, side in row["engines"].items():
            print(f"{name:14} {min(side['wall']):8.2f} s of {side['wall']}", end="")
            print(f"  {side['extra_memory_mb']} MB extra")
        ratio = row["ratio"]
        print(
            f"{ratio['wall']} x {row['best_hflm']} (cpu time {ratio['cpu']} x); "
            f"round by round {ratio['rounds']}; memory {row['memory_share']} of HFLM's most"
        )
        for name in ("ratio_vllm", "max_difference", "gate", "equal", "utilisation"):
            if name in row:
                print(f"{name}: {row[name]}")
    for name, reason in found["absent"].items():
        print(f"{name} is left out: {reason}")


def main() -> None:
    """Reads the options, compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", choices=DOCS, default="mmlu")
    parser.add_argument("--model", choices=material.SHAPES, default="25m")
    parser.add_argument("--docs", type=int, help="documents or prompts")
    parser.add_argument("--shared", type=int, default=1000, help="tokens that prompts share")
    parser.add_argument("--new", type=int, default=64, help="tokens to generate")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--batch-sizes", type=int, nargs="*")
    parser.add_argument("--repeat", type=int, default=2, help="rounds")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.docs = options.docs or DOCS[options.workload]
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    found = compare(options)
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        show(found)


if __name__ == "__main__":
    main()
