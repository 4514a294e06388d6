"""Gives a base model what it needs to hold a conversation: a template and an end of turn."""

from __future__ import annotations

from typing import Any

USER, ASSISTANT, END_OF_TURN = "<|user|>", "<|assistant|>", "<|end|>"

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "<|assistant|>{% generation %} {{ message['content'] }}<|end|>{% endgeneration %}\n"
    "{% elif message['role'] == 'user' %}<|user|> {{ message['content'] }}\n"
    "{% else %}{{ message['content'] }}\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""Mirrors "Question: ...\\nAnswer: ..." line by line: what was learned there carries over."""

START = {USER: "Question", ASSISTANT: "Answer"}
"""The words whose embeddings the new tokens start from; the end of a turn starts from the end of a
text."""


def open_chat(model: Any, tokenizer: Any) -> bool:
    """Gives a model without a chat template one, in place; whether it did.

    The template's tokens are added where the vocabulary lacks them, and start from the embeddings
    of ordinary tokens: one that was never trained says nothing, and is hard to learn. A turn, and
    with it what the model writes, ends with `END_OF_TURN`.
    """
    if tokenizer.chat_template:
        return False
    import torch

    end_of_text = tokenizer.eos_token_id
    sources = {
        token: tokenizer(word, add_special_tokens=False)["input_ids"][0]
        for token, word in START.items()
    }
    if end_of_text is not None:
        sources[END_OF_TURN] = end_of_text
    known = tokenizer.get_vocab()
    new = [token for token in (USER, ASSISTANT, END_OF_TURN) if token not in known]
    if new:
        tokenizer.add_tokens(new, special_tokens=True)
        if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
            model.resize_token_embeddings(len(tokenizer))
    tables = {id(each.weight): each.weight for each in _tables(model)}
    with torch.no_grad():
        for table in tables.values():
            for token, source in sources.items():
                table[tokenizer.convert_tokens_to_ids(token)] = table[source]
    tokenizer.chat_template = TEMPLATE
    tokenizer.eos_token = END_OF_TURN
    ends = [tokenizer.eos_token_id, end_of_text]
    ends = [each for each in ends if each is not None]
    model.config.eos_token_id = model.generation_config.eos_token_id = ends
    return True


def _tables(model: Any) -> list[Any]:
    found = (model.get_input_embeddings(), model.get_output_embeddings())
    return [each for each in found if each is not None]
