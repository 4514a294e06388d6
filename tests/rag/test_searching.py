"""What a search finds, by words and by meaning, in each kind of corpus; and what is a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import ZooError
from zoo_rag.corpus import _cut, read_corpus
from zoo_rag.searching import passages_for

TEXTS = {
    "lion": "The lion lives in the savannah and sleeps all day.",
    "seoul": "서울은 대한민국의 수도이다.",
    "paris": "Paris is the capital of France.",
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three texts, each a file."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def found(questions: list[str], **regime_args: Any) -> list[tuple[str, ...]]:
    return [each.sources for each in passages_for("m", regime_args, questions)]


def test_the_best_passage_stands_next_to_its_question(corpus: Path) -> None:
    (context,) = passages_for(
        "m", {"corpus": str(corpus), "k": 2}, ["What is the capital of France?"]
    )
    assert context.sources == ("lion.txt#1", "paris.txt#1")
    assert context.text == f"{TEXTS['lion']}\n\n{TEXTS['paris']}\n\n"


def test_words_of_any_language_are_found_and_a_question_without_any_gets_nothing(
    corpus: Path,
) -> None:
    asked = ["대한민국의 수도는?", "xyzzy"]
    assert found(asked, corpus=str(corpus), k=3) == [("seoul.txt#1",), ()]


def test_a_corpus_that_changed_is_read_again(corpus: Path) -> None:
    asked = ["Where does the tiger live?"]
    assert found(asked, corpus=str(corpus), k=1) == [("lion.txt#1",)]
    (corpus / "tiger.md").write_text("A tiger.\n\nThe tiger does live in the jungle.")
    assert found(asked, corpus=str(corpus), k=1) == [("tiger.md#2",)]


def test_rows_of_json_are_passages_under_their_own_ids(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"id": name, "body": text} for name, text in TEXTS.items()]
    file.write_text("\n".join(map(json.dumps, rows)))
    asked = ["capital of France"]
    assert found(asked, corpus=str(file), column="body", k=1) == [("paris#1",)]
    with pytest.raises(ZooError, match=r"rows\.jsonl:1 is no row of JSON with a 'text'"):
        found(asked, corpus=str(file))


def test_a_data_set_is_a_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "facts").mkdir()
    rows = [{"text": text} for text in TEXTS.values()]
    (tmp_path / "facts" / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.chdir(tmp_path)
    assert found(["capital of France"], corpus="facts", k=1) == [("train.jsonl:3#1",)]


def test_meanings_are_compared_by_the_embedder(corpus: Path, tmp_path: Path) -> None:
    """A model whose embedding of a text is the mean of its words' vectors, made for the test."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import BoW

    vocabulary = ["capital", "france", "lion", "savannah", "sleeps", "paris"]
    embedder = tmp_path / "embedder"
    SentenceTransformer(modules=[BoW(vocabulary)], device="cpu").save(str(embedder))
    args = {"corpus": str(corpus), "method": "embedding", "embedder": str(embedder), "k": 1}
    assert found(["a lion sleeps", "france"], **args) == [("lion.txt#1",), ("paris.txt#1",)]


@pytest.mark.parametrize(
    ("regime_args", "said"),
    [
        ({}, "corpus: this key is missing, add it"),
        ({"corpus": ""}, "corpus is empty, name a folder"),
        ({"corpus": "./none"}, "there is no corpus ./none"),
        ({"corpus": "HERE", "kk": 2}, "did you mean 'k'"),
        ({"corpus": "HERE", "k": 0}, "k and words are at least 1"),
        ({"corpus": "HERE", "k": True}, "k: True is true or false, wanted a whole number"),
        ({"corpus": "HERE", "k": -1}, "k and words are at least 1"),
        ({"corpus": "HERE", "method": "bm26"}, "did you mean 'bm25'"),
        ({"corpus": "HERE", "method": "embedding"}, "an embedder is missing"),
        ({"corpus": "HERE", "method": "embedding", "embedder": "./no"}, "cannot be loaded"),
    ],
)
def test_a_mistake_is_one_sentence(corpus: Path, regime_args: Any, said: str) -> None:
    told = {k: str(corpus) if v == "HERE" else v for k, v in regime_args.items()}
    with pytest.raises(ZooError) as raised:
        passages_for("m", told, ["?"])
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_corpus_without_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(b"\x89PNG")
    with pytest.raises(ZooError, match="holds no text"):
        read_corpus(str(tmp_path), words=10, column="text", split="train")


@given(st.text(), st.integers(1, 5))
def test_no_word_of_a_paragraph_is_lost_and_no_passage_is_too_long(text: str, words: int) -> None:
    passages = [each.text for each in _cut("name", [text], words)]
    assert " ".join(passages).split() == text.split()
    assert all(1 <= len(passage.split()) <= words for passage in passages)
