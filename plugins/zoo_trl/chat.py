"""What a model needs to learn conversations: a template, and a token at which a turn ends."""

from __future__ import annotations

from typing import Any

from zoo.errors import ModelError

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


def open_chat(model: Any, tokenizer: Any) -> str:
    """Makes a model ready to learn conversations, in place; says of it what was changed, "" where
    nothing was.

    One without a chat template is given one. One that has a template is made to stop where that
    ends a turn of the assistant: a base model may come with the template of its later stages and
    still stop at the end of a text alone, which no conversation teaches.
    Raises ModelError where the template ends a turn with no token of the vocabulary's own.
    """
    if not tokenizer.chat_template:
        _give_template(model, tokenizer)
        return "has no chat template: it is given one, and an end of turn"
    end = end_of_turn(tokenizer)
    if end is None:
        raise ModelError(
            "the parent's chat template ends a turn of the assistant with no special token, so "
            "that what learns from it never stops; let it write the tokenizer's end of text there, "
            "or start from a model without a chat template"
        )
    if end == tokenizer.eos_token_id and end in _ends(model):
        return ""
    token = tokenizer.convert_ids_to_tokens(end)
    _stop_at(model, tokenizer, token)
    return f"has a chat template that ends a turn with {token!r}: from now on it stops there"


def end_of_turn(tokenizer: Any) -> int | None:
    """The token that the chat template writes behind what the assistant says: the end of a text if
    that stands there, else the first that is special or was added; None for none."""
    said = "an answer of some words"
    turns = [{"role": "user", "content": "a question"}, {"role": "assistant", "content": said}]
    _, found, behind = tokenizer.apply_chat_template(turns, tokenize=False).rpartition(said)
    ids = tokenizer(behind, add_special_tokens=False)["input_ids"] if found else []
    if tokenizer.eos_token_id in ids:
        return int(tokenizer.eos_token_id)
    own = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    return next((each for each in ids if each in own), None)


def _ends(model: Any) -> list[int]:
    """The tokens at which it stops."""
    ends = model.generation_config.eos_token_id
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)


def _stop_at(model: Any, tokenizer: Any, token: str) -> None:
    """Makes a token the tokenizer's end, and the first of those at which the model stops."""
    former = [tokenizer.eos_token_id, *_ends(model)]
    tokenizer.eos_token = token
    ends = dict.fromkeys([tokenizer.eos_token_id, *former])
    model.config.eos_token_id = [each for each in ends if each is not None]
    model.generation_config.eos_token_id = [each for each in ends if each is not None]


def _give_template(model: Any, tokenizer: Any) -> None:
    """The template's tokens are added where the vocabulary lacks them, and start from the
    embeddings of ordinary tokens: one that was never trained says nothing, and is hard to learn. A
    turn, and with it what the model writes, ends with `END_OF_TURN`.
    """
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
    _stop_at(model, tokenizer, END_OF_TURN)


def _tables(model: Any) -> list[Any]:
    found = (model.get_input_embeddings(), model.get_output_embeddings())
    return [each for each in found if each is not None]
