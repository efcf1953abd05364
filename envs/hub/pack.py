"""The data pack: tables extracted from data packages by ``scripts``, with their licences.

``data/MANIFEST.json`` names source, licence, rows and SHA-256 of each; ``data/NOTICE`` carries
the attributions that the licences ask for.
"""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from importlib.resources import files
from typing import Any


@lru_cache(maxsize=64)
def table(name: str) -> list[list[Any]]:
    """The rows of a table; its columns stand in the manifest."""
    raw = (files("toolgrove.envs.hub") / "data" / f"{name}.json.gz").read_bytes()
    rows: list[list[Any]] = json.loads(gzip.decompress(raw))
    return rows


@lru_cache(maxsize=1)
def manifest() -> dict[str, Any]:
    """The manifest, by table."""
    text = (files("toolgrove.envs.hub") / "data" / "MANIFEST.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def columns(name: str) -> list[str]:
    """The names of a table's columns."""
    names: list[str] = manifest()[name]["columns"]
    return names
