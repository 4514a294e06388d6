"""`zoo watch`: evaluates the checkpoints of a training while it writes them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli.flags import add_asking, add_loading, add_running, add_what, names, positive
from zoo.errors import ConfigError, ZooError

if TYPE_CHECKING:
    from zoo.benchmarks import Suite
    from zoo.cli.progress import Silent
    from zoo.courses import Course
    from zoo.host import Host
    from zoo.models import Family
    from zoo.results import Result
    from zoo.running import Options, Outcome
    from zoo.watching.watching import Watch

RELOAD = 10.0
"""Seconds after which the page loads itself again, while the watch goes on."""


def register(verbs: Any) -> None:
    """Adds `watch`."""
    parser = verbs.add(
        "watch",
        "evaluate the checkpoints of a training while it writes them",
        run,
        description="Wait for complete checkpoints in FOLDER (checkpoint-N and the like, models or "
        "adapters), evaluate each once, draw G, S and each target over the steps, and mark where G "
        "begins to fall. It ends when the folder holds the finished model, or as said below.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where a training writes")
    parser.add_argument(
        "--base", metavar="MODEL", help="what it began with (default: what the checkpoints name)"
    )
    parser.add_argument(
        "--every",
        type=positive,
        default=1,
        metavar="N",
        help="only steps that are a multiple of N, and the last",
    )
    parser.add_argument(
        "--targets",
        type=names,
        default=None,
        metavar="CAP,...",
        help="capabilities that it trains for (default: its regime's)",
    )
    parser.add_argument("--regime", metavar="R", help="of the checkpoints (default: as they say)")
    parser.add_argument("--once", action="store_true", help="end when nothing complete is left")
    parser.add_argument(
        "--until-step", type=positive, metavar="N", help="end when step N or a later one is done"
    )
    parser.add_argument(
        "--idle", type=seconds, metavar="SECONDS", help="end when nothing changed for so long"
    )
    parser.add_argument(
        "--interval",
        type=seconds,
        default=5.0,
        metavar="SECONDS",
        help="between two looks (default 5)",
    )
    parser.add_argument(
        "--threads", type=positive, metavar="N", help="of the CPU (default: a quarter of the cores)"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE.html|svg", help="the picture (default: in the store)"
    )
    parser.add_argument(
        "--publish",
        metavar="NAME",
        help="give each checkpoint's run to this publisher, as [publish.NAME] in zoo.toml says",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object for each checkpoint, on stdout"
    )
    add_what(parser)
    add_asking(parser)
    add_loading(parser)
    add_running(parser, fresh=False)


def seconds(text: str) -> float:
    """A flag's time above 0."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return found


def run(args: argparse.Namespace) -> int:
    """Watches to the end; 1 where a cell failed or nothing could be evaluated."""
    from zoo.cli.opening import open_host
    from zoo.cli.run import INTERRUPTED, options_of, show_problems
    from zoo.cli.watched import watching
    from zoo.plan import as_asked
    from zoo.publishing.publication import Wanted, table_of
    from zoo.reporting.text import clean
    from zoo.running import Interrupted, recorded, settings_of
    from zoo.watching.neighbours import choose_device, give_way
    from zoo.watching.watching import FOLDER, Watch, Wish, family_name

    if not args.folder.is_dir():
        raise ConfigError(
            f"there is no folder {args.folder}; check the path, or make it before the training does"
        )
    host = open_host(args)
    if args.regime:
        host.registry.regimes.get(args.regime)  # a name that nobody brings is refused at once
    caution = ""
    if args.publish:
        caution = host.registry.publishers.get(args.publish).while_training
        table_of(host, Wanted(to=args.publish))
    show_problems(host, ())
    device, note = choose_device(args.device)
    give_way(args.threads)
    options = replace(options_of(args), device=device)
    suite = as_asked(host.suite(args.suite, args.tasks, None), options.wishes)
    output = args.output or host.store.root / FOLDER / f"{family_name(args.folder)}.html"
    pictures = Pictures(output)
    failed: list[Result] = []

    def evaluate(family: Family) -> Outcome:
        outcome = _run_shown(host, family, suite, options, view, args)
        new = [each for each in outcome.failed if each.spec.name not in _names(failed)]
        _show_failed(new, device)
        failed.extend(new)
        return outcome

    def tell(name: str, facts: Mapping[str, Any]) -> None:
        view(name, facts)
        if name == "checkpoint":
            pictures.draw(watch.course, over=False)
            if args.json:
                print(json.dumps(facts, ensure_ascii=False), flush=True)
            if args.publish:
                for line in published(host, args.publish, facts["model"], suite.name):
                    view.say(line)

    wish = Wish(
        args.folder,
        args.base,
        args.targets,
        args.regime,
        args.every,
        args.interval,
        args.once,
        args.until_step,
        args.idle,
    )
    settings = recorded(settings_of(host, options), options)
    protocols = options.wishes.protocols
    watch = Watch(host, wish, suite, settings, evaluate, tell, protocols)
    status = 0
    with watching(args.progress, lambda: watch.course) as view:
        for sentence in filter(None, (clean(caution), note)):
            view.say(f"zoo: {sentence}")
        try:
            watch.run()
        except (Interrupted, KeyboardInterrupt):
            status = INTERRUPTED
    _show_end(watch, pictures, args, status)
    return status or int(bool(failed) or watch.refused or not watch.course.points)


def _run_shown(
    host: Host,
    family: Family,
    suite: Suite,
    options: Options,
    view: Silent,
    args: argparse.Namespace,
) -> Outcome:
    """One run, with its progress in the watch's view."""
    from zoo.cli.run import typed
    from zoo.interruption import Stop, stopping
    from zoo.progress import Tally, in_turn
    from zoo.running import run_family

    view.tally = tally = Tally()
    stop = Stop(tally, view.say)
    with stopping(stop):
        return run_family(host, family, suite, options, in_turn(tally, view, stop), typed(args))


def published(host: Host, to: str, model: str, suite: str) -> list[str]:
    """Publishes the newest run of a checkpoint; says what did not land, and that waits or not."""
    from zoo.api import publication_of
    from zoo.publishing.publication import Wanted, publish
    from zoo.reporting.text import clean

    try:
        done = publish(host, publication_of(host, Wanted((model,), suite, to)))
    except ZooError as problem:
        return [f"zoo: not published: {clean(model)}: {clean(problem)}"]
    kept = "; it waits, `zoo publish` sends it" if done.kept else ""
    return [
        f"zoo: not published: {clean(target)}: {clean(reason)}{kept}"
        for target, reason in done.failed
    ]


def _names(results: Sequence[Result]) -> set[str]:
    return {each.spec.name for each in results}


def _show_failed(failed: Sequence[Result], device: str) -> None:
    from zoo.cli.run import show_failed

    show_failed(tuple(failed))
    if device != "cpu" and any("memory" in each.error.lower() for each in failed):
        print(
            f"zoo: the training may fill the memory of {device}: evaluate with --device cpu, or on "
            "another GPU",
            file=sys.stderr,
        )


def _show_end(watch: Watch, pictures: Pictures, args: argparse.Namespace, status: int) -> None:
    """The table, or that there is none, and where the picture and the report are."""
    from zoo.cli.opening import terminal
    from zoo.cli.run import typed
    from zoo.reporting.course.table import print_course

    course = watch.course
    if not course.points:
        print(f"zoo: no checkpoint of {course.folder} was evaluated", file=sys.stderr)
    else:
        pictures.draw(course, over=not status)
        if not args.json:
            print_course(course, terminal())
            print(f"picture: {pictures.path}\nreport: zoo report {course.name}")
            sys.stdout.flush()
    if status:
        print(
            f"zoo: stopped; what was finished is kept, go on with: {typed(args)}", file=sys.stderr
        )


@dataclass
class Pictures:
    """The picture of a watch, drawn again after each checkpoint."""

    path: Path

    def __post_init__(self) -> None:
        from zoo.reporting.course import format_of

        self._format = format_of(self.path)

    def draw(self, course: Course, *, over: bool) -> None:
        """Writes it in one step. over: whether a page need not load itself again."""
        from zoo.reporting.course import picture
        from zoo.store.atomic import write_file

        write_file(self.path, picture(course, self._format, None if over else RELOAD))
