"""What goes wrong on the way to the Hub and back, by rule, and counted."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

How = Literal["status", "drop", "lost", "hang", "truncate", "slow", "conflict"]
"""What becomes of a request.

status: it is answered so and not done. drop: the connection ends before it is done. lost: it is
done, and the connection ends before the answer. hang: it is not done, and no answer comes while the
Hub stands. truncate: half of the answer's bytes come. slow: it is done after `seconds`. conflict:
somebody else commits to the repository first, then it is done.
"""


@dataclass
class Fault:
    """A rule: the next `times` requests that match, after the first `skip`, go wrong."""

    method: str
    path: str
    how: How
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    skip: int = 0
    seconds: float = 0.0
    seen: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request goes wrong; it is counted."""
        if method != self.method or not re.search(self.path, path):
            return False
        with self._lock:
            self.seen += 1
            if self.seen <= self.skip or self.hits >= self.times:
                return False
            self.hits += 1
            return True
