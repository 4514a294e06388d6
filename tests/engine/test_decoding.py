"""Decoding gives what the plain model would say, whatever is shared and whoever else is asked."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import tokenizers_on_the_spot
import torch
from engine_models import EXACT, FALLING_BACK, greedy, llama, model_of, reference_of
from hypothesis import given, settings
from hypothesis import strategies as st
from lm_eval.api.instance import Instance
from transformers import AutoModelForCausalLM, AutoTokenizer

import zoo_nano
from zoo.engine import decoding
from zoo.engine.batches import plan_batches
from zoo.engine.decoding import Generated, generate
from zoo.engine.encoding import Encoder
from zoo.engine.sampling import Sampling, choose, uniforms
from zoo.engine.sharing import why_not_shared
from zoo.engine.stops import StopWatch, cut_at_stops
from zoo.engine.until import generate_until, why_left_to_hflm
from zoo.errors import CellError, ConfigError

EOS = 1
WARM = Sampling(temperature=1.3, top_p=0.9, top_k=40)


def prompts_sharing(shared: int, lengths: tuple[int, ...], seed: int = 0) -> list[list[int]]:
    draw = random.Random(seed)

    def tokens(n: int) -> list[int]:
        return [draw.randrange(3, 320) for _ in range(n)]

    beginning = [0, *tokens(shared)]
    return [beginning + tokens(n) for n in lengths]


def said(model: Any, prompt: list[int], n: int) -> list[int]:
    """What the plain model says greedily, up to EOS."""
    ids = greedy(model, prompt, n)
    return ids[: ids.index(EOS) + 1] if EOS in ids else ids


def texts(answers: list[list[Generated]]) -> list[list[str]]:
    return [[answer.text for answer in samples] for samples in answers]


# --- what the model says -------------------------------------------------------------------


@pytest.mark.parametrize("name", EXACT)
def test_an_exact_architecture_says_over_a_shared_prefix_what_it_says_plainly(
    name: str, tokenizer: Any
) -> None:
    model = model_of(name, EXACT[name])
    prompts = prompts_sharing(70, (1, 4, 30, 2)) + prompts_sharing(5, (4,), seed=1)
    shares = why_not_shared(model) is None
    # its cache holds what attention is not given
    assert shares == (name != "DeepseekV3")
    for batch_rows in (2, 8):
        found = generate(
            model,
            prompts,
            tokenizer=tokenizer,
            max_new_tokens=8,
            eos_ids=[EOS],
            batch_rows=batch_rows,
            shares_prefix=shares,
        )
        expected = [said(model, prompt, 8) for prompt in prompts]
        assert texts(found) == [[tokenizer.decode(ids, True)] for ids in expected]


@pytest.mark.parametrize("name", FALLING_BACK)
def test_an_unsuited_architecture_says_why_and_decodes_by_its_own_generate(
    name: str, tokenizer: Any
) -> None:
    model = model_of(name, FALLING_BACK[name])
    assert why_not_shared(model)
    prompts = prompts_sharing(40, (1, 4, 4))
    found = generate(
        model, prompts, tokenizer=tokenizer, max_new_tokens=5, eos_ids=[EOS], shares_prefix=False
    )
    expected = [said(model, prompt, 5) for prompt in prompts]
    assert texts(found) == [[tokenizer.decode(ids, True)] for ids in expected]


def test_a_generation_config_that_changes_tokens_is_left_to_generate() -> None:
    model = llama()
    assert why_not_shared(model) is None
    other = llama()
    other.generation_config.repetition_penalty = 1.3
    assert "repetition_penalty" in str(why_not_shared(other))


def test_the_models_own_attention_is_back_afterwards(tokenizer: Any) -> None:
    model = llama()
    before = model.config._attn_implementation
    generate(model, [[0, 5, 6]], tokenizer=tokenizer, max_new_tokens=2)
    assert model.config._attn_implementation == before


def test_long_prompts_and_answers_cross_every_block(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.engine.prefix.PREFILL", 16)
    monkeypatch.setattr("zoo.engine.prefix_cache.BLOCK", 4)
    model = llama()
    prompts = prompts_sharing(60, (1, 50, 20)) + prompts_sharing(3, (45, 2), seed=2)
    found = generate(model, prompts, tokenizer=tokenizer, max_new_tokens=40, eos_ids=[EOS])
    expected = [said(model, prompt, 40) for prompt in prompts]
    assert texts(found) == [[tokenizer.decode(ids, True)] for ids in expected]


# --- as lm-eval's HFLM ---------------------------------------------------------------------


def asked(prompts: list[str], **arguments: Any) -> list[Instance]:
    return [
        Instance("generate_until", {}, (prompt, dict(arguments)), 0, ("task", place, 1))
        for place, prompt in enumerate(prompts)
    ]


def both(reference: Any, requests: list[Instance], **options: Any) -> tuple[list[str], list[str]]:
    encoder = Encoder(reference.tokenizer, add_bos=None, max_length=reference.max_length)
    assert why_left_to_hflm(reference, requests) is None
    ours = generate_until(reference, reference.model, encoder, requests, **options)
    return [each.text for each in ours], reference.generate_until(requests, disable_tqdm=True)


@pytest.fixture(scope="module", params=["pretrained", "instruct"])
def nano(request: pytest.FixtureRequest) -> Any:
    folder = Path(zoo_nano.__file__).parent / "weights" / request.param
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return reference_of(model, AutoTokenizer.from_pretrained(folder), max_length=None)


NANO_PROMPTS = [
    "The sky is blue. The grass is green. The mud is",
    "The sky is blue. The grass is green. The snow is",
    "The sky is blue. The grass is green. Q: what is 2 + 3?\nA:",
    "Once",
]


@pytest.mark.parametrize("until", [[], ["\n"], [".", "\n\n"], "e", ["is", " is b"]])
def test_the_embedded_models_say_what_hflm_hears(nano: Any, until: Any) -> None:
    ours, theirs = both(nano, asked(NANO_PROMPTS, until=until, max_gen_toks=24))
    assert ours == theirs
    assert any(ours)


@pytest.mark.parametrize("max_length", [60, 512])
def test_random_models_say_what_hflm_hears_with_long_prompts_cut(
    tokenizer: Any, max_length: int
) -> None:
    reference = reference_of(llama(), tokenizer, max_length=max_length)
    prompts = [
        "the cat sat on the mat and the dog ran " * 9 + end for end in ("to", "red house", "")
    ]
    requests = asked([*prompts, "<s>the cat"], until=["\n", "house"], max_gen_toks=30)
    ours, theirs = both(reference, requests)
    assert ours == theirs


def test_what_only_hflm_does_is_left_to_it(nano: Any) -> None:
    assert "num_beams" in str(why_left_to_hflm(nano, asked(["a"], num_beams=2)))
    assert "empty stop" in str(why_left_to_hflm(nano, asked(["a"], until=[""])))
    nano.model.generation_config.min_p = 0.1
    warm = asked(["a"], do_sample=True, temperature=1.0)
    assert "min_p" in str(why_left_to_hflm(nano, warm))
    nano.model.generation_config.min_p = None
    assert why_left_to_hflm(nano, warm) is None
    assert "temperature 0" in str(why_left_to_hflm(nano, asked(["a"], do_sample=True)))


# --- sampling ------------------------------------------------------------------------------


def test_samples_do_not_depend_on_the_batch_or_on_who_else_is_asked(tokenizer: Any) -> None:
    model = llama()
    prompts = prompts_sharing(40, (1, 4, 9, 2, 2))
    options: dict[str, Any] = {
        "tokenizer": tokenizer,
        "max_new_tokens": 12,
        "eos_ids": [EOS],
        "sampling": WARM,
        "repeats": 3,
    }
    seeds = [11, 12, 13, 14, 15]
    expected = generate(model, prompts, seeds=seeds, **options)
    assert len({answer.text for samples in expected for answer in samples}) == 15
    for other in ({"batch_rows": 1}, {"batch_rows": 4}, {"shares_prefix": False}):
        assert generate(model, prompts, seeds=seeds, **options, **other) == expected
    alone = generate(model, prompts[3:4], seeds=seeds[3:4], **options)
    assert alone == expected[3:4]
    more = generate(model, prompts[:1], seeds=seeds[:1], **{**options, "repeats": 5})
    assert more[0][:3] == expected[0]


def test_same_requests_are_samples_of_one_item_and_a_seed_draws_them_again(nano: Any) -> None:
    requests = [
        each
        for each in asked(NANO_PROMPTS, do_sample=True, temperature=1.5, max_gen_toks=24)
        for _ in range(3)
    ]
    encoder = Encoder(nano.tokenizer, add_bos=None, max_length=nano.max_length)

    def drawn(seed: int) -> list[Generated]:
        torch.manual_seed(seed)
        return generate_until(nano, nano.model, encoder, requests)

    first = drawn(5)
    assert drawn(5) == first
    assert drawn(6) != first
    assert len({each.text for each in first}) > len(NANO_PROMPTS)


@pytest.mark.parametrize(
    "sampling", [Sampling(), Sampling(0.7), Sampling(1, 0.8), Sampling(1, 1, 5), WARM]
)
def test_draws_have_the_distribution_that_transformers_warpers_leave(sampling: Sampling) -> None:
    from scipy.stats import chisquare
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    logits = torch.randn(1, 30, generator=torch.Generator().manual_seed(0)) * 2
    scores = TemperatureLogitsWarper(float(sampling.temperature))(None, logits)
    if sampling.top_k:
        scores = TopKLogitsWarper(sampling.top_k)(None, scores)
    if sampling.top_p < 1:
        scores = TopPLogitsWarper(sampling.top_p)(None, scores)
    expected = scores.softmax(-1)[0].double().numpy()
    draws = torch.from_numpy(uniforms([(7, 0)], 20_000)[0])
    found = choose(logits.expand(len(draws), -1), sampling, draws).bincount(minlength=30).numpy()
    assert (found[expected == 0] == 0).all()
    kept = expected > 0
    assert chisquare(found[kept], expected[kept] / expected[kept].sum() * len(draws)).pvalue > 1e-3


def test_streams_are_told_apart_by_seed_and_sample_alone() -> None:
    drawn = uniforms([(1, 0), (1, 1), (2, 0)], 8)
    assert len({tuple(row) for row in drawn}) == 3
    assert (uniforms([(2, 0)], 20)[0, :8] == drawn[2]).all()


@pytest.mark.parametrize("wrong", [{"temperature": 0}, {"top_p": 0}, {"top_p": 1.1}, {"top_k": -1}])
def test_sampling_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Sampling(**wrong)


# --- ends ----------------------------------------------------------------------------------


@given(text=st.text("ab.\n", max_size=12), stops=st.lists(st.text("ab.\n", max_size=3), max_size=3))
def test_stops_cut_as_lm_eval_cuts(text: str, stops: list[str]) -> None:
    from lm_eval.models.utils import postprocess_generated_text

    assert cut_at_stops(text, stops) == postprocess_generated_text(text, stops, None)


@given(
    text=st.text("ab \n.é한", max_size=40),
    stops=st.lists(st.text("ab \n.é한", max_size=4), max_size=3),
)
def test_a_stop_is_noticed_with_the_token_that_completes_it(text: str, stops: list[str]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(
        Path(zoo_nano.__file__).parent / "weights" / "pretrained"
    )
    watch = StopWatch(tokenizer, stops)
    ids = tokenizer.encode(text, add_special_tokens=False)
    for end in range(1, len(ids) + 1):
        whole = tokenizer.decode(ids[:end], skip_special_tokens=True)
        holds = any(stop in whole for stop in stops if stop)
        if holds:
            assert watch.said([ids[:end]]) == [True]
            break
        assert watch.said([ids[:end]]) == [False]


@pytest.fixture(scope="module")
def decoders() -> dict[str, Any]:
    """Tokenizers whose decoders put pieces together in ways of their own."""
    makers = (
        tokenizers_on_the_spot.byte_level_with_bos,
        tokenizers_on_the_spot.metaspace,
        tokenizers_on_the_spot.wordpiece,
    )
    return {make.__name__: make() for make in makers}


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["byte_level_with_bos", "metaspace", "wordpiece"]),
    st.lists(st.integers(0, 299), min_size=1, max_size=24),
    st.data(),
)
def test_looking_at_last_tokens_alone_misses_no_stop(
    decoders: dict[str, Any], name: str, ids: list[int], data: st.DataObject
) -> None:
    tokenizer = decoders[name]
    text = tokenizer.decode(ids, skip_special_tokens=True)
    begin = data.draw(st.integers(0, max(len(text) - 1, 0)))
    stops = [text[begin : begin + data.draw(st.integers(1, 4))], data.draw(st.text(max_size=2))]
    watch = StopWatch(tokenizer, stops)
    for end in range(1, len(ids) + 1):
        said = watch.said([ids[:end]])
        assert watch.just_said([ids[:end], []]) == [*said, False]
        if said == [True]:
            break


def test_an_answer_knows_how_long_it_is_and_what_ended_it(tokenizer: Any) -> None:
    model = llama()
    (prompt,) = prompts_sharing(5, (3,))
    ids = greedy(model, prompt, 10)
    whole = tokenizer.decode(ids)
    options: dict[str, Any] = {"tokenizer": tokenizer, "max_new_tokens": 10}
    assert generate(model, [prompt], **options) == [[Generated(whole, 10, True)]]
    eos = ids[4]
    first = ids.index(eos)
    ((ended,),) = generate(model, [prompt], eos_ids=[eos], **options)
    assert (ended.n_tokens, ended.truncated) == (first, False)
    stop = tokenizer.decode(ids[3:4])
    ((stopped,),) = generate(model, [prompt], stops=[stop], **options)
    assert stopped == Generated(whole[: whole.index(stop)], stopped.n_tokens, False)
    assert stopped.n_tokens <= 4


def test_greedy_repeats_are_one_answer_and_each_prompt_is_told_once(tokenizer: Any) -> None:
    told: dict[int, list[Generated]] = {}
    found = generate(
        llama(),
        prompts_sharing(40, (1, 2, 3)),
        tokenizer=tokenizer,
        max_new_tokens=4,
        repeats=3,
        batch_rows=2,
        on_done=told.setdefault,
    )
    assert found == [told[0], told[1], told[2]]
    assert all(len(samples) == 3 and len(set(samples)) == 1 for samples in found)


@pytest.mark.parametrize("sampling", [None, WARM])
@pytest.mark.parametrize("shares", [True, False])
def test_logits_that_are_no_numbers_are_an_error_and_no_text(
    sampling: Sampling | None, shares: bool, tokenizer: Any
) -> None:
    model = llama()
    with torch.no_grad():
        model.model.norm.weight[3] = torch.nan
    with pytest.raises(CellError, match="logits are no numbers"):
        generate(
            model,
            prompts_sharing(9, (2, 3)),
            tokenizer=tokenizer,
            max_new_tokens=3,
            sampling=sampling,
            shares_prefix=shares,
        )


# --- memory --------------------------------------------------------------------------------


def test_rows_are_halved_while_memory_does_not_suffice(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = llama()
    prompts = prompts_sharing(40, (1, 4, 9, 2, 2))
    options: dict[str, Any] = {"tokenizer": tokenizer, "max_new_tokens": 4}
    expected = generate(model, prompts, **options)
    room = 2
    roomy = decoding.PrefixReader.read

    def cramped(self: Any, rows: Any, *rest: Any) -> Any:
        if len(rows) > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return roomy(self, rows, *rest)

    monkeypatch.setattr(decoding.PrefixReader, "read", cramped)
    assert generate(model, prompts, **options) == expected
    room = 0
    with pytest.raises(CellError, match="do not fit into memory"):
        generate(model, prompts, **options)


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=90), min_size=1, max_size=12),
    st.integers(1, 3),
    st.integers(1, 5),
)
def test_batches_hold_every_row_once_and_share_what_they_say(
    prompts: list[list[int]], repeats: int, batch_rows: int
) -> None:
    prompts = [[7] * 40 + prompt if len(prompt) % 2 else prompt for prompt in prompts]
    batches = plan_batches(prompts, repeats, batch_rows)
    rows = [row for batch in batches for row in batch.rows]
    assert sorted(rows) == [(i, k) for i in range(len(prompts)) for k in range(repeats)]
    for batch in batches:
        assert len(batch.rows) <= batch_rows
        own = [prompts[item] for item, _ in batch.rows]
        assert len({tuple(prompt[: batch.shared]) for prompt in own}) == 1
        assert min(map(len, own)) > batch.shared


def test_a_prompt_without_tokens_is_refused(tokenizer: Any) -> None:
    with pytest.raises(CellError, match="without tokens"):
        generate(llama(), [[]], tokenizer=tokenizer, max_new_tokens=1)


def test_a_model_whose_logits_are_no_numbers_does_not_pass_the_comparison() -> None:
    model = llama()
    with torch.no_grad():
        model.lm_head.weight[7, 0] = float("nan")
    assert "differ by inf" in str(why_not_shared(model))
