"""lm-eval's vLLM backend: choices of one token are not grouped, and prefixes are read again.

It sends every (context, continuation) as a prompt of its own (HFLM groups those that differ in the
last token alone), with `prompt_logprobs`, for which vLLM skips reading its prefix cache. A 5-shot
question with four choices of a letter is read four times from its first token.

Needs vLLM (exit status 77 without it) and a checkpoint: `MODEL=folder python <this file>`.
"""

import os
import sys
from importlib.util import find_spec

if find_spec("vllm") is None or "MODEL" not in os.environ:
    print("needs vLLM and MODEL=<a checkpoint>")
    sys.exit(77)

from lm_eval.api.instance import Instance
from lm_eval.models.vllm_causallms import VLLM

lm = VLLM(os.environ["MODEL"], max_model_len=2048, enable_prefix_caching=True)
outputs = []
generate = lm.model.generate


def recorded(*args, **kwargs):
    found = generate(*args, **kwargs)
    outputs.extend(found)
    return found


lm.model.generate = recorded
context = "The cat sat on the mat and the dog sat on the log. " * 60 + "Answer:"
requests = [
    Instance("loglikelihood", {}, (context, f" {letter}"), number, ("", 0, 1))
    for number, letter in enumerate("ABCD")
]
lm.loglikelihood(requests)
prompts = [len(each.prompt_token_ids) for each in outputs]
cached = [each.num_cached_tokens or 0 for each in outputs]
print(f"{len(requests)} choices: prompts of {prompts} tokens, of which cached {cached}")
assert len(prompts) == len(requests), "choices are grouped now"
assert sum(cached) == 0, "the prefix cache is read now"
