"""Images that are part of a request: known by their pixels, shown as they are, never stored.

A prompt says where each stands with `PLACE`, lm-eval's own word for it. Whoever loads the model
puts that model's word in its place; a chat is given to the template in parts instead.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.errors import BenchmarkError, NotApplicableError
from zoo.evaluation.kinds import sees
from zoo.hookspecs import Loader

PLACE = "<image>"
"""Where an image stands in a prompt."""

SHOWN = "visual"
"""What lm-eval calls the images of a request."""


def is_image(value: Any) -> bool:
    """Whether it is an image as datasets decode them (Pillow's)."""
    pillow = sys.modules.get("PIL.Image")  # whoever has such a value has imported it
    return pillow is not None and isinstance(value, pillow.Image)


def image_hash(image: Any) -> str:
    """Hex sha256 of an image: its mode, size, palette, transparency and pixels.

    Two files of other formats that decode to equal pixels are one image.
    """
    told = [image.mode, image.size, image.getpalette(), image.info.get("transparency")]
    found = hashlib.sha256(repr(told).encode())
    found.update(image.tobytes())
    return found.hexdigest()


def image_hashes(arguments: Sequence[Any]) -> tuple[str, ...]:
    """Hashes of the images among the arguments of an lm-eval request, in order."""
    shown = arguments[2] if len(arguments) > 2 else {}
    return tuple(map(image_hash, shown.get(SHOWN) or ())) if isinstance(shown, Mapping) else ()


def images_of(task: Any, instance: Any) -> tuple[Any, ...]:
    """The images that a task gives with a request of its, in order.

    Raises BenchmarkError where they are no images, or not as many as the prompt has places.
    """
    shown = instance.args[2] if len(instance.args) > 2 else {}
    given = shown.get(SHOWN)
    images = tuple(given) if isinstance(given, (list, tuple)) else (given,) * (given is not None)
    where = f"item {instance.doc_id} of the task '{instance.task_name}'"
    for each in images:
        if not is_image(each):
            kind = type(each).__name__
            raise BenchmarkError(f"{where} gives a {kind} as its image, where Pillow's is wanted")
    question = task.doc_to_text(instance.doc)
    places = question.count(PLACE) if isinstance(question, str) else len(images)
    if places != len(images):
        raise BenchmarkError(
            f"{where} has {len(images)} images and {places} places for them ({PLACE} in its text)"
        )
    return images


def showable(loader: Loader, kind: str, task: Any, config: Mapping[str, Any]) -> None:
    """Raises NotApplicableError where a task shows or plays what a loader's models are not given.

    kind: of the requests. config: of the checkpoint, {} where unknown. Of an example lm-eval gives
    the text alone: an image task has none.
    """
    asked, name = task.config, task.config.task
    if getattr(asked, "doc_to_audio", None):
        raise NotApplicableError(f"the task '{name}' needs sound, which no loader plays")
    if not getattr(asked, "doc_to_image", None):
        return
    if not loader.images:
        remedy = "; this one sees: name a loader that shows it images" if sees(config) else ""
        raise NotApplicableError(
            f"the task '{name}' needs images, and the loader {loader.name!r} shows its models none"
            + remedy
        )
    if kind not in loader.images:
        raise NotApplicableError(
            f"the task '{name}' asks {kind} of images, which the loader {loader.name!r} does not "
            f"answer; it answers {', '.join(loader.images)}"
        )
    if asked.num_fewshot:
        raise NotApplicableError(
            f"the task '{name}' is asked with examples, and lm-eval hands over the images of the "
            "question alone; ask it with --num-fewshot 0"
        )


def in_parts(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Messages as templates of models that see want them: each content a list of its parts.

    >>> in_parts([{"role": "user", "content": "what is <image>?"}])[0]["content"]
    [{'type': 'text', 'text': 'what is '}, {'type': 'image'}, {'type': 'text', 'text': '?'}]
    """
    return [{**each, "content": _parts(each["content"])} for each in messages]


def _parts(text: str) -> list[dict[str, str]]:
    parts: list[dict[str, str]] = []
    for number, piece in enumerate(text.split(PLACE)):
        if number:
            parts.append({"type": "image"})
        if piece:
            parts.append({"type": "text", "text": piece})
    return parts
