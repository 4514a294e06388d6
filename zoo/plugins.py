"""Finds the plugins, keeps each from harming the others, and puts questions to them.

A plugin that fails stays on the list with the reason beside its name, and the rest goes on. What
cannot be contained is a *hook* that ends the process or never returns: hooks run in this process.

Whatever one hook's failure says, the plugin's other hooks are still asked, so that an answer never
depends on what was asked before it.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import logging
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any, Literal

import pluggy
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from zoo import hookspecs
from zoo.answers import misfit
from zoo.errors import UnknownNameError, did_you_mean
from zoo.hookspecs import GROUP
from zoo.probing import PATIENCE, describe, import_trouble, one_line
from zoo.process_state import kept
from zoo.redaction import redact

HOST = "stagezoo"
"""The host's distribution; what it brings is first-party."""

_log = logging.getLogger(__name__)

Status = Literal["ok", "broken", "incompatible", "blocked"]


@dataclass(frozen=True)
class Plugin:
    """One entry point of the group, and what became of it.

    status: ok; broken (its import or a hook raised, exited or hung, or a hook returned the wrong
        type); incompatible (it needs another host, implements a hook that does not exist, claims a
        taken name); blocked (by zoo.toml or --no-plugins).
    reason: one sentence; empty where all is well.
    hooks: the hooks it implements; empty where it was not imported.
    origin: where a third party was installed from, without secrets: an address with its commit, or
        "a local folder"; empty for a package index, which name and version are enough for.
    """

    name: str
    distribution: str
    version: str
    status: Status = "ok"
    reason: str = ""
    hooks: tuple[str, ...] = ()
    first_party: bool = False
    origin: str = ""

    @property
    def key(self) -> str:
        """What tells it from every other plugin: a name may be claimed by two distributions."""
        return f"{canonicalize_name(self.distribution)}:{self.name}"


@dataclass(frozen=True)
class Answer:
    """One item of a hook's answer, and the plugin that gave it."""

    plugin: Plugin
    value: Any


class Plugins:
    """Every plugin installed here, host's own first, whether or not it can be used."""

    def __init__(self, pick: Mapping[str, str] | None = None) -> None:
        self.pick = dict(pick or {})
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._listed: dict[str, Plugin] = {}
        self._problems: dict[str, None] = {}

    def __iter__(self) -> Iterator[Plugin]:
        return iter(self._listed.values())

    def __len__(self) -> int:
        return len(self._listed)

    @property
    def problems(self) -> list[str]:
        """What went wrong so far, one sentence for each thing, in the order it was found."""
        return list(self._problems)

    def ask(self, hook: str, **given: Any) -> list[Answer]:
        """Put one hook to each plugin that implements it, one at a time, host's own first.

        A plugin whose hook raises, or answers with anything but the documented type, is set down
        as broken and that answer is dropped whole.

        given: the hook's arguments, all of them.
        Raises UnknownNameError where there is no such hook.
        """
        if hook not in hook_parameters():
            raise UnknownNameError("hook", hook, hook_parameters())
        answers: list[Answer] = []
        places = list(self._listed)
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        # pluggy's own order is that of registration and tryfirst; nobody goes before the host.
        for implementation in sorted(implementations, key=lambda i: places.index(i.plugin_name)):
            plugin = self._listed[implementation.plugin_name]
            arguments = [given[name] for name in implementation.argnames]
            try:
                # A listing as JSON goes to standard output: nothing else may.
                with contextlib.redirect_stdout(sys.stderr), kept() as changed:
                    values = implementation.function(*arguments)
                trouble = misfit(hook, values) or _disturbance(changed)
            except (Exception, SystemExit) as problem:
                _log.debug("%s of plugin %s raised", hook, plugin.key, exc_info=True)
                trouble = f"raised {describe(problem)}"
            if trouble:
                self.mark(plugin, "broken", f"{hook} {trouble}")
            else:
                answers.extend(Answer(plugin, value) for value in values or ())
        return answers

    def mark(self, plugin: Plugin, status: Status, reason: str) -> None:
        """Set down what is wrong with a plugin; its first trouble is the one it is listed with."""
        listed = self._listed.get(plugin.key, plugin)
        if listed.status == "ok":
            self._listed[plugin.key] = replace(listed, status=status, reason=reason)
        if status != "blocked":
            self.note(f"plugin {plugin.name!r} of {plugin.distribution} is {status}: {reason}")

    def note(self, problem: str) -> None:
        """Add a sentence to the problems, once."""
        self._problems.setdefault(problem)

    def admit(self, plugin: Plugin, load: Callable[[], object]) -> None:
        """List a plugin and, unless it is refused already, load and register it."""
        self._listed[plugin.key] = plugin
        if plugin.status != "ok":
            self.mark(plugin, plugin.status, plugin.reason)
            return
        try:
            with contextlib.redirect_stdout(sys.stderr), kept() as changed:
                loaded = load()
            if disturbance := _disturbance(changed):
                self.mark(plugin, "broken", f"its import {disturbance}")
                return
            trouble = self._unfit(loaded)
            hooks = tuple(sorted(name for name, _, _ in self._implemented(loaded)))
        except (Exception, SystemExit) as problem:
            _log.debug("the import of plugin %s raised", plugin.key, exc_info=True)
            self.mark(plugin, "broken", f"its import raises {describe(problem)}")
            return
        # Registered only when nothing can go wrong any more: pluggy leaves half of a plugin behind.
        if trouble:
            self.mark(plugin, "incompatible", trouble)
            return
        self._manager.register(loaded, name=plugin.key)
        reason = "" if hooks else "implements no hook (is @hookimpl missing?)"
        self._listed[plugin.key] = replace(plugin, hooks=hooks, reason=reason)

    def _unfit(self, loaded: object) -> str:
        """Why this host cannot call the plugin's hooks, or ''."""
        if name := self._manager.get_name(loaded):
            return f"its module is registered already, as {name}"
        for hook, function, options in self._implemented(loaded):
            if options["wrapper"] or options["hookwrapper"]:
                return f"{hook} is a wrapper, and a plugin must not change what others answer"
            if hook not in hook_parameters():
                return f"there is no hook {hook}" + did_you_mean(hook, hook_parameters())
            given = hook_parameters()[hook]
            for parameter in _required(function):
                if parameter not in given:
                    gives = ", ".join(given) or "nothing"
                    return f"{hook} takes {gives}, and its {parameter!r} is not given"
        return ""

    def _implemented(self, loaded: object) -> Iterator[tuple[str, Callable[..., Any], Any]]:
        """(hook, function, pluggy's options) for each hook the plugin implements.

        An optional hook that this host does not have is passed over, as its author asked.
        """
        for name in dir(loaded):
            if (options := self._manager.parse_hookimpl_opts(loaded, name)) is None:
                continue
            hook = options.get("specname") or name
            if not options.get("optionalhook") or hook in hook_parameters():
                yield hook, getattr(loaded, name), options


def find_plugins(
    *,
    only: Collection[str] | None = None,
    block: Collection[str] = (),
    pick: Mapping[str, str] | None = None,
    enabled: bool = True,
    patience: float = PATIENCE,
) -> Plugins:
    """Find every installed plugin and load the ones that may be used.

    only, block: names of entry points, from [plugins] of zoo.toml.
    pick: {name: distribution} settles a conflict between third parties over a name.
    enabled: False leaves out all third parties (--no-plugins).
    patience: seconds that the first import of a third party may take.
    """
    plugins = Plugins(pick)
    found = _entry_points(plugins)
    claims: dict[str, list[Plugin]] = {}
    for plugin, _ in found:
        claims.setdefault(plugin.name, []).append(plugin)
    for plugin, entry in found:
        plugin = _gate(plugin, only, block, enabled)
        if plugin.status == "ok":
            plugin = _settle(plugin, claims[plugin.name], plugins.pick)
        if plugin.status == "ok" and (reason := _needs_another_host(entry)):
            plugin = replace(plugin, status="incompatible", reason=reason)
        if plugin.status == "ok" and not plugin.first_party:
            trouble = import_trouble(entry, plugin.distribution, plugin.version, limit=patience)
            if trouble:
                plugin = replace(plugin, status="broken", reason=trouble)
        plugins.admit(plugin, entry.load)
    if not any(plugin.first_party for plugin in plugins):
        plugins.note(
            f"{HOST} itself is not installed, so its own plugins are not found; install it"
        )
    for name in sorted({*(only or ()), *block} - claims.keys()):
        plugins.note(
            f"[plugins] of zoo.toml names {name!r}, which is not installed"
            + did_you_mean(name, claims)
        )
    return plugins


def hook_parameters() -> dict[str, tuple[str, ...]]:
    """Every hook and the parameters it gives."""
    return {
        name: tuple(inspect.signature(function).parameters)
        for name, function in vars(hookspecs).items()
        if hasattr(function, f"{GROUP}_spec")
    }


def _entry_points(plugins: Plugins) -> list[tuple[Plugin, metadata.EntryPoint]]:
    """Entry points of the group, host's own first, then by name and distribution.

    A distribution seen twice (a checkout that is installed and on the path too) counts once: the
    first, which is the one that would be imported.
    """
    found: dict[str, tuple[Plugin, metadata.EntryPoint]] = {}
    seen: set[str] = set()
    for distribution in metadata.distributions():
        who = f"a distribution in {distribution.locate_file('')}"
        try:
            text = distribution.read_text("entry_points.txt") or ""
            # Reading the metadata of every distribution would be most of the time spent here.
            if f"[{GROUP}]" not in text:
                continue
            who = name = distribution.name
            version = distribution.version or ""
            if canonicalize_name(name) in seen:
                continue
            seen.add(canonicalize_name(name))
            entries = list(distribution.entry_points.select(group=GROUP))
        except Exception as problem:
            plugins.note(f"the entry points of {who} cannot be read: {describe(problem)}")
            continue
        for entry in entries:
            first_party = canonicalize_name(name) == HOST
            origin = "" if first_party else _origin(distribution)
            plugin = Plugin(entry.name, name, version, first_party=first_party, origin=origin)
            found.setdefault(plugin.key, (plugin, entry))
    return sorted(
        found.values(), key=lambda pair: (not pair[0].first_party, pair[0].name, pair[0].key)
    )


def _origin(distribution: metadata.Distribution) -> str:
    """Where a distribution was installed from, as installers note it (PEP 610)."""
    try:
        noted = json.loads(distribution.read_text("direct_url.json") or "{}")
        url, commit = noted.get("url") or "", noted.get("vcs_info", {}).get("commit_id")
    except (ValueError, AttributeError):
        return "an origin that cannot be read"
    if not url or str(url).startswith("file:"):
        return "a local folder" if url else ""  # the path is nobody else's business
    return one_line(redact(f"{url}@{commit}" if commit else str(url)))


def _gate(
    plugin: Plugin, only: Collection[str] | None, block: Collection[str], enabled: bool
) -> Plugin:
    """What zoo.toml and the command line say of a plugin."""
    if plugin.name in block:
        reason = "named in [plugins] block of zoo.toml"
    elif only is not None and plugin.name not in only:
        reason = "not named in [plugins] only of zoo.toml"
    elif not enabled and not plugin.first_party:
        reason = "left out by --no-plugins"
    else:
        return plugin
    return replace(plugin, status="blocked", reason=reason)


def _settle(plugin: Plugin, claimants: Iterable[Plugin], pick: Mapping[str, str]) -> Plugin:
    """Who may have an entry point's name: the host, else the only claimant, else the picked one."""
    rivals = [rival for rival in claimants if rival.key != plugin.key]
    if plugin.first_party or not rivals:
        return plugin
    if any(rival.first_party for rival in rivals):
        reason = f"the name {plugin.name!r} belongs to {HOST}; it needs another entry-point name"
        return replace(plugin, status="incompatible", reason=reason)
    picked = canonicalize_name(pick.get(plugin.name, ""))
    if picked == canonicalize_name(plugin.distribution):
        return plugin
    if picked in {canonicalize_name(rival.distribution) for rival in rivals}:
        reason = f"[plugins] pick of zoo.toml gives the name {plugin.name!r} to {picked}"
        return replace(plugin, status="blocked", reason=reason)
    return replace(
        plugin, status="incompatible", reason=conflict("name", plugin.name, plugin, rivals)
    )


def conflict(noun: str, name: str, plugin: Plugin, rivals: Iterable[Plugin]) -> str:
    """The sentence for third parties that claim one name, with the remedy."""
    others = " and ".join(sorted({rival.distribution for rival in rivals}))
    choice = f'pick = {{ {name} = "{plugin.distribution}" }}'
    return f"the {noun} {name!r} is claimed by {others} too; choose in zoo.toml: [plugins] {choice}"


def _needs_another_host(entry: metadata.EntryPoint) -> str:
    """What the distribution says of the host's version, read without importing it, or ''."""
    # Imported here since `zoo` may still be loading when it loads this module.
    from zoo import __version__

    for line in (entry.dist.requires if entry.dist else None) or ():
        try:
            need = Requirement(line)
        except InvalidRequirement:
            return f"its requirement {line!r} cannot be read"
        if canonicalize_name(need.name) != HOST:
            continue
        applies = need.marker is None or need.marker.evaluate({"extra": ""})
        if applies and not need.specifier.contains(__version__, prereleases=True):
            return f"needs {HOST}{need.specifier}, and this is {HOST} {__version__}"
    return ""


def _disturbance(changed: Sequence[str]) -> str:
    """What to say of a guest that changed what is everybody's; '' where it did not."""
    return f"changes {' and '.join(changed)}, which was put back" if changed else ""


def _required(function: Callable[..., Any]) -> list[str]:
    """Names of the parameters that have no default."""
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    return [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in kinds and parameter.default is inspect.Parameter.empty
    ]
