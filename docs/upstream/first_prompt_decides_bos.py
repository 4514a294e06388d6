"""lm-eval's HFLM: whether a generation's prompt gets BOS depends on its neighbour in the batch.

`tok_batch_encode` looks at the first prompt of a batch: where that holds BOS already (a rendered
chat), none of the others is given one; so the batch size changes what the model reads.
"""

import torch
from lm_eval.models.huggingface import HFLM
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

backend = Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1, "a": 2, "b": 3}, unk_token="</s>"))
backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=backend, bos_token="<s>", eos_token="</s>", pad_token="</s>"
)
torch.manual_seed(0)
model = LlamaForCausalLM(
    LlamaConfig(
        vocab_size=4,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
    )
)
lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=2)
alone = lm.tok_batch_encode(["b"])[0][0].tolist()
together = lm.tok_batch_encode(["<s> a", "b"])[0][1].tolist()
print(f"'b' alone: {alone}; 'b' after '<s> a': {together}")
assert alone.count(0) != together.count(0), "the fault is gone"
