"""How a chat comes into a prompt: by the checkpoint's template, or as turns for who has his own.

Whoever serves a model lays its template himself and takes the turns of a chat. They travel as the
text of a prompt, in one spelling, so that they are hashed, stored and shown like any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.errors import NotApplicableError, PromptingError
from zoo.evaluation.checkpoints import Checkpoint, chat_renderer
from zoo.evaluation.images import in_parts
from zoo.evaluation.tasks import RenderChat
from zoo.fingerprints import processor_template_of
from zoo.models import Prompting

THINK_END = "</think>"
"""Ends the thinking that a server hands out apart, as it is kept with the answer."""


@dataclass(frozen=True)
class Turns:
    """A chat that is sent as it is.

    messages: each with a role and its content, and nothing else. thinking: whether the model is
    told to think, or not to; None leaves that to its template.
    """

    messages: Sequence[Mapping[str, str]]
    thinking: bool | None = None

    @property
    def text(self) -> str:
        """Its one spelling.

        >>> Turns([{"role": "user", "content": "1 + 1?"}]).text
        '{"messages": [{"role": "user", "content": "1 + 1?"}], "thinking": null}'
        """
        messages = [{"role": each["role"], "content": each["content"]} for each in self.messages]
        return json.dumps({"messages": messages, "thinking": self.thinking}, ensure_ascii=False)

    @classmethod
    def of(cls, text: str) -> Turns | None:
        """The turns that a prompt spells; None where it is plain text."""
        if not text.startswith('{"messages": [{"role": '):
            return None
        try:
            found = json.loads(text)
            turns = cls(found["messages"], found["thinking"])
            return turns if turns.text == text else None
        except (ValueError, KeyError, TypeError, RecursionError):
            return None


def chat_form(
    checkpoint: Checkpoint,
    prompting: Prompting,
    model_id: str,
    *,
    turns: bool = False,
    parts: bool = False,
) -> tuple[RenderChat | None, tuple[object, ...]]:
    """What lays the chat around messages, None for plain completion; and all that it depends on.

    turns: whether the model takes them as they are; parts: whether its template is given each
    message as text and images. Raises PromptingError.
    """
    asked: tuple[object, ...] = (prompting.system_instruction,)
    if not prompting.is_chat:
        return None, asked
    asked += (prompting.chat_template, prompting.fewshot_as_multiturn, prompting.enable_thinking)
    if turns:
        return turns_renderer(prompting, model_id), (*asked, "turns")
    asked += (checkpoint.identity.tokenizer, checkpoint.identity.chat_template)
    if not parts:
        return chat_renderer(checkpoint.tokenizer(), prompting, model_id), asked
    own = processor_template_of(checkpoint.folder) if checkpoint.folder else None
    renderer = chat_renderer(checkpoint.tokenizer(), prompting, model_id, own)

    def render(messages: list[Mapping[str, Any]], **how: Any) -> str:
        return str(renderer(in_parts(messages), **how))

    return render, (*asked, "parts", checkpoint.identity.processor)


def turns_renderer(prompting: Prompting, model_id: str) -> RenderChat:
    """Spells messages as turns.

    Raises PromptingError where a template is named, which is not ours to choose, and
    NotApplicableError for a task that begins the answer.
    """
    if prompting.chat_template != "default":
        raise PromptingError(
            f"{model_id} is sent turns, around which its server lays its own chat template; "
            f'{prompting.chat_template!r} cannot be chosen: say chat_template = "default"'
        )

    def render(messages: list[Mapping[str, Any]], add_generation_prompt: bool = True) -> str:
        if not add_generation_prompt:
            raise NotApplicableError(
                f"the task begins the answer (gen_prefix), and the server of {model_id}, which "
                "lays the chat template itself, always begins a new one"
            )
        return Turns(messages, prompting.enable_thinking).text

    return render
