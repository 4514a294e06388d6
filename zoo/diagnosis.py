"""What this machine can do for zoo: each check says what it found and, if need be, a remedy."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zoo.errors import ZooError
from zoo.evaluation.environment import hardware, resolve_device, versions
from zoo.evaluation.sandbox import missing
from zoo.host import Host
from zoo.probing import describe

LITTLE_DISK = 5e9
"""Bytes; less than this is worth a warning."""


@dataclass(frozen=True)
class Check:
    """One check. status: ok, warn (something will not work, most does), fail."""

    name: str
    status: Literal["ok", "warn", "fail"]
    found: str


def diagnosis(host: Host) -> list[Check]:
    """Every check, in the order a person would ask. None of them raises."""
    checks: tuple[tuple[str, Callable[[Host], Check]], ...] = (
        ("packages", _packages),
        ("device", _device),
        ("engine", _engine),
        ("config", _config),
        ("store", _store),
        ("cache", _cache),
        ("plugins", _plugins),
        ("loaders", _loaders),
        ("suites", _suites),
        ("sandbox", _sandbox),
        ("network", _network),
    )
    found = []
    for name, check in checks:
        try:
            found.append(check(host))
        except ZooError as problem:
            found.append(Check(name, "fail", str(problem)))
        except Exception as problem:
            found.append(Check(name, "fail", describe(problem)))
    return found


def _packages(_: Host) -> Check:
    return Check("packages", "ok", ", ".join(f"{k} {v}" for k, v in versions().items()))


def _device(_: Host) -> Check:
    import torch

    device = resolve_device("auto")
    if device == "cpu":
        return Check("device", "ok", f"cpu ({hardware('cpu')}), {torch.get_num_threads()} threads")
    free, total = torch.cuda.mem_get_info()
    memory = f"{free / 1e9:.0f} of {total / 1e9:.0f} GB free"
    return Check("device", "ok", f"{torch.cuda.device_count()} x {hardware(device)}, {memory}")


def _engine(_: Host) -> Check:
    """The engine's kernel here, as it is chosen for a model: by comparison with a plain one."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from zoo.engine.tiers import choose

    device = torch.device(resolve_device("auto"))
    small = {"hidden_size": 256, "intermediate_size": 512, "vocab_size": 512}
    config = LlamaConfig(**small, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
    model = LlamaForCausalLM(config).to(device).eval()
    if device.type == "cuda":
        model = model.bfloat16()
    choice = choose(model, 512, device)[1]
    return Check("engine", "ok" if choice.tier == "packed" else "warn", str(choice))


def _config(host: Host) -> Check:
    return Check("config", "ok", host.config.source)


def _store(host: Host) -> Check:
    return _writable("store", host.store.root)


def _cache(_: Host) -> Check:
    from huggingface_hub import constants

    return _writable("cache", Path(constants.HF_HUB_CACHE))


def _writable(name: str, folder: Path) -> Check:
    there = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.exists())
    if not there.is_dir():
        return Check(name, "fail", f"{folder} cannot be written: {there} is a file")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as problem:
        return Check(name, "fail", f"{folder} cannot be written: {problem.strerror}")
    free = shutil.disk_usage(there).free
    status: Literal["ok", "warn"] = "ok" if free > LITTLE_DISK else "warn"
    return Check(name, status, f"{folder}, {free / 1e9:.0f} GB free")


def _plugins(host: Host) -> Check:
    for kind in ("regimes", "families", "loaders", "executors", "benchmark_folders"):
        getattr(host.registry, kind)
    bad = [plugin for plugin in host.plugins if plugin.status not in ("ok", "blocked")]
    if bad:
        named = ", ".join(f"{plugin.name} ({plugin.status})" for plugin in bad)
        return Check("plugins", "warn", f"cannot be used: {named}; see `zoo plugins`")
    return Check("plugins", "ok", f"{len(host.plugins)} found")


def _loaders(host: Host) -> Check:
    """Loaders that can be used, and what the others lack."""
    found = host.registry.loaders
    lacking = {name: why for name in found if (check := found[name].missing) and (why := check())}
    said = ", ".join(name for name in found if name not in lacking)
    said += "".join(f"; not {name}: {why}" for name, why in lacking.items())
    return Check("loaders", "warn" if host.config.loader in lacking else "ok", said)


def _suites(host: Host) -> Check:
    problems = host.catalogue.problems
    if problems:
        return Check("suites", "warn", f"{len(problems)} problems; see `zoo suites`")
    found = host.catalogue
    return Check("suites", "ok", f"{len(found.suites)} suites, {len(found.tasks)} tasks")


def _sandbox(host: Host) -> Check:
    """What tasks that run code of models are scored in."""
    if host.config.sandbox == "none":
        named = ", ".join(host.config.unsafe_code) or "no task"
        found = f'[zoo] sandbox = "none": code that models write runs with your rights ({named})'
        return Check("sandbox", "warn", found)
    if reason := missing():
        return Check("sandbox", "warn", f"none: tasks that run code are refused ({reason})")
    return Check("sandbox", "ok", "namespaces, for tasks that run code that models write")


def _network(_: Host) -> Check:
    from huggingface_hub import HfApi, constants, get_token
    from huggingface_hub.errors import HfHubHTTPError

    if constants.HF_HUB_OFFLINE:
        return Check("network", "warn", "HF_HUB_OFFLINE is set: only cached models can be used")
    token = get_token()
    try:
        _knock(constants.ENDPOINT)
        if token:
            HfApi().whoami(token)
    except HfHubHTTPError as problem:
        said = f"{constants.ENDPOINT} refuses the token ({describe(problem)}); `hf auth login`"
        return Check("network", "warn", said)
    except Exception as problem:
        why = type(problem).__name__
        said = f"{constants.ENDPOINT} cannot be reached ({why}): local models only"
        return Check("network", "warn", said)
    with_token = "with a token" if token else "without a token"
    return Check("network", "ok", f"{constants.ENDPOINT} answers, {with_token}")


def _knock(endpoint: str) -> None:
    """Opens a connection and closes it; raises OSError where nobody answers within 3 s."""
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    socket.create_connection((parts.hostname or "", port), timeout=3).close()
