"""The hook reference cannot drift from the hooks."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from generate.hooks import example, render_hooks

from zoo import hookimpl, hookspecs
from zoo.answers import item_type
from zoo.plugins import hook_parameters

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "hooks.md"


def test_the_page_is_the_one_that_the_hooks_generate() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_hooks(), "run python docs/generate"


def test_every_function_called_zoo_something_is_a_hook() -> None:
    assert set(hook_parameters()) == {name for name in vars(hookspecs) if name.startswith("zoo_")}
    assert hook_parameters()


@pytest.mark.parametrize("hook", hook_parameters())
def test_every_hook_has_a_summary_and_an_example_that_implements_it(hook: str) -> None:
    function = getattr(hookspecs, hook)
    assert (inspect.getdoc(function) or "").partition("Example::")[0].strip()
    names: dict[str, object] = {"hookimpl": hookimpl}
    exec(compile(example(function), hook, "exec"), names)
    assert tuple(inspect.signature(names[hook]).parameters) == hook_parameters()[hook]  # type: ignore[arg-type]
    called = {
        node.id for node in ast.walk(ast.parse(example(function))) if isinstance(node, ast.Name)
    }
    assert item_type(hook).__name__ in called


@pytest.mark.parametrize("hook", hook_parameters())
def test_every_type_a_hook_answers_with_is_described(hook: str) -> None:
    assert (item_type(hook).__doc__ or "").strip()
