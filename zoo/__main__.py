"""`python -m zoo` is `zoo`."""

from __future__ import annotations

import sys

from zoo.cli import main

sys.exit(main())
