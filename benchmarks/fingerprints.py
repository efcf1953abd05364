"""What the files that specs name hold, so that a changed one is not taken for the same run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import blake2b, file_digest
from pathlib import Path

from ..core.registry import parse


def digests(specs: Iterable[str]) -> dict[str, str]:
    """The content hash of each file that is named in a spec, by its name there.

    That is a planner's ``file.py`` as well as the file that a model or environment reads. A
    resumed run would mix the results of two versions otherwise.
    """
    found: dict[str, str] = {}
    for name in sorted({name for spec in filter(None, specs) for name in _names(spec)}):
        if os.path.isfile(name):  # False, too, where the name cannot be one
            with Path(name).open("rb") as file:
                state = file_digest(file, lambda: blake2b(digest_size=12))
            found[name] = state.hexdigest()
    return found


def _names(spec: str) -> set[str]:
    """Every part of a spec that may be the name of a file, nested specs included.

    A cache's file is none: the run itself writes it.
    """
    read = parse(spec)
    names = {read.name} if read.name.endswith(".py") else set()
    items = [value for key, value in read.items if (read.name, key) != ("cache", "file")]
    for value in filter(None, [read.main, *items]):
        if value.startswith("(") and value.endswith(")"):
            names |= _names(value[1:-1])
        else:
            names.add(value)
    return names
