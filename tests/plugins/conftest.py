"""Fixtures for the tests of the plugin host."""

from __future__ import annotations

from pathlib import Path

import pytest
from guesthouse import Guests


@pytest.fixture
def guests(tmp_path: Path) -> Guests:
    """An empty folder for guests."""
    return Guests(tmp_path)
