"""`zoo init` writes a zoo.toml, `zoo doctor` says what this machine can do."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from zoo.errors import ConfigError


def register(verbs: Any) -> None:
    """Adds `init` and `doctor`."""
    init = verbs.add("init", "write a commented zoo.toml into this folder", write_config)
    init.add_argument("--force", action="store_true", help="replace the one that is there")
    doctor = verbs.add("doctor", "check torch, device, disk, cache, plugins and network", diagnose)
    doctor.add_argument("--json", action="store_true", help="a list of objects")


def write_config(args: argparse.Namespace) -> int:
    """Writes zoo.toml; refuses to replace one."""
    from importlib.resources import files

    path = Path.cwd() / "zoo.toml"
    if path.exists() and not args.force:
        raise ConfigError(f"{path} exists already; --force replaces it")
    path.write_text(files("zoo").joinpath("default.toml").read_text("utf-8"), encoding="utf-8")
    print(f"wrote {path}; `zoo families` lists what it describes", file=sys.stderr)
    return 0


def diagnose(args: argparse.Namespace) -> int:
    """Prints each check; 1 where one failed."""
    from zoo.cli.opening import open_host
    from zoo.diagnosis import diagnosis
    from zoo.reporting.text import clean

    checks = diagnosis(open_host(args))
    if args.json:
        rows = [
            {"name": c.name, "plugin": "zoo", "status": c.status, "found": c.found} for c in checks
        ]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        for check in checks:
            print(f"{check.status:5} {check.name:10} {clean(check.found)}")
    return int(any(check.status == "fail" for check in checks))
