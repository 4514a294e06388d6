"""`zoo new`, `install`, `uninstall`, `check`: from nothing to an installed, checked plugin."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any


def register(verbs: Any) -> None:
    """Adds the verbs of plugins' authors and users."""
    from zoo.authoring.scaffold import KINDS

    new = verbs.add("new", "write a new plugin: a distribution with a test", write_plugin)
    new.add_argument("name", metavar="NAME", help="of the plugin, as `zoo plugins` will list it")
    new.add_argument(
        "--kind", default="regime", metavar="KIND", help=f"one of {', '.join(KINDS)} (regime)"
    )
    new.add_argument(
        "--folder", type=Path, default=Path(), metavar="DIR", help="where its folder is made (.)"
    )
    put = verbs.add("install", "install a plugin with pip, into the environment of zoo", install)
    put.add_argument("packages", nargs="*", metavar="PKG", help="as pip takes it: name, git+URL, .")
    put.add_argument(
        "-e", "--editable", action="append", default=[], metavar="PATH", help="as pip's -e"
    )
    put.add_argument("-U", "--upgrade", action="store_true", help="as pip's --upgrade")
    put.add_argument("--dry-run", action="store_true", help="only show what would be installed")
    put.add_argument(
        "--pip-args", default="", metavar="ARGS", help="further words for pip, in one argument"
    )
    remove = verbs.add("uninstall", "remove a plugin with pip", uninstall)
    remove.add_argument("names", nargs="+", metavar="NAME", help="plugin or distribution")
    checks = verbs.add("check", "load a plugin alone, ask every hook, run one cell", check)
    checks.add_argument("name", metavar="NAME", help="plugin or distribution")
    checks.add_argument(
        "--patience", type=float, metavar="SECONDS", help="that all checks may take (300)"
    )
    checks.add_argument("--json", action="store_true", help="a list of objects")


def write_plugin(args: argparse.Namespace) -> int:
    """Writes the distribution and says what to do next."""
    from zoo import __version__
    from zoo.authoring.scaffold import names_of, scaffold, write
    from zoo.plugins import find_plugins

    names = names_of(args.name, [plugin.name for plugin in find_plugins()])
    made = scaffold(names, args.kind, __version__)
    folder = args.folder / names.distribution
    write(folder, made)
    for place in made:
        print(folder / place)
    where = shlex.quote(str(folder))
    print(
        f"next: `zoo install -e {where}`, then `zoo check {names.plugin}`, and edit "
        f"{folder / 'src' / names.module / '__init__.py'}",
        file=sys.stderr,
    )
    return 0


def install(args: argparse.Namespace) -> int:
    """Shows what would be installed, installs it, and says what became of each plugin."""
    from zoo.authoring.packages import carry_out, install_command, resolve
    from zoo.errors import ConfigError

    what = [*args.packages, *(word for path in args.editable for word in ("--editable", path))]
    if not what:
        raise ConfigError("nothing to install is named; `zoo install PKG`, or `zoo install -e .`")
    what += ["--upgrade"] * args.upgrade + shlex.split(args.pip_args)
    print(
        "zoo: a plugin is code: it is run by every zoo command, with all that you may do",
        file=sys.stderr,
    )
    packages = resolve(what)
    for package in packages:
        print(f"will install {package.name} {package.version} from {package.origin}")
    if args.dry_run:
        return 0
    before = _listed()
    if status := carry_out(install_command(what)):
        print("zoo: nothing was installed; what pip says stands above", file=sys.stderr)
        return status
    for line in sorted(_listed() - before):
        print(line)
    return 0


def uninstall(args: argparse.Namespace) -> int:
    """Removes the distributions of the plugins named."""
    from zoo.authoring.packages import carry_out, distributions_of, uninstall_command

    names = distributions_of(args.names)
    return carry_out(uninstall_command(names))


def check(args: argparse.Namespace) -> int:
    """Prints each check; 1 where one failed."""
    from dataclasses import asdict

    from zoo.authoring.checking import PATIENCE
    from zoo.authoring.checking import check as run_checks
    from zoo.reporting.text import clean

    checks = run_checks(args.name, args.patience or PATIENCE)
    if args.json:
        print(json.dumps([asdict(each) for each in checks], ensure_ascii=False, indent=1))
    else:
        for each in checks:
            print(f"{each.verdict:5} {each.name}: {clean(each.said)}")
    failed = sum(each.verdict == "fail" for each in checks)
    if failed:
        print(f"zoo: {failed} of {len(checks)} checks of {args.name} failed", file=sys.stderr)
    return int(failed > 0)


def _listed() -> set[str]:
    """A line for each third-party plugin, as a fresh process finds it.

    This process has read the metadata of what was installed already.
    """
    import subprocess

    command = [sys.executable, "-m", "zoo", "plugins", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return set()
    return {
        f"plugin {row['name']} of {row['distribution']} {row['version']}: {row['status']}"
        + (f", {row['reason']}" if row["reason"] else "")
        for row in json.loads(done.stdout)
    }
