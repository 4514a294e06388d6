"""lm-eval's HFLM rounds log-probabilities to the model's dtype (`softmax_dtype=None`, its default).

In bfloat16 that alone moves a log-probability of -16 by up to .06 nats, on top of what the logits
have lost; sums over long continuations move further. The softmax of the same logits in fp32 is
exact, and next to free.
"""

import torch
from lm_eval.models.huggingface import HFLM
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

vocabulary = {"<s>": 0, "</s>": 1, **{f"w{i}": i for i in range(2, 4096)}}
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=Tokenizer(models.WordLevel(vocabulary)), bos_token="<s>", eos_token="</s>"
)
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=4096,
    hidden_size=64,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=2,
    initializer_range=0.3,
)
model = LlamaForCausalLM(config).to(torch.bfloat16).eval()
requests = [(("", ""), [0, i], [i + 1]) for i in range(2, 200)]
found = {
    dtype: HFLM(
        pretrained=model, tokenizer=tokenizer, batch_size=1, softmax_dtype=dtype, logits_cache=False
    )._loglikelihood_tokens(requests, disable_tqdm=True)
    for dtype in (None, "float32")
}
worst = max(abs(a[0] - b[0]) for a, b in zip(found[None], found["float32"], strict=True))
print(f"softmax in bfloat16 against fp32, of equal logits: up to {worst:.3f} nats")
assert worst > 0.01, "the fault is gone"
