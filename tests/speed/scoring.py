"""How fast the engine scores, beside lm-eval's HFLM at its best batch size.

    python tests/speed/scoring.py --workload mmlu|hellaswag|e2e [--model s32|s128|m32] [--json]

Random Llamas and a tokenizer trained on the spot, so that nothing is downloaded. What is timed is
`lm.loglikelihood(requests)` from strings (`e2e`: `lm_eval.simple_evaluate` on a local task), after
a warm-up, the engines taking turns in one process; the best of the rounds counts.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import platform
import random
import re
import sysconfig
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from zoo.engine.adapter import TorchLM
from zoo.engine.scorer import Packed

SMALL = {"hidden_size": 384, "num_hidden_layers": 8, "num_attention_heads": 6}
SMALL |= {"num_key_value_heads": 2, "intermediate_size": 1024}
MEDIUM = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
MEDIUM |= {"num_key_value_heads": 4, "intermediate_size": 2048}
LARGE = {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32}
LARGE |= {"num_key_value_heads": 8, "intermediate_size": 14336}
MODELS: dict[str, dict[str, int]] = {
    "s32": {**SMALL, "vocab_size": 32_000},
    "s128": {**SMALL, "vocab_size": 128_256},
    "m32": {**MEDIUM, "vocab_size": 32_000},
    "8b": {**LARGE, "vocab_size": 128_256},
}

TASK = r"""
task: speed_mc
dataset_path: json
dataset_kwargs:
  data_files: {test: FOLDER/test.jsonl, dev: FOLDER/dev.jsonl}
test_split: test
fewshot_split: dev
fewshot_config: {sampler: first_n}
output_type: multiple_choice
doc_to_text: "{{question}}\n
  {%- for choice in choices %}{{ 'ABCD'[loop.index0] }}. {{choice}}\n{% endfor %}Answer:"
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: answer
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
"""


class Texts:
    """Words of the standard library's sources, and a tokenizer of 32,000 entries made of them."""

    def __init__(self) -> None:
        sources = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("**/*.py"))
        texts = [path.read_text(errors="ignore") for path in sources if path.stat().st_size < 4e5]
        self.words = re.findall(r"[A-Za-z]{2,12}", "\n".join(texts[:200]))[:200_000]
        self.tokenizer = _train(texts[:2500])

    def draw(self, rng: random.Random, n: int) -> str:
        """A text of about n tokens."""
        at = rng.randrange(len(self.words) - 2 * n - 10)
        ids = self.tokenizer(" ".join(self.words[at : at + n]), add_special_tokens=False).input_ids
        return str(self.tokenizer.decode(ids[:n])).strip()


def _train(texts: list[str]) -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=32_000,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


def mmlu(texts: Texts, docs: int) -> list[tuple[str, str]]:
    """Five shots of about 700 tokens, the same for all; questions of about 85; " A" to " D"."""
    rng = random.Random(0)
    options = "\nA. x\nB. y\nC. z\nD. w\nAnswer:"
    shots = f"The following are multiple choice questions about {texts.draw(rng, 3)}.\n\n"
    for _ in range(5):
        shots += f"{texts.draw(rng, 120)}{options} {rng.choice('ABCD')}\n\n"
    pairs = []
    for _ in range(docs):
        length = max(15, int(rng.lognormvariate(np.log(68), 0.6)) - 15)
        context = shots + texts.draw(rng, length) + options
        pairs += [(context, f" {letter}") for letter in "ABCD"]
    return pairs


def hellaswag(texts: Texts, docs: int) -> list[tuple[str, str]]:
    """850 tokens of shots, other ones for each document; contexts of 60; four endings of 25."""
    rng = random.Random(0)
    pairs = []
    for _ in range(docs):
        shots = "\n\n".join(texts.draw(rng, 85) for _ in range(10))
        context = f"{shots}\n\n{texts.draw(rng, max(20, int(rng.gauss(60, 15))))}"
        for _ in range(4):
            pairs.append((context, " " + texts.draw(rng, max(5, int(rng.gauss(25, 8))))))
    return pairs


def instances(pairs: list[tuple[str, str]]) -> list[Instance]:
    return [Instance("loglikelihood", {}, pair, i, ("", i, 1)) for i, pair in enumerate(pairs)]


def build(name: str, device: str, dtype: torch.dtype) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        **MODELS[name],
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=True,
        initializer_range=0.05,
    )
    with torch.device(device):
        return LlamaForCausalLM(config).to(dtype).eval()


@dataclass
class Engine:
    """One side of the comparison. wall, cpu: seconds of each round; peak: extra bytes."""

    name: str
    run: Callable[[], Any]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: int = 0
    answers: Any = None

    def round(self, device: str) -> None:
        before = _reset_peak(device)
        wall, cpu = time.perf_counter(), time.process_time()
        self.answers = self.run()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)
        self.peak = max(self.peak, _peak(device) - before)


def _status(name: str) -> int:
    text = Path("/proc/self/status").read_text()
    found = re.search(rf"{name}:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else 0


def _reset_peak(device: str) -> int:
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return int(torch.cuda.memory_allocated())
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    return 0


def _peak(device: str) -> int:
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated())
    return _status("VmHWM") if Path("/proc/self/clear_refs").exists() else 0


def matmul_rate(name: str, device: str, dtype: torch.dtype, seconds: float = 1.5) -> float:
    """Best FLOP/s of the model's own largest weight times 2,048 tokens."""
    width, inner = MODELS[name]["hidden_size"], MODELS[name]["intermediate_size"]
    x = torch.randn(2048, width, device=device, dtype=dtype)
    weight = torch.randn(inner, width, device=device, dtype=dtype)
    best, until = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        start = time.perf_counter()
        for _ in range(5):
            torch.nn.functional.linear(x, weight)
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        best = max(best, 5 * 2 * 2048 * width * inner / (time.perf_counter() - start))
    return best


def greedy_gate(model: Any, tokenizer: Any, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Difference and agreement with HFLM without its logits cache, half of it true greedy."""
    rng = random.Random(1)
    requests = []
    for context, _ in rng.sample(pairs, min(8, len(pairs))):
        ids = tokenizer(context).input_ids
        written = model.generate(
            torch.tensor([ids], device=model.device),
            max_new_tokens=4,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=2,
        )[0, len(ids) :].tolist()
        other = [*written[:2], (written[2] + 1) % 32_000, written[3]]
        requests += [(("", ""), ids, part) for part in (written[:1], written, other, written[:2])]
        requests.append((("", ""), ids + written[:1], written[1:3]))
    options: dict[str, Any] = {"batch_size": 1, "softmax_dtype": "float32"}
    plain = HFLM(pretrained=model, tokenizer=tokenizer, logits_cache=False, **options)
    expected = plain._loglikelihood_tokens(requests, disable_tqdm=True)
    found = TorchLM.of(model, tokenizer)._loglikelihood_tokens(requests)
    return {
        "requests": len(requests),
        "greedy_share": sum(hit for _, hit in expected) / len(expected),
        "greedy_agreement": sum(a[1] == b[1] for a, b in zip(found, expected, strict=True))
        / len(expected),
        "max_difference": max(abs(a[0] - b[0]) for a, b in zip(found, expected, strict=True)),
    }


def likelihood_engines(
    model: Any, tokenizer: Any, pairs: list[tuple[str, str]], sizes: list[int | str]
) -> tuple[list[Engine], TorchLM]:
    requests = instances(pairs)
    ours = TorchLM.of(model, tokenizer)
    engines = []
    for size in sizes:
        lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=size, softmax_dtype="float32")
        engines.append(Engine(f"hflm bs={size}", _asking(lm, requests)))
    engines.append(Engine(f"zoo {ours.choice.tier}/{ours.choice.kernel}", _asking(ours, requests)))
    for engine in engines:
        engine.run.warm()  # type: ignore[attr-defined]
    return engines, ours


def _asking(lm: Any, requests: list[Instance]) -> Callable[[], Any]:
    def run() -> Any:
        return lm.loglikelihood(requests, disable_tqdm=True)

    run.warm = lambda: lm.loglikelihood(requests[:4], disable_tqdm=True)  # type: ignore[attr-defined]
    return run


def end_to_end_engines(
    model: Any, texts: Texts, docs: int, sizes: list[int | str], folder: Path
) -> tuple[list[Engine], TorchLM]:
    """`simple_evaluate` on a 5-shot multiple-choice task of `docs` documents.

    HFLM renders with lm-eval's own templates, the engine with those of `zoo run`.
    """
    import lm_eval
    import lm_eval.utils
    from lm_eval.tasks import TaskManager

    from zoo.evaluation.tasks import _sandbox_templates

    rng = random.Random(0)
    for name, size in (("test", docs), ("dev", 20)):
        rows = [
            {
                "question": texts.draw(rng, 60),
                "choices": [texts.draw(rng, 6) for _ in range(4)],
                "answer": rng.randrange(4),
            }
            for _ in range(size)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "speed_mc.yaml").write_text(TASK.replace("FOLDER", str(folder)))
    tasks = TaskManager(include_path=str(folder), include_defaults=False)
    stock_templates = lm_eval.utils.env
    _sandbox_templates()  # as `zoo run` renders: each template is compiled once
    our_templates = lm_eval.utils.env

    def evaluating(lm: Any) -> Callable[[], Any]:
        def run() -> Any:
            lm_eval.utils.env = our_templates if isinstance(lm, TorchLM) else stock_templates
            found = lm_eval.simple_evaluate(
                model=lm, tasks=["speed_mc"], num_fewshot=5, task_manager=tasks
            )
            return [
                tuple(answer[0])
                for sample in found["samples"]["speed_mc"]
                for answer in sample["resps"]
            ]

        return run

    ours = TorchLM.of(model, texts.tokenizer)
    engines = [
        Engine(
            f"hflm bs={size}",
            evaluating(
                HFLM(
                    pretrained=model,
                    tokenizer=texts.tokenizer,
                    batch_size=size,
                    softmax_dtype="float32",
                )
            ),
        )
        for size in sizes
    ]
    engines.append(Engine(f"zoo {ours.choice.tier}/{ours.choice.kernel}", evaluating(ours)))
    engines[-1].run()
    return engines, ours


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Runs one workload and returns what it showed."""
    dtype = getattr(torch, options.dtype)
    texts = Texts()
    model = build(options.model, options.device, dtype)
    sizes: list[int | str] = options.batch_sizes or (
        [32, 64, "auto"] if options.device.startswith("cuda") else [1, 8]
    )
    gate: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        if options.workload == "e2e":
            engines, ours = end_to_end_engines(model, texts, options.docs, sizes, Path(folder))
        else:
            pairs = (mmlu if options.workload == "mmlu" else hellaswag)(texts, options.docs)
            engines, ours = likelihood_engines(model, texts.tokenizer, pairs, sizes)
            gate = greedy_gate(model, texts.tokenizer, pairs)
        for _ in range(options.rounds):
            for engine in engines:
                engine.round(options.device)
    stock, mine = engines[:-1], engines[-1]
    best = min(stock, key=lambda engine: min(engine.wall))
    head = model.get_input_embeddings().weight.numel()
    body = sum(p.numel() for p in model.parameters()) - head
    rate = matmul_rate(options.model, options.device, dtype)
    assert isinstance(ours.way, Packed)
    statistics = ours.way.statistics
    shape = MODELS[options.model]
    weights = 2 * (body * statistics["tokens"] + head * statistics["rows"])
    attention = 4 * statistics["pairs"] * shape["hidden_size"] * shape["num_hidden_layers"]
    capacity = min(mine.wall) * rate
    return {
        "workload": options.workload,
        "docs": options.docs,
        "model": options.model,
        "parameters": body + head,
        "dtype": options.dtype,
        "device": options.device,
        "threads": torch.get_num_threads(),
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "engines": {
            engine.name: {
                "wall": [round(s, 3) for s in engine.wall],
                "cpu": [round(s, 3) for s in engine.cpu],
                "extra_memory_mb": round(engine.peak / 1e6),
            }
            for engine in engines
        },
        "best_hflm": best.name,
        "ratio_wall": min(best.wall) / min(mine.wall),
        "ratio_cpu": min(min(e.cpu) for e in stock) / min(mine.cpu),
        "max_difference": max(
            abs(float(a[0]) - float(b[0])) for a, b in zip(mine.answers, best.answers, strict=True)
        ),
        "gate": gate,
        "choice": str(ours.choice),
        "stream": statistics,
        "utilisation": weights / capacity,
        "utilisation_with_attention": (weights + attention) / capacity,
        "matmul_gflops": rate / 1e9,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", choices=("mmlu", "hellaswag", "e2e"), default="mmlu")
    parser.add_argument("--model", choices=MODELS, default="s32")
    parser.add_argument("--docs", type=int, default=None)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--batch-sizes", type=int, nargs="*", default=None)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.docs = options.docs or {"mmlu": 150, "hellaswag": 30, "e2e": 150}[options.workload]
    if options.threads:
        torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    found = compare(options)
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for name, engine in found["engines"].items():
        print(f"{name:18} {min(engine['wall']):8.2f} s  {engine['extra_memory_mb']:6} MB extra")
    print(
        f"{found['ratio_wall']:.1f} x {found['best_hflm']} (cpu time {found['ratio_cpu']:.1f} x), "
        f"largest difference {found['max_difference']:.1e}, "
        f"{found['utilisation']:.0%} ({found['utilisation_with_attention']:.0%} with attention) "
        f"of {found['matmul_gflops']:.0f} GFLOP/s"
    )
    if found["gate"]:
        print("gate:", found["gate"])


if __name__ == "__main__":
    main()
