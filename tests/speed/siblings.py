"""Eight LoRA siblings in one run, beside eight models with the adapters merged into the weights.

    python tests/speed/siblings.py [--size 100m] [--siblings 8] [--subjects 2] [--docs 40]
        [--rank 16] [--batch-size 8] [--threads N] [--json]

Random fp32 Llama weights; adapters over all linear layers. Tasks shaped as MMLU, as in lineage.py.
Timed, each from the start of a process to its end: one `zoo run` of the adapters, whose base is
loaded once; one `zoo run` of the merged models, eight loads; a `zoo run` for each of the merged
models; and lm-eval with HFLM, a process for each of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import material
from lineage import PEER, timed, write_tasks


def write_siblings(root: Path, size: str, count: int, rank: int) -> None:
    """`base`, and for each sibling an adapter `lora-N` and the same merged, `merged-N`."""
    import torch
    from peft import LoraConfig, get_peft_model

    tokenizer = material.tokenizer()
    base = material.model(size)
    base.save_pretrained(root / "base")
    tokenizer.save_pretrained(root / "base")
    for number in range(count):
        torch.manual_seed(number + 1)
        config = LoraConfig(
            r=rank,
            target_modules="all-linear",
            init_lora_weights=False,
            task_type="CAUSAL_LM",
            base_model_name_or_path="./base",
        )
        adapted = get_peft_model(material.model(size), config)
        adapted.peft_config["default"].base_model_name_or_path = str(root / "base")
        adapted.save_pretrained(root / f"lora-{number}")
        adapted.merge_and_unload().save_pretrained(root / f"merged-{number}")
        tokenizer.save_pretrained(root / f"merged-{number}")


def scores_of(root: Path, store: str, models: list[str]) -> dict[str, dict[str, float]]:
    """model -> task -> accuracy, of a store."""
    report = [sys.executable, "-m", "zoo", "report", *models, "--format", "json", "--store", store]
    _, printed = timed(report, root, None)
    return {
        Path(stage["model"]).name: {each["benchmark"]: each["value"] for each in stage["scores"]}
        for stage in json.loads(printed)["stages"]
    }


def main() -> None:
    """Times all four and prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=material.SHAPES, default="100m")
    parser.add_argument("--siblings", type=int, default=8)
    parser.add_argument("--subjects", type=int, default=2)
    parser.add_argument("--docs", type=int, default=40)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=8, help="of lm-eval")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_siblings(root, args.size, args.siblings, args.rank)
        tasks = write_tasks(root / "tasks", args.subjects, args.docs)
        adapters = [f"./lora-{number}" for number in range(args.siblings)]
        merged = [f"./merged-{number}" for number in range(args.siblings)]

        def ours(models: list[str], store: str) -> float:
            command = [sys.executable, "-m", "zoo", "run", *models, "--tasks", ",".join(tasks)]
            command += ["--include-path", "tasks", "--protocol", "uniform", "--device", "cpu"]
            command += ["--progress", "none", "--store", store, "--num-fewshot", "5"]
            return timed(command, root, args.threads)[0]

        seconds["adapters, one run"] = ours(adapters, "adapters")
        seconds["merged, one run"] = ours(merged, "merged")
        seconds["merged, a run each"] = sum(
            ours([each], f"apart-{number}") for number, each in enumerate(merged)
        )
        theirs: dict[str, dict[str, float]] = {}
        seconds["merged, lm-eval each"] = 0.0
        for each in merged:
            peer = [sys.executable, "-c", PEER, each, "tasks", str(args.batch_size), *tasks]
            taken, printed = timed(peer, root, args.threads)
            seconds["merged, lm-eval each"] += taken
            theirs[Path(each).name] = json.loads(printed.splitlines()[-1])
        mine = scores_of(root, "adapters", adapters)
        whole = scores_of(root, "merged", merged)
    fastest = seconds["adapters, one run"]
    pairs = [(mine[f"lora-{n}"], whole[f"merged-{n}"]) for n in range(args.siblings)]
    items = args.subjects * args.docs
    found: dict[str, Any] = {
        "machine": material.machine() | {"threads": args.threads or "default"},
        "model": args.size,
        "siblings": args.siblings,
        "items": items,
        "seconds": {name: round(taken, 1) for name, taken in seconds.items()},
        "ratios": {name: round(taken / fastest, 2) for name, taken in seconds.items()},
        "largest difference of an accuracy": max(
            abs(one[task] - other[task]) for one, other in pairs for task in tasks
        ),
        "merged equal lm-eval": all(whole[name] == theirs[name] for name in theirs),
    }
    if args.json:
        print(json.dumps(found, indent=1))
        return
    print(
        f"{args.siblings} LoRA siblings over {args.size} in one run; the others take "
        f"{found['ratios']} times as long; seconds {found['seconds']}; accuracies differ by "
        f"{found['largest difference of an accuracy']:.4f} at most (an item is {1 / args.docs:.4f})"
    )


if __name__ == "__main__":
    main()
