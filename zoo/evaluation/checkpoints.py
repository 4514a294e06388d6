"""Where a model's files lie, who it is by its bytes, and how its tokenizer renders a chat.

Nothing here loads weights: preflight runs it for every model before the first one is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from zoo.errors import ModelError, PromptingError
from zoo.evaluation.places import Place, places_of
from zoo.evaluation.preflight.code import TRUST, code_digest, how_to_pin, pinned, references
from zoo.evaluation.tasks import RenderChat
from zoo.fingerprints import Fingerprint, chat_template_of, digest, fingerprint, read_json
from zoo.models import Model, Prompting
from zoo.probing import describe
from zoo.snapshots import ADAPTER, small_snapshot
from zoo.weights import weight_files


@dataclass(frozen=True)
class Checkpoint:
    """Who a model is, and where its files lie.

    identity: hashes of weights (of base and adapter together), tokenizer and chat template.
    folder: of the model, or of the base under an adapter; None where it is no files of ours.
    tokenizer_folder: where the tokenizer is read from, likewise.
    repository, commit: of the Hub, what a branch was resolved to; None for folders. Of an adapter
        they are its base's.
    revision: the commit of the model itself, or of the adapter; None for a folder.
    fetched: loader arguments that name the Hub, each with the folder that was hashed in its place:
        loaders seek an adapter and a tokenizer at the base's commit, and a base that is here whole
        is loaded without asking the Hub again.
    pin: what pins the code of its repository that may run, "" where none may.
    """

    identity: Fingerprint
    folder: Path | None = None
    tokenizer_folder: Path | None = None
    repository: str | None = None
    commit: str | None = None
    revision: str | None = None
    fetched: Mapping[str, str] = field(default_factory=dict)
    pin: str = ""

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """What its config.json says; {} where it has none that we can read."""
        return read_json(self.folder / "config.json") if self.folder is not None else {}

    @cached_property
    def context_length(self) -> int | None:
        """Longest sequence it takes, in tokens, if its config says so (as lm-eval reads it)."""
        config = {**self.config, **(self.config.get("text_config") or {})}
        for name in ("n_positions", "max_position_embeddings", "n_ctx"):
            if isinstance(config.get(name), int):
                return int(config[name])
        return None

    def tokenizer(self) -> Any:
        """The tokenizer; PromptingError where the model has none that we can read."""
        if self.tokenizer_folder is None:
            raise PromptingError("its loader reads no files, so no chat template is at hand")
        return _tokenizer(self.tokenizer_folder, self.identity.tokenizer, self.pin)

    @cached_property
    def tokenizer_brings_code(self) -> bool:
        """Whether its tokenizer is of a class that a Python file of its folder defines."""
        return self.tokenizer_folder is not None and bool(references(self.tokenizer_folder))


def knows_thinking(checkpoint: Checkpoint, think_end_token: str | None) -> bool:
    """Whether the model can have learnt to think before it answers.

    Its chat template asks for thinking or writes where it ends, or its vocabulary holds that token.
    """
    if checkpoint.tokenizer_folder is None:
        return True
    template = chat_template_of(checkpoint.tokenizer_folder) or ""
    if "enable_thinking" in template or (think_end_token and think_end_token in template):
        return True
    return think_end_token is not None and think_end_token in checkpoint.tokenizer().get_vocab()


def find_checkpoint(
    model: Model, reads_files: bool = True, args: Mapping[str, Any] | None = None
) -> Checkpoint:
    """Finds the files of a model, or knows it by its name where its loader reads none.

    args: what else such a model is known by, its loader_args where none is given.

    Folders are hashed, and adapters, which are small; a base on the Hub is known by its resolved
    commit. No code of a repository is run here.
    Raises ModelError with the remedy.
    """
    if not reads_files:
        return _by_name(model, model.loader_args if args is None else args)
    places = places_of(model)
    base, over_it = places["model"], places.get("adapter")
    wish = model.loader_args.get(TRUST)
    folder, base_id = _locate(base)
    own = fingerprint(folder)
    processor = own.processor
    weights, tokenizer = base_id or _weights(folder, own), folder
    fetched: dict[str, str] = {}
    adapter: Path | None = None
    own_commit = folder.name if base_id else None
    if over_it is not None:
        adapter, peft_id = _locate(over_it)
        own_commit = adapter.name if peft_id else None
        if peft_id:
            fetched["peft"] = str(adapter)
        if base_id:
            fetched["revision"] = folder.name
        over = fingerprint(adapter)
        weights = digest([weights, _weights(adapter, over, ADAPTER[0])])
        if over.tokenizer:
            own, tokenizer = over, adapter
    if "tokenizer" in places:
        tokenizer, hub_id = _locate(places["tokenizer"])
        if hub_id:
            fetched["tokenizer"] = str(tokenizer)
        own = fingerprint(tokenizer)
    identity = Fingerprint(weights, own.tokenizer, own.chat_template, processor)
    repository, commit = (base.name, folder.name) if base_id else (None, None)
    others = [place for place in (adapter, tokenizer) if place not in (None, folder)]
    pin = pinned(model.id, wish, commit, folder, others)
    if repository and is_whole(folder):
        fetched["pretrained"] = str(folder)
        if pin:
            fetched[TRUST] = pinned(model.id, code_digest(folder), None, folder, others)
    return Checkpoint(identity, folder, tokenizer, repository, commit, own_commit, fetched, pin)


def _by_name(model: Model, args: Mapping[str, Any]) -> Checkpoint:
    """A model whose weights nobody here sees; of its tokenizer, if one is named, the bytes."""
    named = digest([model.id, model.revision, dict(args)])
    place = places_of(model, reads_files=False, args=args).get("tokenizer")
    if place is None:
        return Checkpoint(Fingerprint(named, "", ""))
    folder, hub_id = _locate(place)
    own = fingerprint(folder)
    found = Fingerprint(named, own.tokenizer, own.chat_template)
    fetched = {"tokenizer": str(folder)} if hub_id else {}
    return Checkpoint(found, tokenizer_folder=folder, fetched=fetched)


def is_whole(folder: Path) -> bool:
    """Whether a snapshot holds all weights, so that nothing is left to download."""
    return all((folder / name).is_file() for name in weight_files(folder))


def _weights(folder: Path, own: Fingerprint, name: str = "*.safetensors") -> str:
    """The hash of a folder's weights; ModelError where it has none that are safe to read.

    name: pattern of their files, since a loader falls back to pickles where it does not find its.
    """
    if not any(folder.glob(name)):
        raise ModelError(f"{folder} holds no safetensors weights; convert the checkpoint first")
    return own.weights


def _locate(place: Place) -> tuple[Path, str]:
    """(folder, "") of a local checkpoint, or (snapshot, "hub:id@commit") of one on the Hub."""
    folder = place.local
    if folder is not None:
        if not (folder / place.mark).is_file():
            raise ModelError(f"{folder} is no checkpoint: it holds no {place.mark}")
        return folder.resolve(), ""
    snapshot = small_snapshot(place.name, place.revision, place.more)
    return snapshot, f"hub:{place.name}@{snapshot.name}"


@lru_cache(maxsize=16)
def _tokenizer(folder: Path, content: str, pin: str) -> Any:
    """The tokenizer in a folder. content: its hash, so that a changed folder is read again; pin:
    of the code that may run."""
    del content
    from transformers import AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=bool(pin))
    except Exception as problem:
        if not pin and TRUST in str(problem):
            commit = folder.name if folder.parent.name == "snapshots" else None
            raise ModelError(how_to_pin(str(folder), "its tokenizer", commit, folder)) from problem
        raise ModelError(f"the tokenizer in {folder} cannot be loaded: {describe(problem)}") from (
            problem
        )


def chat_renderer(
    tokenizer: Any, prompting: Prompting, model_id: str, own: str | None = None
) -> RenderChat:
    """Lays the tokenizer's chat template around messages, as lm-eval's HFLM does.

    own: the template of its processor, which goes before the tokenizer's.
    Raises PromptingError where the checkpoint has no such template; a template that refuses a
    system message is rendered without it, as lm-eval renders it.
    """
    from jinja2 import TemplateError

    template = None if prompting.chat_template == "default" else prompting.chat_template
    templates: Any = own or getattr(tokenizer, "chat_template", None)
    remedy = 'set chat_template = "none" for it in zoo.toml to ask by plain completion'
    if not templates:
        raise PromptingError(f"{model_id} has no chat template; {remedy}")
    if template is not None and not (isinstance(templates, dict) and template in templates):
        raise PromptingError(f"{model_id} has no chat template named {template!r}; {remedy}")
    extra: dict[str, Any] = {"chat_template": own} if own else {}
    if template is not None:
        extra["chat_template"] = templates[template]
    if prompting.enable_thinking is not None:
        extra["enable_thinking"] = prompting.enable_thinking

    def render(messages: list[Mapping[str, str]], add_generation_prompt: bool = True) -> str:
        def apply(history: list[Mapping[str, str]]) -> str:
            text = tokenizer.apply_chat_template(
                history,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                continue_final_message=not add_generation_prompt,
                **extra,
            )
            return str(text)

        try:
            try:
                return apply(messages)
            except TemplateError:
                return apply([each for each in messages if each["role"] != "system"])
        except Exception as problem:
            raise PromptingError(
                f"the chat template of {model_id} fails: {describe(problem)}; {remedy}"
            ) from problem

    return render
