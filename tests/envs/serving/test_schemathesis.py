"""The OpenAPI document tells the truth: schemathesis makes requests from it and checks answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from toolgrove.core import world

Serving = Callable[..., AbstractContextManager[str]]


@pytest.mark.parametrize("spec", ["hub", "shop"])
def test_schemathesis_finds_nothing(serving: Serving, tmp_path: Path, spec: str) -> None:
    pytest.importorskip("schemathesis", reason="pip install schemathesis: it makes the requests")
    with serving(world(spec)) as url:
        words = ["-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--max-examples", "8"]
        words += ["--seed", "7", "--checks", "all", "--continue-on-failure", "--no-color"]
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
