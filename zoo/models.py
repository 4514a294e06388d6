"""Models, the families they form, and the regimes that made them.

A *family* is a lineage: models that descend from one another. A *regime* is a way of training
(pretrained, fine-tuned, ...) and knows how a model made that way wants to be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.benchmarks import Benchmark

PLAIN_TEMPLATE = "none"
"""A `chat_template` that asks for plain completion by name."""


@dataclass(frozen=True)
class Prompting:
    """How a model is asked. Every default means plain completion.

    chat_template: None or "none" for plain completion, "default" for the tokenizer's own
        template, any other string for the tokenizer's template of that name.
    system_instruction: put before the task's own description.
    fewshot_as_multiturn: few-shot examples become turns of a conversation (chat only).
    enable_thinking: passed to the chat template where it is not None.
    think_end_token: what stands before it in a stored response is stripped at scoring.
    gen_kwargs: laid over the task's own generation arguments.

    >>> Prompting().is_chat
    False
    >>> Prompting(chat_template="default").is_chat
    True
    """

    chat_template: str | None = None
    system_instruction: str | None = None
    fewshot_as_multiturn: bool = False
    enable_thinking: bool | None = None
    think_end_token: str | None = None
    gen_kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_chat(self) -> bool:
        """Whether a chat template is laid around the prompt."""
        return self.chat_template not in (None, PLAIN_TEMPLATE)

    @property
    def thinks(self) -> bool:
        """Whether an answer may begin with thinking: it is asked to, or only its end is known."""
        if self.enable_thinking is None:
            return self.think_end_token is not None
        return self.enable_thinking


@dataclass(frozen=True)
class Evidence:
    """One reason to believe that a model was made by a regime.

    confidence: 0..1; the evidence of several reasons for one regime adds up as independent
        chances, 1 - prod(1 - confidence).
    why: what was seen, where, for a person to read.
    """

    regime: str
    confidence: float
    why: str


@dataclass(frozen=True)
class Facts:
    """What a checkpoint says of itself, read without loading a weight.

    Each mapping is empty and each text None where the checkpoint has no such file.
    """

    id: str
    card: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    tokenizer_config: Mapping[str, Any] = field(default_factory=dict)
    adapter_config: Mapping[str, Any] = field(default_factory=dict)
    chat_template: str | None = None

    @property
    def tags(self) -> tuple[str, ...]:
        """The card's tags, lower case."""
        tags = self.card.get("tags")
        return tuple(str(tag).lower() for tag in tags) if isinstance(tags, (list, tuple)) else ()


@dataclass(frozen=True)
class Making:
    """How a stage was made, as the manifest beside its weights says.

    recipe: the way of training. settings: what it was told, by name, those left at their default
    among them, and as `data` whose rows it was given; plain JSON values. examples: rows it learned
    from, each counted once; None where it learned from none. seconds: of training, pauses left out;
    None of a checkpoint on the way. data: SHA-256 of the rows. source: who brought them, the recipe
    by its name, a file, folder or data set by a hash of its own. machine: device and threads of the
    training, as the manifest has them; "" where it says nothing.
    """

    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    examples: int | None = None
    seconds: float | None = None
    data: str = ""
    source: str = ""
    machine: str = ""


@dataclass(frozen=True)
class Model:
    """One checkpoint, pinned, with its place in a lineage.

    id: a Hub id, or a folder as the user named it; `org/name@revision` where the stage is a branch,
        tag or commit of a repository that holds several.
    revision: the commit on the Hub, or a hash of a local folder; None until it is pinned. An
        adapter's is its own, and that of its base stands in loader_args.
    base_model: the parent's id, several for a merge, None for a root.
    targets: capabilities this stage was trained for; None means the regime's default.
    loader: name of the loader; None means the run's default.
    loader_args: given to the loader; `pretrained` and `peft` may point at folders.
    step, seed: of training, where known. gpus: how many one instance needs (0: none or one).
    regime_args: what the regime is told of this model: the corpus that it searches, say.
    adapter: what kind of adapter it is, "" for none; trained: parameters of the adapter alone.
    licence: as its card names it, "" where it names none. parameters: of the model as it is run
        (an adapter's with its base's), None where its files do not say.
    made: how `zoo train` made it; None where it was made elsewhere.

    >>> Model("org/m", base_model=("org/a", "org/b")).parents
    ('org/a', 'org/b')
    """

    id: str
    revision: str | None = None
    family: str = ""
    regime: str = ""
    base_model: str | tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    loader: str | None = None
    loader_args: Mapping[str, Any] = field(default_factory=dict)
    step: int | None = None
    seed: int | None = None
    gpus: int = 0
    evidence: tuple[Evidence, ...] = ()
    training_datasets: tuple[str, ...] = ()
    regime_args: Mapping[str, Any] = field(default_factory=dict)
    adapter: str = ""
    trained: int | None = None
    licence: str = ""
    parameters: int | None = None
    made: Making | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the models this one was made from: none, one, or several for a merge."""
        if self.base_model is None:
            return ()
        return (self.base_model,) if isinstance(self.base_model, str) else tuple(self.base_model)


@dataclass(frozen=True)
class Context:
    """What is put before a question.

    text: with what parts it from the question; "" puts nothing there. sources: names of the
    passages it holds, for people to look up.
    """

    text: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Regime:
    """A way of training, and how a model made that way is asked in its native form.

    order: where it stands when stages are listed (pretrained 0, ... ).
    prompting: (model, benchmark) -> Prompting, pure; the lowest of the three layers of precedence
        (zoo.toml, then the benchmark, then the regime).
    targets: capabilities a stage of this regime is trained for, unless zoo.toml says otherwise.
    claims: names of claims about this regime.
    as_parents: it trains nothing (a quantised copy, a merge), so that its models are asked as the
        models they were made from are, of several the one latest in order; `prompting` is for those
        whose parents are not in the family.
    context: (model, questions) -> what is put before each of them under either protocol; pure. Its
        models have their parent's weights: knowledge without training. None puts nothing.

    >>> base = Regime("pretrained", "Pretrained", 0, lambda model, benchmark: Prompting())
    >>> base.prompting(Model("org/m"), None).is_chat
    False
    """

    name: str
    title: str
    order: int
    prompting: Callable[[Model, Benchmark], Prompting]
    targets: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    as_parents: bool = False
    context: Callable[[Model, Sequence[str]], Sequence[Context]] | None = None


@dataclass(frozen=True)
class Family:
    """A lineage: models, parents before children.

    suite: the suite that is run when none is named.
    """

    name: str
    models: tuple[Model, ...]
    title: str = ""
    suite: str = "core"


def address_of(name: str) -> tuple[str, str | None]:
    """Repository and revision of a Hub id.

    >>> address_of("org/checkpoints@step-100"), address_of("org/model")
    (('org/checkpoints', 'step-100'), ('org/model', None))
    """
    repository, _, revision = name.partition("@")
    return repository, revision or None
