"""The command line: verbs only. Each verb's module knows its flags and what it prints.

Exit status: 0 all well, 1 some cells failed (named), 2 usage or configuration, 3 `zoo gate` found
harm. An error is one sentence on stderr; `--debug` shows the traceback.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Sequence

from zoo.errors import ZooError
from zoo.probing import describe
from zoo.redaction import Redacting, redact


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    from zoo.cli.parser import build_parser, normalise
    from zoo.cli.run import INTERRUPTED

    args_in = normalise(sys.argv[1:] if argv is None else argv)
    parser = build_parser(args_in)
    args = parser.parse_args(args_in)
    args.argv = args_in
    if not hasattr(args, "run"):
        parser.print_help()
        return 0
    if args.debug:
        logging.basicConfig(level=logging.INFO)
        logging.getLogger("zoo").setLevel(logging.DEBUG)
    else:
        warnings.simplefilter("ignore")  # other libraries' notices to their developers
    _redact_logs()
    try:
        return int(args.run(args))
    except ZooError as problem:
        if args.debug:
            raise
        print(f"zoo: {redact(str(problem))}", file=sys.stderr)
        return problem.exit_code
    except BrokenPipeError:
        # the reader (head, less) went away: no error, and nothing more to say at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as problem:
        # not ours: a plugin's command, a full disk, a library; still one sentence
        if args.debug:
            raise
        print(f"zoo: {redact(describe(problem))} (--debug shows where)", file=sys.stderr)
        return ZooError.exit_code
    except KeyboardInterrupt:
        print("zoo: stopped; what was finished is kept, run again to go on", file=sys.stderr)
        return INTERRUPTED


def _redact_logs() -> None:
    """No log of ours, nor what reaches the root's handlers, says a secret."""
    filtering = Redacting()
    for each in (logging.getLogger("zoo"), *logging.getLogger().handlers):
        if not any(isinstance(kept, Redacting) for kept in each.filters):
            each.addFilter(filtering)
