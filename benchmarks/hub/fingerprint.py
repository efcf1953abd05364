"""Which data the hub's answers come from: versions of libraries, and the data pack."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import Distribution

from ...envs.hub.pack import manifest

_MODULE = re.compile(r"^(\w+)(?:/__init__)?\.py,", re.M)


def fingerprint(libs: Iterable[str]) -> dict[str, str]:
    """The version of each module's distribution, and the data pack's digest."""
    found = {lib: version(lib) for lib in libs}
    return {**found, "pack": pack_digest()}


@lru_cache(maxsize=256)
def version(lib: str) -> str:
    """The version of the distribution that a module comes from; "" where it is not installed."""
    module = lib.partition(".")[0]
    if (found := _distributions().get(module)) is not None:
        return found.version
    names = _named().get(module)
    return importlib.metadata.version(names[0]) if names else ""


@lru_cache(maxsize=1)
def _distributions() -> dict[str, Distribution]:
    """The distribution of each module, read off the lists of installed files.

    ``packages_distributions`` finds the same in three times as long, at each start.
    """
    found: dict[str, Distribution] = {}
    for distribution in importlib.metadata.distributions():
        for module in set(_MODULE.findall(distribution.read_text("RECORD") or "")):
            found.setdefault(module, distribution)
    return found


@lru_cache(maxsize=1)
def _named() -> Mapping[str, list[str]]:
    """The same as importlib has it: also of distributions that keep no list of their files."""
    return importlib.metadata.packages_distributions()


@lru_cache(maxsize=1)
def pack_digest() -> str:
    """A digest of all tables of the data pack."""
    digests = {name: about["sha256"] for name, about in manifest().items()}
    return sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:16]
