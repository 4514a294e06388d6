"""The loader `seq2seq`: what the decoder says of a continuation, whatever else is in the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from making import instances, save_bart

from zoo.authoring.tiny import save_checkpoint
from zoo.models import Model

PAIRS = [
    ("the cat sat on the", " mat"),
    ("question: what is the colour of the sky? answer:", " blue and red"),
    ("", "one two three"),
    ("the cat ", "dogs"),
]
LONG = "the cat sat on the mat and the dog ran to the red house " * 2


@pytest.fixture(scope="module", params=["T5", "Bart"])
def lm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    import zoo_seq2seq

    folder: Path = tmp_path_factory.mktemp("seq2seq") / "model"
    if request.param == "T5":
        save_checkpoint(folder, kind="encoder-decoder")
    else:
        save_bart(folder)
    (loader,) = zoo_seq2seq.zoo_loaders()
    return loader.load(Model(str(folder)), device="cpu", dtype="float32", batch_size=4)


def by_hand(lm: Any, context: str, continuation: str) -> tuple[float, bool]:
    """The decoder's own words, one request at a time: encoded here, shifted here."""
    spaces = context[len(context.rstrip()) :]
    read = lm.tokenizer(context.rstrip())["input_ids"] if context else [lm.prefix_token_id]
    ids = lm.tokenizer(spaces + continuation, add_special_tokens=False)["input_ids"]
    start = lm.model.config.decoder_start_token_id
    with torch.no_grad():
        logits = lm.model(
            input_ids=torch.tensor([read]), decoder_input_ids=torch.tensor([[start, *ids[:-1]]])
        ).logits[0]
    likely = logits.log_softmax(-1)
    chosen = torch.tensor(ids)
    total = float(likely[torch.arange(len(ids)), chosen].sum())
    return total, bool((likely.argmax(-1) == chosen).all())


def test_continuations_are_scored_by_the_decoder(lm: Any) -> None:
    found = lm.loglikelihood(instances("loglikelihood", *PAIRS), disable_tqdm=True)
    wanted = [by_hand(lm, *pair) for pair in PAIRS]
    assert [greedy for _, greedy in found] == [greedy for _, greedy in wanted]
    assert [each for each, _ in found] == pytest.approx([each for each, _ in wanted], abs=2e-4)


def test_a_text_of_its_own_is_an_answer_to_an_empty_prompt(lm: Any) -> None:
    asked = instances("loglikelihood_rolling", ("one two three",))
    (found,) = lm.loglikelihood_rolling(asked, disable_tqdm=True)
    # lm-eval encodes the text as it encodes a prompt, with what ends it
    ids = lm.tokenizer("one two three")["input_ids"]
    start = lm.model.config.decoder_start_token_id
    with torch.no_grad():
        logits = lm.model(
            input_ids=torch.tensor([[lm.prefix_token_id]]),
            decoder_input_ids=torch.tensor([[start, *ids[:-1]]]),
        ).logits[0]
    likely = logits.log_softmax(-1)[torch.arange(len(ids)), torch.tensor(ids)]
    assert found == pytest.approx(float(likely.sum()), abs=2e-4)


def test_an_answer_is_the_same_alone_and_beside_a_longer_prompt(lm: Any) -> None:
    arguments = {"until": [], "max_gen_toks": 8, "do_sample": False}
    prompts = [(text, dict(arguments)) for text in ("the cat", "one two", LONG)]
    together = lm.generate_until(instances("generate_until", *prompts), disable_tqdm=True)
    alone = [
        lm.generate_until(instances("generate_until", each), disable_tqdm=True)[0]
        for each in prompts
    ]
    assert together == alone
    for (text, _), written in zip(prompts, together, strict=True):
        ids = lm.model.generate(
            **lm.tokenizer(text, return_tensors="pt"), max_new_tokens=8, do_sample=False
        )
        assert written == lm.tokenizer.decode(ids[0], skip_special_tokens=True)


def test_writing_ends_at_a_stop_and_not_at_the_end_of_the_budget(lm: Any) -> None:
    whole = {"until": [], "max_gen_toks": 16, "do_sample": False}
    (text,) = lm.generate_until(instances("generate_until", (LONG, whole)), disable_tqdm=True)
    assert text
    steps: list[int] = []
    handle = lm.model.get_decoder().register_forward_pre_hook(lambda *_: steps.append(1))
    try:
        asked = instances("generate_until", (LONG, {**whole, "until": [text[0]]}))
        assert lm.generate_until(asked, disable_tqdm=True) == [""]
    finally:
        handle.remove()
    assert len(steps) < 8


def test_a_prompt_that_is_too_long_keeps_its_end_whatever_else_is_in_the_batch(lm: Any) -> None:
    ids, mask = lm.tok_batch_encode(["one two", LONG], left_truncate_len=8)
    assert ids.shape == mask.shape == (2, 8)
    short, long = (lm.tokenizer(text)["input_ids"] for text in ("one two", LONG))
    assert ids[1].tolist() == long[-8:]
    assert ids[0][mask[0] == 1].tolist() == short[-8:]
