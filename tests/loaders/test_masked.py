"""The loader `masked`: pseudo-log-likelihoods, held against a loop that masks one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from making import instances, save_masked
from safetensors.torch import load_file, save_file

from zoo.errors import CellError, ConfigError, ModelError, NotApplicableError
from zoo.models import Model

PAIRS = [
    ("the cat sat on the", " mat and ran"),
    ("question: what is the colour of the sky? answer:", " blueish houses"),
    ("the cat ", "dogs"),
    ("", "one two three"),
    ("one two", " three"),
]
LONG = "the cat sat on the mat and the dog ran to the red house " * 4
ARCHITECTURES = ["Bert", "Roberta", "Electra", "DistilBert", "DebertaV2", "ModernBert"]


def load(folder: Path, *, batch_size: int | str = 4, **options: Any) -> Any:
    """The model as a run on a CPU loads it."""
    import zoo_masked

    (loader,) = zoo_masked.zoo_loaders()
    how = {"device": "cpu", "dtype": "float32", "batch_size": batch_size}
    return loader.load(Model(str(folder), loader_args=options), **how)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_masked(tmp_path_factory.mktemp("bert") / "bert")


def by_hand(lm: Any, text: str, boundary: int, *, within_word: bool = True) -> tuple[float, bool]:
    """One text, one token, one forward pass after another, in the whole of the model's output."""
    found = lm.tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
    ids, words = found["input_ids"][0], found.word_ids(0)
    total, greedy = 0.0, True
    for place, (_, end) in enumerate(found["offset_mapping"][0].tolist()):
        if words[place] is None or end <= boundary:
            continue
        masked = ids.clone()
        for other in range(place, len(ids)):
            if other == place or (within_word and words[other] == words[place]):
                masked[other] = lm.tokenizer.mask_token_id
        with torch.no_grad():
            likely = lm.model(input_ids=masked[None]).logits[0, place].log_softmax(-1)
        total += float(likely[ids[place]])
        greedy = greedy and int(likely.argmax()) == int(ids[place])
    return total, greedy


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_batches_of_all_requests_give_what_masking_one_by_one_gives(
    architecture: str, tmp_path: Path
) -> None:
    lm = load(save_masked(tmp_path / "model", architecture))
    found = lm.loglikelihood(instances("loglikelihood", *PAIRS))
    wanted = [by_hand(lm, a + b, len(a.rstrip())) for a, b in PAIRS]
    assert [greedy for _, greedy in found] == [greedy for _, greedy in wanted]
    assert [each for each, _ in found] == pytest.approx([each for each, _ in wanted], abs=2e-4)
    assert len({round(each, 3) for each, _ in found}) == len(PAIRS), "they tell texts apart"


def test_rolling_is_the_whole_text(bert: Path) -> None:
    lm = load(bert)
    text = "the dog ran to the blueish house"
    (found,) = lm.loglikelihood_rolling(instances("loglikelihood_rolling", (text,)))
    assert found == pytest.approx(by_hand(lm, text, 0)[0], abs=2e-4)
    assert lm.loglikelihood_rolling(instances("loglikelihood_rolling", ("",))) == [0.0]


def test_the_original_score_is_chosen_by_name(bert: Path) -> None:
    text = "blueish houses"
    (asked,) = instances("loglikelihood_rolling", (text,))
    original = load(bert, pll="original")
    (found,) = original.loglikelihood_rolling([asked])
    assert found == pytest.approx(by_hand(original, text, 0, within_word=False)[0], abs=2e-4)
    (corrected,) = load(bert).loglikelihood_rolling([asked])
    assert abs(found - corrected) > 0.01, "the words have several pieces"
    with pytest.raises(ConfigError, match="did you mean 'original'"):
        load(bert, pll="orignal")


def test_of_a_longer_text_than_the_model_reads_each_token_is_asked_amid_its_own(
    tmp_path: Path,
) -> None:
    """RoBERTa has fewer positions than it says: it counts from behind that of padding."""
    lm = load(save_masked(tmp_path / "model", "Roberta"), batch_size="auto")
    room = lm.frame.room
    assert room == 64 - 3 - 2
    encoded = lm.tokenizer(LONG, add_special_tokens=False)
    ids, words = encoded["input_ids"], encoded.word_ids(0)
    assert len(ids) > room
    total = 0.0
    for token in range(len(ids)):
        start = min(max(0, token - room // 2), len(ids) - room)
        text = [
            3 if each >= token and words[each] == words[token] else ids[each]
            for each in range(start, start + room)
        ]
        with torch.no_grad():
            logits = lm.model(input_ids=torch.tensor([[0, *text, 1]])).logits[0]
        total += float(logits[1 + token - start].log_softmax(-1)[ids[token]])
    (found,) = lm.loglikelihood_rolling(instances("loglikelihood_rolling", (LONG,)))
    assert found == pytest.approx(total, abs=2e-3)


def test_equal_gaps_of_several_choices_are_asked_once(bert: Path) -> None:
    lm = load(bert)
    rows: list[int] = []
    lm.model.register_forward_pre_hook(
        lambda _, __, given: rows.append(len(given["input_ids"])), with_kwargs=True
    )
    choices = [("the cat sat on the", f" {letter}") for letter in "abcd"]
    found = lm.loglikelihood(instances("loglikelihood", *choices))
    assert sum(rows) == 1
    assert len({each for each, _ in found}) == 4


def test_each_answer_is_told_as_it_comes(bert: Path) -> None:
    lm, told = load(bert), []

    class Hook:
        def add_partial(self, kind: str, args: Any, answer: Any) -> None:
            told.append((kind, args, answer))

    lm.set_cache_hook(Hook())
    found = lm.loglikelihood(instances("loglikelihood", *PAIRS))
    assert told == [
        ("loglikelihood", pair, answer) for pair, answer in zip(PAIRS, found, strict=True)
    ]


def test_a_continuation_without_a_token_is_refused_since_it_would_be_certain(bert: Path) -> None:
    with pytest.raises(CellError, match=r"no token of the continuation '\\n'"):
        load(bert).loglikelihood(instances("loglikelihood", ("the cat", "\n")))


def test_it_writes_nothing(bert: Path) -> None:
    with pytest.raises(NotApplicableError, match="fills gaps"):
        load(bert).generate_until(instances("generate_until", ("the cat", {})))


def test_a_head_that_would_be_drawn_at_random_is_refused(tmp_path: Path) -> None:
    folder = save_masked(tmp_path / "model", head="Model")
    with pytest.raises(ModelError, match="lacks weights of BertForMaskedLM"):
        load(folder)


def test_a_weight_that_is_no_number_is_refused(tmp_path: Path) -> None:
    folder = save_masked(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    next(iter(tensors.values())).view(-1)[0] = float("nan")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="no finite number"):
        load(folder)


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    folder = save_masked(tmp_path / "model")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="safetensors"):
        load(folder)
