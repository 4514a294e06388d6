"""lm-eval's API models: a reply is paired with what was asked without a look at its length.

Of an echoed prompt the last entry is dropped, as that of the one token written after it. A server
that writes none (its answer ends at once) loses the continuation's last token that way, and a reply
that lacks a choice gives fewer answers than there were prompts.
"""

from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI

logprobs = {"token_logprobs": [None, -1.0, -2.0, -4.0], "top_logprobs": [None, *[{"a": -1.0}] * 3]}
reply = {"choices": [{"index": 0, "logprobs": logprobs}]}
((found, _),) = LocalCompletionsAPI.parse_logprobs(reply, ctxlens=[2])
print(f"a continuation of -2 and -4 nats is said to have {found}")
assert found == -2.0, "what was written is told from what was echoed now"

choices = [{"index": 0, "text": "one"}]
texts = LocalCompletionsAPI.parse_generations({"choices": choices})
print(f"a reply to two prompts gives {texts}")
assert texts == ["one"], "a missing choice is noticed now"

model = LocalChatCompletion.__new__(LocalChatCompletion)
model.model, model._max_gen_toks = "m", 8
sent = [
    model._create_payload([{"role": "user", "content": "?"}], gen_kwargs={"temperature": 1})["seed"]
    for _ in range(2)
]
print(f"two samples of one prompt are asked with the seeds {sent}")
assert len(set(sent)) == 1, "samples have seeds of their own now"
