"""The hook reference, from the hooks themselves."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from zoo import hookspecs
from zoo.answers import item_type
from zoo.plugins import hook_parameters

_HEAD = """\
# Hooks

This page is generated from `zoo.hookspecs` by `python docs/generate`.

A plugin is a module named by an entry point of the group `zoo`:

```toml
[project]
name = "zoo-distilled"
dependencies = ["stagezoo"]

[project.entry-points.zoo]
distilled = "zoo_distilled"
```

It implements any of these hooks, each marked with `from zoo import hookimpl`, and each returns a
list. Nothing a plugin brings takes effect by being there: `zoo.toml` and the command line choose by
name. A plugin may leave out a hook's parameters. A plugin that wraps hooks, names a hook or a
parameter that does not exist, or claims a name of the host's is listed as incompatible and not
used; one that raises or answers with another type is listed as broken, and the rest goes on.
"""


def render_hooks() -> str:
    """The hook reference as markdown: hooks with their examples, then the types of answers."""
    hooks = [getattr(hookspecs, name) for name in hook_parameters()]
    types = dict.fromkeys(item_type(hook.__name__) for hook in hooks)
    described = [cls for cls in types if dataclasses.is_dataclass(cls)]
    parts = [_HEAD, *map(_hook, hooks), "## Types", *map(_type, described)]
    return "\n".join(part.strip() + "\n" for part in parts)


def example(hook: Callable[..., Any]) -> str:
    """The example in a hook's docstring as source text; '' where it has none."""
    _, mark, code = inspect.getdoc(hook).partition("Example::")  # type: ignore[union-attr]
    return inspect.cleandoc("\n" + code) if mark else ""


def _hook(hook: Callable[..., Any]) -> str:
    text = (inspect.getdoc(hook) or "").partition("Example::")[0].strip()
    signature = str(inspect.signature(hook)).replace("'", "")
    return (
        f"## `{hook.__name__}{signature}`\n\n{text}\n\n"
        f"```python\nfrom zoo import hookimpl\n\n\n{example(hook)}\n```"
    )


def _type(cls: Any) -> str:
    fields = []
    for field in dataclasses.fields(cls):
        optional = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        fields.append(f"- `{field.name}: {field.type}`{' (optional)' if optional else ''}")
    text = f"```text\n{inspect.getdoc(cls)}\n```"
    return f"### `{cls.__module__}.{cls.__name__}`\n\n{text}\n\n" + "\n".join(fields)
