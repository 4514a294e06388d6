"""The encoder gives the tokens that lm-eval's HFLM gives, for whatever it is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers_on_the_spot import KINDS, TEXT

from zoo.engine import encoding
from zoo.engine.boundaries import allows_cuts
from zoo.engine.encoders import encoder_for
from zoo.engine.encoding import Encoder
from zoo.errors import CellError

CUTTABLE = {
    "byte_level_with_bos",
    "byte_level_without_bos",
    "llama_3_like",
    "o200k_like",
    "digits_and_nfc",
    "metaspace",
    "metaspace_always",
    "wordpiece",
}


def hflm(tokenizer: Any, *, add_bos: bool | None = None, max_length: int = 10_000) -> Any:
    """lm-eval's own class with its own methods, around a tokenizer and no model."""
    from lm_eval.models.huggingface import HFLM

    class Recording(HFLM):
        def __init__(self) -> None:
            self.tokenizer = tokenizer
            self.backend = "causal"
            self.add_bos_token = add_bos
            self.custom_prefix_token_id = None
            self._max_length = max_length
            self.enable_thinking = None
            self._rank, self._world_size = 0, 1

        def _loglikelihood_tokens(self, requests: Any, **_: Any) -> Any:
            return requests

    return Recording()


def theirs(lm: Any, requests: list[tuple[str, str]]) -> list[tuple[list[int], list[int]]]:
    instances = [SimpleNamespace(args=each) for each in requests]
    found = lm.loglikelihood(instances, disable_tqdm=True)
    # what `_loglikelihood_tokens` puts into the model: the last max_length + 1 tokens of both
    return [
        (context[-(lm.max_length + 1 - len(continuation)) :], continuation)
        for _, context, continuation in found
    ]


few = settings(max_examples=25)

words = st.sampled_from(
    [
        *"the cat sat on mat Answer: A B don't we'll  12 345 café naïve 文字".split(),
        *[
            "\n",
            "\n\n",
            " ",
            "  ",
            "\t",
            "\r\n",
            "<s>",
            "</s>",
            "[SEP]",
            "́",
            " ́",
            "\u00a0",
            "'s",
            "ﬁ",
        ],
    ]
)
prose = st.lists(st.one_of(words, st.text(max_size=4)), max_size=12).map(" ".join)
glued = st.lists(st.one_of(words, st.text(max_size=3)), max_size=12).map("".join)
long_prefix = st.sampled_from(["", "<s>", *TEXT, TEXT[0] * 2])


@st.composite
def requests(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Contexts that share long beginnings, each with a few continuations."""
    stem = draw(long_prefix) + draw(st.one_of(prose, glued))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        context = draw(st.sampled_from([stem, ""])) + draw(st.one_of(prose, glued))
        for continuation in draw(st.lists(st.one_of(prose, glued), min_size=1, max_size=3)):
            found.append(
                (context, " x" + continuation if not continuation.strip() else continuation)
            )
    return found


def listed(pairs: list[Any]) -> list[tuple[list[int], list[int]]]:
    return [(context.tolist(), continuation.tolist()) for context, continuation in pairs]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("add_bos", [None, True, False])
@few
@given(asked=requests())
def test_pairs_are_those_of_hflm(
    kind: str, add_bos: bool | None, asked: list[tuple[str, str]]
) -> None:
    tokenizer = KINDS[kind]()
    lm = hflm(tokenizer, add_bos=add_bos)
    expected = theirs_or_none(lm, asked)
    encoder = Encoder(tokenizer, add_bos=add_bos, max_length=lm.max_length)
    scorable = [each for each, pair in zip(asked, expected, strict=True) if pair]
    assert listed(encoder.pairs(scorable)) == [pair for pair in expected if pair]
    for each, pair in zip(asked, expected, strict=True):
        if not pair:
            with pytest.raises(CellError):
                encoder.pairs([each])


def theirs_or_none(lm: Any, asked: list[tuple[str, str]]) -> list[Any]:
    """HFLM's tokens, None where it would stop at its own assertions."""
    found = []
    for each in asked:
        try:
            ((context, continuation),) = theirs(lm, [each])
        except IndexError:
            context, continuation = [], []
        found.append((context, continuation) if context and continuation else None)
    return found


@pytest.mark.parametrize("kind", KINDS)
@few
@given(texts=st.lists(st.tuples(long_prefix, prose).map("".join), min_size=1, max_size=5))
def test_texts_are_those_of_tok_encode(kind: str, texts: list[str]) -> None:
    tokenizer = KINDS[kind]()
    encoder = Encoder(tokenizer, add_bos=None, max_length=100)
    lm = hflm(tokenizer)
    assert encoder.texts(texts) == [lm.tok_encode(text) for text in texts]


@pytest.mark.parametrize("kind", KINDS)
def test_texts_that_part_amid_odd_white_space_are_those_of_tok_encode(kind: str) -> None:
    tokenizer = KINDS[kind]()
    lm = hflm(tokenizer)
    middles = (
        "   ",
        "    ",
        " \n ",
        "\t ",
        ". ",
        "7 ",
        "\u0301 ",
        " \u0301 ",
        "\u00a0 ",
        "' ",
        "é ",
    )
    ends = ("x", " x", "  x", "", " ", "s", "\n", " 7", "\u0301")
    texts = [TEXT[0].strip() + middle + end for middle in middles for end in ends]
    encoder = Encoder(tokenizer, add_bos=None, max_length=100)
    assert encoder.texts(texts) == [lm.tok_encode(text) for text in texts]


@pytest.mark.parametrize("kind", ["byte_level_with_bos", "llama_3_like", "metaspace_whole"])
@pytest.mark.parametrize("add_bos", [None, True, False])
@few
@given(texts=st.lists(st.tuples(long_prefix, prose).map("".join), min_size=1, max_size=5))
def test_prompts_are_those_of_tok_batch_encode_one_by_one(
    kind: str, add_bos: bool | None, texts: list[str]
) -> None:
    tokenizer = KINDS[kind]()
    encoder = Encoder(tokenizer, add_bos=add_bos, max_length=40)
    lm = hflm(tokenizer, add_bos=add_bos)
    for text, ids in zip(texts, encoder.prompts(texts, max_new_tokens=25), strict=True):
        expected = lm.tok_batch_encode([text], left_truncate_len=15)[0][0].tolist()
        assert ids == (expected or [encoder.prefix_token_id])


@pytest.mark.parametrize("kind", KINDS)
def test_long_contexts_lose_their_beginning_as_in_hflm(kind: str) -> None:
    tokenizer = KINDS[kind]()
    lm = hflm(tokenizer, max_length=20)
    asked = [
        ("".join(TEXT) * 2, " and the dog"),
        ("the cat sat", " ran to the dog"),
        ("", "the cat"),
    ]
    # where the continuation melts into the context's last token, HFLM has nothing to score
    asked = [each for each in asked if theirs_or_none(lm, [each])[0]]
    encoder = Encoder(tokenizer, add_bos=None, max_length=20)
    found = listed(encoder.pairs(asked))
    assert found == theirs(lm, asked)
    assert max(len(context) + len(continuation) for context, continuation in found) == 21


def test_a_continuation_longer_than_the_model_is_named() -> None:
    encoder = Encoder(KINDS["byte_level_with_bos"](), add_bos=None, max_length=5)
    with pytest.raises(CellError, match="request 1 cannot be scored: its continuation is"):
        encoder.pairs([("a", " b"), ("a", " " + "long " * 9)])


def test_a_chat_template_that_holds_bos_is_given_no_other() -> None:
    tokenizer = KINDS["byte_level_with_bos"]()
    encoder = Encoder(tokenizer, add_bos=None, max_length=99)
    bos = tokenizer.bos_token_id
    asked = [("<s>the cat", " sat"), ("the cat", " sat")]
    ((with_bos, _), (without, _)) = listed(encoder.pairs(asked))
    assert with_bos == without
    assert with_bos.count(bos) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_cuts_are_made_only_where_they_are_proven(kind: str) -> None:
    assert allows_cuts(KINDS[kind]().backend_tokenizer) == (kind in CUTTABLE)


def test_a_slow_tokenizer_is_asked_text_by_text() -> None:
    from transformers import ByT5Tokenizer

    tokenizer = ByT5Tokenizer()
    lm = hflm(tokenizer)
    asked = [("the cat ", "sat"), ("the cat", " sat"), ("", "sat é")]
    encoder = Encoder(tokenizer, add_bos=None, max_length=lm.max_length)
    assert listed(encoder.pairs(asked)) == theirs(lm, asked)


def test_what_one_model_was_asked_is_encoded_for_the_next_with_the_same_tokenizer() -> None:
    options = {"add_bos": None, "max_length": 99}
    first = encoder_for(KINDS["byte_level_with_bos"](), **options)
    asked = [("the cat", " sat"), ("the cat", " ran")]
    pairs = first.pairs(asked)
    second = encoder_for(KINDS["byte_level_with_bos"](), **options)
    assert all(
        a is b
        for one, other in zip(pairs, second.pairs(asked), strict=True)
        for a, b in zip(one, other, strict=True)
    )


def test_tokenizers_that_encode_otherwise_share_nothing() -> None:
    options = {"add_bos": None, "max_length": 99}
    tokenizer = KINDS["byte_level_with_bos"]()
    first = encoder_for(tokenizer, **options)
    assert encoder_for(tokenizer, **{**options, "max_length": 98}) is not first
    assert encoder_for(tokenizer, **{**options, "add_bos": False}) is not first
    tokenizer.add_tokens(["cat"])
    second = encoder_for(tokenizer, **options)
    asked = [("the cat", " sat")]
    assert listed(second.pairs(asked)) != listed(first.pairs(asked))


def test_an_encoder_that_holds_too_much_forgets_and_encodes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encoding, "MOST_KNOWN", 30)
    tokenizer = KINDS["byte_level_with_bos"]()
    encoder = Encoder(tokenizer, add_bos=None, max_length=99)
    fresh = Encoder(tokenizer, add_bos=None, max_length=99)
    for number in range(20):
        asked = [(f"the cat {number}", " sat"), (f"the dog {number}", " ran")]
        assert listed(encoder.pairs(asked)) == listed(fresh._encoded_pairs(asked))
        assert encoder._held <= 30
