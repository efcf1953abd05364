"""Which data the hub's answers come from: versions of libraries, and the data pack."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

from ...envs.hub.pack import manifest


def fingerprint(libs: Iterable[str]) -> dict[str, str]:
    """The version of each module's distribution, and the data pack's digest."""
    found = {lib: version(lib) for lib in libs}
    return {**found, "pack": pack_digest()}


@lru_cache(maxsize=256)
def version(lib: str) -> str:
    """The version of the distribution that a module comes from; "" where it is not installed."""
    names = _distributions().get(lib.partition(".")[0], [])
    return importlib.metadata.version(names[0]) if names else ""


@lru_cache(maxsize=1)
def _distributions() -> dict[str, list[str]]:
    return {k: list(v) for k, v in importlib.metadata.packages_distributions().items()}


@lru_cache(maxsize=1)
def pack_digest() -> str:
    """A digest of all tables of the data pack."""
    digests = {name: about["sha256"] for name, about in manifest().items()}
    return sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:16]
