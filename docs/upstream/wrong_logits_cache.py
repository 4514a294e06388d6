"""lm-eval's HFLM, `logits_cache=True` (its default): equal tokens, split elsewhere, wrong answer.

Requests are grouped by context + continuation[:-1], and a group's logits are cut to the length of
one member's continuation. A member whose continuation is shorter then reads the first of these rows
instead of the last.
"""

import torch
from lm_eval.models.huggingface import HFLM
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

vocabulary = {"<s>": 0, "</s>": 1, **{f"w{i}": i for i in range(2, 64)}}
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=Tokenizer(models.WordLevel(vocabulary)), bos_token="<s>", eos_token="</s>"
)
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=64,
    hidden_size=32,
    intermediate_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    initializer_range=0.5,
)
model = LlamaForCausalLM(config).eval()

requests = [(("", ""), [0, 5, 6], [7, 8]), (("", ""), [0, 5, 6, 7], [8])]
found = {
    cached: HFLM(
        pretrained=model, tokenizer=tokenizer, batch_size=1, logits_cache=cached
    )._loglikelihood_tokens(requests, disable_tqdm=True)
    for cached in (False, True)
}
for (_, context, continuation), right, wrong in zip(
    requests, found[False], found[True], strict=True
):
    print(f"{continuation} after {context}: {right[0]:.3f} without the cache, {wrong[0]:.3f} with")
assert abs(found[True][1][0] - found[False][1][0]) > 0.1, "the fault is gone"
