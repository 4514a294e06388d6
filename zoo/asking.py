"""One prompt to every stage of a family: raw, and in each stage's native form, as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from zoo.benchmarks import Benchmark, Suite
from zoo.errors import ZooError
from zoo.evaluation.checkpoints import find_checkpoint
from zoo.evaluation.preparing import answerable
from zoo.evaluation.turns import chat_form
from zoo.hookspecs import Loader
from zoo.host import Host
from zoo.models import Family, Model, Prompting
from zoo.plan import BUDGET_ALIASES
from zoo.probing import describe
from zoo.results import RunSpec
from zoo.running import Options, plan_family, settings_of

if TYPE_CHECKING:
    from lm_eval.api.model import LM

Form = Literal["raw", "native"]
MAX_TOKENS = 48


@dataclass(frozen=True)
class Piece:
    """A piece of one stage's answer.

    text: to be added to what that stage has written in that form. same: the native form is the
    raw one, so nothing more is asked. error: why there is no answer.
    """

    model: Model
    form: Form
    text: str = ""
    same: bool = False
    error: str = ""


def ask(
    host: Host, family: Family, prompt: str, options: Options, max_tokens: int = MAX_TOKENS
) -> Iterator[Piece]:
    """Every stage's answer in pieces, stage by stage. A stage that fails says why."""
    settings = settings_of(host, options)
    bare = Suite("ask", (Benchmark("ask", metric=""),))
    wishes = replace(options.wishes, protocols=("native",))
    plan = plan_family(host, family, bare, wishes)
    failed = {result.spec.model.id: result.error for result in plan.failed}
    specs = {spec.model.id: spec for spec in plan.specs}
    for model in family.models:
        form: Form = "raw"
        yield Piece(model, form)
        try:
            loader = host.loader_of(model, options.loader)
            if loader.reads_files:
                config = find_checkpoint(model).config
                loader = host.loader_of(model, options.loader, config)
            answerable(loader, "generate_until")
            lm = loader.load(
                model,
                device=settings.device,
                dtype=settings.dtype,
                batch_size=1,
                **options.loader_args,
            )
            asked = _in_context(host, model, prompt)
            for text in _write(lm, asked, Prompting(gen_kwargs=wishes.gen_kwargs), max_tokens):
                yield Piece(model, form, text)
            form = "native"
            if model.id in failed:
                yield Piece(model, form, error=failed[model.id])
                continue
            yield from _native(lm, specs[model.id], asked, max_tokens, loader)
        except ZooError as problem:
            yield Piece(model, form, error=str(problem))
        except Exception as problem:
            yield Piece(model, form, error=describe(problem))


def _in_context(host: Host, model: Model, prompt: str) -> str:
    """The prompt after what the model's regime puts before a question, if anything."""
    regimes = host.registry.regimes
    context = regimes[model.regime].context if model.regime in regimes else None
    return "".join(found.text for found in context(model, [prompt])) + prompt if context else prompt


def _native(lm: LM, spec: RunSpec, prompt: str, max_tokens: int, loader: Loader) -> Iterator[Piece]:
    model, prompting = spec.model, spec.prompting
    if not prompting.is_chat and not prompting.system_instruction:
        yield Piece(model, "native", same=True)
        return
    text = prompt
    if prompting.is_chat:
        checkpoint = find_checkpoint(model, loader.reads_files)
        form = {"turns": loader.takes_turns, "parts": bool(loader.images)}
        render, _ = chat_form(checkpoint, prompting, model.id, **form)
        assert render is not None, "a chat has a form"
        system = prompting.system_instruction
        messages = [{"role": "system", "content": system}] if system else []
        text = render([*messages, {"role": "user", "content": prompt}])
    elif prompting.system_instruction:
        text = f"{prompting.system_instruction}\n\n{prompt}"
    for piece in _write(lm, text, prompting, max_tokens):
        yield Piece(model, "native", piece)


def _write(lm: LM, text: str, prompting: Prompting, max_tokens: int) -> Iterator[str]:
    """What the model writes after the text, piece by piece where its loader can stream."""
    own = ("until", "max_gen_toks", *BUDGET_ALIASES)
    wishes = {k: v for k, v in prompting.gen_kwargs.items() if k not in own}
    if callable(getattr(getattr(lm, "model", None), "forward", None)):
        yield from _stream(lm, text, wishes, max_tokens)
        return
    from zoo.evaluation.answering import answer
    from zoo.evaluation.requests import CellRequests, Request

    arguments = {**wishes, "until": [], "max_gen_toks": max_tokens}
    request = Request(0, 0, "generate_until", text, gen_kwargs=arguments)
    written = answer(lm, [CellRequests("", (request,))])[""]
    if isinstance(written, ZooError):
        raise written
    yield written[0][0].text or ""


def _stream(lm: Any, text: str, wishes: dict[str, Any], max_tokens: int) -> Iterator[str]:
    """Generates in a thread and hands on each piece as it comes."""
    from threading import Thread

    from transformers import TextIteratorStreamer

    tokenizer = lm.tokenizer
    # a rendered chat holds its own BOS; a bare prompt is encoded as the tokenizer encodes
    bos = tokenizer.bos_token
    encoded = tokenizer(
        text, return_tensors="pt", add_special_tokens=not (bos and text.startswith(bos))
    ).to(lm.device)
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    arguments = {
        # as lm-eval reads it: a temperature is a wish to sample
        "do_sample": float(wishes.get("temperature") or 0) > 0,
        **wishes,
        "input_ids": encoded["input_ids"],
        "attention_mask": encoded["attention_mask"],
        "max_new_tokens": max_tokens,
        "pad_token_id": tokenizer.eos_token_id
        if tokenizer.pad_token_id is None
        else tokenizer.pad_token_id,
        "streamer": streamer,
    }
    raised: list[Exception] = []

    def generate() -> None:
        try:
            lm.model.generate(**arguments)
        except Exception as problem:
            raised.append(problem)
            streamer.end()

    thread = Thread(target=generate, daemon=True)
    thread.start()
    yield from streamer
    thread.join()
    if raised:
        raise ZooError(f"generation failed: {describe(raised[0])}")
