"""`zoo view`: the report's page on this machine, its items loaded as they are looked at."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from zoo.cli.report import add_what, tradeoffs_of
from zoo.errors import ConfigError


def register(verbs: Any) -> None:
    """Adds `view`."""
    parser = verbs.add(
        "view",
        "look at the report in a browser, with every item of a run of any size",
        run,
        description="Serve the report's page to this machine alone and load its items as they are "
        "looked at; ctrl-C ends it. Without TARGET, the newest run.",
    )
    add_what(parser)
    parser.add_argument("--port", type=int, default=0, metavar="N", help="default: any free one")
    parser.add_argument("--open", action="store_true", help="open it in the default browser")


def run(args: argparse.Namespace) -> int:
    """Serves one family until ctrl-C."""
    from zoo.cli.opening import open_host
    from zoo.reporting.serving import ADDRESS, Site, server

    tradeoffs = tradeoffs_of(open_host(args), args)
    if len(tradeoffs) > 1:
        raise ConfigError(f"view shows one family; name one of {', '.join(args.targets)}")
    (tradeoff,) = tradeoffs
    assert tradeoff.items is not None
    shown = replace(tradeoff, items=replace(tradeoff.items, served=True))
    try:
        made = server(Site(shown.to_html(), tradeoff.items), args.port)
    except (OSError, OverflowError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise ConfigError(f"port {args.port} cannot be used: {reason}; choose another") from None
    address = f"http://{ADDRESS}:{made.server_port}/"
    print(f"{address} shows {tradeoff.family} on {tradeoff.suite}; ctrl-C ends it", flush=True)
    if args.open:
        import webbrowser

        webbrowser.open(address)
    try:
        made.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        made.server_close()
    return 0
