"""Ten runs of a lineage beside one run of lm-eval.

    python tests/speed/lineage.py [--loader torch|hf] [--size 25m] [--subjects 4] [--docs 150]
        [--batch-sizes 1 8] [--repeat 1] [--threads N] [--json]

The lineage: five stages of random fp32 Llama models, under both protocols, ten runs, on a suite
shaped as MMLU: for each subject a description, five fixed examples of about 140 tokens and
questions of about 85, four choices of one letter. `zoo run` evaluates it whole, computes intervals
and writes its report. lm-eval evaluates one stage by plain completion: `simple_evaluate` with HFLM
at its best batch size, its logits cache on as it is by default. Each is a process of its own,
from start to end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import material

STAGES = {
    "base": ("pretrained", None),
    "domain": ("fine-tuned", "base"),
    "instruct": ("instruction-tuned", "domain"),
    "reasoner": ("RL-tuned", "instruct"),
    "aligned": ("RL-tuned", "reasoner"),
}
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}[{{ message.role }}]\n{{ message.content }}\n"
    "{% endfor %}{% if add_generation_prompt %}[assistant]\n{% endif %}"
)
QUESTION = "{{question}}\\nA. {{a}}\\nB. {{b}}\\nC. {{c}}\\nD. {{d}}\\nAnswer:"

PEER = """
import json
import sys
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

model, folder, rows, *tasks = sys.argv[1:]
lm = HFLM(model, device="cpu", dtype="float32", batch_size=int(rows))
found = simple_evaluate(
    lm, tasks=tasks, task_manager=TaskManager(include_path=folder, include_defaults=False)
)
print(json.dumps({task: found["results"][task]["acc,none"] for task in tasks}))
"""


def write_models(root: Path, size: str) -> None:
    """The stages' checkpoints; those that are asked in chat have a chat template."""
    tokenizer = material.tokenizer()
    for seed, (name, (regime, _)) in enumerate(STAGES.items()):
        folder = root / name
        material.model(size, seed=seed).save_pretrained(folder)
        is_chat = regime in {"instruction-tuned", "RL-tuned"}
        tokenizer.chat_template = CHAT_TEMPLATE if is_chat else None
        tokenizer.save_pretrained(folder)
    tokenizer.chat_template = None


def write_tasks(folder: Path, subjects: int, docs: int) -> list[str]:
    """One task for each subject, its data beside it; returns their names."""
    source = random.Random(0)
    folder.mkdir()

    def doc(words: int) -> dict[str, Any]:
        choices = {letter: material.text(source, 2) for letter in "abcd"}
        question = material.text(source, words)
        return {"question": question, **choices, "gold": source.randrange(4)}

    def lines(rows: list[dict[str, Any]]) -> str:
        return "".join(json.dumps(row) + "\n" for row in rows)

    names = [f"subject_{number}" for number in range(subjects)]
    for name in names:
        # the shape of a word of code is about a token and a half
        asked = [doc(max(8, int(source.lognormvariate(3.3, 0.5)))) for _ in range(docs)]
        (folder / f"{name}.test.jsonl").write_text(lines(asked))
        (folder / f"{name}.dev.jsonl").write_text(lines([doc(70) for _ in range(5)]))
        (folder / f"{name}.yaml").write_text(
            f"task: {name}\n"
            "dataset_path: json\n"
            "dataset_kwargs:\n  data_files:\n"
            f"    test: {folder}/{name}.test.jsonl\n    dev: {folder}/{name}.dev.jsonl\n"
            "test_split: test\nfewshot_split: dev\nfewshot_config: {sampler: first_n}\n"
            "num_fewshot: 5\noutput_type: multiple_choice\n"
            f'description: "CellRequests (with answers) about {name}.\\n\\n"\n'
            f'doc_to_text: "{QUESTION}"\n'
            'doc_to_choice: ["A", "B", "C", "D"]\ndoc_to_target: gold\n'
            "metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]\n"
            "metadata: {version: 1}\n"
        )
    return names


def write_zoo(root: Path, tasks: list[str]) -> None:
    """zoo.toml: the family and its suite."""

    def table(**pairs: Any) -> str:
        return (
            "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in pairs.items()) + " }"
        )

    models = [
        table(id=f"./{name}", regime=regime, **({"base_model": f"./{base}"} if base else {}))
        for name, (regime, base) in STAGES.items()
    ]
    benchmarks = [
        table(
            task=task,
            metric="acc",
            num_fewshot=5,
            axis="special" if number else "general",
            capability=f"skill-{number % 2}",
            chance=0.25,
        )
        for number, task in enumerate(tasks)
    ]
    (root / "zoo.toml").write_text(
        '[families.speed]\nsuite = "speed"\nmodels = [\n  ' + ",\n  ".join(models) + "\n]\n"
        "[suites.speed]\nbenchmarks = [\n  " + ",\n  ".join(benchmarks) + "\n]\n"
    )


def timed(command: list[str], folder: Path, threads: int | None) -> tuple[float, str]:
    """Wall seconds of a command that must succeed, and what it printed."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hf")}
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    started = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[:4]} fails:\n{done.stdout[-2000:]}{done.stderr[-3000:]}")
    return time.monotonic() - started, done.stdout


def accuracies(folder: Path, store: str) -> dict[tuple[str, str], dict[str, float]]:
    """(stage, protocol) -> task -> accuracy, of every run that is scored."""
    report = [sys.executable, "-m", "zoo", "report", "speed", "--format", "json", "--store", store]
    _, printed = timed(report, folder, None)
    found: dict[tuple[str, str], dict[str, float]] = {}
    for stage in json.loads(printed)["stages"]:
        for score in stage["scores"]:
            if score["status"] == "scored":
                run = found.setdefault((Path(stage["model"]).name, score["protocol"]), {})
                run[score["benchmark"]] = score["value"]
    return found


def main() -> None:
    """Times both and prints the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loader", choices=["torch", "hf"], default="torch")
    parser.add_argument("--size", choices=material.SHAPES, default="25m")
    parser.add_argument("--subjects", type=int, default=4)
    parser.add_argument("--docs", type=int, default=150)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_models(root, args.size)
        tasks = write_tasks(root / "tasks", args.subjects, args.docs)
        write_zoo(root, tasks)
        for number in range(args.repeat):
            ours = [sys.executable, "-m", "zoo", "run", "speed", "--suite", "speed"]
            ours += ["--protocol", "both", "--loader", args.loader, "--progress", "none"]
            ours += ["--include-path", "tasks", "--device", "cpu", "--store", f"store-{number}"]
            taken, _ = timed(ours, root, args.threads)
            times.setdefault("zoo", []).append(taken)
            for rows in args.batch_sizes:
                peer = [sys.executable, "-c", PEER, "base", "tasks", str(rows), *tasks]
                taken, printed = timed(peer, root, args.threads)
                times.setdefault(f"hflm {rows}", []).append(taken)
                theirs = json.loads(printed.splitlines()[-1])
        runs = accuracies(root, "store-0")
    best = min((each for each in times if each != "zoo"), key=lambda each: min(times[each]))
    found = {
        "machine": material.machine() | {"threads": args.threads or "default"},
        "loader": args.loader,
        "model": args.size,
        "items": args.subjects * args.docs,
        "seconds": {each: [round(one, 1) for one in taken] for each, taken in times.items()},
        "best": best,
        "runs": len(runs),
        "equal": runs["base", "uniform"] == theirs,
        "ratio": round(min(times[best]) / min(times["zoo"]), 2),
    }
    if args.json:
        print(json.dumps(found, indent=1))
        return
    print(
        f"one run by lm-eval ({best}) takes {found['ratio']} times as long as {found['runs']} by "
        f"zoo ({args.loader}); seconds {found['seconds']}; accuracies equal: {found['equal']}"
    )


if __name__ == "__main__":
    main()
