"""What is found for a question: by words (BM25), or by the nearness of embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

from zoo.errors import ConfigError, ModelError
from zoo.models import Context
from zoo.structuring import read
from zoo_rag.corpus import Passage, read_corpus, stamps

Method = Literal["bm25", "embedding"]


@dataclass(frozen=True)
class Search:
    """What `regime_args` may say.

    corpus: a folder, a file or a data set. k: passages a question is given at most. method: bm25
    (Robertson and Zaragoza 2009, as bm25s computes it) or embedding, by `embedder`, a model of
    sentence-transformers. words: the most a passage may have. between: what parts a passage from
    what follows it. column, split: of a data set, or of rows of JSON.
    """

    corpus: str
    k: int = 3
    method: Method = "bm25"
    embedder: str = ""
    words: int = 100
    between: str = "\n\n"
    column: str = "text"
    split: str = "train"


class Index(Protocol):
    """Can be searched: for each question the places of what was found, the best first."""

    def find(self, questions: Sequence[str], k: int) -> list[list[int]]: ...


def passages_for(
    model: str, regime_args: Mapping[str, Any], questions: Sequence[str]
) -> list[Context]:
    """For each question the passages found, the best of them next to it.

    Raises ConfigError for arguments that are not a search's, ModelError for a corpus or an
    embedder that cannot be read.
    """
    search = _search(model, regime_args)
    passages, index = _index(search)
    found = index.find(questions, min(search.k, len(passages)))
    return [_context([passages[place] for place in places], search.between) for places in found]


def _context(best_first: Sequence[Passage], between: str) -> Context:
    placed = best_first[::-1]
    text = "".join(passage.text + between for passage in placed)
    return Context(text, tuple(passage.name for passage in placed))


def _search(model: str, regime_args: Mapping[str, Any]) -> Search:
    where = f"regime_args of {model}"
    search = read(Search, dict(regime_args), where)
    if not search.corpus:
        raise ConfigError(f"{where}: corpus is empty, name a folder, a file or a data set")
    if search.k < 1 or search.words < 1:
        raise ConfigError(f"{where}: k and words are at least 1")
    if search.method == "embedding" and not search.embedder:
        raise ConfigError(f"{where}: an embedder is missing, a model of sentence-transformers")
    return search


def _index(search: Search) -> tuple[tuple[Passage, ...], Index]:
    return _made(search, stamps(search.corpus))


@lru_cache(maxsize=4)
def _made(search: Search, stamp: object) -> tuple[tuple[Passage, ...], Index]:
    """Passages and their index, made once in a process for all benchmarks and protocols.

    stamp: of the corpus, so that one that changed is read again.
    """
    del stamp
    passages = read_corpus(
        search.corpus, words=search.words, column=search.column, split=search.split
    )
    texts = [passage.text for passage in passages]
    return passages, Words(texts) if search.method == "bm25" else Meanings(texts, search.embedder)


class Words:
    """BM25 over words of any language, in lower case; nothing is thrown out as a stop word."""

    def __init__(self, texts: Sequence[str]) -> None:
        try:
            import bm25s
        except ImportError:
            raise ModelError(
                'searching by words needs bm25s; pip install "stagezoo[rag]"'
            ) from None
        self._bm25 = bm25s.BM25()
        self._bm25.index(self._tokens(texts), show_progress=False)

    @staticmethod
    def _tokens(texts: Sequence[str]) -> Any:
        import bm25s

        return bm25s.tokenize(
            list(texts), stopwords=None, token_pattern=r"(?u)\b\w+\b", show_progress=False
        )

    def find(self, questions: Sequence[str], k: int) -> list[list[int]]:
        """A passage that shares no word with a question is not found for it."""
        places, scores = self._bm25.retrieve(self._tokens(questions), k=k, show_progress=False)
        return [
            [int(place) for place, score in zip(*row, strict=True) if score > 0]
            for row in zip(places, scores, strict=True)
        ]


class Meanings:
    """Cosine of embeddings, every passage compared."""

    def __init__(self, texts: Sequence[str], embedder: str) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError:
            raise ModelError(
                'searching by meaning needs sentence-transformers; pip install "stagezoo[rag]"'
            ) from None
        try:
            self._model = SentenceTransformer(embedder, device="cpu")
        except Exception as problem:
            first = str(problem).strip().partition("\n")[0]
            raise ModelError(f"the embedder {embedder} cannot be loaded: {first}") from None
        self._texts = self._embed(texts)

    def _embed(self, texts: Sequence[str]) -> Any:
        return self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)

    def find(self, questions: Sequence[str], k: int) -> list[list[int]]:
        """The k nearest, a tie in the order of the corpus."""
        import numpy as np

        near = self._embed(questions) @ self._texts.T
        order = np.argsort(-near, axis=1, kind="stable")[:, :k]
        found: list[list[int]] = order.tolist()
        return found
