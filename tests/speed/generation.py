"""Generation beside lm-eval's HFLM: prompts that share a long beginning, and prompts that do not.

    python tests/speed/generation.py [--size 25m] [--prompts 32] [--shared 1000] [--new 64]
        [--threads N] [--rounds 2] [--json]

Random fp32 models, greedy. HFLM at its best batch size of 1, 8 and 32. Timed from strings to
texts, engines in turn; the answers must be equal.
"""

from __future__ import annotations

import argparse
import json
import random

import material


def prompts(tokenizer, count: int, shared: int, own: int) -> list[str]:
    """Texts of about shared + own tokens, the first `shared` of them the same."""
    source = random.Random(0)

    def exactly(length: int) -> str:
        ids = tokenizer(material.text(source, 2 * length), add_special_tokens=False)["input_ids"]
        return tokenizer.decode(ids[:length]).strip()

    beginning = exactly(shared) + "\n\n" if shared else ""
    return [beginning + exactly(max(4, int(source.gauss(own, own / 8)))) for _ in range(count)]


def compare(args: argparse.Namespace, shared: int) -> dict:
    """One workload through both."""
    from lm_eval.api.instance import Instance

    from zoo.engine.decoding import generate
    from zoo.engine.encoding import Encoder

    tokenizer = material.tokenizer()
    model = material.model(args.size, device=args.device)
    own = args.own if shared else args.shared + args.own
    texts = prompts(tokenizer, args.prompts, shared, own)
    arguments = {"until": ["\n\n\n\n"], "max_gen_toks": args.new}
    instances = [Instance("generate_until", {}, (text, arguments), 0) for text in texts]
    eos = tokenizer.eos_token

    def ours() -> list[str]:
        encoder = Encoder(tokenizer, add_bos=None, max_length=4096)
        found = generate(
            model,
            encoder.prompts(texts, max_new_tokens=args.new),
            tokenizer=tokenizer,
            max_new_tokens=args.new,
            stops=[*arguments["until"], eos],
            eos_ids=[tokenizer.eos_token_id],
        )
        return [answer.text for (answer,) in found]

    runs = {"zoo": ours}
    for rows in args.batch_sizes:
        lm = material.hflm(model, tokenizer, rows)
        runs[f"hflm {rows}"] = lambda lm=lm: lm.generate_until(instances, disable_tqdm=True)
    ours()
    seconds, answers = material.timed(runs, args.rounds)
    best = min((name for name in runs if name != "zoo"), key=lambda name: min(seconds[name]))
    alike = [sum(map(str.__eq__, answers["zoo"], answers[name])) for name in runs]
    return {
        "shared": shared,
        "seconds": {name: [round(each, 2) for each in times] for name, times in seconds.items()},
        "best": best,
        "ratio": round(min(seconds[best]) / min(seconds["zoo"]), 2),
        "equal": dict(zip(runs, alike, strict=True)),
        "prompts": len(texts),
    }


def main() -> None:
    """Times both workloads and prints the ratios."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=material.SIZES, default="25m")
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--shared", type=int, default=1000)
    parser.add_argument("--own", type=int, default=50)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    found = {
        "machine": material.machine(),
        "model": args.size,
        "rows": [compare(args, shared) for shared in (args.shared, 0)],
    }
    if args.json:
        print(json.dumps(found, indent=1))
        return
    for row in found["rows"]:
        kind = f"{row['shared']} tokens shared" if row["shared"] else "nothing shared"
        print(f"{kind}: {row['ratio']} x {row['best']}; {row['seconds']}; equal {row['equal']}")


if __name__ == "__main__":
    main()
