"""What all tests share: where the data is, and what to do without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# Tests hold counts, never seconds: a busy machine breaks none of them.
settings.register_profile("toolgrove", deadline=None)
settings.load_profile("toolgrove")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real data beside the checkout; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data beside this checkout (real ToolBench data)")
    return SHARED
