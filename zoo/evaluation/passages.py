"""Passages put before a question, in a prompt that is rendered already.

The question is found where it stands last: after few-shot examples, within a chat template. So the
same is done under both protocols, and the keys see it, since they are made of rendered prompts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from zoo.errors import BenchmarkError, NotApplicableError, ZooError
from zoo.evaluation.requests import Request
from zoo.evaluation.tasks import LoadedTask
from zoo.evaluation.turns import Turns
from zoo.models import Context
from zoo.probing import describe

Find = Callable[[Sequence[str]], Sequence[Context]]
"""What is put before each of some questions."""


def with_passages(
    requests: Sequence[Request], loaded: LoadedTask, find: Find
) -> tuple[Request, ...]:
    """The requests with what is found for each item's question put before it.

    Raises NotApplicableError where items have no question of their own, and BenchmarkError where
    nothing can be looked up or a question cannot be seen in its prompt.
    """
    name = loaded.source.name
    if any(request.kind == "loglikelihood_rolling" for request in requests):
        raise NotApplicableError(f"'{name}' asks no question, so that nothing can be looked up")
    numbers = list(dict.fromkeys(request.doc for request in requests))
    questions = [_question(loaded, number) for number in numbers]
    try:
        found = list(find(questions))
    except ZooError:
        raise
    except Exception as problem:
        raise BenchmarkError(f"nothing could be looked up: {describe(problem)}") from problem
    if len(found) != len(questions):
        raise BenchmarkError(
            f"for {len(questions)} questions of '{name}' {len(found)} contexts were given"
        )
    contexts = dict(zip(numbers, zip(questions, found, strict=True), strict=True))
    return tuple(_placed(request, *contexts[request.doc], name) for request in requests)


def _question(loaded: LoadedTask, number: int) -> str:
    question = loaded.task.doc_to_text(loaded.docs[number])
    if not isinstance(question, str) or not question.strip():
        raise NotApplicableError(
            f"'{loaded.source.name}' puts its options where the question is, so that nothing can "
            "be put before it"
        )
    return question.strip()


def _placed(request: Request, question: str, context: Context, name: str) -> Request:
    if not request.context:  # how likely an option is by itself, which mutual information asks
        return request
    put = context.text
    if Turns.of(request.context) is not None:  # a chat that is sent as it is, spelled as JSON
        question, put = _spelled(question), _spelled(put)
    at = request.context.rfind(question)
    if at < 0:
        raise BenchmarkError(f"a prompt of '{name}' does not hold its question as it stands")
    text = request.context[:at] + put + request.context[at:]
    return replace(request, context=text, passages=put, sources=tuple(context.sources))


def _spelled(text: str) -> str:
    """As it stands within a text of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
