"""The reference of zoo.toml, from the dataclasses it is read into."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from generate.docstrings import meanings, summary, table
from zoo.config import File, ModelTable, PromptingChange
from zoo.models import Model, Prompting

_HEAD = """\
# zoo.toml

This page is generated from `zoo.config` by `python docs/generate`.

`zoo.toml` is looked for in the working folder and then in each folder above it; `--config FILE`
names another. Without one, the embedded family `nano` is run on the suite `core`. Every table is
optional. `zoo init` writes a commented file.

Folders are meant relative to the file. A key that is not known, a value of another type and a name
that stands twice end the command with status 2, naming the file, the key and the nearest known one.
A default of "none" means that the key is left out: TOML has no word for nothing.
"""

_DOCUMENTED_BY = {ModelTable: Model, PromptingChange: Prompting}
"""Tables that are read into another noun, whose docstring says what the keys mean."""

_NAMES = {"families": "NAME", "suites": "NAME", "prompting": "REGIME"}

_ABOUT = {
    "families": "A lineage. The first family is the one that `zoo run` takes without a target.",
    "prompting": "How a regime is asked under the native protocol, laid over what the regime "
    "itself and the benchmark say. A model's own `prompting` has the same keys and is laid over "
    "this; a key that is left out stays as it is below. The uniform protocol hears neither.",
    "suites": "Benchmarks that are run together. Files `suites/NAME.toml` of plugins have the same "
    "keys; of a name that stands in both, this file's suite is used.",
    "leaderboards": "Shown by `zoo leaderboard NAME`.",
    "publish": "Where `zoo publish` puts results. NAME is a publisher: `hub`, or one that a plugin "
    "brings (`zoo publish --to NAME`).",
}
"""What is said of a table beyond its docstring."""

_MEANINGS = {
    "Benchmark.metric": "which of the task's numbers is the score",
    "Benchmark.filter": "what answers pass through before they are scored; a task without filters "
    "of its own has `none`",
    "Benchmark.num_fewshot": "examples before each item; left out, the task's own number",
    "Benchmark.capability": "what is measured; benchmarks of one capability are averaged; left "
    "out, the task's name",
    "ZooTable.store": "folder of answers, scores, run records and reports; `--store` comes first",
    "ZooTable.executor": "where jobs run; `--executor` comes first",
    "ZooTable.loader": "how models are loaded that name no loader themselves; none means the "
    "engine, `torch`, or the one that takes a checkpoint of its kind; `--loader` comes first",
    "PluginsTable.block": "entry points that are installed and not to be used",
    "PluginsTable.only": "entry points that may be used, and no others",
    "PluginsTable.pick": "distribution by name, for a name that two distributions claim",
    "FamilyTable.models": "the stages, in any order",
    "FamilyTable.title": "for people",
    "FamilyTable.suite": "the suite that is run where none is named",
    "ModelTable.regime": "way of training; left out, it is read from the checkpoint (`zoo tree`)",
    "ModelTable.revision": "branch, tag or commit on the Hub; left out, the main branch",
    "ModelTable.base_model": "the parent's id, several for a merge; left out, what the card or the "
    "adapter's configuration says (a Hub id whose `regime` is given is not read); `[]` "
    "says that it has none, whatever its card names",
    "ModelTable.licence": "for people; left out, what the card says, where that is read",
    "ModelTable.parameters": "how many it has, with its base's if it is an adapter; left out, what "
    "the files say, where they are read",
    "ModelTable.note": "what to know of it, shown by `zoo tree`",
    "ModelTable.step": "of training, for people",
    "ModelTable.seed": "of training, for people",
    "ModelTable.training_datasets": "for people",
    "ModelTable.regime_args": "what the regime is told of this model, such as the corpus that a "
    "retrieval-augmented one searches; a path that begins with a dot is relative to the file",
    "ModelTable.prompting": "how this model is asked under the native protocol, in the keys of "
    "`[prompting.REGIME]`",
    "PromptingChange.chat_template": '"none" for plain completion, "default" for the tokenizer\'s '
    "own template, any other string for the tokenizer's template of that name",
    "PromptingChange.enable_thinking": "passed to the chat template",
    "SuiteTable.benchmarks": "the measures; one task may stand several times, if metric, filter "
    "or num_fewshot differ",
    "SuiteTable.name": "may be left out; if given, the name of the table or of the file",
    "SuiteTable.title": "for people",
    "LeaderboardTable.families": "names or patterns",
    "LeaderboardTable.suite": "what the models are ranked on",
    "PublishTable.repo": "where to: a repository on the Hub as `org/name`, or whatever the "
    "publisher takes for a place; `--repo` comes first",
    "PublishTable.private": "whether only the repository's owners see it; `--public` comes first",
    "PublishTable.space": "the Space of `--space`; left out, one of the same name as `repo`",
    "PublishTable.licence": "of the published results, as the Hub calls it (`cc-by-4.0`)",
    "PublishTable.options": "given to the publisher; the Hub's are `timeout`, seconds for one call "
    "to be answered (60), and `tries` (6)",
    "PublishTable.evaluations": "benchmarks of the Hub by task, for `--pr`, beside those that zoo "
    "knows",
    "Evaluation.dataset": "the benchmark's data set on the Hub",
    "Evaluation.task_id": "its task, as the data set's `eval.yaml` calls it",
}
"""What a key means where the docstring does not say it, or not in the words of TOML."""

_TYPES: Mapping[Any, str] = {
    str: "string",
    bool: "true or false",
    int: "whole number",
    float: "number",
    Any: "any value",
}


def render_toml() -> str:
    """The reference of zoo.toml as markdown, a section for each table."""
    parts = [_HEAD]
    for name, kind in typing.get_type_hints(File).items():
        if typing.get_origin(kind) is Mapping:
            cls, heading = typing.get_args(kind)[1], f"[{name}.{_NAMES.get(name, 'NAME')}]"
        else:
            cls, heading = kind, f"[{name}]"
        about = _ABOUT.get(name) or summary(cls).partition(": ")[2].capitalize()
        parts += [f"## `{heading}`\n\n{about}\n", _keys(cls)]
        parts += [f"### An entry of `{key}`\n\n{_keys(each)}" for key, each in _entries(cls)]
    return "\n".join(parts)


def _entries(cls: Any) -> Iterator[tuple[str, Any]]:
    """Keys that hold a list of tables, and what these are."""
    for name, kind in typing.get_type_hints(cls).items():
        first, *_ = typing.get_args(kind) or (None,)
        if typing.get_origin(kind) is tuple and dataclasses.is_dataclass(first):
            yield name, first
        if typing.get_origin(kind) is Mapping and dataclasses.is_dataclass(
            typing.get_args(kind)[1]
        ):
            yield name, typing.get_args(kind)[1]


def _keys(cls: Any) -> str:
    said = meanings(_DOCUMENTED_BY.get(cls, cls))
    hints = typing.get_type_hints(cls)
    rows = []
    for field in dataclasses.fields(cls):
        meaning = _MEANINGS.get(f"{cls.__name__}.{field.name}") or said[field.name]
        meaning = meaning.replace("None means", "left out,")
        rows.append((f"`{field.name}`", _type(hints[field.name]), _default(field), meaning))
    return table(("key", "type", "default", "meaning"), rows) + "\n"


def _type(kind: Any) -> str:
    """A type in the words of TOML."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(each) for each in args if each is not type(None))
    if origin is typing.Literal:
        return " or ".join(f"`{json.dumps(each)}`" for each in args)
    if origin is tuple:
        return f"list of {_type(args[0])}s"
    if origin is Mapping:
        return "table" if args[1] is Any else f"table of {_type(args[1])}s"
    return "table" if dataclasses.is_dataclass(kind) else _TYPES[kind]


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return "`{}`"
    if field.default is dataclasses.MISSING:
        return "required"
    if field.default is None:
        return "none"
    if dataclasses.is_dataclass(field.default):
        return "`{}`"
    return f"`{json.dumps(field.default)}`"
